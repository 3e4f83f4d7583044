"""Answering: what a reviewer types into a real browser, without any script, is what the waiting workflow gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from pausepoint import RunInput
from pausepoint.errors import DeclinedError


class Address(BaseModel):
    street: str = Field(min_length=3)
    postcode: str = Field(pattern=r"^\d{5}$")


class Line(BaseModel):
    article: str = Field(min_length=2)
    pieces: Annotated[int, Field(ge=1, le=12)]


class Pickup(BaseModel):
    kind: Literal["pickup"] = "pickup"
    counter: Annotated[int, Field(ge=1, le=4)]


class Courier(BaseModel):
    kind: Literal["courier"] = "courier"
    phone: str = Field(min_length=4)


class Order(RunInput):
    size: Literal["small", "medium", "large"]
    color: Literal["white", "green", "navy"]
    budget: Annotated[int, Field(ge=1, le=100, title="Budget in euros")]
    ship_on: date
    gift: bool
    address: Address
    lines: Annotated[list[Line], Field(min_length=1)]
    note: str | None = None
    delivery: Annotated[Pickup | Courier, Field(discriminator="kind")]

    @field_validator("color")
    @classmethod
    def is_made(cls, color: str, others: ValidationInfo) -> str:
        if (others.data.get("size"), color) == ("small", "green"):
            raise ValueError("Green is not made in small.")
        return color


class Login(RunInput):
    user: str = Field(min_length=2)
    password: SecretStr


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def choose(page: Page, question: str, option: str) -> None:
    page.get_by_role("radiogroup", name=question).get_by_label(option, exact=True).check()


def told(control: Locator) -> str:
    """What assistive technology reads out for a control besides its name: the texts that it is described by."""
    ids = (control.get_attribute("aria-describedby") or "").split()
    texts = [control.page.locator(f"#{each}").inner_text() for each in ids]
    return " ".join(" ".join(texts).split())


def fill_wrongly(page: Page) -> None:
    """An order with something wrong in each of its parts, which the form itself can find, and some of it right."""
    choose(page, "Size", "small")
    choose(page, "Color", "green")
    page.get_by_label("Budget in euros").fill("a hundred")
    page.get_by_label("Ship On").fill("2031-02-28")
    choose(page, "Gift", "No")
    group(page, "Address").get_by_label("Street").fill("1")
    group(page, "Address").get_by_label("Postcode").fill("Berlin")
    group(page, "Line 1").get_by_label("Article").fill('Pen & "ink"')
    group(page, "Line 1").get_by_label("Pieces").fill("13")
    page.get_by_label("No value for Note").uncheck()
    page.get_by_role("textbox", name="Note").fill("Ring <twice>, please")
    page.get_by_label("Courier").check()
    page.get_by_label("Comment").fill("First line\nsecond line")
    page.get_by_label("Your name").fill("Ada")


def assert_typed(page: Page) -> None:
    """Everything of `fill_wrongly` is still there."""
    expect(page.get_by_role("radiogroup", name="Size").get_by_label("small")).to_be_checked()
    expect(page.get_by_role("radiogroup", name="Color").get_by_label("green")).to_be_checked()
    expect(page.get_by_label("Budget in euros")).to_have_value("a hundred")
    expect(page.get_by_label("Ship On")).to_have_value("2031-02-28")
    expect(page.get_by_role("radiogroup", name="Gift").get_by_label("No")).to_be_checked()
    expect(group(page, "Address").get_by_label("Street")).to_have_value("1")
    expect(group(page, "Address").get_by_label("Postcode")).to_have_value("Berlin")
    expect(group(page, "Line 1").get_by_label("Article")).to_have_value('Pen & "ink"')
    expect(group(page, "Line 1").get_by_label("Pieces")).to_have_value("13")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("Ring <twice>, please")
    expect(page.get_by_label("Courier")).to_be_checked()
    expect(page.get_by_label("Comment")).to_have_value("First line\nsecond line")
    expect(page.get_by_label("Your name")).to_have_value("Ada")


def correct(page: Page) -> None:
    """Make the order of `fill_wrongly` one that only the author's own code can still refuse."""
    page.get_by_label("Budget in euros").fill("100")
    group(page, "Address").get_by_label("Street").fill("Torstraße 1")
    group(page, "Address").get_by_label("Postcode").fill("10119")
    group(page, "Line 1").get_by_label("Pieces").fill("12")
    page.get_by_label("Phone").fill("+49 30 1")


