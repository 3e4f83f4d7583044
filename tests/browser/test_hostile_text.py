"""Text from authors and reviewers is text: in no place of any page does a browser take it for anything else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Annotated, Any, Literal

import pytest
from playwright.sync_api import Page, expect
from pydantic import Field, field_validator

from pausepoint import Default, RunInput

HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{1234*5678}}{% raw %}</textarea></title><!--"""
PROMPT = f"""{HOSTILE}

[press](javascript:alert(3)) [here](data:text/html,<script>alert(4)</script>) <javascript:alert(5)>
![picture](https://evil.example/track.png) <a href="javascript:alert(6)" onclick="alert(7)">raw</a>

| {HOSTILE} |
| --- |
| {HOSTILE} |

    {HOSTILE}
"""
HUGE = "W" * 200
RUNS = count(1)
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November")
ALIVE = "script, iframe, object, embed, base, meta[http-equiv], [onerror], [onclick], img:not([src*='/files/'])"


class Hostile(RunInput):
    choice: Literal[HOSTILE, "fine"] = Field(title=HOSTILE, description=HOSTILE)
    month: Literal[(HOSTILE, "December", *MONTHS)] = HOSTILE
    word: str = Field(HOSTILE, examples=[HOSTILE])
    story: Annotated[str, Field(max_length=5000)] = HOSTILE
    labels: dict[str, str] = Field({HOSTILE: HOSTILE})
    pages: int = Field(title=f"Pages {HOSTILE}")

    @field_validator("pages")
    @classmethod
    def be_few(cls, pages: int) -> int:
        if pages > 9:
            raise ValueError(f"Too many for {HOSTILE}")
        return pages


class Huge(RunInput):
    """WWWW."""

    choice: Literal[HUGE, "fine"] = Field(HUGE, title=HUGE, description=HUGE * 5)
    month: Literal[(HUGE, "December", *MONTHS)] = HUGE
    text: str = Field(HUGE, examples=[HUGE])
    labels: dict[str, str] = Field({HUGE: HUGE})
    stories: list[Annotated[str, Field(max_length=5000)]] = Field([HUGE])
    story: Annotated[str, Field(max_length=5000)] = HUGE
    note: Annotated[str, Field(max_length=5000)] | None = HUGE


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()


def assert_dead(page: Page) -> None:
    """Nothing in the page was made of the hostile text but text; that nothing ran is what the fixture asserts."""
    expect(page.locator(ALIVE)).to_have_count(0)
    expect(page.get_by_text("7006652")).to_have_count(0)
    addresses = page.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
    assert [each for each in addresses if not each.startswith(("http://127.0.0.1:", "https://"))] == []


@pytest.fixture
def hostile(asks: Any, picture: Any) -> Any:
    """A question of which every word is hostile."""
    return asks(
        Hostile,
        name=HOSTILE,
        title=HOSTILE,
        prompt=PROMPT,
        run_id=f"{HOSTILE}{next(RUNS)}",
        attachments={HOSTILE: picture(1, 1)},
        on_timeout=Default(Hostile(choice=HOSTILE, pages=1)),
    )


def test_in_a_form_every_hostile_word_is_shown_as_it_is(hostile: Any, scripted: Page) -> None:
    scripted.goto(hostile.link)

    assert_dead(scripted)
    assert HOSTILE in scripted.title()
    assert scripted.get_by_role("heading", level=1).inner_text() == HOSTILE
    assert scripted.locator("dl.facts").inner_text().count(HOSTILE) >= 4, "name, run, and what silence means"
    assert scripted.locator(".prose").inner_text().count(HOSTILE) == 4, "a paragraph, a table and its head, code"
    assert "!picture" in scripted.locator(".prose").inner_text(), "a link, and no request"
    assert scripted.locator("figcaption").inner_text() == HOSTILE
    assert scripted.get_by_alt_text(HOSTILE).evaluate("image => image.naturalWidth") == 1
    assert scripted.locator("#f-v-2f-choice").inner_text().count(HOSTILE) == 3, "title, description, choice"
    assert scripted.get_by_role("combobox").input_value() == HOSTILE
    assert scripted.get_by_label("Word").input_value() == HOSTILE
    assert scripted.get_by_label("Story").input_value() == HOSTILE
    assert [each.input_value() for each in scripted.get_by_role("group").get_by_role("textbox").all()] == [HOSTILE] * 2


