"""Plugins are found by their entry points, checked before they are used, and named in every error."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pausepoint import hookimpl
from pausepoint._plugins import Hooks, examined, survey
from pausepoint.errors import AdapterError

from plugging import inside, plugin

HEAD = "from pausepoint import RunContext, Served, hookimpl\n\n"
OBSERVER = (
    HEAD
    + """
@hookimpl
def pausepoint_link(request, url):
    print("told of", request.name)
"""
)
ENGINE = (
    HEAD
    + """
import os

@hookimpl
def pausepoint_engine():
    run = os.environ.get("{name}_RUN")
    return RunContext(engine="{name}", run_id=run) if run else None
"""
)
ASKS = """
from pausepoint import new_event
from pausepoint._api.wiring import ordinary_surface
from pausepoint._sync import run_sync

event = new_event("deploy", bool)
print(run_sync(ordinary_surface().watcher().records.request, event.request_id).run.engine)
"""

SERVES = """
from pausepoint import open_store
from pausepoint.app import create_app
from pausepoint._sync import run_sync

for _ in range(2):
    desk = create_app(open_store("memory://")).state.desk
    print("wakes toy:", run_sync(desk.overlooked._waking.can_wake, "toy"))
"""


class Site:
    """A folder of distributions that a process of its own finds, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, distribution: str, version: str, name: str, code: str) -> None:
        module = distribution.replace("-", "_")
        (self._folder / f"{module}.py").write_text(code.replace("{name}", name))
        about = self._folder / f"{module}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[pausepoint]\n{name} = {module}\n")

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PAUSEPOINT_")},
            "PYTHONPATH": str(self._folder),
            "PAUSEPOINT_STORE": "memory://",
            "XDG_STATE_HOME": str(self._folder / "state"),
            "PAUSEPOINT_RUN_ID": "r",
            **environ,
        }
        return subprocess.run(
            [sys.executable, *arguments], env=given, capture_output=True, text=True, timeout=60, check=False
        )

    def asks(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run("-c", ASKS, **environ)

    def listed(self, **environ: str) -> dict[str, Any]:
        ran = self.run("-c", "from pausepoint.cli import main; main()", "plugins", "--json", **environ)
        return {each["name"]: each for each in json.loads(ran.stdout)["items"]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_installed_plugin_is_called(site: Site) -> None:
    site.install("acme-notify", "1.2", "notify", OBSERVER)

    assert site.asks().stdout.splitlines() == ["told of deploy", "local"]


def test_importing_pausepoint_imports_no_plugin(site: Site) -> None:
    site.install("acme-notify", "1.2", "notify", OBSERVER)
    ran = site.run("-c", "import sys, pausepoint; print('acme_notify' in sys.modules)")

    assert ran.stdout.strip() == "False"


def test_one_that_cannot_be_imported_is_one_warning_that_names_it_and_breaks_nothing(site: Site) -> None:
    site.install("acme-engine", "1.2", "acme", "import acme_of_which_there_is_none\n")
    site.install("acme-notify", "1.2", "notify", OBSERVER)
    ran = site.asks()

    assert ran.stdout.splitlines() == ["told of deploy", "local"]
    assert ran.stderr.count("acme-engine 1.2 is not in use") == 1
    assert "ModuleNotFoundError: No module named 'acme_of_which_there_is_none'" in ran.stderr


def test_one_that_is_misdeclared_keeps_the_form_app_from_no_other_and_is_told_once(site: Site) -> None:
    site.install("acme-notify", "1.2", "notify", "def pausepoint_link(request, url): ...")
    site.install("acme-toy", "0.3", "toy", ENGINE + "\n@hookimpl\ndef pausepoint_wake(request, reason): ...\n")
    ran = site.run("-c", SERVES)

    assert ran.stdout.splitlines() == ["wakes toy: True"] * 2
    assert ran.stderr.count("The plugin 'notify' of acme-notify 1.2 is left out") == 1
    assert "Write @pausepoint.hookimpl above it." in ran.stderr


def test_plugins_are_listed_with_what_they_are_and_why_they_are_not_in_use(site: Site) -> None:
    site.install("acme-engine", "1.2", "acme", "import acme_of_which_there_is_none\n")
    site.install("acme-notify", "1.3", "notify", OBSERVER)
    site.install("acme-other", "1.4", "other", ENGINE)
    site.install("acme-misspelt", "1.5", "misspelt", OBSERVER.replace("pausepoint_link", "pausepoint_lnik"))
    listed = site.listed(other_RUN="1", acme_RUN="")

    assert set(listed) == {"acme", "notify", "other", "misspelt", "local"}
    assert (listed["acme"]["distribution"], listed["acme"]["version"]) == ("acme-engine", "1.2")
    assert {name: each["active"] for name, each in listed.items() if not each["active"]} == {
        "acme": False,
        "misspelt": False,
    }
    assert "acme_of_which_there_is_none" in listed["acme"]["why"]
    assert listed["notify"]["hooks"] == ["pausepoint_link"]
    assert "There is no hook pausepoint_lnik" in listed["misspelt"]["why"]
    assert listed["other"]["why"] == "this process runs inside other"
    assert site.listed()["other"]["why"] == "this process does not run inside other"
    assert site.listed(PAUSEPOINT_ENGINE="acme")["other"]["why"] == "PAUSEPOINT_ENGINE is 'acme'"


def test_the_list_for_people_names_distribution_version_and_hooks(site: Site) -> None:
    site.install("acme-notify", "1.3", "notify", OBSERVER)
    shown = site.run("-c", "from pausepoint.cli import main; main()", "plugins").stdout

    assert "acme-notify 1.3" in shown
    assert "link" in shown


def test_doctor_says_which_plugins_are_not_in_use_and_what_is_broken(site: Site) -> None:
    site.install("acme-engine", "1.2", "acme", "import acme_of_which_there_is_none\n")
    main = "from pausepoint.cli import main; main()"
    sound = site.run("-c", main, "doctor", PAUSEPOINT_STORE=str(site._folder / "store"))
    site.install("acme-misspelt", "1.5", "misspelt", OBSERVER.replace("pausepoint_link", "pausepoint_lnik"))
    broken = site.run("-c", main, "doctor", PAUSEPOINT_STORE=str(site._folder / "store"))

    assert (sound.returncode, broken.returncode) == (0, 1)
    assert "acme-engine 1.2, not active: acme_engine cannot be imported" in sound.stdout
    assert "There is no hook pausepoint_lnik (in acme-misspelt 1.5)." in broken.stdout


def test_two_engines_that_both_say_inside_are_named_by_distribution_and_version(site: Site) -> None:
    site.install("acme-one", "1.2", "one", ENGINE)
    site.install("acme-two", "3.4", "two", ENGINE)
    both = {"one_RUN": "1", "two_RUN": "2"}
    ran = site.asks(**both)

    assert ran.returncode != 0
    assert "AmbiguousEngineError: " in ran.stderr
    assert "acme-one 1.2" in ran.stderr
    assert "acme-two 3.4" in ran.stderr
    assert site.asks(**both, PAUSEPOINT_ENGINE="two").stdout.strip() == "two"
    assert site.asks(**both, PAUSEPOINT_ENGINE="local").stdout.strip() == "local"


def test_a_plugin_that_two_entry_points_name_is_called_once(site: Site) -> None:
    site.install("acme-notify", "1.2", "notify", OBSERVER)
    about = site._folder / "acme_notify-1.2.dist-info" / "entry_points.txt"
    about.write_text("[pausepoint]\nnotify = acme_notify\nagain = acme_notify\n")

    assert site.asks().stdout.splitlines() == ["told of deploy", "local"]


# What is declared


def pausepoint_lnik(request: object, url: str) -> None: ...


def pausepoint_something_else() -> None: ...


def link_of_another_argument(request: object, link: str) -> None: ...


def link_with_a_default(request: object, url: str = "") -> None: ...


def link_by_keyword(request: object, *, url: str) -> None: ...


def link_of_whatever_there_is(**given: object) -> None: ...


class LinkAsClass:
    """Stands for a callable that is no function."""


def pausepoint_helper() -> None: ...


def serve_with_a_misspelt_argument(contxt: object) -> None: ...


def engine_with_an_argument(run: object) -> None: ...


async def link_async(request: object, url: str) -> None: ...


async def serve_async() -> None: ...


def link_wrapping(request: object) -> Any:
    yield


@pytest.mark.parametrize(
    ("name", "function", "told"),
    [
        (
            "pausepoint_lnik",
            pausepoint_lnik,
            "There is no hook pausepoint_lnik (in acme). Did you mean pausepoint_link?",
        ),
        ("xyzzy", pausepoint_something_else, "There is no hook xyzzy (in acme). There are: pausepoint_engine, "),
        ("pausepoint_link", link_of_another_argument, "has no argument link (in acme). It may take: request, url."),
        ("pausepoint_link", link_with_a_default, "would never be given url (in acme). Take it by its name alone"),
        ("pausepoint_link", link_by_keyword, "would never be given url (in acme)"),
        (
            "pausepoint_link",
            link_of_whatever_there_is,
            "would never be given anything as **given (in acme). It may take",
        ),
        ("pausepoint_link", LinkAsClass, "pausepoint_link is no function (in acme). Write `def pausepoint_link(...):`"),
        ("pausepoint_helper", pausepoint_helper, "no hook pausepoint_helper (in acme). There are: pausepoint_engine, "),
        ("pausepoint_serve", serve_with_a_misspelt_argument, "no argument contxt (in acme). Did you mean context?"),
        ("pausepoint_engine", engine_with_an_argument, "has no argument run (in acme). It takes none."),
        (
            "pausepoint_link",
            link_async,
            "plain functions (in acme). Write `def pausepoint_link(...): return _link(...)`",
        ),
        ("pausepoint_serve", serve_async, "Serve in the function itself, which may block."),
        ("pausepoint_link", link_wrapping, "plain functions (in acme). Return, do not yield"),
    ],
)
def test_what_cannot_be_called_is_refused_with_what_to_write_instead(
    name: str, function: Callable[..., Any], told: str
) -> None:
    module = ModuleType("acme")
    setattr(module, name, hookimpl(function))
    with pytest.raises(AdapterError) as caught:
        Hooks([("acme", module)])

    assert told in str(caught.value)
    assert caught.value.plugin == "acme"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_function_that_is_named_like_a_hook_and_not_marked_is_refused() -> None:
    module = ModuleType("acme")

    def pausepoint_link(url: str) -> None: ...

    module.pausepoint_link = pausepoint_link  # type: ignore[attr-defined]
    with pytest.raises(AdapterError, match=r"pausepoint_link is not marked .* Write @pausepoint\.hookimpl above it"):
        Hooks([("acme", module)])


def test_other_names_of_a_plugin_are_its_own() -> None:
    import pausepoint as pausepoint_itself

    def pausepoint_link(url: str, _client: object = None) -> None: ...

    module = plugin(pausepoint_link)
    module.pausepoint_itself = pausepoint_itself  # type: ignore[attr-defined]
    module.helper = print  # type: ignore[attr-defined]

    assert examined("acme", module).hooks == ("pausepoint_link",)


def test_the_name_of_a_process_without_an_engine_is_no_engines() -> None:
    with pytest.raises(AdapterError, match="calls its engine 'local'"):
        Hooks([("local", plugin(inside()))])


def test_an_object_with_methods_is_a_plugin_too() -> None:
    class Acme:
        @hookimpl
        def pausepoint_engine(self) -> None: ...

    assert examined("acme", Acme()).hooks == ("pausepoint_engine",)


def test_a_survey_raises_nothing_for_an_engine_that_fails() -> None:
    def pausepoint_engine() -> None:
        raise LookupError("broken")

    (standing,) = survey([examined("acme", plugin(pausepoint_engine))], None)

    assert (standing.is_active, standing.told) == (False, "pausepoint_engine of acme raised LookupError")
