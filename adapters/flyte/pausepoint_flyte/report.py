"""The question in the report of the task that asks: a tab of its own, beside whatever the author shows."""

from __future__ import annotations

from typing import Any

TAB = "Human input"

_SHOWN = "pausepoint.shown"


async def show(here: Any, request_id: str, html: str) -> None:
    """
    Show a question, below those that the task asked before.

    Args:
        here: Flyte's task context.
        request_id: The event; shown again, it takes its former place.
        html: A fragment, escaped and sanitised.
    """
    import flyte.report

    questions = here.data.setdefault(_SHOWN, {})
    questions[request_id] = html
    here.report.get_tab(TAB).replace("\n<hr>\n".join(questions.values()))
    # Not through `flush` itself, which runs in Flyte's own loop: a local task that blocks is in it.
    flush: Any = flyte.report.flush
    await flush.__wrapped__()


def shown(here: Any, request_id: str) -> str:
    """Return what is shown of an event; empty where nothing is."""
    return str(here.data.get(_SHOWN, {}).get(request_id, ""))
