"""Refuses to be imported beside flyteplugins-hitl, which has files of the same names: the last to be installed won."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

OTHER = "flyteplugins-hitl"
REPAIR = f"pip uninstall --yes {OTHER} && pip install --force-reinstall --no-deps pausepoint-flyte"


def refuse_beside(other: str) -> None:
    """
    Return if a distribution is not installed.

    Raises:
        ImportError: It is; the message has the command that repairs it.
    """
    try:
        distribution(other)
    except PackageNotFoundError:
        return
    raise ImportError(
        f"{other} and pausepoint-flyte are both installed, and each has its own flyteplugins/hitl: the one overwrote "
        f"files of the other. Keep one of them:\n\n    {REPAIR}\n"
    )


refuse_beside(OTHER)
