"""Refuses to be imported beside flyteplugins-hitl, which has files of the same names: the last to be installed won."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution, version

OURS = "pausepoint-flyte"
OTHER = "flyteplugins-hitl"
REPAIR = f"pip uninstall --yes {OTHER} && pip install --force-reinstall --no-deps {OURS}"


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
    raise _error(f"{other} and {OURS} are both installed, and each has files of flyteplugins.hitl.")


def refuse_remains(package: object) -> None:
    """
    Return if a package has its `__init__`.

    Raises:
        ImportError: It has none: a distribution that had overwritten it took it along.
    """
    if getattr(package, "__file__", None) is None:
        raise _error(f"Files of flyteplugins.hitl, which {OURS} has installed, were removed.")


def _error(what: str) -> ImportError:
    from pausepoint.errors import AdapterError

    class ForeignFilesError(AdapterError, ImportError):
        """Of both kinds, so that whoever asks a question in a task is told the same as whoever imports this."""

    return ForeignFilesError(what, f"Run `{REPAIR}`.", plugin=f"{OURS} {version(OURS)}")


refuse_beside(OTHER)
refuse_remains(sys.modules[__package__])
