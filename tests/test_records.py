"""Records: written once whatever the store does, and read whole or not at all."""

from __future__ import annotations

import errno
import json
import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pausepoint._models import (
    MAX_ATTACHMENT_BYTES,
    MAX_BODY_BYTES,
    Answer,
    Candidate,
    Record,
    Request,
    Response,
    Reviewer,
    RunContext,
    Verdict,
    Wake,
)
from pausepoint._store import MemoryStore, Records, Store, layout, open_store
from pausepoint.errors import StoreError, UnknownRequestError, UnreadableRecordError, UnsafeStoreError, UsageError

ID = "abcdefghijklmnopqrstuvwxyz"
OTHER_ID = "zyxwvutsrqponmlkjihgfedcba"
DIGEST = "a" * 26
NOW = datetime(2026, 11, 20, 10, 58, 1, 123456, tzinfo=timezone.utc)
PNG = b"\x89PNG\r\n\x1a\n" + b"rest"

pytestmark = pytest.mark.anyio


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def records(store: MemoryStore) -> Records:
    return Records(store)


def a_request(request_id: str = ID, **changed: Any) -> Request:
    fields = {
        "request_id": request_id,
        "name": "size",
        "key": "size",
        "run": RunContext(engine="local", run_id="nightly"),
        "title": "Which size?",
        "prompt": "Please \N{SNOWMAN} choose.",
        "data_type": "int",
        "json_schema": {"type": "integer"},
        "schema_complete": True,
        "created_at": NOW,
        "deadline": NOW + timedelta(hours=1),
    }
    return Request.model_validate(fields | changed)


def a_response(value: Any = 3, **changed: Any) -> Response:
    fields = {"request_id": ID, "outcome": "answered", "value": value, "source": "reviewer", "settled_at": NOW}
    return Response.model_validate(fields | changed)


def a_candidate(number: int, request_id: str = ID) -> Candidate:
    return Candidate(request_id=request_id, number=number, answer=Answer(value=number, by=Reviewer(name="Ada"), at=NOW))


class Flaky:
    """A store of which each create goes through a script: what it does, and what its caller is told."""

    def __init__(self, store: Store, *script: str, reads_fail: int = 0) -> None:
        self._store = store
        self._script = list(script)
        self._reads_fail = reads_fail
        self.creates = 0
        self.gets = 0

    @property
    def url(self) -> str:
        return self._store.url

    async def create(self, path: str, body: bytes) -> bool:
        self.creates += 1
        step = self._script.pop(0) if self._script else "honest"
        if step in {"honest", "write and fail", "write and say no"}:
            created = await self._store.create(path, body)
            if step == "honest":
                return created
        if step == "refuse":
            raise StoreError("Not allowed.") from OSError(errno.EACCES, "Permission denied")
        if step == "unsafe":
            raise UnsafeStoreError("This store overwrites.")
        if step in {"say no", "write and say no"}:
            return False
        raise StoreError("The connection broke.")

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        self.gets += 1
        if self._reads_fail:
            self._reads_fail -= 1
            raise StoreError("The connection broke.")
        return await self._store.get(path, limit)

    async def list(self, prefix: str, after: str = "") -> Any:
        return await self._store.list(prefix, after)

    async def probe(self) -> None:
        await self._store.probe()

    async def sweep(self, older_than: float = 0.0) -> int:
        return await self._store.sweep(older_than)


def records_of(store: Store) -> Records:
    return Records(store, delays=(0, 0, 0, 0, 0))


# Writing once


async def test_a_record_comes_back_as_it_was_put(records: Records) -> None:
    put = await records.put_request(a_request())
    assert put.won
    assert await records.request(ID) == put.record == a_request(write_id=put.record.write_id)


async def test_a_second_response_never_replaces_the_first(records: Records) -> None:
    first, second = a_response(1), a_response(2)
    assert (await records.put_response(first)).won
    put = await records.put_response(second)
    assert not put.won
    assert put.record == first
    assert await records.response(ID) == first


async def test_the_same_write_again_is_won_and_not_lost(records: Records) -> None:
    response = a_response()
    await records.put_response(response)
    put = await records.put_response(response)
    assert put.won
    assert put.record == response


