"""The kit as adapters subclass it, and the guard that keeps its checks from being left out in silence."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from .asking import AskingChecks
from .ending import EndingChecks
from .identity import IdentityChecks
from .plugin import PluginChecks
from .suspending import SuspendingChecks


class AdapterKit(PluginChecks, IdentityChecks, AskingChecks, EndingChecks, SuspendingChecks):
    """
    Checks of an adapter; subclass it, name the subclass `Test...`, declare what `Declared` lists, and give it a fixture
    `engine`.

    A check that needs a flag which is False is no part of the subclass. Any other check may only be overridden to say
    that it fails, and why:

        @pytest.mark.xfail(reason="this engine keeps no reports of failed runs")
        def test_the_report_shows_the_prompt_escaped(self, bench):
            super().test_the_report_shows_the_prompt_escaped(bench)

    Raises:
        UsageError: On subclassing: a check is overridden or removed without that.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        """Refuse what would leave a check out, and leave out what the flags do."""
        super().__init_subclass__(**more)
        for name in CHECKS & set(vars(cls)):
            _refuse_silence(cls, name)
        for name, flag in FLAGGED.items():
            if name not in vars(cls):
                _leave_out_or_in(cls, name, getattr(cls, flag))


CHECKS = frozenset(name for name in dir(AdapterKit) if name.startswith("test_"))
FLAGGED = {name: getattr(AdapterKit, name).needs for name in CHECKS if hasattr(getattr(AdapterKit, name), "needs")}


def _leave_out_or_in(cls: type, name: str, wanted: bool) -> None:
    if not wanted:
        setattr(cls, name, None)  # which is no test
    elif getattr(cls, name) is None:
        # A subclass of a subclass has the flag after all.
        setattr(cls, name, getattr(AdapterKit, name))


def _refuse_silence(cls: type, name: str) -> None:
    override = vars(cls)[name]
    reasons = [mark.kwargs.get("reason") for mark in getattr(override, "pytestmark", ()) if mark.name == "xfail"]
    if not any(reasons) or override is getattr(AdapterKit, name):
        raise UsageError(
            f"{cls.__name__} overrides the check {name}.",
            "Call the check itself in a function marked with @pytest.mark.xfail(reason=...), or remove the override.",
        )
