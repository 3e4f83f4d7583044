"""What is measured, as rows: the figure, its aim and its peer; a table for people and JSON for machines."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

SHOWN = ("anyio", "fastapi", "h11", "jsonschema-rs", "obstore", "pydantic", "starlette", "uvicorn")
"""The libraries whose versions move these figures."""


@dataclass(frozen=True)
class Figure:
    """
    One measured number.

    Attributes:
        name: What was measured; unique in a run.
        value: The number.
        unit: What it counts.
        aim: The most that it should be (of a rate: the least); None where there is no aim.
        peer: The same of the peer, measured in the same run; None where there is none.
        of: Who the peer is.
        note: What belongs to the number: how many, how.
        more_is_better: It is a rate.
    """

    name: str
    value: float
    unit: str
    aim: float | None = None
    peer: float | None = None
    of: str = ""
    note: str = ""
    more_is_better: bool = False

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no aim."""
        if self.aim is None:
            return ""
        return "met" if (self.value >= self.aim if self.more_is_better else self.value <= self.aim) else "missed"


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value below which *part* (0 to 1) of the values lie; the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


def p50_p99(
    name: str,
    seconds: Sequence[float],
    aims: tuple[float | None, float | None] = (None, None),
    peers: Sequence[float] = (),
    of: str = "",
    note: str = "",
) -> list[Figure]:
    """Make the two rows of a list of durations, in milliseconds; aims are milliseconds, durations seconds."""
    return [
        Figure(
            f"{name}, {word}",
            percentile(seconds, part) * 1000,
            "ms",
            aim,
            percentile(peers, part) * 1000 if peers else None,
            of if peers else "",
            note or f"n={len(seconds)}" + (f", peer n={len(peers)}" if peers else ""),
        )
        for word, part, aim in (("p50", 0.5, aims[0]), ("p99", 0.99, aims[1]))
    ]


def machine() -> dict[str, str]:
    """Describe where the run took place."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.1f}",
        "system": _distribution(),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version}" for name in SHOWN if (version := _version(name))),
        "command": " ".join(["python", *sys.argv]),
    }


def table(figures: Iterable[Figure]) -> str:
    """Return the rows as Markdown."""
    rows = [("figure", "measured", "aim", "", "peer", "note"), ("---", "---:", "---:", "---", "---:", "---")]
    for each in figures:
        peer = f"{_number(each.peer)} {each.unit} ({each.of})" if each.peer is not None else ""
        aim = f"{'≥' if each.more_is_better else '≤'} {_number(each.aim)}" if each.aim is not None else ""
        rows.append((each.name, f"{_number(each.value)} {each.unit}", aim, each.verdict, peer, each.note))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    )


def write(path: Path, figures: Iterable[Figure], remarks: Sequence[str], facts: Mapping[str, object]) -> None:
    """Write everything as JSON; *facts* are counts that a test compares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    content = {"machine": machine(), "figures": rows, "remarks": list(remarks), "facts": dict(facts)}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return subprocess.run(["uname", "-sr"], capture_output=True, text=True, check=False).stdout.strip()
