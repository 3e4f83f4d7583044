"""An error as text: what it says, with all that differs from run to run taken out."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sites import Site
from witness import Made

from pausepoint.errors import PausepointError

SNAPSHOT = Path(__file__).parents[1] / "error_messages.txt"

_DIFFERS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z| UTC)?", "<time>"),
    (r"(?<![A-Za-z0-9])[a-z2-7]{26}(?![A-Za-z0-9])", "<whole id>"),
    (r"\([a-z2-7]{8}\)", "(<id>)"),
    (r"\b[a-z2-7]{8}\.\.\.", "<id>..."),
    (r"(?:file://)?/[^ ;:]*?/tmp\w+/\d+|(?:file://)?/tmp/tmp\w+/\d+", "<folder>"),
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"(?<=Port )\d+", "<port>"),
    (r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", "<digest>"),
    (r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", "<name>"),
    (r"\b\d{7,}(?= bytes long)", "<size>"),
    (r" at 0x[0-9a-f]+", " at <address>"),
)
_DATA = ("what", "todo", "event", "fields")


def told(name: str, error: PausepointError, site: Site, made: Made, hidden: Sequence[str]) -> dict[str, Any]:
    """Return all that the test wants to know about one error, as JSON."""
    log = _logged(error)
    return {
        "occasion": name,
        "site": site.name,
        "place": site.place,
        "type": type(error).__name__,
        "what": _normal(error.what),
        "event": _id_of(error.event),
        "todo": _normal(error.todo),
        "fields": {path: _normal(message) for path, message in getattr(error, "fields", {}).items()},
        "carries": sorted(key for key, value in vars(error).items() if value and key not in _DATA),
        "known": _id_of(made.known),
        "whole": str(error),
        "log": log,
        "hidden": [each for each in hidden if each in str(error) or each in log],
    }


def text_of(all_told: Iterable[dict[str, Any]]) -> str:
    """Return the snapshot, by class and site."""
    ordered = sorted(all_told, key=lambda each: (each["type"], each["site"], each["occasion"]))
    return "\n".join(_paragraph(each) for each in ordered)


def _paragraph(each: dict[str, Any]) -> str:
    lines = [
        f"{each['type']}  {each['site'].rpartition(':')[0]}",
        f"  when    {each['occasion']}",
        f"  what    {each['what']}",
        *([f"  event   {each['event']}"] if each["event"] else []),
        *(f"  field   {path or 'the answer'}: {message}" for path, message in each["fields"].items()),
        *([f"  todo    {each['todo']}"] if each["todo"] else []),
        *([f"  data    {', '.join(each['carries'])}"] if each["carries"] else []),
    ]
    return "\n".join(lines) + "\n"


def _logged(error: BaseException) -> str:
    """Return the texts of an error and its causes, as a traceback shows them."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        lines += traceback.format_exception_only(type(seen), seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "".join(lines)


def _id_of(event: str) -> str:
    return "<id>" if re.fullmatch(r"[a-z2-7]{8}", event) else _normal(event)


def _normal(text: str) -> str:
    for pattern, placeholder in _DIFFERS:
        text = re.sub(pattern, placeholder, text)
    return text
