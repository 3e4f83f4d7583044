"""The last word of CI: reports are added up, and a skip that nobody agreed to fails the run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parent.parent / ".ci"
REPORT = """
<testsuites><testsuite>
  <testcase classname="tests.test_a" name="test_one"/>
  <testcase classname="tests.test_a" name="test_two">{inside}</testcase>
</testsuite></testsuites>
"""
SKIP = '<skipped type="pytest.skip" message="no moon tonight"/>'


@pytest.fixture
def ci(tmp_path: Path) -> Path:
    """A copy of the check script in a folder where nothing is allowed yet."""
    shutil.copy(CI / "check.py", tmp_path)
    (tmp_path / "allowed-skips.txt").write_text("# none\n")
    return tmp_path


def check(ci: Path, inside: str) -> tuple[int, str]:
    (ci / "py.xml").write_text(REPORT.format(inside=inside))
    done = subprocess.run([sys.executable, ci / "check.py", ci], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


def test_a_run_without_skips_passes_with_a_total(ci: Path) -> None:
    assert check(ci, "") == (0, "2 passed, 0 failed, 0 skipped")


def test_a_skip_that_is_not_on_the_list_fails_the_run(ci: Path) -> None:
    assert check(ci, SKIP) == (1, "1 passed, 0 failed, 1 skipped")


def test_a_skip_on_the_list_passes(ci: Path) -> None:
    (ci / "allowed-skips.txt").write_text("py::tests.test_a::test_two :: no moon*\n")

    assert check(ci, SKIP) == (0, "1 passed, 0 failed, 1 skipped")


def test_a_skip_for_another_reason_than_the_agreed_one_fails(ci: Path) -> None:
    (ci / "allowed-skips.txt").write_text("py::tests.test_a::test_two :: no sun\n")

    assert check(ci, SKIP)[0] == 1


@pytest.mark.parametrize("tag", ["failure", "error"])
def test_a_failure_fails_the_run(ci: Path, tag: str) -> None:
    assert check(ci, f"<{tag}/>") == (1, "1 passed, 1 failed, 0 skipped")


def test_a_run_without_reports_fails(ci: Path) -> None:
    done = subprocess.run([sys.executable, ci / "check.py", ci / "nowhere"], capture_output=True, check=False)

    assert done.returncode == 1


def test_the_list_of_allowed_skips_stays_short() -> None:
    lines = (CI / "allowed-skips.txt").read_text("utf-8").splitlines()
    listed = [line for line in lines if line.strip() and not line.startswith("#")]

    assert len(listed) <= 5
    assert all(" :: " in line for line in listed)
