"""The command that examines settings, store, form app and plugins, and says what would fail."""

from __future__ import annotations

import platform
from importlib import metadata

import typer
from pydantic import JsonValue

from .._local.proving import Found
from .._models import SCHEMA_VERSION
from .._plugins import Standing
from .._settings import PREFIX, Settings
from .._store.protocol import shown_path
from .._sync import run_sync
from .events import AsJson
from .exits import ExitCode
from .inspection import Health, inspect
from .plugins import item
from .printing import say, say_facts, say_json, say_table

LIBRARIES = ("pydantic", "obstore", "fastapi", "uvicorn", "httpx", "jsonschema-rs", "typer", "rich")


def doctor(as_json: AsJson = False) -> None:
    """Examine settings, store, form app and plugins; say what fails."""
    settings = Settings.load()
    health = run_sync(inspect, settings)
    if as_json:
        say_json(_document(settings, health))
    else:
        _say(settings, health)
    if health.problems:
        raise typer.Exit(ExitCode.FAILED)


def version_of(distribution: str) -> str:
    """Return a distribution's version; `not installed` where there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _say(settings: Settings, health: Health) -> None:
    shown = settings.shown()
    say("Settings", style="bold")
    say_table(
        ("  variable", "value", "from"),
        [(f"  {PREFIX}{name.upper()}", value, _origin(settings, name)) for name, value in shown.items()],
    )
    say("\nStore", style="bold", lines=True)
    say_facts(_store_facts(health))
    say("\nForm app", style="bold", lines=True)
    say_facts(_form_app_facts(health))
    say("\nPlugins", style="bold", lines=True)
    say_facts({f"  {each.plugin.name}": _plugin(each) for each in health.plugins})
    say("\nVersions", style="bold", lines=True)
    say_facts({f"  {name}": version for name, version in _versions().items()})
    say()
    for problem in health.problems:
        say(problem.what, style="red")
        say(f"  {problem.todo}")
    if not health.problems:
        say("Nothing is broken.", style="green")


def _store_facts(health: Health) -> dict[str, str]:
    version = f"{health.version} (this Pausepoint knows {SCHEMA_VERSION})" if health.version else ""
    return {
        "  address": health.store,
        "  readable": _yes(health.readable),
        "  writable": _yes(health.writable),
        "  id": health.store_id or "none yet",
        "  version": version,
        "  events": "" if health.events is None else str(health.events),
        "  unreadable": "\n".join(map(shown_path, health.unreadable)),
    }


def _form_app_facts(health: Health) -> dict[str, str]:
    if health.address is None:
        return {"  address": "none yet: the first question starts it"}
    who = health.answered_by
    if who is Found.SAME_STORE:
        told = "the form app of this store, which it has proven"
    # No fault: the address outlives the process that served there, and whoever asks next takes it over.
    elif who is Found.NOBODY and health.named_by != "PAUSEPOINT_URL":
        told = "nobody at the moment; the next question starts it"
    else:
        told = who.value if who else "somebody; the first question has it proven"
    return {"  address": health.address, "  named by": health.named_by, "  answered by": told}


def _document(settings: Settings, health: Health) -> dict[str, JsonValue]:
    shown = settings.shown()
    who = health.answered_by
    return {
        "ok": not health.problems,
        "settings": [
            {"variable": PREFIX + name.upper(), "value": value, "from": _origin(settings, name)}
            for name, value in shown.items()
        ],
        "store": {
            "url": health.store,
            "readable": health.readable,
            "writable": health.writable,
            "id": health.store_id,
            "version": health.version,
            "events": health.events,
            "unreadable": list(health.unreadable),
        },
        "form_app": {
            "url": health.address,
            "named_by": health.named_by or None,
            "answered_by": who.name.lower() if who else None,
            "proven": who is Found.SAME_STORE,
        },
        "plugins": [item(standing) for standing in health.plugins],
        "versions": dict(_versions()),
        "problems": [{"what": problem.what, "todo": problem.todo} for problem in health.problems],
    }


def _plugin(standing: Standing) -> str:
    return f"{standing.plugin.label}, {'active' if standing.is_active else 'not active'}: {standing.told}"


def _versions() -> dict[str, str]:
    own = {"pausepoint": version_of("pausepoint"), "python": platform.python_version()}
    return {**own, **{name: version_of(name) for name in LIBRARIES}}


def _origin(settings: Settings, name: str) -> str:
    return "default" if settings.origin_of(name) == "default" else "environment"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
