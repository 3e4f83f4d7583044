"""
What earlier releases have stored is read by this one, and what a later one stores is refused with what to upgrade.

`upgrades/records-N` holds a store as the releases with records of version N wrote it; `upgrades/make.py` made it then.
"""

from __future__ import annotations

import json
import logging
import runpy
import shutil
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pausepoint._codec import answer_type
from pausepoint._models import SCHEMA_VERSION, Answer, Request
from pausepoint._settings import Settings
from pausepoint._store import Records, Store, layout, open_store
from pausepoint._waiting import Watcher
from pausepoint.app import create_app
from pausepoint.errors import UnreadableRecordError

from reviewing import Machine

HERE = Path(__file__).with_name("upgrades")
RELEASED = sorted(HERE.glob("records-*"))
MAKE = runpy.run_path(str(HERE / "make.py"))

BACK = """
import runpy, sys
import pausepoint

asked = runpy.run_path(sys.argv[1])
with pausepoint.run("nightly"):
    for key in ("answered", "judged", "open-judged", "open"):
        print(key, repr(asked["ask"](key).wait()), flush=True)
    for key in ("declined", "cancelled"):
        try:
            asked["ask"](key).wait()
        except pausepoint.errors.WaitError as error:
            print(key, type(error).__name__, flush=True)
try:
    with pausepoint.run("finished"):
        pass
except pausepoint.errors.RunFinishedError:
    print("finished", flush=True)
"""


