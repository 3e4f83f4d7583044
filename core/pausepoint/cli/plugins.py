"""The command that lists the plugins: what each was installed from, what it implements, whether it is in use."""

from __future__ import annotations

from pydantic import JsonValue

from .._local import LocalRuntime
from .._plugins import LOCAL, Standing, examined, installed, own_version, survey
from .._settings import Settings
from .belongings import lost_files
from .events import AsJson
from .printing import say, say_json, say_table

_COLUMNS = ("plugin", "installed from", "active", "why", "hooks")


def list_plugins(as_json: AsJson = False) -> None:
    """List the plugins: engines and observers."""
    standings = survey_installed(Settings.load())
    if as_json:
        items: list[JsonValue] = [item(standing) for standing in standings]
        say_json({"items": items})
    else:
        say_table(_COLUMNS, map(_row, standings))
        for name in sorted({standing.plugin.distribution for standing in standings} - {""}):
            if problem := lost_files(name):
                say(problem.what, style="red")
                say(f"  {problem.todo}")


def survey_installed(settings: Settings) -> list[Standing]:
    """Look at every installed plugin, and at the one that is built in."""
    own = examined(LOCAL, LocalRuntime(settings), "pausepoint", own_version())
    return survey([*installed(), own], settings.engine)


def item(standing: Standing) -> JsonValue:
    """Return a plugin as it is printed in JSON."""
    plugin = standing.plugin
    return {
        "name": plugin.name,
        "distribution": plugin.distribution or None,
        "version": plugin.version or None,
        "hooks": list(plugin.hooks),
        "active": standing.is_active,
        "why": standing.told,
    }


def _row(standing: Standing) -> tuple[str, ...]:
    plugin = standing.plugin
    hooks = ", ".join(hook.removeprefix("pausepoint_") for hook in plugin.hooks)
    return plugin.name, plugin.label, "yes" if standing.is_active else "no", standing.told, hooks