@pytest.mark.parametrize("script", ["write and fail", "write and say no"])
async def test_a_write_whose_reply_was_lost_is_won(store: MemoryStore, script: str) -> None:
    flaky = Flaky(store, script)
    response = a_response()
    put = await records_of(flaky).put_response(response)
    assert put.won
    assert put.record == response
    assert flaky.creates == 1


async def test_a_failed_write_that_somebody_else_overtook_is_lost(store: MemoryStore) -> None:
    theirs = a_response(1)
    await Records(store).put_response(theirs)
    put = await records_of(Flaky(store, "fail")).put_response(a_response(2))
    assert not put.won
    assert put.record == theirs


@pytest.mark.parametrize("script", ["fail", "say no"])
async def test_a_write_that_left_nothing_is_tried_again(store: MemoryStore, script: str) -> None:
    flaky = Flaky(store, script, script)
    put = await records_of(flaky).put_response(a_response())
    assert put.won
    assert flaky.creates == 3


async def test_a_read_back_that_fails_is_tried_again(store: MemoryStore) -> None:
    response = a_response()
    put = await records_of(Flaky(store, "write and fail", reads_fail=2)).put_response(response)
    assert put.won
    assert put.record == response


async def test_a_store_that_never_recovers_is_an_error_after_five_tries(store: MemoryStore) -> None:
    flaky = Flaky(store, *["fail"] * 9)
    with pytest.raises(StoreError, match="connection broke"):
        await records_of(flaky).put_response(a_response())
    assert flaky.creates == 5


async def test_a_store_that_says_exists_and_shows_nothing_is_an_error(store: MemoryStore) -> None:
    with pytest.raises(StoreError, match="exists"):
        await records_of(Flaky(store, *["say no"] * 9)).put_response(a_response())


@pytest.mark.parametrize("script", ["refuse", "unsafe"])
async def test_what_trying_again_cannot_cure_is_not_tried_again(store: MemoryStore, script: str) -> None:
    flaky = Flaky(store, script)
    with pytest.raises(StoreError):
        await records_of(flaky).put_response(a_response())
    assert flaky.creates == 1


async def test_a_folder_that_cannot_be_written_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file, because root may write into any folder")
    slow = Records(open_store(tmp_path / "root"), delays=(0, 3600))
    with pytest.raises(StoreError, match="root"):
        await slow.put_request(a_request())


async def test_a_record_beyond_the_limit_is_refused_before_it_is_written(store: MemoryStore) -> None:
    records = Records(store)
    with pytest.raises(UsageError, match=str(MAX_BODY_BYTES)):
        await records.put_response(a_response("x" * MAX_BODY_BYTES))
    assert await records.response(ID) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", [{"deep": float("-inf")}]])
