"""
Calls that must not type-check. Never run: see `tox -e types`.

Each carries the error that mypy must find on it. Strict mode reports a `type: ignore` that is not needed, so a call
that starts to pass fails the check.
"""

from __future__ import annotations

from pausepoint import Default, new_event, pause, run

pause(3)  # type: ignore[call-overload]
pause(int, wait=3)  # type: ignore[call-overload]
pause(int, on_timeout="approve")  # type: ignore[call-overload]
pause(int, on_timeout=Default("three"))  # type: ignore[misc]
new_event("count")  # type: ignore[call-arg]
new_event(3, int)  # type: ignore[arg-type]
new_event("count", int, timeout_seconds="soon")  # type: ignore[arg-type]
run()  # type: ignore[call-arg]

text: str = pause(int)  # type: ignore[assignment]
