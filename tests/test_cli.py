"""The commands about events, in this process: what they print, what they store, how they end."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pausepoint._local import SharedAddress
from pausepoint._models import Answer, DefaultValue, Request, Response, Reviewer, RunContext, utc_now
from pausepoint._store import layout, open_store
from pausepoint._sync import portal, run_sync
from pausepoint._waiting import Watcher
from pausepoint.cli import EXIT_CODES, ExitCode
from pausepoint.cli.programme import program
from pausepoint.cli.serving import shared_address
from pausepoint.errors import AnswerError

ID = "abcdefghijklmnopqrstuvwxyz"[:24] + "23"
HOSTILE = "[bold]x[/bold] \x1b[31m\x9b2J\u202e<script>alert(1)</script>\r\n"
MODEL = {
    "type": "object",
    "properties": {"size": {"enum": ["small", "large"]}, "count": {"type": "integer", "minimum": 1}},
    "required": ["size", "count"],
    "additionalProperties": False,
}


class Shop:
    """A store on disk, and the command line pointed at it."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder / "store")
        self.environ = {
            "PAUSEPOINT_STORE": self.url,
            "XDG_STATE_HOME": str(folder / "state"),
            "COLUMNS": "200",
        }
        self.watcher = Watcher(open_store(self.url))
        self.records = self.watcher.records

    def asks(self, json_schema: dict[str, Any], request_id: str = ID, **more: Any) -> Request:
        now = utc_now()
        given: dict[str, Any] = {
            "request_id": request_id,
            "name": "approve",
            "key": request_id,
            "run": RunContext(engine="local", run_id="nightly-42"),
            "title": "Approve?",
            "prompt": "Do you?",
            "data_type": "int",
            "json_schema": json_schema,
            "schema_complete": True,
            "created_at": now,
            "deadline": now + timedelta(hours=1),
        }
        return run_sync(self.records.put_request, Request.model_validate({**given, **more})).record

    def waits(self, request: Request, parse: Callable[[Any], object]) -> Future[Response]:
        """Wait for the answer as the workflow does, judging candidates with *parse*."""
        return portal().start_task_soon(self.watcher.wait, request, parse, 0.05)

    def response(self, request: Request) -> Response | None:
        return run_sync(self.records.response, request.request_id)

    def runs(self, *arguments: str) -> Ran:
        return Ran(CliRunner().invoke(program, list(arguments), env=self.environ))


class Ran:
    """How a command ended."""

    def __init__(self, result: Any) -> None:
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def refuse_even(value: Any) -> object:
    if value % 2 == 0:
        raise AnswerError("no", fields={"": "Only odd numbers."})
    return value


def test_a_list_shows_what_waits_and_who_asks(shop: Shop) -> None:
    shop.asks({"type": "integer"}, title="How many?")
    ran = shop.runs("list")

    assert ran.code == ExitCode.DONE
    (row,) = [line for line in ran.out.splitlines() if "approve" in line]
    assert re.split(r"\s{2,}", row.strip()) == [
        *("abcdefgh", "approve", "How many?", "local nightly-42", "just now", "in 1 hour", "pending"),
    ]
    assert ID not in ran.out


def test_a_list_leaves_settled_events_out_unless_asked_for(shop: Shop) -> None:
    run_sync(shop.watcher.settling.submit, shop.asks({"type": "integer"}), Answer(value=1))

    assert "No pending events" in shop.runs("list").out
    assert "answered" in shop.runs("list", "--status", "completed").out
    assert [each["status"] for each in shop.runs("list", "--status", "all", "--json").document["items"]] == [
        "completed"
    ]


def test_a_list_says_when_it_is_cut_short(shop: Shop) -> None:
    for first in "abc":
        shop.asks({"type": "integer"}, first * 26)

    assert "There are more" in shop.runs("list", "--limit", "2").out
    document = shop.runs("list", "--limit", "2", "--json").document
    assert (len(document["items"]), document["more"]) == (2, True)


def test_looking_writes_nothing_even_where_an_event_is_overdue(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, deadline=utc_now() - timedelta(minutes=1))

    assert "expired" in shop.runs("list", "--status", "all").out
    assert "expired" in shop.runs("show", ID).out
    assert shop.response(request) is None


def test_a_record_that_cannot_be_read_is_named_and_hides_no_other_event(shop: Shop) -> None:
    shop.asks({"type": "integer"})
    run_sync(open_store(shop.url).create, layout.request_path("b" * 26), b'{"half":')
    ran = shop.runs("list")

    assert ran.code == ExitCode.DONE
    assert "approve" in ran.out
    assert "v1/events/bbbbbbbb.../request.json" in ran.out
    assert shop.runs("list", "--json").document["problems"] == [layout.request_path("b" * 26)]