async def test_what_json_cannot_hold_is_refused_and_not_changed(records: Records, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        await records.put_response(a_response(value))
    assert refused.value.__cause__ is None
    assert await records.response(ID) is None


async def test_stored_times_are_utc_iso_8601(store: MemoryStore, records: Records) -> None:
    berlin = timezone(timedelta(hours=1))
    await records.put_request(a_request(created_at=NOW.astimezone(berlin)))
    content = json.loads(await store.get(layout.request_path(ID)) or b"")
    assert content["created_at"] == "2026-11-20T10:58:01.123456Z"
    assert (await records.request(ID)).created_at == NOW


async def test_values_keep_their_json_type(records: Records) -> None:
    value = {"int": 1, "float": 1.5, "big": 2**70, "none": None, "text": "1", "date": "2026-11-20", "no": False}
    await records.put_response(a_response(value))
    found = await records.response(ID)
    assert found is not None
    assert found.value == value
    assert isinstance(found.value, dict)
    assert [type(part) for part in found.value.values()] == [int, float, int, type(None), str, str, bool]


# Reading


async def test_what_is_not_there_is_none(records: Records) -> None:
    assert await records.find_request(ID) is None
    assert await records.response(ID) is None
    assert await records.candidate(ID, 1) is None
    assert await records.verdict(ID, 1) is None
    assert await records.attachment(ID, "0" * 64) is None
    assert await records.run_finished(DIGEST) is None
    assert await records.event_ids() == []


async def test_an_unknown_request_is_an_error_that_can_be_looked_up(records: Records) -> None:
    with pytest.raises(UnknownRequestError) as unknown:
        await records.request(ID)
    assert unknown.value.event == ID[:8]
    assert ID not in str(unknown.value)


@pytest.mark.parametrize(
    "request_id", ["", "..", "../../../etc/passwd", ID.upper(), ID[1:], ID + "a", f"{ID}\n", "1" * 26]
)
async def test_a_malformed_id_is_unknown_and_reaches_no_path(records: Records, request_id: str) -> None:
    assert await records.find_request(request_id) is None
    for call in (records.request, records.response):
        with pytest.raises(UnknownRequestError):
            await call(request_id)


@pytest.mark.parametrize("number", [0, 1, 100])
async def test_it_is_remembered_once_that_the_engine_was_woken(records: Records, number: int) -> None:
    assert await records.wake(ID, number) is None
    wake = Wake(request_id=ID, number=number, by="pausepoint-toy 1.0", at=NOW)
    assert (await records.put_wake(wake)).won
    assert not (await records.put_wake(Wake(request_id=ID, number=number, by="pausepoint-toy 2.0"))).won
    assert await records.wake(ID, number) == wake
    assert await records.store.list(f"v1/events/{ID}/wakes") == [f"{number}.json"]


async def test_nobody_is_woken_for_a_number_below_the_responses(records: Records) -> None:
    with pytest.raises(UsageError):
        await records.wake(ID, -1)


async def test_a_candidate_and_its_verdict_are_written_once(records: Records) -> None:
    assert (await records.put_candidate(a_candidate(1))).won
    assert not (await records.put_candidate(a_candidate(1))).won
    refused = Verdict(request_id=ID, number=1, accepted=False, fields={"": "No."}, at=NOW)
    assert (await records.put_verdict(refused)).won
    assert not (await records.put_verdict(Verdict(request_id=ID, number=1, accepted=True, at=NOW))).won
    assert await records.verdict(ID, 1) == refused


@pytest.mark.parametrize("number", [0, -1])
async def test_candidates_are_numbered_from_one(records: Records, number: int) -> None:
    with pytest.raises(UsageError):
        await records.candidate(ID, number)


async def test_the_ids_of_all_events_are_listed_and_nothing_else(store: MemoryStore, records: Records) -> None:
    await records.put_request(a_request(OTHER_ID))
    await records.put_request(a_request(ID))
    await store.create("v1/events/not-an-id/request.json", b"{}")
    assert await records.event_ids() == [ID, OTHER_ID]


def as_json(record: Record, **changed: Any) -> bytes:
    return json.dumps(record.model_dump(mode="json") | changed).encode()


UNREADABLE = {
    "empty": b"",
    "truncated": as_json(a_response())[:-9],
    "not JSON": b"\x89PNG\r\n",
    "not UTF-8": b'{"write_id": "\xff"}',
    "NaN": as_json(a_response()).replace(b'"value": 3', b'"value": NaN'),
    "a list": b"[]",
    "an empty object": b"{}",
    "another shape": b'{"schema_version": 1, "write_id": "x", "hello": "world"}',
    "another outcome": as_json(a_response(), outcome="maybe"),
    "without a write id": json.dumps(
        {name: value for name, value in a_response().model_dump(mode="json").items() if name != "write_id"}
    ).encode(),
    "no write id": as_json(a_response(), write_id=None),
    "no version": as_json(a_response(), schema_version=None),
    "newer": as_json(a_response(), schema_version=2),
    "of another event": as_json(a_response(), request_id=OTHER_ID),
    "very deep": b'{"write_id": "x", "schema_version": 1, "value": ' + b"[" * 100_000,
    "too large": as_json(a_response("x" * MAX_BODY_BYTES)),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_unreadable_object_is_reported_and_left_alone(store: MemoryStore, body: bytes) -> None:
    records = records_of(store)
    path = layout.response_path(ID)
    await store.create(path, body)
    for call in (records.response(ID), records.put_response(a_response())):
        with pytest.raises(UnreadableRecordError) as unreadable:
            await call
        assert unreadable.value.path == path
        assert unreadable.value.event == ID[:8]
        assert unreadable.value.todo
        assert ID not in str(unreadable.value)
        assert OTHER_ID not in str(unreadable.value)
    assert await store.get(path, 2 * MAX_BODY_BYTES) == body


async def test_a_newer_record_asks_for_an_upgrade(store: MemoryStore, records: Records) -> None:
    await store.create(layout.response_path(ID), UNREADABLE["newer"])
    with pytest.raises(UnreadableRecordError, match="pip install --upgrade pausepoint"):
        await records.response(ID)


async def test_an_unreadable_object_stops_no_other_event(store: MemoryStore, records: Records) -> None:
    await store.create(layout.request_path(OTHER_ID), b"{")
    await records.put_request(a_request())
    assert (await records.request(ID)).name == "size"
    assert await records.event_ids() == [ID, OTHER_ID]


async def test_a_candidate_under_another_number_is_unreadable(store: MemoryStore, records: Records) -> None:
    await store.create(layout.candidate_path(ID, 2), as_json(a_candidate(1)))
    with pytest.raises(UnreadableRecordError):
        await records.candidate(ID, 2)


async def test_unknown_fields_of_a_record_are_ignored(store: MemoryStore, records: Records) -> None:
    await store.create(layout.response_path(ID), as_json(a_response(), some_day={"more": 1}))
    found = await records.response(ID)
    assert found is not None
    assert found.value == 3


async def test_a_failing_store_is_never_mistaken_for_an_absent_record(store: MemoryStore) -> None:
    with pytest.raises(StoreError, match="connection broke"):
        await records_of(Flaky(store, reads_fail=1)).find_request(ID)


# Attachments


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0rest", "image/jpeg"), (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp")],
)
async def test_an_image_is_told_by_its_first_bytes(records: Records, body: bytes, media_type: str) -> None:
    attachment = await records.put_attachment(ID, body, "scan.gif")
    assert attachment.media_type == media_type
    assert attachment.size == len(body)
    assert attachment.name == "scan.gif"
    assert await records.attachment(ID, attachment.sha256) == body
    assert await records.put_attachment(ID, body, "scan.gif") == attachment


