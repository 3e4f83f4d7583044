"""`pausepoint_settled`: whoever cares is told of the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone

import pytest

from pausepoint._models import Response
from pausepoint._plugins import Hooks
from pausepoint.hooks import Request

from plugging import inside, plugin, question

RESPONSE = Response(
    request_id="a" * 26,
    outcome="answered",
    value="typed by somebody",
    source="reviewer",
    settled_at=datetime(2026, 11, 21, tzinfo=timezone.utc),
)


def hearing(heard: list[tuple[str, str]]) -> Callable[[Request, Response], None]:
    def pausepoint_settled(request: Request, response: Response) -> None:
        heard.append((request.name, response.outcome))

    return pausepoint_settled


@pytest.mark.anyio
async def test_the_engine_and_observers_hear_of_it_and_no_other_engine() -> None:
    heard: dict[str, list[tuple[str, str]]] = {"example": [], "other": [], "watches": []}
    hooks = Hooks(
        [
            ("example", plugin(inside(None), hearing(heard["example"]))),
            ("other", plugin(inside(None), hearing(heard["other"]))),
            ("watches", plugin(hearing(heard["watches"]))),
        ]
    )
    await hooks.settled(question(), RESPONSE)

    assert heard == {"example": [("deploy", "answered")], "other": [], "watches": [("deploy", "answered")]}


def test_it_is_known_beforehand_whether_anybody_is_told() -> None:
    ours = [("example", plugin(inside(None), hearing([]))), ("other", plugin(inside(None)))]

    assert [Hooks(ours).hears(name) for name in ("example", "other")] == [True, False]
    assert Hooks([*ours, ("watches", plugin(hearing([])))]).hears("other")


@pytest.mark.anyio
async def test_a_failure_is_logged_without_the_value_and_silences_no_other(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[tuple[str, str]] = []

    def pausepoint_settled(response: Response) -> Awaitable[None]:
        async def tell() -> None:
            raise LookupError(str(response.value))

        return tell()

    hooks = Hooks([("example", plugin(inside(None), pausepoint_settled)), ("watches", plugin(hearing(heard)))])
    await hooks.settled(question(), RESPONSE)

    assert heard == [("deploy", "answered")]
    assert "pausepoint_settled of example raised LookupError. Event 'deploy'" in caplog.text
    assert "typed by somebody" not in caplog.text
