"""
Every error that the core can make is brought about, read by an editor's rules, and compared with error_messages.txt.

What is brought about, and how, is in error_messages/; that it is everything is found by reading the source.
"""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pausepoint.errors import PausepointError

SUITE = Path(__file__).with_name("error_messages")
SNAPSHOT = Path(__file__).with_name("error_messages.txt")
REFRESH = "python tests/error_messages --refresh  (in the environment that runs this test, e.g. .tox/py/bin/python)"
LONGEST = 400

EXEMPT = {
    "_codec/answer_type.py AnswerType._typed: AnswerError": "`dump` catches it and tells its fields in its own words.",
    "_event/surface.py current_surface: UsageError": "Importing any module of ours runs pausepoint/__init__.py first, "
    "which sets the surface.",
}
"""Sites that no occasion can reach, and why; a line that is not needed any more fails."""

NAMELESS = {
    "app/desk.py Desk.request: UnknownRequestError": "There is no such event; what a stranger typed is not repeated.",
    "cli/answering.py answer_event: UsageError": "The command line is wrong whatever event it names.",
    "_store/layout.py attachment_path: UsageError": "The event's id has not been checked yet, and may be none.",
}
"""Sites that have an event's id at hand and name no event, and why."""

INTERNAL = {
    "Python's own words": r"Traceback|File \"|\bNoneType\b|\bKeyError\b|\bself\.",
    "an object's repr": r"<(?:class|function|built-in|bound|module)\b|\bobject at\b| at 0x|<\w+(?:\.\w+)+ ",
    "a record's repr": r"\b(?:Request|Response|Answer|Candidate|RunContext|Reviewer)\(",
    "a private name": r"\bpausepoint\._|\b_[a-z]\w*\.py\b|core_schema",
}

Told = dict[str, Any]


@pytest.fixture(scope="module")
def report() -> Told:
    """What happened when every occasion was brought about, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, str(SUITE), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: Told = json.loads(ran.stdout)
    return found


def test_every_occasion_raises_its_error(report: Told) -> None:
    assert not report["failed"], "\n".join(report["failed"])


def test_every_place_that_makes_an_error_is_reached(report: Told) -> None:
    missed = [f"{site['place']}  {site['name']}" for site in report["sites"] if not site["by"]]
    missed = [line for line in missed if line.partition("  ")[2] not in EXEMPT]
    assert not missed, (
        "No occasion reaches what these lines tell:\n  "
        + "\n  ".join(missed)
        + "\nFor each add a function with @occasion to tests/error_messages/of_*.py that gets it raised, as a caller "
        f"would.\nThen: {REFRESH}.\nIf no caller can ever be told: a line with the reason in EXEMPT of this file."
    )


def test_each_exempt_place_is_there_and_still_out_of_reach(report: Told) -> None:
    reached = {site["name"]: site["by"] for site in report["sites"]}
    assert {name: reached.get(name, "is gone") for name in EXEMPT} == {name: [] for name in EXEMPT}


def test_reading_the_source_finds_every_place_that_makes_an_error(report: Told) -> None:
    assert not report["unseen"], "made where tests/error_messages/sites.py sees no call of an error's class"


def test_all_errors_are_in_one_module() -> None:
    families = [PausepointError]
    for family in families:
        families += family.__subclasses__()
    ours = [family for family in families if family.__module__.partition(".")[0] == "pausepoint"]
    assert {family.__module__ for family in ours} == {"pausepoint.errors"}


def test_the_messages_are_those_in_the_snapshot(report: Told) -> None:
    before, now = SNAPSHOT.read_text("utf-8"), report["text"]
    changes = difflib.unified_diff(before.splitlines(), now.splitlines(), "tests/error_messages.txt", "now", "", "", 2)
    assert before == now, "\n".join(changes) + f"\nIf that is what readers should be told: {REFRESH}"


def test_every_message_is_made_of_sentences(report: Told) -> None:
    refuse(report, lambda told: not told["what"].endswith(".") or told["todo"][-1:] not in ("", "."))


def test_every_message_says_what_to_do_next(report: Told) -> None:
    refuse(report, lambda told: not told["todo"])


def test_every_message_names_the_event_where_one_is_known(report: Told) -> None:
    """The floor of the store knows ids only, so 8 characters are its name."""

    def is_nameless(told: Told) -> bool:
        enough = (told["known"], "<id>") if told["site"].startswith("_store/") else (told["known"],)
        return bool(told["known"]) and told["event"] not in enough

    nameless = {told["site"] for told in report["told"] if is_nameless(told)}
    assert nameless == set(NAMELESS), "name it (request.label), or say in NAMELESS why not"


def test_no_message_holds_a_whole_id(report: Told) -> None:
    refuse(report, lambda told: re.search(r"(?<![A-Za-z0-9])[a-z2-7]{26}(?![A-Za-z0-9])", told["log"]))


def test_no_message_or_log_of_one_holds_what_was_typed_or_is_secret(report: Told) -> None:
    refuse(report, lambda told: told["hidden"])


@pytest.mark.parametrize("kind", INTERNAL)
def test_no_message_speaks_of_our_insides(report: Told, kind: str) -> None:
    refuse(report, lambda told: re.search(INTERNAL[kind], told["whole"]))


def test_no_message_is_longer_than_anybody_reads(report: Told) -> None:
    refuse(report, lambda told: len(told["whole"]) > LONGEST)


def refuse(report: Told, is_wrong: Any) -> None:
    """Fail with every message that is wrong, and where it is written."""
    wrong = [f"{told['place']} ({told['occasion']}): {told['whole']}" for told in report["told"] if is_wrong(told)]
    assert not wrong, "\n".join(wrong)
