"""Checks of the plugin's module, without running anything in its engine."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ...hooks import NAME, Specs
from .declaring import Declared
from .trial import Bench

HOOKS = {name: getattr(Specs, name) for name in vars(Specs) if name.startswith(f"{NAME}_")}
FLAGS = {"can_serve": "serve", "can_report": "report", "can_link": "link", "can_suspend": "wake"}

LISTED = """
import importlib, json, sys
plugin = importlib.import_module(sys.argv[1])
inside = plugin.pausepoint_engine() is not None
print(json.dumps([inside, sys.argv[2] in sys.modules]))
"""


class PluginChecks(Declared):
    """What holds for the module alone."""

    def test_it_implements_only_known_hooks(self, plugin: object) -> None:
        """
        Every `pausepoint_...` function is a hook, is marked with `hookimpl`, is no coroutine function, and takes only
        arguments that the hook has. A misspelt hook or a forgotten marker is otherwise a hook that is never called.
        """
        found = {name: getattr(plugin, name) for name in dir(plugin) if name.startswith(f"{NAME}_")}
        assert f"{NAME}_engine" in found, "an adapter says whether its engine runs this process"
        for name, function in found.items():
            assert name in HOOKS, f"there is no hook {name}; there are {', '.join(HOOKS)}"
            assert hasattr(function, f"{NAME}_impl"), f"{name} lacks its marker: write @hookimpl above it"
            assert not inspect.iscoroutinefunction(function), f"{name} is `async def`: return an awaitable instead"
            known = set(inspect.signature(HOOKS[name]).parameters) - {"self"}
            unknown = set(inspect.signature(function).parameters) - known
            assert not unknown, f"{name} takes {unknown}; the hook has {known or 'no arguments'}"

    def test_its_flags_are_its_hooks(self, plugin: object) -> None:
        """
        `can_serve`, `can_report`, `can_link` and `can_suspend` are True exactly where the hook is implemented, or a
        hook would have no check. A plugin without `can_suspend` may wait and wake in other ways.
        """
        for flag, hook in FLAGS.items():
            has = hasattr(plugin, f"{NAME}_{hook}")
            said = getattr(self, flag)
            if flag == "can_suspend":
                assert has or not said, f"{flag} is True, and {NAME}_{hook} is missing"
            else:
                assert has == said, f"{flag} is {said}, and {NAME}_{hook} is {'there' if has else 'missing'}"

    def test_it_is_silent_outside_its_engine(self, plugin: object, bench: Bench) -> None:
        """
        `pausepoint_engine()` is None where no task of the engine runs, also in a process in which the engine is loaded
        and has run something. Otherwise a plain script would be taken for a task.
        """
        trial = bench.begin("crash")
        trial.crashed()
        assert plugin.pausepoint_engine() is None  # type: ignore[attr-defined]

    def test_listing_plugins_imports_no_engine(self) -> None:
        """
        A fresh process that imports the plugin and asks it whether its engine is here has not imported the engine:
        every process that asks a question pays for every adapter that is installed.
        """
        # With this process's path, which pytest may have added to.
        code = f"import sys; sys.path[:] = {sys.path!r}\n{LISTED}"
        command = [sys.executable, "-c", code, self.plugin_module, self.engine_module]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
        assert ran.returncode == 0, ran.stderr
        inside, imported = json.loads(ran.stdout.splitlines()[-1])
        assert not imported, f"importing {self.plugin_module} imports {self.engine_module}: do it inside the hooks"
        assert not inside, "a fresh process is inside no engine"

    def test_it_imports_only_the_public_core(self) -> None:
        """
        No module of the adapter's package imports a name of `pausepoint` that begins with an underscore: those may
        change with any release.
        """
        spec = find_spec(self.plugin_module)
        assert spec is not None, f"no module {self.plugin_module}"
        assert spec.origin is not None
        private = [
            f"{path.name}:{line}: {name}"
            for path in sorted(Path(spec.origin).parent.rglob("*.py"))
            for line, name in _imported(path)
            if name.startswith("pausepoint.") and any(part.startswith("_") for part in name.split("."))
        ]
        assert not private


def _imported(path: Path) -> list[tuple[int, str]]:
    """Return what a file imports, as line and dotted name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found
