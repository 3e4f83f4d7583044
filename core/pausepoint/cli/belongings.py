"""Whether a plugin's distribution still has its own files: pip lets two distributions install the same ones."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple


class Problem(NamedTuple):
    """What would fail, and what to do about it."""

    what: str
    todo: str


def lost_files(name: str) -> Problem | None:
    """
    Compare a distribution's modules with what was installed, and with what other distributions have.

    Args:
        name: The distribution; one that was installed in an editable way has no files to compare.

    Returns:
        What is wrong, with the command that repairs it; None where nothing is, or nothing can be known.
    """
    try:
        own = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    modules = _modules(own)
    repair = f"pip install --force-reinstall --no-deps {name}"
    for other in metadata.distributions():
        # The same file twice, an empty one for example, does no harm.
        shared = [path for path, told in _modules(other).items() if path in modules and modules[path] != told]
        if shared and other.name != own.name:
            return Problem(
                f"{name} and {other.name} both have {_some(shared)}; what was installed last is what runs.",
                f"Keep one of them. For {name}, run `pip uninstall --yes {other.name} && {repair}`.",
            )
    lost = [path for path, told in modules.items() if _hashed(Path(str(own.locate_file(path)))) != told]
    return Problem(f"Of {name} were overwritten or removed: {_some(lost)}.", f"Run `{repair}`.") if lost else None


def _modules(distribution: metadata.Distribution) -> Mapping[str, str]:
    """Return its modules with their hashes as pip wrote them down; not `files`, which leaves out what is gone."""
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    return {row[0]: row[1] for row in rows if row[0].endswith(".py") and row[1].startswith("sha256=")}


def _hashed(path: Path) -> str:
    try:
        body = path.read_bytes()
    except OSError:
        return ""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def _some(paths: list[str]) -> str:
    """Name the first, and say how many more there are."""
    first = min(paths)
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
