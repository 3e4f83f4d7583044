"""`doctor` finds what is broken, says what to do about it, and shows no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pausepoint._settings import Settings
from pausepoint._store import layout, open_store
from pausepoint._sync import run_sync
from pausepoint.cli.programme import program

ID = "b" * 26


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PAUSEPOINT_STORE": str(tmp_path / "store"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "200",
    }


def examined(environ: dict[str, str]) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(program, ["doctor", "--json"], env=environ)
    return result.exit_code, json.loads(result.stdout)


def test_nothing_is_broken_in_a_new_store(environ: dict[str, str]) -> None:
    code, found = examined(environ)

    assert (code, found["ok"], found["problems"]) == (0, True, [])
    assert (found["store"]["readable"], found["store"]["writable"], found["store"]["events"]) == (True, True, 0)
    assert (found["form_app"]["url"], found["form_app"]["proven"]) == (None, False)


def test_every_setting_is_shown_with_where_it_came_from(environ: dict[str, str]) -> None:
    found = {each["variable"]: each for each in examined({**environ, "PAUSEPOINT_PORT": "9000"})[1]["settings"]}

    assert set(found) == {f"PAUSEPOINT_{name.upper()}" for name in Settings.model_fields}
    assert found["PAUSEPOINT_PORT"] == {"variable": "PAUSEPOINT_PORT", "value": "9000", "from": "environment"}
    assert found["PAUSEPOINT_HOST"] == {"variable": "PAUSEPOINT_HOST", "value": "127.0.0.1", "from": "default"}


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]])
def test_a_secret_is_never_shown(environ: dict[str, str], arguments: list[str]) -> None:
    result = CliRunner().invoke(program, arguments, env={**environ, "PAUSEPOINT_API_TOKEN": "hunter2"})

    assert "hunter2" not in result.output
    assert "PAUSEPOINT_API_TOKEN" in result.output


@pytest.mark.parametrize(
    ("store", "shown"),
    [
        ("s3://AKIA:hunter2@bucket/prefix", "s3://bucket/prefix"),
        ("s3://AKIA:hun/ter2/hunter2@bucket/prefix", "s3://bucket/prefix"),
        ("s3:AKIA:hunter2@bucket", "s3://bucket"),
        ("s3://bucket/prefix?secret=hunter2", "s3://bucket/prefix"),
        ("file:///data/me@example.org/store", "file:///data/me@example.org/store"),
        ("/data/me@example.org/a:b?c", "/data/me@example.org/a:b?c"),
        ("memory://", "memory://"),
    ],
)
def test_a_store_is_shown_without_the_credentials_that_its_url_may_not_have(store: str, shown: str) -> None:
    settings = Settings(store=store)

    assert settings.shown()["store"] == shown
    assert "hunter2" not in repr(settings)


def test_examining_makes_nothing_in_the_store(environ: dict[str, str]) -> None:
    examined(environ)
    store = open_store(environ["PAUSEPOINT_STORE"])

    assert run_sync(store.get, layout.STORE) is None
    assert run_sync(store.get, layout.IDENTITY) is None


@pytest.mark.parametrize(
    "path",
    [
        layout.request_path(ID),
        layout.response_path(ID),
        layout.candidate_path(ID, 1),
        layout.STORE,
    ],
)
def test_an_object_that_cannot_be_read_is_named(environ: dict[str, str], path: str) -> None:
    run_sync(open_store(environ["PAUSEPOINT_STORE"]).create, path, b'{"half":')
    code, found = examined(environ)

    assert code == 1
    assert (path in found["store"]["unreadable"]) == (path != layout.STORE)
    assert path.replace(ID, "bbbbbbbb...") in found["problems"][0]["what"]
    assert found["problems"][0]["todo"]


def test_every_object_that_cannot_be_read_is_named_once(environ: dict[str, str]) -> None:
    store = open_store(environ["PAUSEPOINT_STORE"])
    paths = [
        layout.candidate_path(ID, 1),
        layout.verdict_path(ID, 1),
        layout.candidate_path(ID, 2),
        layout.request_path(ID),
    ]
    for path in paths:
        run_sync(store.create, path, b"[]")

    assert examined(environ)[1]["store"]["unreadable"] == sorted(paths)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PAUSEPOINT_HOST", "0.0.0.0"),
        ("PAUSEPOINT_PASSWORDS", "/nowhere"),
        ("PAUSEPOINT_STORE", "ftp://example.org/x"),
        ("PAUSEPOINT_URL", "http://127.0.0.1:9"),
    ],
)
def test_a_setting_that_would_fail_is_a_problem_with_a_remedy(
    environ: dict[str, str], variable: str, value: str
) -> None:
    code, found = examined({**environ, variable: value})

    assert code == 1
    assert found["problems"]
    assert all(each["what"] and each["todo"] for each in found["problems"])


def test_a_store_in_memory_is_no_problem_by_itself_and_one_beside_another_process(environ: dict[str, str]) -> None:
    environ["PAUSEPOINT_STORE"] = "memory://"

    assert examined(environ)[0] == 0
    assert examined({**environ, "PAUSEPOINT_URL": "http://127.0.0.1:9"})[0] == 1


def test_problems_are_read_at_the_end_with_what_to_do(environ: dict[str, str]) -> None:
    result = CliRunner().invoke(program, ["doctor"], env={**environ, "PAUSEPOINT_HOST": "0.0.0.0"})

    assert result.exit_code == 1
    assert "beyond this machine" in result.stdout.splitlines()[-2]
    assert "Nothing is broken" not in result.stdout
