"""
Bring every occasion about and tell about it.

`python tests/error_messages` prints all errors; `--refresh` writes them to tests/error_messages.txt; `--json` is what
tests/test_error_messages.py reads. It is a process of its own, so that every thread in it is seen, and nothing that an
occasion leaves behind reaches another test.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from occasions import SECRET, TYPED, all_occasions, brought_about
from rendering import SNAPSHOT, text_of, told
from sites import Site, all_sites
from witness import Made, Witness

from pausepoint.errors import PausepointError


def main() -> None:
    """Do what the command line asks for."""
    for name in [name for name in os.environ if name.startswith("PAUSEPOINT_")]:
        del os.environ[name]
    for module in sorted(Path(__file__).parent.glob("of_*.py")):
        importlib.import_module(module.stem)
    with tempfile.TemporaryDirectory() as place:
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            os.environ[name] = place
        report = _report(Path(place))
    report["text"] = text_of(report["told"])
    if "--json" in sys.argv:
        print(json.dumps(report))
    elif "--refresh" in sys.argv:
        SNAPSHOT.write_text(report["text"], "utf-8")
    else:
        print(report["text"], end="")
    for each in report["failed"] if "--json" not in sys.argv else ():
        print(each, file=sys.stderr)


def _report(place: Path) -> dict[str, Any]:
    sites = all_sites()
    reached: dict[str, list[str]] = {}
    report: dict[str, Any] = {"told": [], "failed": [], "unseen": []}
    with Witness() as witness:
        for number, (name, function) in enumerate(all_occasions().items()):
            folder = place / str(number)
            folder.mkdir()
            try:
                error = _raised(function, folder, witness)
            except Exception:  # noqa: BLE001 - told below, with the others
                report["failed"].append(f"{name}: {traceback.format_exc()}")
                continue
            for link in _chain(error):
                for site in _sites_of(witness.of(link), sites):
                    reached.setdefault(site.name, []).append(name)
            made = witness.of(error)
            at = next((site for site in _sites_of(made, sites) if site.makes_error), None)
            if made is None or at is None:
                report["unseen"].append(f"{name}: {error!r}")
                continue
            report["told"].append(told(name, error, at, made, [TYPED, SECRET]))
        everywhere = {made.frames[0] for made in witness.made if made.frames}
    known = [site for site in sites if site.makes_error]
    report["unseen"] += [f"{file}:{line}" for file, line in everywhere if not _is_known(known, file, line)]
    report["sites"] = [{"name": site.name, "place": site.place, "by": reached.get(site.name, [])} for site in sites]
    return report


def _raised(function: Any, folder: Path, witness: Witness) -> PausepointError:
    """Return the error that an occasion raised, or that the text it returned tells about."""
    before = len(witness.made)
    try:
        text = brought_about(function, folder)
    except PausepointError as error:
        return error
    assert text is not None, "it raised nothing, and returned no text"
    for made in reversed(witness.made[before:]):
        if made.error.what in text:
            return made.error
    raise AssertionError(f"no error was made that this tells about: {text}")


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return the error and what led to it: an error that is told in other words is reached, too."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _sites_of(made: Made | None, sites: list[Site]) -> list[Site]:
    return [site for site in sites if made is not None and site.is_in(made.frames)]


def _is_known(sites: list[Site], file: str, line: int) -> bool:
    return any(site.is_in([(file, line)]) for site in sites)


if __name__ == "__main__":
    main()