def test_a_nested_form_is_refused_corrected_and_returned_as_the_typed_value(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    fill_wrongly(page)
    submit(page)
    expect(page.get_by_role("alert", name="There are 5 problems")).to_be_focused()
    correct(page)
    choose(page, "Color", "navy")
    submit(page)

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() == Order(
        size="small",
        color="navy",
        budget=100,
        ship_on=date(2031, 2, 28),
        gift=False,
        address=Address(street="Torstraße 1", postcode="10119"),
        lines=[Line(article='Pen & "ink"', pieces=12)],
        note="Ring <twice>, please",
        delivery=Courier(phone="+49 30 1"),
    )
    stored = asked.stored()
    assert stored.comment == "First line\nsecond line"
    assert stored.by.name == "Ada"


def test_a_refused_form_keeps_everything_typed_and_says_beside_each_field_what_is_wrong(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    fill_wrongly(page)
    submit(page)

    assert_typed(page)
    assert "Error: Please write a whole number in digits" in told(page.get_by_label("Budget in euros"))
    assert "Error: " in told(group(page, "Address").get_by_label("Street"))
    assert "Error: " in told(group(page, "Address").get_by_label("Postcode"))
    assert "Error: " in told(group(page, "Line 1").get_by_label("Pieces"))
    assert "Error: Please fill this in." in told(page.get_by_label("Phone"))
    assert "Error: " not in told(group(page, "Line 1").get_by_label("Article"))
    assert asked.stored() is None


def test_the_summary_of_a_refused_form_leads_to_each_field(asks: Any, page: Page) -> None:
    page.goto(asks(Order).link)
    fill_wrongly(page)
    submit(page)

    for name in ("Budget in euros", "Street", "Postcode", "Pieces", "Phone"):
        page.get_by_role("alert").get_by_role("link", name=name).click()
        expect(page.get_by_label(name)).to_be_focused()


def test_the_authors_own_rule_is_told_beside_its_field_and_the_question_stays_open(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    fill_wrongly(page)
    correct(page)
    submit(page)

    color = page.get_by_role("radiogroup", name="Color")
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    expect(color).to_have_attribute("aria-invalid", "true")
    assert told(color) == "Error: Green is not made in small."
    expect(color.get_by_label("green")).to_be_checked()
    assert asked.stored() is None


def test_rows_are_added_and_removed_where_the_reviewer_is_and_nothing_else_changes(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    fill_wrongly(page)

    page.get_by_role("button", name="Add another to Lines").click()
    page.get_by_role("button", name="Add another to Lines").click()
    group(page, "Line 2").get_by_label("Article").fill("Paper")
    group(page, "Line 3").get_by_label("Article").fill("Glue")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(group(page, "Lines")).to_be_in_viewport()
    assert_typed(page)

    page.get_by_role("button", name="Remove Line 2").click()
    expect(group(page, "Line 2").get_by_label("Article")).to_have_value("Glue")
    expect(group(page, "Line 3")).to_have_count(0)
    assert_typed(page)
    assert asked.stored() is None


def test_enter_in_a_text_field_submits_the_answer(asks: Any, page: Page) -> None:
    asked = asks(list[str], initial=["red", "green"])
    page.goto(asked.link)
    page.get_by_role("textbox").nth(1).press("Enter")

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() == ["red", "green"], "and neither removes a row nor declines"


def test_enter_beside_yes_and_no_answers_nothing(asks: Any, page: Page) -> None:
    asked = asks(bool)
    page.goto(asked.link)
    page.get_by_text("Add a comment or your name").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your name").press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Your name")).to_have_value("Ada")
    assert asked.stored() is None


@pytest.mark.parametrize(("button", "value"), [("Yes", True), ("No", False)])
def test_yes_and_no_are_one_press(asks: Any, page: Page, button: str, value: bool) -> None:
    asked = asks(bool)
    page.goto(asked.link)
    page.get_by_role("button", name=button).click()

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() is value


def test_where_nothing_is_asked_one_press_goes_on(asks: Any, page: Page) -> None:
    asked = asks(None)
    page.goto(asked.link)
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert asked.answer() is None


def test_declining_needs_no_answer_and_tells_the_workflow_why(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    page.get_by_label("Comment").fill("Not mine to say")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_text("I cannot or will not answer").click()
    page.get_by_role("button", name="Decline to answer").click()

    expect(page.get_by_role("heading", name="You declined to answer")).to_be_visible()
    with pytest.raises(DeclinedError) as declined:
        asked.answer()
    assert (declined.value.comment, declined.value.by) == ("Not mine to say", "Ada")


def test_a_masked_field_is_never_sent_back_and_typed_again(asks: Any, page: Page) -> None:
    asked = asks(Login)
    page.goto(asked.link)
    page.get_by_label("User").fill("a")
    page.get_by_label("Password").fill("hunter2")
    submit(page)

    expect(page.get_by_role("alert")).to_contain_text("except for masked fields")
    expect(page.get_by_label("Password")).to_have_value("")
    assert "hunter2" not in page.content()

    page.get_by_label("User").fill("ada")
    page.get_by_label("Password").fill("hunter3")
    submit(page)

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert "hunter3" not in page.content()
    assert asked.answer().password.get_secret_value() == "hunter3"


def test_a_double_click_is_one_answer_and_told_accepted(asks: Any, page: Page) -> None:
    sent = []

    def twice(route: Route) -> None:
        # Playwright's own request, which no browser has marked as same-origin.
        sent.append(route.fetch(headers=route.request.headers | {"origin": asked.event.endpoint}).text())
        route.continue_()

    asked = asks(int)
    page.goto(asked.link)
    page.get_by_role("textbox").first.fill("7")
    page.route("**/form/*", twice)
    page.get_by_role("button", name="Submit answer").dblclick()

    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    assert "Your answer was accepted" in sent[0], "the app was sent the same form at least twice"
    assert asked.answer() == 7


def test_the_back_button_leads_to_who_answered_and_not_to_the_form(asks: Any, page: Page) -> None:
    asked = asks(int)
    page.goto(asked.link)
    page.get_by_role("textbox").first.fill("7")
    page.get_by_label("Your name").fill("Ada")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    page.go_back()

    expect(page.get_by_role("heading", name="This question is answered")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Answered by Ada (the name they gave), just now.")
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_sending_again_from_an_older_tab_tells_who_answered(asks: Any, page: Page) -> None:
    asked = asks(int)
    page.goto(asked.link)
    older = page.context.new_page()
    older.goto(asked.link)
    for tab, number in ((page, "7"), (older, "8")):
        tab.get_by_role("textbox").first.fill(number)
        tab.get_by_label("Your name").fill("Ada")
        submit(tab)

    expect(older.get_by_role("main")).to_contain_text("Your own answer was not used")
    expect(older.get_by_role("main")).to_contain_text("Answered by Ada")
    assert asked.answer() == 7


def test_a_second_visitor_sees_who_answered_and_when(asks: Any, page: Page, reviewer: Callable[..., Page]) -> None:
    asked = asks(int)
    page.goto(asked.link)
    page.get_by_role("textbox").first.fill("7")
    page.get_by_label("Your name").fill("Ada")
    submit(page)
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    second = reviewer()
    reply = second.goto(asked.link)

    assert reply is not None
    assert reply.status == 200
    expect(second.get_by_role("main")).to_contain_text("Answered by Ada (the name they gave)")
    moment = asked.stored().settled_at
    expect(second.get_by_role("region").locator("time")).to_have_attribute("datetime", f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def test_of_two_reviewers_the_second_is_told_who_was_first(
    asks: Any, page: Page, reviewer: Callable[..., Page]
) -> None:
    asked = asks(bool)
    second = reviewer()
    for window in (page, second):
        window.goto(asked.link)
    page.get_by_text("Add a comment or your name").click()
    page.get_by_label("Your name").fill("Grace")
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    second.get_by_role("button", name="No").click()

    expect(second.get_by_role("main")).to_contain_text("Your own answer was not used")
    expect(second.get_by_role("main")).to_contain_text("Answered by Grace")
    assert asked.answer() is True


def test_a_withdrawn_question_says_so_and_takes_nothing(asks: Any, page: Page) -> None:
    asked = asks(Order)
    page.goto(asked.link)
    fill_wrongly(page)
    asked.cancel("The budget is gone.")
    submit(page)

    expect(page.get_by_role("heading", name="This question was withdrawn")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("The budget is gone.")


def test_an_answer_that_was_too_large_is_still_there_when_the_reviewer_goes_back(asks: Any, page: Page) -> None:
    asked = asks(Annotated[str, Field(max_length=2_000_000, title="Story")])
    story = "長い話" * 40_000  # each character is sent as nine
    page.goto(asked.link)
    page.get_by_label("Story").fill(story)
    page.get_by_label("Comment").fill("It grew")
    submit(page)
    expect(page.get_by_role("heading", name="This answer is too large")).to_be_visible()
    page.go_back()

    assert page.get_by_label("Story").input_value() == story
    expect(page.get_by_label("Comment")).to_have_value("It grew")
    assert asked.stored() is None
