"""Which plugins are installed, and which of them are in use: for people, so a broken one is listed, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import PausepointError
from .facade import Hooks
from .plugin import LOCAL, Plugin


@dataclass(frozen=True)
class Standing:
    """
    A plugin, and where it stands in this process.

    Attributes:
        plugin: The plugin.
        is_active: True where its hooks are called.
        told: Why, or why not; one sentence without its full stop.
    """

    plugin: Plugin
    is_active: bool
    told: str


def survey(plugins: Iterable[Plugin], engine: str | None) -> list[Standing]:
    """
    Look at each plugin by itself.

    Args:
        plugins: What was found.
        engine: What `PAUSEPOINT_ENGINE` says.
    """
    return [Standing(plugin, *_standing(plugin, engine)) for plugin in plugins]


def _standing(plugin: Plugin, engine: str | None) -> tuple[bool, str]:
    if plugin.why_not:
        return False, plugin.why_not.rstrip(".")
    if plugin.name == LOCAL:
        return True, "built in: called where no other plugin does the same"
    if not plugin.is_engine:
        return True, "called for every question"
    if engine not in (None, plugin.name):
        return False, f"PAUSEPOINT_ENGINE is {engine!r}"
    try:
        inside = Hooks([plugin]).engine()
    except PausepointError as error:
        return False, error.what.rstrip(".")
    if inside is None:
        return False, f"this process does not run inside {plugin.name}"
    return True, f"this process runs inside {plugin.name}"
