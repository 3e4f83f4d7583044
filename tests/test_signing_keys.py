"""The keys that sign links: the newest signs, all verify, and a new one is known at once."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pausepoint import open_store
from pausepoint._store import MemoryStore, Records, layout
from pausepoint._store.keys import new_key
from pausepoint._store.signing import FRESH_SECONDS, SigningKeys
from pausepoint._sync import run_sync
from pausepoint.cli.programme import program
from pausepoint.errors import UnreadableRecordError

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def keys_of(store: Any, clock: Any = None) -> SigningKeys:
    return SigningKeys(store, (0,), clock or Clock())


async def test_looking_for_a_key_makes_none() -> None:
    store = MemoryStore()
    keys = keys_of(store)

    assert await keys.secret_of("k1") is None
    assert await keys.stored() == []
    for wrong in ("identity", "../identity", "", "k" * 33, "a/b", "\u2603"):
        assert await keys.secret_of(wrong) is None
    assert await store.list(layout.KEYS) == []


async def test_a_rotation_adds_a_key_that_signs_and_the_others_go_on_verifying() -> None:
    store = MemoryStore()
    keys = keys_of(store)
    [(first, secret)] = await keys.all()
    second = await keys.rotate()
    third = await keys.rotate()

    assert [kid for kid, _ in await keys.all()] == [third, second, first] == ["k3", "k2", "k1"]
    assert await keys.secret_of("k1") == secret
    assert len({key for _, key in await keys.all()}) == 3


async def test_the_first_rotation_of_a_new_store_leaves_two_keys() -> None:
    keys = keys_of(MemoryStore())

    assert await keys.rotate() == "k2"
    assert [kid for kid, _ in await keys.all()] == ["k2", "k1"]


async def test_another_process_knows_a_new_key_at_once_and_signs_with_it_within_a_minute() -> None:
    store, clock = MemoryStore(), Clock()
    here, there = keys_of(store), keys_of(store, clock)
    await there.all()
    kid = await here.rotate()

    assert await there.secret_of(kid) == await here.secret_of(kid)
    assert (await there.all())[0][0] == "k1"
    clock.now += FRESH_SECONDS + 1
    assert (await there.all())[0][0] == kid


async def test_a_rotated_key_signs_also_where_the_clock_of_the_last_one_was_ahead() -> None:
    store = MemoryStore()
    ahead = new_key().model_copy(update={"created_at": datetime(2099, 1, 1, tzinfo=timezone.utc)})
    await store.create("v1/keys/k7.json", ahead.model_dump_json().encode())

    kid = await keys_of(store).rotate()
    assert [each for each, _ in await keys_of(store).all()] == [kid, "k7"]


async def test_a_key_that_is_deleted_is_worth_nothing_a_minute_later(tmp_path: Path) -> None:
    store, clock = open_store(tmp_path), Clock()
    keys = keys_of(store, clock)
    await keys.all()
    assert await keys.secret_of("k1")
    (tmp_path / "v1" / "keys" / "k1.json").unlink()

    assert await keys.secret_of("k1")
    clock.now += FRESH_SECONDS + 1
    assert await keys.secret_of("k1") is None


async def test_a_key_that_cannot_be_read_says_so() -> None:
    store = MemoryStore()
    await store.create("v1/keys/k1.json", b"{")

    with pytest.raises(UnreadableRecordError):
        await keys_of(store).secret_of("k1")
    with pytest.raises(UnreadableRecordError):
        await keys_of(store).rotate()


# The commands


def run(folder: Path, *arguments: str, **more: Any) -> str:
    result = CliRunner().invoke(program, ["keys", *arguments], env={"PAUSEPOINT_STORE": str(folder)}, **more)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_keys_are_listed_and_rotated_and_no_secret_is_printed(tmp_path: Path) -> None:
    assert "No keys" in run(tmp_path, "list")
    assert run(tmp_path, "rotate").startswith("k2 signs links from now on")
    listed = run(tmp_path, "list") + run(tmp_path, "list", "--json")

    found = json.loads(run(tmp_path, "list", "--json"))["items"]
    assert [(each["id"], each["signs"]) for each in found] == [("k2", True), ("k1", False)]
    assert json.loads(run(tmp_path, "rotate", "--json")) == {"id": "k3"}
    for _, key in run_sync(Records(open_store(tmp_path)).signing.stored):
        assert key.secret not in listed


def test_the_command_for_passwords_prints_a_line_and_not_the_password(tmp_path: Path) -> None:
    line = run(tmp_path, "password", "ann", input="hunter2\n")

    assert line.startswith("ann:$scrypt$")
    assert line.count("\n") == 1
    assert "hunter2" not in line