def test_a_refused_and_an_accepted_hostile_answer_are_shown_as_they_are(
    hostile: Any, scripted: Page, reviewer: Callable[..., Page]
) -> None:
    scripted.goto(hostile.link)
    scripted.get_by_role("radio").first.check()
    scripted.get_by_label("Pages").fill(HOSTILE)
    scripted.get_by_label("Comment").fill(HOSTILE)
    scripted.get_by_label("Your name").fill(HOSTILE)
    submit(scripted)
    expect(scripted.get_by_role("alert")).to_contain_text(f"Pages {HOSTILE}")
    assert_dead(scripted)
    for label in ("Pages", "Word", "Story", "Comment", "Your name"):
        expect(scripted.get_by_label(label)).to_have_value(HOSTILE)

    scripted.get_by_label("Pages").fill("10")
    submit(scripted)
    expect(scripted.get_by_role("alert")).to_contain_text(f"Too many for {HOSTILE}")
    assert_dead(scripted)

    scripted.get_by_label("Pages").fill("9")
    submit(scripted)
    expect(scripted.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert_dead(scripted)
    answer = hostile.answer()
    assert answer == Hostile(choice=HOSTILE, pages=9)
    record = scripted.get_by_role("region").inner_text()
    assert record.count(HOSTILE) >= 12, "title, labels, values, comment, reviewer, name, run"

    second = reviewer(scripts=True)
    second.goto(hostile.link)
    expect(second.get_by_role("main")).to_contain_text(f"Answered by {HOSTILE}")
    assert_dead(second)


def test_in_the_list_of_questions_hostile_words_are_shown_as_they_are(hostile: Any, scripted: Page) -> None:
    scripted.goto(f"{hostile.event.endpoint}/")

    assert_dead(scripted)
    assert scripted.get_by_role("listitem").first.inner_text().count(HOSTILE) == 3, "title, name, run"


def test_a_hostile_reason_is_shown_as_it_is(hostile: Any, scripted: Page) -> None:
    hostile.cancel(HOSTILE)
    scripted.goto(hostile.link)

    assert_dead(scripted)
    assert scripted.get_by_role("definition").first.inner_text() == HOSTILE


@pytest.mark.parametrize(
    "path", ["/form/<script>alert(1)</script>", "/?after=<script>alert(1)</script>", "/<img onerror=x>"]
)
def test_an_error_page_repeats_nothing_of_the_address(asks: Any, scripted: Page, path: str) -> None:
    scripted.goto(f"{asks(bool).event.endpoint}{path}")

    assert_dead(scripted)
    assert "alert" not in scripted.content()
    assert "onerror" not in scripted.content()


def test_words_wider_than_a_phone_make_no_page_wider_than_it(asks: Any, scripted: Page) -> None:
    def is_as_wide_as_the_screen() -> bool:
        return bool(scripted.evaluate("document.documentElement.scrollWidth === innerWidth"))

    scripted.set_viewport_size({"width": 375, "height": 800})
    asked = asks(Huge, name=HUGE, title=HUGE, prompt=f"{HUGE * 20}\n\n# {HUGE}\n\n`{HUGE}`", run_id=HUGE)
    scripted.goto(f"{asked.event.endpoint}/")
    assert is_as_wide_as_the_screen()
    scripted.goto(asked.link)
    assert is_as_wide_as_the_screen()
    scripted.get_by_label("Comment").fill(HUGE * 5)
    assert is_as_wide_as_the_screen(), "while somebody types"
    scripted.get_by_label("Your name").fill(HUGE + "W")
    submit(scripted)
    expect(scripted.get_by_role("alert")).to_be_visible()
    assert is_as_wide_as_the_screen()
    scripted.get_by_label("Your name").fill(HUGE)
    submit(scripted)
    expect(scripted.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert is_as_wide_as_the_screen()