@pytest.mark.parametrize("command", [("list",), ("show", ID), ("answer", ID, "--decline"), ("cancel", ID)])
def test_words_of_others_are_shown_as_text_and_never_run_by_the_terminal(shop: Shop, command: tuple[str, ...]) -> None:
    shop.asks({"type": "string", "title": HOSTILE, "default": HOSTILE}, name=HOSTILE, title=HOSTILE, prompt=HOSTILE)
    ran = shop.runs(*command)

    assert ran.code == ExitCode.DONE
    for shown in ("[bold]x[/bold]", "<script>alert(1)</script>"):
        assert shown in ran.out
    assert not set("\x1b\x9b\u202e\r") & set(ran.out + ran.err)
    assert "\\x1b" in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--json"),
        ("show", ID, "--json"),
        ("answer", ID, "3", "--json"),
        ("cancel", ID, "--json"),
        ("doctor", "--json"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_json_is_one_document_and_nothing_else(shop: Shop, arguments: tuple[str, ...]) -> None:
    shop.asks({"type": "integer"}, title=HOSTILE)
    ran = shop.runs(*arguments)

    assert ran.code == ExitCode.DONE
    assert isinstance(ran.document, dict)
    assert ran.out.isascii()
    assert ran.err == ""


def test_an_event_shows_its_question_its_type_in_words_and_its_answer(shop: Shop) -> None:
    request = shop.asks(MODEL, prompt="How **many**?", default=DefaultValue(value={"size": "small", "count": 1}))
    before = shop.runs("show", ID).out
    by = Reviewer(name="Ada", assurance="local")
    run_sync(
        shop.watcher.settling.submit,
        request,
        Answer(value={"size": "large", "count": 3}, by=by, comment="enough", through="form"),
    )
    after = shop.runs("show", ID).out

    assert "How **many**?" in before
    assert "Size: one of small, large" in before
    assert "Count: a whole number of at least 1" in before
    assert "at the deadline" in before
    for shown in ('"size": "large"', "Ada (local)", "enough", "form"):
        assert shown in after
        assert shown not in before


def test_a_candidate_is_shown_as_waiting(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, schema_complete=False)
    run_sync(shop.watcher.settling.submit, request, Answer(value=4))

    assert "Answer 1 waits for the workflow's own check" in shop.runs("show", ID).out
    (candidate,) = shop.runs("show", ID, "--json").document["candidates"]
    assert (candidate["number"], candidate["value"], candidate["verdict"]) == (1, 4, None)


@pytest.mark.parametrize("given", ["abcd", ID[:25], ID, f"http://127.0.0.1:8931/form/{ID}"])
def test_an_event_is_found_by_its_first_characters_or_its_link(shop: Shop, given: str) -> None:
    shop.asks({"type": "integer"})

    assert shop.runs("show", given, "--json").document["request_id"] == ID


def test_an_ambiguous_beginning_is_a_usage_error_that_names_the_events(shop: Shop) -> None:
    for end in "mno":
        shop.asks({"type": "integer"}, "abcde" + end * 21)
    ran = shop.runs("show", "abcde")

    assert ran.code == ExitCode.WRONG_USE
    assert "abcdemmm, abcdennn, abcdeooo" in ran.err


def test_three_characters_of_an_id_are_too_few(shop: Shop) -> None:
    shop.asks({"type": "integer"})

    assert shop.runs("show", "abc").code == ExitCode.WRONG_USE


@pytest.mark.parametrize("given", [ID, "abcd", "NOT AN ID", "../../etc", "\udcff\udcff\udcff\udcff"])
@pytest.mark.parametrize("command", [("show",), ("answer",), ("cancel",)])
def test_an_unknown_event_is_exit_code_3(shop: Shop, command: tuple[str, ...], given: str) -> None:
    ran = shop.runs(*command, given)

    assert ran.code == ExitCode.NO_SUCH_EVENT
    assert ran.err.startswith("Error: ")
    assert ran.out == ""


@pytest.mark.parametrize(
    ("json_schema", "typed", "value"),
    [
        ({"type": "integer"}, "3", 3),
        ({"type": "string"}, "3", "3"),
        ({"type": "string"}, "null", "null"),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "no", False),
        ({"type": "number"}, "2.5", 2.5),
        ({"enum": ["small", "large"]}, "large", "large"),
        ({"enum": [1, "1"]}, '"1"', "1"),
        ({"type": "string", "format": "date"}, "2030-01-31", "2030-01-31"),
        ({"type": "string", "format": "date-time"}, "2030-01-31 14:30+02:00", "2030-01-31T14:30+02:00"),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "null", None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, '"null"', "null"),
        (MODEL, '{"size": "small", "count": 2}', {"size": "small", "count": 2}),
    ],
)
def test_an_answer_is_spelt_as_in_the_form_or_as_json(
    shop: Shop, json_schema: dict[str, Any], typed: str, value: object
) -> None:
    request = shop.asks(json_schema)
    ran = shop.runs("answer", ID, "--by", "Ada", "--comment", "so be it", "--", typed)
    response = shop.response(request)

    assert ran.code == ExitCode.DONE
    assert "Accepted" in ran.out
    assert response is not None
    assert (response.value, type(response.value)) == (value, type(value))
    assert (response.by, response.through, response.comment) == (
        Reviewer(name="Ada", assurance="local"),
        "cli",
        "so be it",
    )


