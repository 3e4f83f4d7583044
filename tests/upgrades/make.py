"""
Makes the store that `test_upgrades.py` reads, with the Pausepoint that is installed.

    python tests/upgrades/make.py tests/upgrades/records-1

Run once for each version of the records, just before the release that brings it, and never again: what matters is that
the files are as that release wrote them. The secrets in them open nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import anyio
from pydantic import AfterValidator

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def odd(number: int) -> int:
    """Refuse even numbers: a check that no schema can make, so that answers wait for their verdict."""
    if number % 2 == 0:
        raise ValueError("must be odd")
    return number


Odd = Annotated[int, AfterValidator(odd)]

QUESTIONS: dict[str, dict[str, Any]] = {
    "open": {"data_type": int, "prompt": "How **many**?", "initial": 3, "attachments": {"a dot": PNG}},
    "open-judged": {"data_type": Odd, "prompt": "An odd number?"},
    "answered": {"data_type": list[int]},
    "judged": {"data_type": Odd},
    "declined": {"data_type": bool},
    "cancelled": {"data_type": str},
}
"""By key; each is asked in the run `nightly` and waits for ever."""


def ask(key: str) -> Any:
    """Ask one of the questions, in whichever run the caller is."""
    import pausepoint

    return pausepoint.new_event(key, **QUESTIONS[key], key=key, timeout_seconds=None, poll_interval_seconds=0.5)


def main(folder: Path) -> None:
    """Write the store, and beside it what is to be found in it."""
    os.environ["PAUSEPOINT_STORE"] = str(folder / "store")
    import pausepoint

    with pausepoint.run("finished"):
        pass
    found = {}
    # Left by an exception, so that it is not stored as one that ended well: it is to be resumed.
    with contextlib.suppress(KeyboardInterrupt), pausepoint.run("nightly"):
        for key in QUESTIONS:
            found[key] = ask(key).request_id
        anyio.run(settle, folder, found)
        raise KeyboardInterrupt
    (folder / "events.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


async def settle(folder: Path, found: dict[str, str]) -> None:
    """End those that are not to stay open, as an app and a workflow do."""
    from pausepoint._codec import answer_type
    from pausepoint._markers import Markers
    from pausepoint._models import Answer, Reviewer
    from pausepoint._settling import Settling
    from pausepoint._store import Records, open_store

    store = open_store(folder / "store")
    records = Records(store)
    settling = Settling(records, Markers(store))
    await records.signing_keys()
    asked = {key: await records.request(request_id) for key, request_id in found.items()}
    ada = Reviewer(name="Ada", assurance="self-declared")
    await settling.submit(asked["answered"], Answer(value=[1, 2], comment="as agreed", by=ada, through="form"))
    for value in (4, 5):
        await settling.submit(asked["judged"], Answer(value=value, by=ada, through="json"))
    await settling.judge(asked["judged"], answer_type(Odd).parse)
    await settling.submit(asked["open-judged"], Answer(value=7, by=ada, through="api"))
    await settling.submit(asked["declined"], Answer(declined=True, comment="not mine to say", by=ada))
    await settling.cancel(asked["cancelled"], "no longer needed")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
