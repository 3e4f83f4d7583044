"""A plugin whose files another distribution has overwritten, or taken along, is told of with the command that helps."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pausepoint.cli.belongings import lost_files
from pausepoint.cli.programme import program

OURS = "from pausepoint import hookimpl\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that distributions are installed into, with the plugin `shared_plugin` of `pp-shared`."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    install(folder, "pp-shared", OURS, entry="[pausepoint]\nshared = shared_plugin\n")
    yield folder
    invalidate_caches()


def install(folder: Path, name: str, code: str, entry: str = "") -> None:
    """Install a distribution with one module as pip does, which overwrites what is there."""
    (folder / "shared_plugin.py").write_text(code)
    hashed = base64.urlsafe_b64encode(hashlib.sha256(code.encode()).digest()).decode().rstrip("=")
    told = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (told / "RECORD").write_text(f"shared_plugin.py,sha256={hashed},{len(code)}\n")
    (told / "entry_points.txt").write_text(entry)
    invalidate_caches()


def test_a_distribution_with_all_of_its_own_files_is_well(site: Path) -> None:
    assert lost_files("pp-shared") is None
    assert lost_files("nobody-installed-this") is None


@pytest.mark.parametrize("again", [False, True], ids=["the other one last", "ours last"])
def test_two_distributions_with_the_same_file_are_told_of_in_either_order(site: Path, again: bool) -> None:
    install(site, "pp-other", "THEIRS = 1\n")
    if again:
        (site / "shared_plugin.py").write_text(OURS)
    problem = lost_files("pp-shared")

    assert problem is not None
    assert "pp-shared and pp-other both have shared_plugin.py" in problem.what
    assert "pip uninstall --yes pp-other && pip install --force-reinstall --no-deps pp-shared" in problem.todo


def test_the_same_file_in_both_does_no_harm(site: Path) -> None:
    install(site, "pp-other", OURS)

    assert lost_files("pp-shared") is None


@pytest.mark.parametrize("gone", [False, True], ids=["overwritten", "removed"])
def test_a_file_that_is_not_what_was_installed_is_told_of(site: Path, gone: bool) -> None:
    (site / "shared_plugin.py").write_text("THEIRS = 1\n")
    if gone:
        (site / "shared_plugin.py").unlink()
    problem = lost_files("pp-shared")

    assert problem is not None
    assert "overwritten or removed: shared_plugin.py" in problem.what
    assert "pip install --force-reinstall --no-deps pp-shared" in problem.todo


@pytest.mark.parametrize("command", ["doctor", "plugins"])
def test_both_commands_that_look_at_plugins_say_so(site: Path, tmp_path: Path, command: str) -> None:
    environ = {"PAUSEPOINT_STORE": str(tmp_path / "s"), "XDG_STATE_HOME": str(tmp_path), "COLUMNS": "200"}
    before = CliRunner().invoke(program, [command], env=environ)
    install(site, "pp-other", "THEIRS = 1\n")
    after = CliRunner().invoke(program, [command], env=environ)

    assert "both have" not in before.output
    assert "pp-shared and pp-other both have shared_plugin.py" in after.output
    assert after.exit_code == (0 if command == "plugins" else before.exit_code or 1)