@pytest.mark.parametrize(
    ("json_schema", "typed"),
    [
        ({"type": "boolean"}, "maybe"),
        ({"type": "boolean"}, "1"),
        ({"type": "integer"}, "3.0"),
        ({"type": "integer", "maximum": 2}, "3"),
        ({"type": "number"}, "NaN"),
        ({"enum": ["small", "large"]}, "medium"),
        ({"type": "array", "items": {"type": "integer"}}, "[1, NaN]"),
        (MODEL, '{"size": "small"}'),
        (MODEL, '{"size": "small", "count": 1, "more": 1}'),
        (MODEL, '{"size": "small", "count": 1, "count": 2}'),
        (MODEL, "{"),
    ],
)
def test_an_answer_that_does_not_fit_is_exit_code_5_and_stores_nothing(
    shop: Shop, json_schema: dict[str, Any], typed: str
) -> None:
    request = shop.asks(json_schema)
    ran = shop.runs("answer", ID, "--json", "--", typed)

    assert ran.code == ExitCode.REFUSED
    assert ran.document["result"] == "refused"
    assert ran.document["fields"]
    assert shop.response(request) is None
    assert run_sync(shop.records.candidate, ID, 1) is None


def test_the_message_of_a_refusal_stands_beside_its_field_and_repeats_no_value(shop: Shop) -> None:
    shop.asks(MODEL)
    ran = shop.runs("answer", ID, '{"size": "s3cret", "count": 0}')

    assert re.search(r"^  size: ", ran.err, re.MULTILINE)
    assert re.search(r"^  count: ", ran.err, re.MULTILINE)
    assert "s3cret" not in ran.out + ran.err


def test_the_workflows_own_check_accepts_an_answer(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, schema_complete=False)
    waiting = shop.waits(request, refuse_even)

    assert shop.runs("answer", ID, "3", "--json").document["result"] == "accepted"
    assert waiting.result(60).value == 3


def test_the_workflows_own_check_refuses_an_answer_with_its_message(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, schema_complete=False)
    waiting = shop.waits(request, refuse_even)
    ran = shop.runs("answer", ID, "4")
    waiting.cancel()

    assert ran.code == ExitCode.REFUSED
    assert "Only odd numbers." in ran.err
    assert shop.response(request) is None


def test_an_answer_that_nobody_can_check_now_is_saved_and_exit_code_6(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, schema_complete=False)
    ran = shop.runs("answer", ID, "3", "--json")

    assert ran.code == ExitCode.NOT_YET_CHECKED
    assert ran.document["result"] == "saved"
    assert shop.waits(request, refuse_even).result(60).value == 3


def test_declining_is_told_with_its_comment(shop: Shop) -> None:
    request = shop.asks({"type": "integer"})
    ran = shop.runs("answer", ID, "--decline", "--comment", "too risky")
    response = shop.response(request)

    assert (ran.code, ran.out) == (ExitCode.DONE, "Declined: 'approve' (abcdefgh)\n")
    assert response is not None
    assert (response.outcome, response.comment) == ("declined", "too risky")


@pytest.mark.parametrize("command", [("answer", ID, "4"), ("answer", ID), ("cancel", ID)])
@pytest.mark.parametrize("ended", ["answered", "declined", "expired", "cancelled"])
def test_a_settled_event_is_exit_code_4_and_its_outcome_stands(
    shop: Shop, command: tuple[str, ...], ended: str
) -> None:
    request = shop.asks({"type": "integer"})
    source = {"expired": "deadline", "cancelled": "workflow"}.get(ended, "reviewer")
    first = Response.model_validate({"request_id": ID, "outcome": ended, "source": source})
    run_sync(shop.records.put_response, first)
    ran = shop.runs(*command)

    assert ran.code == ExitCode.ALREADY_SETTLED
    assert ended in ran.err
    assert shop.response(request) == first


def test_cancelling_stores_the_reason_and_says_that_the_operator_did_it(shop: Shop) -> None:
    request = shop.asks({"type": "integer"})
    ran = shop.runs("cancel", "abcd", "--reason", "not needed")
    response = shop.response(request)

    assert ran.code == ExitCode.DONE
    assert response is not None
    assert (response.outcome, response.source, response.reason) == ("cancelled", "operator", "not needed")


