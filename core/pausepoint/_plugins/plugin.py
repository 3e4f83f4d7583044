"""A plugin, and where plugins come from: the entry points of installed distributions."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

from ..errors import AdapterError
from ..hooks import NAME
from .checking import hooks_of

ENGINE = "pausepoint_engine"
LOCAL = "local"
"""The engine of a process that runs inside none."""

_log = logging.getLogger("pausepoint")
# What was told once: a process asks for its plugins more than once, and a broken one stays broken.
_told: set[str] = set()


@dataclass(frozen=True)
class Plugin:
    """
    A plugin as it was found.

    Attributes:
        name: Of its entry point; for an adapter also its engine's name.
        module: What implements the hooks; None where it could not be imported.
        distribution, version: What it was installed from; empty where it was passed in.
        hooks: The hooks that it implements, sorted.
        why_not: Why it is not in use; empty where it is.
        fault: What is wrong with how it declares its hooks; None where nothing is.
    """

    name: str
    module: object
    distribution: str = ""
    version: str = ""
    hooks: tuple[str, ...] = ()
    why_not: str = ""
    fault: AdapterError | None = None

    @property
    def label(self) -> str:
        """How errors call it: distribution and version."""
        return f"{self.distribution} {self.version}".strip() or self.name

    @property
    def is_engine(self) -> bool:
        """Say whether it speaks for an engine; any other one is an observer."""
        return ENGINE in self.hooks

    def hears(self, engine: str) -> bool:
        """Say whether it is called for questions that are asked in this engine."""
        return not self.is_engine or self.name == engine


def examined(name: str, module: object, distribution: str = "", version: str = "") -> Plugin:
    """Look at what a plugin declares."""
    bare = Plugin(name, module, distribution, version)
    try:
        hooks = hooks_of(module, bare.label)
    except AdapterError as error:
        return Plugin(name, module, distribution, version, why_not=error.what, fault=error)
    if name == LOCAL and ENGINE in hooks:
        fault = AdapterError(
            f"{bare.label} calls its engine 'local', which is what a process without an engine is called.",
            "Give its entry point the engine's own name.",
            "",
            bare.label,
        )
        return Plugin(name, module, distribution, version, hooks, fault.what, fault)
    return Plugin(name, module, distribution, version, hooks)


def installed() -> list[Plugin]:
    """
    Import every plugin of the entry-point group `pausepoint`; what cannot be imported is listed with the reason.

    An adapter may be installed where its engine is not: that is told once, as a warning, and stops nothing.
    """
    found: list[Plugin] = []
    for point in _in_order(entry_points(group=NAME)):
        plugin = _imported(point)
        if plugin.module is not None and any(plugin.module is other.module for other in found):
            continue
        found.append(plugin)
    return found


def usable() -> list[Plugin]:
    """
    Import what is installed and leave out what cannot be called, which is told once, as an error.

    For whoever serves everybody's questions: one misdeclared plugin must not keep another engine's workflows asleep.
    """
    found = installed()
    for plugin in found:
        if plugin.fault is not None and plugin.label not in _told:
            _told.add(plugin.label)
            _log.error("The plugin %r of %s is left out: %s", plugin.name, plugin.label, plugin.fault)
    return [plugin for plugin in found if plugin.fault is None]


def own_version() -> str:
    """Return the version of this distribution; empty where it runs without having been installed."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return ""


def _in_order(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    # The order on the path differs from machine to machine; that of the calls must not.
    return sorted(points, key=lambda point: (point.name, point.value), reverse=True)


def _imported(point: EntryPoint) -> Plugin:
    distribution, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
    try:
        module = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a stranger's module does when it is imported
        why = f"{point.value} cannot be imported: {type(error).__name__}: {error}"
        plugin = Plugin(point.name, None, distribution, version, why_not=why)
        if plugin.label not in _told:
            _told.add(plugin.label)
            _log.warning("The plugin %r of %s is not in use: %s.", plugin.name, plugin.label, why)
        return plugin
    return examined(point.name, module, distribution, version)
