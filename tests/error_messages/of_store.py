"""What can be wrong with a store, its URL, its folder and its objects."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from house import question, records_of
from occasions import ID, SECRET, TYPED, each, occasion

from pausepoint import open_store
from pausepoint._index import Index
from pausepoint._markers import Markers
from pausepoint._models import Answer, Candidate, Response
from pausepoint._settling import Settling
from pausepoint._store import MemoryStore, layout
from pausepoint._store.local import LocalFiles
from pausepoint._store.publication import rename_exclusively

IMAGE = b"\x89PNG\r\n\x1a\n"


@each(
    nothing="",
    a_chain=f"simplecache::s3://{SECRET}@bucket",
    a_foreign_scheme=f"ftp://me:{SECRET}@example.org/folder",
    memory_with_a_path="memory://a/b",
    file_on_another_machine="file://host/folder",
    a_home_of_nobody="~no-such-user-here/store",
)
def opening_a_store_at(url: str) -> None:
    open_store(url)


@each(
    writing=lambda store: store.create("v1/store.json", b"{}"),
    reading=lambda store: store.get(layout.request_path(ID)),
    listing=lambda store: store.list("v1/events"),
    sweeping=lambda store: store.sweep(),
)
async def a_file_where_the_store_should_be(use: Callable[[Any], Any], folder: Path) -> None:
    (folder / "store").write_text("a file")
    await use(open_store(folder / "store"))


@occasion
async def a_probe_whose_object_cannot_be_removed(folder: Path) -> None:
    (folder / "v1" / "probe" / "x").mkdir(parents=True)
    await LocalFiles(folder).remove("v1/probe/x")


@occasion
async def a_folder_that_can_neither_link_nor_rename(folder: Path) -> None:
    def publish(temporary: str, target: str) -> bool:
        # To move a folder into itself is refused in the way in which such a file system refuses every such rename.
        return rename_exclusively(str(Path(target).parent), target)

    await LocalFiles(folder, publish).create(layout.request_path(ID), b"{}")


@occasion
async def a_path_that_climbs() -> None:
    await MemoryStore().get("../secrets")


@occasion
async def an_object_that_is_too_large(folder: Path) -> None:
    store = open_store(folder)
    await store.create(layout.request_path(ID), b"x" * (1024 * 1024 + 1))
    await records_of(store).request(ID)


@occasion
def a_store_in_memory_that_is_pickled() -> None:
    pickle.dumps(MemoryStore("shared"))


class Overwriting(MemoryStore):
    """Every writer is told that it won."""

    async def create(self, path: str, body: bytes) -> bool:
        return True


class Forgetful(MemoryStore):
    """Reads back something else."""

    async def get(self, path: str, limit: int = 0) -> bytes | None:
        return b"something else"


class Full(MemoryStore):
    """Says that everything is there, and has nothing."""

    async def create(self, path: str, body: bytes) -> bool:
        return False


@each(that_overwrites=Overwriting("careless"), that_forgets=Forgetful("forgetful"))
async def a_store(store: MemoryStore) -> None:
    await store.probe()


@occasion
async def a_store_that_says_exists_and_has_nothing() -> None:
    await records_of(Full("full")).put_request(question())


@occasion
async def a_marker_whose_names_are_all_taken() -> None:
    await Markers(Full()).opened(ID)


@occasion
async def a_mailbox_with_a_slash() -> None:
    await Markers(MemoryStore()).wake("a/b", ID)


def _stored(**changes: Any) -> bytes:
    return json.dumps({**question().model_dump(mode="json"), **changes}).encode()


@each(
    cut_off=_stored()[:-10],
    of_another_shape=b"[]",
    without_a_version=_stored(schema_version=None),
    of_a_newer_version=_stored(schema_version=99),
    without_a_name=_stored(name=None),
    of_another_event=_stored(request_id="z" * 26),
)
async def a_stored_question(body: bytes) -> None:
    store = MemoryStore()
    await store.create(layout.request_path(ID), body)
    await records_of(store).request(ID)


@occasion
async def a_store_of_a_newer_version() -> None:
    store = MemoryStore()
    await store.create(layout.STORE, b'{"schema_version": 99, "write_id": "x"}')
    await records_of(store).store_id()


@occasion
async def a_damaged_identity() -> None:
    store = MemoryStore()
    body = {"schema_version": 1, "write_id": "x", "secret": SECRET, "created_at": "2026-11-20T12:00:00Z"}
    await store.create(layout.IDENTITY, json.dumps(body).encode())
    await records_of(store).identity_secret()


@occasion
async def a_damaged_attachment() -> None:
    store = MemoryStore()
    await store.create(layout.attachment_path(ID, "0" * 64), IMAGE)
    await records_of(store).attachment(ID, "0" * 64)


@occasion
async def an_attachment_with_a_long_caption() -> None:
    await records_of(MemoryStore()).put_attachment(ID, IMAGE, "x" * 201)


@occasion
async def an_event_that_is_not_there() -> None:
    await records_of(MemoryStore()).request(ID)


@occasion
async def an_id_that_is_none() -> None:
    await records_of(MemoryStore()).request(TYPED)


@occasion
async def a_response_that_JSON_cannot_hold() -> None:  # noqa: N802
    response = Response(request_id=ID, outcome="answered", source="reviewer", value=float("nan"))
    await records_of(MemoryStore()).put_response(response)


@occasion
async def more_answers_than_are_stored() -> None:
    store = MemoryStore()
    records = records_of(store)
    request = question(schema_complete=False)
    for number in range(1, 101):
        await records.put_candidate(Candidate(request_id=ID, number=number, answer=Answer(value=1)))
    await Settling(records, Markers(store)).submit(request, Answer(value=1))


@each(
    an_attachment=lambda: layout.attachment_path(ID, "x"),
    a_signing_key=lambda: layout.signing_key_path("identity"),
    a_finished_run=lambda: layout.finished_path("x"),
    a_minute=lambda: layout.minute_folder(layout.OPENED, "today"),
    candidate_0=lambda: layout.candidate_path(ID, 0),
)
def the_path_of(make: Callable[[], str]) -> None:
    make()


@each(limit={"limit": 0}, cursor={"after": TYPED})
async def a_list_with_another(arguments: dict[str, Any]) -> None:
    store = MemoryStore()
    records, markers = records_of(store), Markers(store)
    await Index(records, markers, Settling(records, markers)).page(**arguments)
