"""How a moment is written for people: UTC, in English words, and how far off it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

# strftime's names follow the server's locale; pages are in English wherever they are made.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Moment:
    """
    One point in time as a page shows it.

    Attributes:
        iso: For machines, UTC, whole seconds: `2026-03-01T14:05:00Z`.
        text: For people: `Sun 1 Mar 2026, 14:05 UTC`.
        relative: `in 2 hours`, `3 minutes ago`, `just now`.
        past: It is not in the future.
    """

    iso: str
    text: str
    relative: str
    past: bool


def moment(when: datetime, now: datetime) -> Moment:
    """Return how `when` is shown to somebody who looks at the page at `now`; both are timezone-aware."""
    utc = when.astimezone(timezone.utc)
    text = f"{_DAYS[utc.weekday()]} {utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc:%H:%M} UTC"
    seconds = (utc - now).total_seconds()
    return Moment(utc.strftime("%Y-%m-%dT%H:%M:%SZ"), text, _relative(seconds), seconds <= 0)


def _relative(seconds: float) -> str:
    amount = _amount(abs(seconds))
    if not amount:
        return "in less than a minute" if seconds > 0 else "just now"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def _amount(seconds: float) -> str:
    """Return the two largest units, rounded: a page made a second late still says `1 hour`, not `59 minutes`."""
    # Rounded before they are split, or 59.6 minutes would be "60 minutes" and never "1 hour".
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        hours, minutes = divmod(minutes, 60)
        return " ".join(filter(None, (_count(hours, "hour"), _count(minutes, "minute"))))
    days, hours = divmod(round(seconds / 3600), 24)
    return " ".join(filter(None, (_count(days, "day"), _count(hours, "hour"))))


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' if number != 1 else ''}" if number else ""
