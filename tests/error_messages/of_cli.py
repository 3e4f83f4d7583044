"""What the commands tell on standard error."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import anyio
from house import asking, command, question, records_of, refused_beforehand, somebody_else
from occasions import ID, OTHER_ID, SECRET, TYPED, each, occasion

from pausepoint import new_event, open_store
from pausepoint._models import Response
from pausepoint._store import Records
from pausepoint.cli.demo import Release, _post
from pausepoint.cli.keys import _typed_twice

HALF = "\udcff"
"""A byte that is no text, as Python gives it to a program."""


def _asked(folder: Path, **more: Any) -> Records:
    records = records_of(open_store(folder / "store"))
    anyio.run(records.put_request, question(**more))
    return records


@occasion
def a_password_that_is_typed_in_two_ways() -> None:
    _typed_twice({"Password: ": SECRET, "Again: ": TYPED}.__getitem__)


@each(
    a_value_and_decline=(ID, TYPED, "--decline"),
    no_value=(ID,),
    a_misfit=(ID, TYPED),
    a_choice_that_is_none=(OTHER_ID, TYPED),
    too_few_characters=("abc", "1"),
    characters_of_several_events=("abcd", "1"),
    an_unknown_id=("zzzz", "1"),
    an_unknown_link=(f"http://127.0.0.1:8931/form/{'z' * 26}", "1"),
    a_comment_too_long=(ID, "1", "--comment", TYPED * 1000),
    a_name_that_is_no_text=(ID, "1", "--by", HALF),
    a_value_that_is_no_text=(ID, HALF),
)
def answering_with(arguments: tuple[str, ...], folder: Path) -> str:
    _asked(folder)
    _asked(folder, request_id=OTHER_ID, json_schema={"enum": ["small", "large"]})
    return command(folder, "answer", *arguments)


@occasion
def answering_what_the_workflow_refuses(folder: Path) -> str:
    records = _asked(folder, schema_complete=False)
    anyio.run(refused_beforehand, records, question())
    return command(folder, "answer", ID, "2")


@occasion
def answering_what_is_settled(folder: Path) -> str:
    records = _asked(folder)
    anyio.run(records.put_response, Response(request_id=ID, outcome="declined", source="reviewer", comment=TYPED))
    return command(folder, "answer", ID, "2")


@occasion
def cancelling_for_a_reason_too_long(folder: Path) -> str:
    _asked(folder)
    return command(folder, "cancel", ID, "--reason", TYPED * 1000)


@occasion
def listing_a_store_in_memory(folder: Path) -> str:
    return command(folder, "list", environ={"PAUSEPOINT_STORE": "memory://"})


@each(a_host_beyond_loopback=("--host", "0.0.0.0"), a_root_path_without_a_slash=("--root-path", "questions"))
def serving_with(arguments: tuple[str, ...], folder: Path) -> str:
    return command(folder, "serve", *arguments)


@occasion
def serving_on_a_port_that_is_taken(folder: Path) -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return command(folder, "serve", "--port", str(taken.getsockname()[1]))


@each(a_value_alone=("demo", TYPED), a_value_that_is_no_text=("demo", "--answer", HALF))
def trying_the_demo_with(arguments: tuple[str, ...], folder: Path) -> str:
    return command(folder, *arguments)


@occasion
def trying_the_demo_with_a_misfit(folder: Path) -> str:
    return command(folder, "demo", "--answer", f'{{"target": "{SECRET}"}}')


@occasion
def the_demo_reaches_nobody() -> None:
    with asking():
        _post(new_event("release", Release), {})


@occasion
def the_demo_reaches_somebody_else() -> None:
    with somebody_else() as url, asking(url):
        _post(new_event("release", Release), {})
