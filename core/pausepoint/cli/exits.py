"""How the command line ends: one number per kind of ending, for scripts that call it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ..errors import AlreadySettledError, AnswerError, PausepointError, UnknownRequestError, UsageError


class ExitCode(IntEnum):
    """The exit codes; `EXIT_CODES` says what each means."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    NO_SUCH_EVENT = 3
    ALREADY_SETTLED = 4
    REFUSED = 5
    NOT_YET_CHECKED = 6
    INTERRUPTED = 130


EXIT_CODES: Mapping[int, str] = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "something failed: the store, the form app",
    ExitCode.WRONG_USE: "wrong use: arguments, settings",
    ExitCode.NO_SUCH_EVENT: "no such event",
    ExitCode.ALREADY_SETTLED: "the event was settled before; its first outcome stands",
    ExitCode.REFUSED: "the answer was refused; the event still waits",
    ExitCode.NOT_YET_CHECKED: "the answer is saved; the workflow has not checked it yet",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}
"""What each exit code means, for `--help` and the documentation."""

# The first that fits decides.
_BY_ERROR: tuple[tuple[type[PausepointError], ExitCode], ...] = (
    (AnswerError, ExitCode.REFUSED),
    (AlreadySettledError, ExitCode.ALREADY_SETTLED),
    (UnknownRequestError, ExitCode.NO_SUCH_EVENT),
    (UsageError, ExitCode.WRONG_USE),
)


def code_of(error: PausepointError) -> ExitCode:
    """Return the exit code that tells a script about this error."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)


def epilogue() -> str:
    """Return the exit codes as the last paragraph of the help text."""
    # The \b keeps typer from filling the lines into one paragraph.
    return "\n".join(["\b", "Exit codes:", *(f"  {code:<3}  {means}" for code, means in EXIT_CODES.items())])
