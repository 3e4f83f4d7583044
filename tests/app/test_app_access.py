"""
Every route and verb, for every credential: the table of who may do what.

The rows are the app's own routes, so that a route without a row fails.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pausepoint._access import password_line
from pausepoint._links import LinkTokens, stream_bearer
from pausepoint._models import utc_now

pytestmark = pytest.mark.anyio

CREDENTIALS = ["none", "link", "foreign link", "expired link", "identity", "operator token", "stream bearer"]
OPERATOR = "0perator"
BASE = "https://forms.example.org"
IMAGE = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


class Row(NamedTuple):
    """Which credentials open a route; the others are refused, and nothing is stored."""

    opens: set[str]
    path: str = ""
    json: Any = None
    is_form: bool = False


FOR_WORKFLOWS = ("/api/v1/stream", "/api/v1/resumed")
EVERYBODY = set(CREDENTIALS)
ALL_EVENTS = {"identity", "operator token"}
ITS_EVENT = {"link", *ALL_EVENTS}

TABLE = {
    ("GET", "/"): Row(ALL_EVENTS),
    ("GET", "/form/{request_id}"): Row(ITS_EVENT),
    ("POST", "/form/{request_id}"): Row(ITS_EVENT, is_form=True),
    ("POST", "/submit"): Row(ITS_EVENT, is_form=True),
    ("GET", "/files/{request_id}/{sha256}"): Row(ITS_EVENT),
    ("POST", "/submit/json"): Row(ITS_EVENT, json={"request_id": "{request_id}", "value": 1}),
    ("GET", "/status/{request_id}"): Row(ITS_EVENT),
    ("GET", "/api/v1/events"): Row(ALL_EVENTS),
    ("GET", "/api/v1/events/{request_id}"): Row(ITS_EVENT),
    ("GET", "/api/v1/events/{request_id}/wait"): Row(ITS_EVENT, path="/api/v1/events/{request_id}/wait?timeout=0"),
    ("POST", "/api/v1/events/{request_id}/answer"): Row(ITS_EVENT, json={"value": 1}),
    ("POST", "/api/v1/events/{request_id}/cancel"): Row(ALL_EVENTS, json={}),
    ("GET", "/api/v1/stream"): Row({"stream bearer"}),
    ("POST", "/api/v1/resumed"): Row({"stream bearer"}, json={"seconds": [0.1]}),
    ("GET", "/metrics"): Row({"operator token"}),
    # What tells nothing of any event, and proves at most whose app this is.
    ("GET", "/health"): Row(EVERYBODY),
    ("GET", "/ready"): Row(EVERYBODY),
    ("GET", "/openapi.json"): Row(EVERYBODY),
    ("GET", "/static/pausepoint.css"): Row(EVERYBODY),
    ("GET", "/favicon.ico"): Row(EVERYBODY),
}


class Scene:
    """An app whose links carry tokens, with an event and its image, and visitors with each credential."""

    def __init__(self, house: Any, folder: Path) -> None:
        self.house = house
        file = folder / "reviewers"
        file.write_text(password_line("ann", "hunter2"), "utf-8")
        self.app = house.app(public_url=BASE, api_token=OPERATOR, passwords=str(file))
        self.app.state.desk.hub.close()  # a stream ends at once

    async def prepare(self) -> None:
        self.image = await self.house.records.put_attachment("ab" + "b" * 24, IMAGE)
        self.request = await self.house.ask(int, attachments=(self.image,))
        assert self.request.request_id == "ab" + "b" * 24
        self.other = await self.house.ask(int)
        tokens = LinkTokens(await self.house.records.signing_keys())
        later = utc_now() + timedelta(hours=1)
        bearer = {
            "link": tokens.issue(self.request.request_id, later),
            "foreign link": tokens.issue(self.other.request_id, later),
            "expired link": tokens.issue(self.request.request_id, utc_now() - timedelta(hours=1)),
            "operator token": OPERATOR,
            "stream bearer": stream_bearer(await self.house.records.identity_secret()),
        }
        self.headers: dict[str, dict[str, str]] = {
            "none": {},
            "identity": {"Authorization": "Basic " + base64.b64encode(b"ann:hunter2").decode()},
            **{name: {"Authorization": f"Bearer {token}"} for name, token in bearer.items()},
        }
        self.house.store.created.clear()

    def at(self, place: str) -> str:
        return place.replace("{request_id}", self.request.request_id).replace("{sha256}", self.image.sha256)

    async def visit(self, method: str, place: str, row: Row, credential: str) -> Any:
        async with self.house.browser(self.app, base=BASE, **self.headers[credential]) as visitor:
            more: dict[str, Any] = {}
            if row.json is not None:
                more["json"] = {name: self.at(v) if isinstance(v, str) else v for name, v in row.json.items()}
            if row.is_form:
                held = await visitor.opened(self.request)
                more["data"] = {"request_id": self.request.request_id, **held, "v": "1"}
            return await visitor.request(method, self.at(row.path or place), **more)


@pytest.fixture
async def scene(house: Any, tmp_path: Path) -> Scene:
    scene = Scene(house, tmp_path)
    await scene.prepare()
    return scene


def routes_of(router: Any) -> Iterator[tuple[str, str]]:
    """Yield every verb and path that the app takes; HEAD is GET whose body is dropped."""
    for route in router.routes:
        if hasattr(route, "path"):
            # A mount has no methods, and would have to be looked into.
            yield from ((method, route.path) for method in route.methods - {"HEAD"})
        else:
            yield from routes_of(route.original_router)


async def test_every_route_has_its_row(scene: Scene) -> None:
    assert set(routes_of(scene.app)) == set(TABLE)


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize(("method", "place"), TABLE, ids=lambda part: part)
async def test_a_route_opens_for_those_in_its_row_and_for_nobody_else(
    scene: Scene, method: str, place: str, credential: str
) -> None:
    row = TABLE[method, place]
    reply = await scene.visit(method, place, row, credential)

    if credential in row.opens:
        assert reply.status_code in (200, 204), reply.text
    else:
        assert reply.status_code == (403 if "link" in credential and place not in FOR_WORKFLOWS else 401), reply.text
        assert scene.request.title not in reply.text
        assert not scene.house.store.created, "nothing may be stored for whoever is refused"


REFUSED = [
    (method, place, credential)
    for (method, place), row in TABLE.items()
    for credential in CREDENTIALS
    # Whoever has the event's own link knows that it is there.
    if "{request_id}" in place and credential not in row.opens and credential != "link"
]


@pytest.mark.parametrize(("method", "place", "credential"), REFUSED, ids=lambda part: part)
async def test_who_is_refused_does_not_learn_whether_there_is_such_an_event(
    scene: Scene, method: str, place: str, credential: str
) -> None:
    row = TABLE[method, place]
    known = await scene.visit(method, place, row, credential)
    scene.request = scene.request.model_copy(update={"request_id": "z" * 26})
    unknown = await scene.visit(method, place, row, credential)

    assert known.status_code == unknown.status_code
    assert known.text == unknown.text


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_on_loopback_in_open_mode_the_table_is_for_others(house: Any, credential: str) -> None:
    """The person at the machine needs nothing; the stream is no person's."""
    request = await house.ask(int)
    async with house.browser() as browser:
        for path in ("/", f"/form/{request.request_id}", "/api/v1/events", f"/status/{request.request_id}"):
            assert (await browser.get(path)).status_code == 200
        assert (await browser.get("/api/v1/stream")).status_code == 401


def test_the_documented_table_is_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "decide-who-may-answer.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+) (\S+)` \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", page, re.MULTILINE)
    columns = ("link", "identity", "operator token", "stream bearer")
    documented = {
        (method, path): {name for name, told in zip(columns, cells, strict=True) if told == "yes"}
        for method, path, *cells in rows
    }

    assert documented == {route: row.opens for route, row in TABLE.items() if row.opens != EVERYBODY}
