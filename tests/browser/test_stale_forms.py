"""A form that stayed open while the world went on: its token is old or was never ours, or the app was restarted."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pausepoint import RunInput
from pausepoint._links import FORM_SECONDS, FormTokens

from reviewing import Machine

WAITS = """
from typing import Annotated
from pydantic import Field, field_validator
from pausepoint import RunInput, pause, run

class Report(RunInput):
    words: str
    pages: Annotated[int, Field(ge=1, le=9)]

    @field_validator("words")
    @classmethod
    def mean_something(cls, words: str) -> str:
        if words == "lorem ipsum":
            raise ValueError("Words of your own, please.")
        return words

with run("monthly-7"):
    print(pause(Report, key="report"))
"""


class Report(RunInput):
    words: str
    pages: int


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()


def use_token(page: Page, token: str) -> None:
    page.locator("input[name=token]").evaluate("(input, token) => { input.value = token }", token)


def old_token(store: Path, request_id: str, age: float) -> str:
    """A token of this store's app, issued `age` seconds ago."""
    secret = base64.b64decode(json.loads((store / "v1/keys/identity.json").read_text("utf-8"))["secret"])
    return FormTokens([("form", secret)], clock=lambda: time.time() - age).issue(request_id)


@pytest.mark.parametrize("token", ["", "form.forged", "expired"])
def test_a_form_whose_token_is_worth_nothing_is_shown_again_with_everything_typed(
    asks: Any, page: Page, store_folder: Path, token: str
) -> None:
    asked = asks(Report)
    page.goto(asked.link)
    page.get_by_label("Words").fill("A <b>bold</b> plan")
    page.get_by_label("Pages").fill("three")
    page.get_by_label("Comment").fill("Late, but here")
    if token == "expired":
        token = old_token(store_folder, asked.event.request_id, FORM_SECONDS + 60)
    use_token(page, token)
    submit(page)

    expect(page.get_by_role("alert", name="Please submit again")).to_be_focused()
    expect(page.get_by_label("Words")).to_have_value("A <b>bold</b> plan")
    expect(page.get_by_label("Pages")).to_have_value("three")
    expect(page.get_by_label("Comment")).to_have_value("Late, but here")
    assert asked.stored() is None

    page.get_by_label("Pages").fill("3")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() == Report(words="A <b>bold</b> plan", pages=3)


def test_a_form_within_its_twelve_hours_is_taken(asks: Any, page: Page, store_folder: Path) -> None:
    asked = asks(int)
    page.goto(asked.link)
    page.get_by_role("textbox").first.fill("7")
    use_token(page, old_token(store_folder, asked.event.request_id, FORM_SECONDS - 60))
    submit(page)

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() == 7


def test_a_form_outlives_the_process_that_showed_it(machine: Machine, page: Page, free_port: int) -> None:
    path = machine.write("report.py", WAITS)
    port = {"PAUSEPOINT_PORT": str(free_port)}
    script = machine.start(path, **port)
    link = script.link()
    page.goto(link)
    page.get_by_label("Words").fill("A plan")
    page.get_by_label("Pages").fill("ten")
    script.kill()
    again = machine.start(path, **port)
    assert again.link() == link

    submit(page)
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    expect(page.get_by_label("Words")).to_have_value("A plan")
    expect(page.get_by_label("Pages")).to_have_value("ten")
    page.get_by_label("Pages").fill("9")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert again.finish() == "words='A plan' pages=9\n"


def test_an_answer_that_only_an_absent_workflow_can_judge_is_saved_and_refused_when_it_is_back(
    machine: Machine, page: Page, free_port: int
) -> None:
    path = machine.write("report.py", WAITS)
    script = machine.start(path)
    request_id = script.link().rpartition("/")[2]
    script.kill()
    # An app on its own, which has no code of the author's.
    machine.command("pausepoint", "serve", "--port", str(free_port))
    link = f"http://127.0.0.1:{free_port}/form/{request_id}"
    machine.until_it_answers(link)
    page.goto(link)
    page.get_by_label("Words").fill("lorem ipsum")
    page.get_by_label("Pages").fill("1")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer is saved")).to_be_visible()

    again = machine.start(path)
    again.link()
    page.get_by_role("link", name="See how it stands").click()
    page.get_by_label("Words").fill("A plan")
    page.get_by_label("Pages").fill("1")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert again.finish() == "words='A plan' pages=1\n"
