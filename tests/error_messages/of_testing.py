"""The kits: what a subclass may not do."""

from __future__ import annotations

import pytest
from occasions import occasion

from pausepoint.testing.adapters import AdapterKit


@occasion
def a_check_of_an_adapter_that_is_left_out() -> None:
    type("TestMyEngine", (AdapterKit,), {"test_the_link_reaches_the_engine": None})


@occasion
def a_check_of_an_adapter_that_may_fail_without_a_reason() -> None:
    class TestMyEngine(AdapterKit):
        @pytest.mark.xfail
        def test_the_link_reaches_the_engine(self) -> None:  # type: ignore[override]
            """Nothing is looked at here."""