class Old:
    """A copy of a released store: its folder, and the ids of its events by key."""

    def __init__(self, released: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(released / "store", folder)
        self.events: dict[str, str] = json.loads((released / "events.json").read_text())

    @property
    def store(self) -> Store:
        return open_store(self.folder)

    def browser(self) -> httpx.AsyncClient:
        app = create_app(self.store, settings=Settings())
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8931")

    def path(self, key: str, name: str) -> Path:
        return self.folder / "v1" / "events" / self.events[key] / name

    def becomes_newer(self, path: Path, **more: Any) -> None:
        """Rewrite a record as a later release might: another version, another shape."""
        content = json.loads(path.read_text()) | {"schema_version": SCHEMA_VERSION + 1, "shape": "unheard of"} | more
        path.write_text(json.dumps(content))


@pytest.fixture(params=RELEASED, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    """Each released store."""
    return Old(request.param, tmp_path / "store")


@pytest.fixture
def latest(tmp_path: Path) -> Old:
    """The store with records of today's version."""
    return Old(HERE / f"records-{SCHEMA_VERSION}", tmp_path / "store")


def test_each_version_of_the_records_has_a_store_here() -> None:
    assert [path.name for path in RELEASED] == [f"records-{number}" for number in range(1, SCHEMA_VERSION + 1)]


# ---- what was stored is read


@pytest.mark.anyio
async def test_an_old_store_is_listed_with_what_became_of_each_event(old: Old) -> None:
    async with old.browser() as browser:
        told = (await browser.get("/api/v1/events?status=all")).json()
    found = {each["name"]: each["outcome"] for each in told["items"]}

    assert told["problems"] == []
    assert found == {
        "open": None, "open-judged": None, "answered": "answered", "judged": "answered", "declined": "declined",
        "cancelled": "cancelled",
    }  # fmt: skip


@pytest.mark.anyio
async def test_old_links_lead_to_their_forms_with_all_that_was_asked(old: Old) -> None:
    async with old.browser() as browser:
        page = await browser.get(f"/form/{old.events['open']}")
        [attachment] = (await Records(old.store).request(old.events["open"])).attachments
        image = await browser.get(f"/files/{old.events['open']}/{attachment.sha256}")
        ended = await browser.get(f"/form/{old.events['answered']}")

    assert "<strong>many</strong>" in page.text
    assert 'value="3"' in page.text
    assert image.content == MAKE["PNG"]
    assert "Ada" in ended.text


def test_a_workflow_that_comes_back_gets_the_old_answers_and_asks_nothing_twice(old: Old, machine: Machine) -> None:
    machine.store = old.folder
    events = set((old.folder / "v1" / "events").iterdir())
    script = machine.start(machine.write("back.py", BACK), str(HERE / "make.py"))
    links = [script.link()]
    while not links[-1].endswith(old.events["open"]):
        links.append(script.link())
    machine.until_it_answers(links[-1])
    assert machine.answer(links[-1], 12).status_code == 200
    told = script.finish().split("\n")

    assert told[:6] == [
        "answered [1, 2]", "judged 5", "open-judged 7", "open 12", "declined DeclinedError",
        "cancelled EventCancelledError",
    ]  # fmt: skip
    assert told[6] == "finished"
    assert set((old.folder / "v1" / "events").iterdir()) == events


@pytest.mark.anyio
async def test_fields_and_objects_that_this_release_does_not_know_are_ignored(latest: Old) -> None:
    path = latest.path("open", "request.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"audience": ["ops"], "run_by": {"a": 1}}))
    for unknown in ("wakes/1.json", "notes/a.txt"):
        latest.path("open", unknown).parent.mkdir()
        latest.path("open", unknown).write_text("?")
    (latest.folder / "v1" / "policies").mkdir()

    async with latest.browser() as browser:
        told = (await browser.get("/api/v1/events?status=pending")).json()
        page = await browser.get(f"/form/{latest.events['open']}")
    assert {each["name"] for each in told["items"]} == {"open", "open-judged"}
    assert page.status_code == 200


# ---- what a later release stores is refused, by name, and nothing else is


@pytest.mark.anyio
async def test_an_old_app_says_of_a_new_workflows_question_that_it_must_be_upgraded(latest: Old) -> None:
    latest.becomes_newer(latest.path("open", "request.json"))
    async with latest.browser() as browser:
        api = await browser.get(f"/api/v1/events/{latest.events['open']}")
        page = await browser.get(f"/form/{latest.events['open']}")
        told = (await browser.get("/api/v1/events?status=all")).json()
        other = await browser.get(f"/form/{latest.events['open-judged']}")

    assert (api.status_code, page.status_code, other.status_code) == (500, 500, 200)
    assert f"its version is {SCHEMA_VERSION + 1}, this one knows {SCHEMA_VERSION}" in api.json()["detail"]
    assert api.json()["todo"].startswith("Upgrade Pausepoint here")
    assert len(told["items"]) == 5, "the others are listed"
    assert told["problems"] == [layout.request_path(latest.events["open"])]


@pytest.mark.anyio
async def test_an_old_workflow_says_of_a_new_apps_response_that_it_must_be_upgraded(latest: Old) -> None:
    latest.becomes_newer(latest.path("answered", "response.json"))
    watcher = Watcher(latest.store)
    request = await watcher.records.request(latest.events["answered"])

    with pytest.raises(UnreadableRecordError, match="written by a newer Pausepoint") as caught, anyio.fail_after(60):
        await watcher.wait(request, answer_type(list[int]).parse, 1)
    assert caught.value.todo.startswith("Upgrade Pausepoint here")


@pytest.mark.anyio
async def test_an_old_workflow_passes_over_a_new_apps_candidate_and_judges_the_next(latest: Old, caplog: Any) -> None:
    latest.becomes_newer(latest.path("open-judged", "candidates/1.json"))
    watcher = Watcher(latest.store)
    request = await watcher.records.request(latest.events["open-judged"])
    await watcher.settling.submit(request, Answer(value=9))
    with caplog.at_level(logging.ERROR, "pausepoint"), anyio.fail_after(60):
        response = await watcher.wait(request, answer_type(MAKE["Odd"]).parse, 1)

    assert response.value == 9
    assert "newer Pausepoint" in caplog.text


@pytest.mark.anyio
async def test_what_a_newer_release_wrote_is_never_overwritten(latest: Old) -> None:
    path = latest.path("answered", "response.json")
    latest.becomes_newer(path)
    before = path.read_bytes()
    async with latest.browser() as browser:
        reply = await browser.post("/submit/json", json={"request_id": latest.events["answered"], "value": [3]})

    assert reply.status_code == 500
    assert "Upgrade" in reply.json()["todo"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("path", ["store.json", "keys/identity.json"])
def test_a_store_that_a_newer_release_made_is_not_served(latest: Old, machine: Machine, path: str) -> None:
    latest.becomes_newer(latest.folder / "v1" / path)
    machine.store = latest.folder
    server = machine.command("pausepoint", "serve")

    assert server.wait() != 0
    assert "Upgrade Pausepoint here" in server.told


@pytest.mark.anyio
async def test_a_signing_key_of_a_newer_release_is_passed_over(latest: Old) -> None:
    keys = latest.folder / "v1" / "keys"
    shutil.copy(keys / "k1.json", keys / "k2.json")
    latest.becomes_newer(keys / "k2.json")

    assert [kid for kid, _ in await Records(latest.store).signing_keys()] == ["k1"]


@pytest.mark.anyio
async def test_todays_records_are_of_the_version_that_is_kept_here(latest: Old) -> None:
    request: Request = await Records(latest.store).request(latest.events["open"])

    assert request.schema_version == SCHEMA_VERSION
