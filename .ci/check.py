#!/usr/bin/env python3
"""
Add up the JUnit reports below a folder, and fail on any skip that `allowed-skips.txt` does not name.

Usage: .ci/check.py .tox/reports. Exit code 0: nothing failed and every skip is allowed; 1: otherwise.
A test that is expected to fail (xfail) counts as skipped: it too has to be on the list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ALLOWED = Path(__file__).with_name("allowed-skips.txt")


class Case(NamedTuple):
    """One test as a report tells it: `result` is `passed`, `failed` or `skipped`."""

    suite: str
    test: str
    result: str
    reason: str


def cases(report: Path) -> Iterator[Case]:
    """Read one report. Test ids look like `py::tests.test_errors::test_every_error_pickles[StoreError]`."""
    for element in ET.parse(report).iter("testcase"):
        test = f"{report.stem}::{element.get('classname', '')}::{element.get('name', '')}"
        result, reason = "passed", ""
        for child in element:
            if child.tag in {"failure", "error"}:
                result = "failed"
            elif child.tag == "skipped" and result == "passed":
                result, reason = "skipped", child.get("message") or ""
        yield Case(report.stem, test, result, reason)


def allowed_skips() -> list[tuple[str, str]]:
    """Return (test id pattern, reason pattern) of each line of the list; `*` stands for anything in both."""
    lines = (line.strip() for line in ALLOWED.read_text("utf-8").splitlines())
    pairs = []
    for line in lines:
        if line and not line.startswith("#"):
            test, separator, reason = line.partition(" :: ")
            if not separator:
                sys.exit(f"{ALLOWED.name}: not `test id :: reason`: {line}")
            pairs.append((test.strip(), reason.strip()))
    return pairs


def main(folder: str) -> int:
    """Print one line per suite, each skip that is not allowed, and the total."""
    reports = sorted(Path(folder).glob("*.xml"))
    if not reports:
        print(f"No reports in {folder}: no suite ran.")
        return 1
    found = [case for report in reports for case in cases(report)]
    for suite in sorted({case.suite for case in found}):
        print(f"{suite:>10}: {told(case for case in found if case.suite == suite)}")
    allowed = allowed_skips()
    refused = [
        case
        for case in found
        if case.result == "skipped"
        and not any(fnmatchcase(case.test, test) and fnmatchcase(case.reason, reason) for test, reason in allowed)
    ]
    for case in refused:
        print(f"skipped, and not on {ALLOWED.parent.name}/{ALLOWED.name}: {case.test} :: {case.reason}")
    print(told(found))
    return 1 if refused or any(case.result == "failed" for case in found) else 0


def told(found: Iterator[Case] | list[Case]) -> str:
    """Count the results in words."""
    results = [case.result for case in found]
    return ", ".join(f"{results.count(word)} {word}" for word in ("passed", "failed", "skipped"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