@pytest.mark.parametrize(
    "body", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"RIFF\x10\0\0\0WAVE", b"%PDF-"]
)
async def test_another_kind_of_file_is_no_attachment(records: Records, body: bytes) -> None:
    with pytest.raises(UsageError, match="PNG, JPEG or WebP"):
        await records.put_attachment(ID, body)


async def test_an_attachment_beyond_its_limits_is_refused(records: Records) -> None:
    with pytest.raises(UsageError, match=str(MAX_ATTACHMENT_BYTES)):
        await records.put_attachment(ID, PNG + bytes(MAX_ATTACHMENT_BYTES))
    with pytest.raises(UsageError, match="200"):
        await records.put_attachment(ID, PNG, "n" * 201)


async def test_an_attachment_may_be_larger_than_a_record(records: Records) -> None:
    body = PNG + bytes(2 * MAX_BODY_BYTES)
    attachment = await records.put_attachment(ID, body)
    assert await records.attachment(ID, attachment.sha256) == body


async def test_a_damaged_attachment_is_not_shown(store: MemoryStore, records: Records) -> None:
    await store.create(layout.attachment_path(ID, "0" * 64), PNG)
    with pytest.raises(UnreadableRecordError, match="damaged"):
        await records.attachment(ID, "0" * 64)


@pytest.mark.parametrize("sha256", ["", "..", "../request.json", "0" * 63, "F" * 64])
async def test_a_malformed_digest_finds_nothing(records: Records, sha256: str) -> None:
    assert await records.attachment(ID, sha256) is None


# Keys, runs, the store itself


