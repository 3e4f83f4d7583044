"""The plugins that were found, and the one place where pluggy calls them: one at a time, so that we know who fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

from .._models import Request
from ..hooks import NAME, Specs
from .plugin import Plugin
from .tracing import trace


class Registry:
    """
    Holds plugins and calls them.

    Args:
        traces: Print each call to standard error.
    """

    def __init__(self, traces: bool) -> None:
        self.plugins: list[Plugin] = []
        self._manager = pluggy.PluginManager(NAME)
        self._manager.add_hookspecs(Specs)
        self._callers: dict[tuple[str, int], Callable[..., Any]] = {}
        self._hearing: dict[tuple[str, str], list[Plugin]] = {}
        self._traces = traces

    def add(self, plugin: Plugin) -> None:
        """
        Add a plugin.

        Raises:
            AdapterError: It declares a hook that cannot be called.
        """
        if plugin.fault is not None:
            raise plugin.fault
        self.plugins.append(plugin)
        if plugin.module is not None:
            # Not under its own name, which another distribution may have chosen, too.
            self._manager.register(plugin.module, f"{len(self.plugins)} {plugin.name}")
            self._manager.check_pending()
            self._callers.clear()
            self._hearing.clear()

    def hearing(self, hook: str, engine: str) -> list[Plugin]:
        """Return who implements the hook and is called for questions of this engine: its own plugin first."""
        key = hook, engine
        if key not in self._hearing:
            self._hearing[key] = self._in_order(hook, engine)
        return self._hearing[key]

    def _in_order(self, hook: str, engine: str) -> list[Plugin]:
        called: pluggy.HookCaller = getattr(self._manager.hook, hook)
        places = {id(each.plugin): place for place, each in enumerate(reversed(called.get_hookimpls()))}
        hearing = [plugin for plugin in self.plugins if id(plugin.module) in places and plugin.hears(engine)]
        return sorted(hearing, key=lambda plugin: (not plugin.is_engine, places[id(plugin.module)]))

    def call(self, plugin: Plugin, hook: str, about: Request | None = None, **given: Any) -> Any:
        """
        Call one plugin, which pluggy gives the arguments that it takes.

        Args:
            plugin: The plugin, which implements the hook.
            hook: The hook's name.
            about: The event, where there is one, for the trace.
            given: All arguments of the hook.
        """
        with trace(self._traces, plugin.name, hook, about) as traced:
            result = self._caller(plugin, hook)(**given)
            if isinstance(result, list):
                result = result[0] if result else None
            traced(result)
            return result

    def _caller(self, plugin: Plugin, hook: str) -> Callable[..., Any]:
        key = hook, id(plugin.module)
        if key not in self._callers:
            others = [other.module for other in self.plugins if other.module not in (None, plugin.module)]
            self._callers[key] = self._manager.subset_hook_caller(hook, others)
        return self._callers[key]