def test_cancelling_twice_is_told_the_second_time(shop: Shop) -> None:
    request = shop.asks({"type": "integer"})
    shop.runs("cancel", ID)
    first = shop.response(request)

    assert shop.runs("cancel", ID).code == ExitCode.ALREADY_SETTLED
    assert shop.response(request) == first


def test_an_answer_that_loses_while_it_is_checked_is_told_who_won(shop: Shop) -> None:
    request = shop.asks({"type": "integer"}, schema_complete=False)

    def cancelled_meanwhile(value: Any) -> object:
        return run_sync(shop.watcher.settling.cancel, request, "not needed") and value

    waiting = shop.waits(request, cancelled_meanwhile)
    ran = shop.runs("answer", ID, "3")

    assert waiting.result(60).outcome == "cancelled"
    assert ran.code == ExitCode.ALREADY_SETTLED
    assert "cancelled" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("list", "--status", "nonsense"),
        ("list", "--limit", "0"),
        ("show",),
        ("answer", ID, "1", "--decline"),
        ("answer", ID),
        ("answer", ID, "1", "--by", "x" * 201),
        ("answer", ID, "1", "--comment", "x" * 9000),
        ("answer", ID, "1", "--comment", "\udcff"),
        ("answer", ID, "\udcff"),
        ("cancel", ID, "--reason", "x" * 9000),
        ("cancel", ID, "--reason", "\udcff"),
        ("demo", "3"),
        ("serve", "--host", "0.0.0.0"),
        ("serve", "--port", "0"),
        ("serve", "--root-path", "questions"),
        ("serve", "--store", "memory://"),
        ("serve", "--store", "ftp://example.org/x"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40].encode("ascii", "replace").decode(),
)
def test_wrong_use_is_exit_code_2_and_changes_nothing(shop: Shop, arguments: tuple[str, ...]) -> None:
    request = shop.asks({"type": "integer"})
    ran = shop.runs(*arguments)

    assert ran.code == ExitCode.WRONG_USE
    assert ran.err
    assert ran.out == ""
    assert shop.response(request) is None


@pytest.mark.parametrize(
    "command", [("list",), ("show", ID), ("answer", ID, "1"), ("cancel", ID), ("doctor",), ("serve",)]
)
def test_a_setting_that_cannot_be_understood_is_exit_code_2_and_not_repeated(
    shop: Shop, command: tuple[str, ...]
) -> None:
    shop.environ["PAUSEPOINT_PORT"] = "s3cret"
    ran = shop.runs(*command)

    assert ran.code == ExitCode.WRONG_USE
    assert "PAUSEPOINT_PORT" in ran.err
    assert "s3cret" not in ran.err


@pytest.mark.parametrize("command", [("list",), ("show", ID), ("answer", ID, "1"), ("cancel", ID), ("serve",)])
def test_a_store_in_memory_is_refused_where_it_would_look_empty(shop: Shop, command: tuple[str, ...]) -> None:
    shop.environ["PAUSEPOINT_STORE"] = "memory://"

    assert shop.runs(*command).code == ExitCode.WRONG_USE


@pytest.mark.parametrize("command", [("list",), ("show", "abcd"), ("cancel", ID), ("doctor",), ("serve",)])
def test_a_store_that_fails_is_exit_code_1(shop: Shop, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("not a folder")
    shop.environ["PAUSEPOINT_STORE"] = str(tmp_path / "file")
    ran = shop.runs(*command)

    assert ran.code == ExitCode.FAILED
    assert ran.err or command == ("doctor",)


class Lockless(SharedAddress):
    """An address on a file system without locks."""

    def claim(self) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_where_files_cannot_be_locked_the_forms_are_served_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(_: Path, store_url: str) -> SharedAddress:
        return Lockless(tmp_path, store_url)

    assert shared_address(open_store(tmp_path / "store"), opened) == (None, False)
    assert "will not find it by themselves" in capsys.readouterr().err


def test_help_tells_every_exit_code(shop: Shop) -> None:
    told = shop.runs("--help").out

    assert set(EXIT_CODES) == set(ExitCode)
    for code, means in EXIT_CODES.items():
        assert re.search(rf"^ *{code:d} +{re.escape(means)}$", told, re.MULTILINE)


def test_help_of_each_command_is_short(shop: Shop) -> None:
    commands = re.findall(
        r"^  (\w+) +\S.*$", shop.runs("--help").out.partition("Commands:")[2].partition("Exit")[0], re.MULTILINE
    )

    assert commands == ["demo", "list", "show", "answer", "cancel", "serve", "plugins", "doctor", "keys"]
    for command in commands:
        assert len(shop.runs(command, "--help").out.splitlines()) <= 30
