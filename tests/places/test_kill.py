"""A run that is killed while it waits comes back to the same question, and finds what happened meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from reviewing import Machine, Script

RESUMABLE = """
from pausepoint import new_event, run

with run("nightly-42"):
    event = new_event("approve", bool, prompt="Go on?", timeout_seconds=600)
    print("waits", flush=True)
    print(event.wait())
print("done")
"""

WITH_A_CHECK_OF_ITS_OWN = """
from typing import Annotated
from pydantic import AfterValidator
from pausepoint import pause, run

def even(number):
    if number % 2:
        raise ValueError("An even number, please.")
    return number

with run("pairs"):
    print(pause(Annotated[int, AfterValidator(even)], key="pairs"))
"""

SERVER = """
import sys
import uvicorn
from pausepoint import open_store
from pausepoint.app import create_app

uvicorn.run(create_app(open_store(sys.argv[1])), port=int(sys.argv[2]), log_level="error")
"""


def deadline(script: Script) -> str:
    """The deadline as the process printed it."""
    (line,) = [line for line in script.stderr if line.startswith("  deadline ")]
    return str(line)


@pytest.fixture
def killed(machine: Machine) -> tuple[str, Any]:
    """The link of a run that was killed while it waited for it, and the script to start again."""
    path = machine.write("nightly.py", RESUMABLE)
    script = machine.start(path)
    link = script.link()
    script.kill()
    return link, path


def test_a_killed_run_shows_the_same_link_and_deadline_again(machine: Machine) -> None:
    path = machine.write("nightly.py", RESUMABLE)
    script = machine.start(path)
    link = script.link()
    script.kill()
    again = machine.start(path)

    assert again.link() == link
    assert machine.answer(link, True).status_code == 200
    assert again.finish() == "waits\nTrue\ndone\n"
    assert deadline(again) == deadline(script)


def test_an_answer_given_on_the_command_line_meanwhile_is_found(machine: Machine, killed: tuple[str, Any]) -> None:
    link, path = killed
    machine.command("pausepoint", "answer", link.rpartition("/")[2], "true").finish()
    again = machine.start(path)

    assert again.finish() == "waits\nTrue\ndone\n"
    assert "answer at" not in again.told, "a settled question is not announced"


def test_an_answer_given_to_another_process_meanwhile_is_found(
    machine: Machine, killed: tuple[str, Any], free_port: int
) -> None:
    link, path = killed
    server = machine.start(machine.write("server.py", SERVER), machine.store.as_uri(), str(free_port))
    elsewhere = f"http://127.0.0.1:{free_port}/form/{link.rpartition('/')[2]}"
    machine.until_it_answers(elsewhere)

    assert machine.answer(elsewhere, False).status_code == 200
    server.kill()
    assert machine.start(path).finish() == "waits\nFalse\ndone\n"


def test_an_answer_that_only_the_script_can_check_is_checked_when_it_is_back(machine: Machine, free_port: int) -> None:
    path = machine.write("pairs.py", WITH_A_CHECK_OF_ITS_OWN)
    script = machine.start(path)
    link = script.link()
    script.kill()
    machine.start(machine.write("server.py", SERVER), machine.store.as_uri(), str(free_port))
    elsewhere = f"http://127.0.0.1:{free_port}/form/{link.rpartition('/')[2]}"
    machine.until_it_answers(elsewhere)

    assert [machine.answer(elsewhere, number).status_code for number in (3, 4, 6)] == [202, 202, 202]
    assert machine.start(path).finish() == "4\n", "the first that fits"


def test_a_finished_run_entered_again_raises(machine: Machine) -> None:
    path = machine.write("nightly.py", RESUMABLE)
    script = machine.start(path)
    machine.answer(script.link(), True)
    script.finish()
    again = machine.start(path)

    assert again.wait() == 1
    assert "RunFinishedError: The run 'nightly-42' ended well at" in again.told
    assert not again.stdout, "yesterday's approval is not returned"


def test_a_printed_link_works_as_long_as_anybody_waits(machine: Machine) -> None:
    first = machine.start(machine.write("first.py", RESUMABLE))
    first_link = first.link()
    second = machine.start(machine.write("second.py", RESUMABLE.replace("nightly-42", "nightly-43")))
    second_link = second.link()

    assert second_link.partition("/form/")[0] == first_link.partition("/form/")[0], "one server for both"

    first.kill()
    machine.until_it_answers(second_link)
    assert machine.answer(second_link, True).status_code == 200
    assert second.finish() == "waits\nTrue\ndone\n"
