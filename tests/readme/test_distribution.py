"""What is built holds the package and nothing else, whether from the repository or from the sdist."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)


def build(source: Path, target: Path, kind: str) -> Path:
    """Build *kind* (`wheel` or `sdist`) of the tree at *source* into *target*; return the file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


def contents(wheel: Path) -> set[str]:
    """The wheel's files, without the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(clone, tmp_path_factory.mktemp("wheel"), "wheel")


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(clone: Path, wheel: Path) -> None:
    core = clone / "core"
    package = {
        path.relative_to(core).as_posix()
        for path in (core / "pausepoint").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert contents(wheel) == package


def test_the_wheel_holds_the_templates_and_the_type_marker(wheel: Path) -> None:
    found = contents(wheel)

    assert "pausepoint/py.typed" in found
    assert [name for name in found if name.startswith("pausepoint/templates/") and name.endswith(".html")]


def test_the_wheel_fits_every_platform_and_carries_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]

    assert wheel.name.endswith("-py3-none-any.whl")
    assert licences


def test_the_sdist_builds_the_same_wheel(clone: Path, wheel: Path, tmp_path: Path) -> None:
    sdist = build(clone, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        # Debian 12's Python has no filters yet, and 3.14 must not go without.
        archive.extractall(tmp_path / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = (tmp_path / "unpacked").iterdir()

    assert contents(build(source, tmp_path / "again", "wheel")) == contents(wheel)
    assert (source / "tests" / "conftest.py").is_file()