async def test_secrets_are_made_once_and_are_not_each_other(store: MemoryStore, records: Records) -> None:
    identity = await records.identity_secret()
    [(kid, key)] = await records.signing_keys()
    assert len(identity) == len(key) == 32
    assert identity != key
    again = Records(store)
    assert await again.identity_secret() == identity
    assert await again.signing_keys() == [(kid, key)]
    assert await again.store_id() == await records.store_id()


async def test_two_stores_have_different_ids_and_secrets(records: Records) -> None:
    other = Records(MemoryStore())
    assert await other.store_id() != await records.store_id()
    assert await other.identity_secret() != await records.identity_secret()


async def test_keys_are_read_once_per_instance(store: MemoryStore) -> None:
    flaky = Flaky(store)
    records = Records(flaky)
    for _ in range(3):
        await records.identity_secret()
        await records.signing_keys()
        await records.store_id()
    assert (flaky.gets, flaky.creates) == (2, 3)


async def test_the_newest_signing_key_comes_first(store: MemoryStore, records: Records) -> None:
    await store.create("v1/keys/older.json", a_key(2025))
    await store.create("v1/keys/newer.json", a_key(2026))
    await store.create("v1/keys/oldest.json", a_key(2024))
    await records.identity_secret()
    assert [kid for kid, _ in await records.signing_keys()] == ["newer", "older", "oldest"]


async def test_one_bad_signing_key_is_passed_over_and_logged(
    store: MemoryStore, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create("v1/keys/bad.json", b"{")
    await store.create("v1/keys/good.json", a_key(2026))
    with caplog.at_level(logging.ERROR, "pausepoint"):
        assert [kid for kid, _ in await records.signing_keys()] == ["good"]
    assert "v1/keys/bad.json" in caplog.text


@pytest.mark.parametrize("body", [b"{}", b'{"schema_version": 1, "write_id": "x"}', b"{"])
async def test_an_identity_without_its_secret_is_refused_and_not_made_up(store: MemoryStore, body: bytes) -> None:
    await store.create(layout.IDENTITY, body)
    await store.create("v1/keys/k1.json", body)
    for call in (Records(store).identity_secret, Records(store).signing_keys):
        with pytest.raises(UnreadableRecordError):
            await call()


async def test_a_short_secret_is_refused(store: MemoryStore, records: Records) -> None:
    await store.create(layout.IDENTITY, a_key(2026, secret="c2hvcnQ="))
    with pytest.raises(UnreadableRecordError) as refused:
        await records.identity_secret()
    assert "c2hvcnQ" not in str(refused.value)


async def test_a_store_of_a_newer_version_is_refused(store: MemoryStore, records: Records) -> None:
    body = {"schema_version": 2, "write_id": "x", "store_id": "s", "created_at": "2030-01-01T00:00:00Z"}
    await store.create(layout.STORE, json.dumps(body).encode())
    with pytest.raises(StoreError, match="newer"):
        await records.store_id()


async def test_a_finished_run_keeps_the_moment_it_first_ended(records: Records) -> None:
    first = await records.finish_run(DIGEST, "nightly")
    assert await records.run_finished(DIGEST) == first
    assert await records.finish_run(DIGEST, "nightly") == first


def a_key(year: int, secret: str = "A" * 44) -> bytes:
    return json.dumps(
        {
            "schema_version": 1,
            "write_id": "x",
            "secret": secret,
            "created_at": f"{year}-01-01T00:00:00Z",
        }
    ).encode()


async def test_a_record_that_a_plugin_logs_tells_no_whole_id_and_nothing_that_was_typed() -> None:
    by = Reviewer(name="typed name", assurance="self-declared")
    answer = Answer(value="typed value", comment="typed comment", by=by)
    given: dict[str, Any] = {"request_id": ID, "by": by, "value": "typed value", "comment": "typed comment"}
    records = (
        Candidate(request_id=ID, number=1, answer=answer),
        Verdict(request_id=ID, number=1, accepted=False, fields={"": "typed value is too short"}),
        Response.model_validate({**given, "outcome": "answered", "source": "reviewer"}),
    )
    for shown in [*map(repr, records), *map(str, records)]:
        assert "typed" not in shown
        assert ID not in shown
        assert ID[:8] in shown
