"""Which container image the form app and the child task run in: one with exactly this version of Pausepoint."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pausepoint_flyte.surroundings import current

from ._pod import is_starting, own_task

SETTING = "PAUSEPOINT_FLYTE_IMAGE"
DISTRIBUTIONS = ("pausepoint", "pausepoint-flyte")


def image_for(environment: str) -> Any:
    """
    Return the image of an environment.

    In a cluster nothing is built: it is what was built when the run was submitted, else the image of the task that
    asks, which has Pausepoint in it, or it could not ask.

    Args:
        environment: The environment's name.

    Returns:
        An URI, or the description of an image that Flyte builds; "auto" where it is not known and not needed.

    Raises:
        ServeError: It would have to be built from an installation that no wheel can be made of.
    """
    if given := os.environ.get(SETTING):
        return given
    here = current()
    cache = here.compiled_image_cache if here else None
    if cache is not None and cache.image_lookup:
        built = cache.image_lookup
        return (
            built.get(environment)
            or built.get(getattr(own_task(), "parent_env_name", None) or "")
            or next(iter(built.values()))
        )
    # A pod that is started for the task of this environment: it has its image.
    return "auto" if not here and is_starting() else _described()


@functools.cache
def _described() -> Any:
    import flyte

    image = flyte.Image.from_debian_base(flyte_version=flyte.version(), name="pausepoint-flyte")
    sources = {name: _local_source(name) for name in DISTRIBUTIONS}
    if not any(sources.values()):
        return image.with_pip_packages(*(f"{name}=={distribution(name).version}" for name in DISTRIBUTIONS))
    from flyte._image import PythonWheels

    folder = Path(tempfile.mkdtemp(prefix="pausepoint-wheels-"))
    for source in sources.values():
        if source is not None:
            _make_wheel(source, folder)
    for name in DISTRIBUTIONS:
        image = image.clone(addl_layer=PythonWheels(wheel_dir=folder, package_name=name.replace("-", "_")))
    return image


def _local_source(name: str) -> Path | None:
    """Return the folder or wheel that a distribution was installed from; None where it came from an index."""
    try:
        told = distribution(name).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    url = json.loads(told)["url"] if told else ""
    return Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None


def _make_wheel(source: Path, folder: Path) -> None:
    # Beside each other, so that one wheel is a requirement of the other that needs no index.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    made = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if made.returncode:
        from pausepoint.errors import ServeError

        raise ServeError(
            f"No wheel could be made of {source}, where Pausepoint was installed from, so no image either.",
            f"Install it from an index, or name an image that has it: {SETTING}=registry/image:tag.",
        )
