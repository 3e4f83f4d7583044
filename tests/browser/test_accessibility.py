"""
Every page of the form app, light and dark, on a phone and on a desktop: axe-core finds no barrier, nothing is wider
than the screen, and the console is silent.

`pytest tests/browser -k barrier --shots FOLDER` keeps a picture of each.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, SecretStr

from pausepoint import Default, RunInput

from reviewing import Machine

PHONE, DESKTOP = 375, 1280
VIEWS = list(product(("light", "dark"), (PHONE, DESKTOP)))
AXE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}

PROMPT = """\
The new model is right in **93 %** of the cases; see the [report](https://example.org/report).

## What changed

1. More data
2. A `larger` network

| cost | before | after |
| :-- | --: | --: |
| training, in thousands of euros per month | 12.50 | 19.75 |
| serving | 3.10 | 3.10 |

> Somebody's words.

```
a line of code that is a good deal longer than a phone is wide, and that nobody would want to be broken anywhere
```
"""


class Colour(enum.Enum):
    WHITE = "#ffffff"
    NAVY = "#000080"


class Address(BaseModel):
    """Where it goes; a courier rings once."""

    street: str = Field(min_length=3, examples=["Torstraße 1"])
    postcode: Annotated[str, Field(pattern=r"^\d{5}$", description="Five digits.")]


class Pickup(BaseModel):
    kind: Literal["pickup"] = "pickup"
    counter: Annotated[int, Field(ge=1, le=4)] = 1


class Courier(BaseModel):
    kind: Literal["courier"] = "courier"
    phone: str = Field(min_length=4)


class Line(BaseModel):
    article: str = Field(min_length=2)
    pieces: Annotated[int, Field(ge=1, le=12)]


class Order(RunInput):
    """Both shops are open until six; what is ordered later leaves on the next day."""

    size: Literal["small", "medium", "large"]
    colour: Colour = Colour.NAVY
    month: Literal[
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December", "any other time of the year",
    ]  # fmt: skip
    budget: Annotated[int, Field(ge=1, le=100, title="Budget in euros", description="Without tax.")]
    discount: Decimal = Decimal("2.50")
    ship_on: date
    not_before: time
    confirmed_at: AwareDatetime
    gift: bool
    address: Address
    lines: Annotated[list[Line], Field(min_length=1)]
    labels: dict[str, str] = Field({"shelf": "B 12"})
    note: str | None = None
    delivery: Annotated[Pickup | Courier, Field(discriminator="kind")]
    story: Annotated[str, Field(max_length=4000)] = "First line\nSecond line"


class SealedOrder(Order):
    code: SecretStr


def even(number: int) -> int:
    if number % 2:
        raise ValueError("An even number, please.")
    return number


@pytest.fixture
def barriers(request: pytest.FixtureRequest) -> Callable[[Page], list[str]]:
    """What stands in a reviewer's way on the page in a window, in each of the four views."""
    folder: Path | None = request.config.getoption("--shots")
    name = request.node.name.removeprefix("test_no_barrier_on_")

    def found(page: Page) -> list[str]:
        for closed in page.locator("details > summary").all():
            closed.evaluate("summary => { summary.parentElement.open = true }")
        faults = []
        for scheme, width in VIEWS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            if folder:
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
            faults += [f"{scheme}, {width}: {fault}" for fault in faults_of(page)]
        return faults

    return found


def faults_of(page: Page) -> Iterator[str]:
    """The barriers of the page as it is shown now."""
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if beyond > 0:
        yield f"it can be scrolled sideways by {beyond} pixels"
    for violation in Axe().run(page, options=AXE).response["violations"]:
        for node in violation["nodes"]:
            yield f"{violation['id']}: {node['html'][:200]}"


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit answer").click()


def answer_yes(page: Page, asked: Any) -> None:
    page.goto(asked.link)
    page.get_by_text("Add a comment or your name").click()
    page.get_by_label("Comment").fill("Looks right to me.\nThanks")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()


def test_no_barrier_on_the_form(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(SealedOrder, title="Which order?", prompt=PROMPT).link)
    scripted.get_by_label("Courier").check()
    scripted.get_by_label("No value for Note").uncheck()

    assert barriers(scripted) == []


def test_no_barrier_on_a_form_with_errors(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(SealedOrder, title="Which order?", prompt=PROMPT).link)
    scripted.get_by_label("Courier").check()
    scripted.get_by_label("No value for Note").uncheck()
    scripted.get_by_label("Budget in euros").fill("101")
    scripted.get_by_label("Your name").fill("A" * 201)
    submit(scripted)
    expect(scripted.get_by_role("alert")).to_be_focused()

    assert barriers(scripted) == []


def test_no_barrier_on_yes_and_no(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(bool, title="Deploy the model?", prompt=PROMPT, on_timeout=Default(False)).link)

    assert barriers(scripted) == []


def test_no_barrier_on_yes_and_no_with_an_error(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(bool, title="Deploy the model?", prompt="").link)
    scripted.get_by_text("Add a comment or your name").click()
    scripted.get_by_label("Your name").press("Enter")
    expect(scripted.get_by_role("alert")).to_be_focused()

    assert barriers(scripted) == []


def test_no_barrier_on_a_question_without_an_answer(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(None, title="Ready?", prompt="Plug in the *scanner*.", timeout_seconds=None).link)

    assert barriers(scripted) == []


def test_no_barrier_on_images(asks: Any, scripted: Page, barriers: Any, picture: Any) -> None:
    images = {"Digit 412, taken for a 7": picture(420, 300), "": picture(900, 200)}
    scripted.goto(asks(Literal["0", "1", "7"], title="Which digit?", prompt="", attachments=images).link)
    assert all(scripted.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")), (
        "each is shown"
    )

    assert barriers(scripted) == []


def test_no_barrier_on_a_list_of_plain_values(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(list[str], title="Which labels?", prompt="", initial=["cat", "dog"]).link)

    assert barriers(scripted) == []


def test_no_barrier_on_an_expired_form(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(int, title="How many?").link)
    scripted.locator("input[name=token]").evaluate("input => { input.value = '' }")
    submit(scripted)
    expect(scripted.get_by_role("alert", name="Please submit again")).to_be_focused()

    assert barriers(scripted) == []


def test_no_barrier_on_the_result(asks: Any, scripted: Page, barriers: Any) -> None:
    initial = Order(
        size="small",
        month="May",
        budget=7,
        ship_on=date(2031, 2, 28),
        not_before=time(9),
        confirmed_at=datetime.fromisoformat("2031-02-01T12:00:00+00:00"),
        gift=True,
        address=Address(street="Torstraße 1", postcode="10119"),
        lines=[Line(article="Pen", pieces=2), Line(article="Paper", pieces=1)],
        delivery=Courier(phone="+49 30 1"),
    )
    scripted.goto(asks(Order, title="Which order?", initial=initial).link)
    scripted.get_by_label("Comment").fill("Looks right to me.\nThanks")
    submit(scripted)
    expect(scripted.get_by_role("heading", name="Your answer was accepted")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_a_declined_question(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(int, title="How many?").link)
    scripted.get_by_label("Comment").fill("Not mine to say")
    scripted.get_by_text("I cannot or will not answer").click()
    scripted.get_by_role("button", name="Decline to answer").click()
    expect(scripted.get_by_role("heading", name="You declined to answer")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_an_answered_question(asks: Any, scripted: Page, barriers: Any) -> None:
    asked = asks(bool, title="Deploy the model?")
    older = scripted.context.new_page()
    older.goto(asked.link)
    answer_yes(scripted, asked)
    older.get_by_role("button", name="No").click()
    expect(older.get_by_role("main")).to_contain_text("Your own answer was not used")

    assert barriers(older) == []


def test_no_barrier_on_a_question_that_its_author_answered(asks: Any, scripted: Page, barriers: Any) -> None:
    asked = asks(bool, title="Deploy the model?", timeout_seconds=0.5, on_timeout=Default(False))
    assert asked.answer() is False
    scripted.goto(asked.link)
    expect(scripted.get_by_role("heading", name="This question has expired")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_a_withdrawn_question(asks: Any, scripted: Page, barriers: Any) -> None:
    asked = asks(int, title="How many?")
    asked.cancel("The budget is gone.")
    scripted.goto(asked.link)
    expect(scripted.get_by_role("heading", name="This question was withdrawn")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_a_saved_answer(asks: Any, scripted: Page, barriers: Any) -> None:
    scripted.goto(asks(Annotated[int, AfterValidator(even)], title="How many?", waits=False).link)
    scripted.get_by_role("textbox").first.fill("12")
    submit(scripted)
    expect(scripted.get_by_role("heading", name="Your answer is saved")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_the_list_of_questions(asks: Any, scripted: Page, barriers: Any) -> None:
    asked = asks(int, title="How many of them shall be kept until the end of the next quarter, and where? " * 2)
    asks(bool, name="cost", title="Sign off the March figures?", timeout_seconds=timedelta(days=2).total_seconds())
    asks(bool, name="deploy", title="Deploy?", timeout_seconds=None, run_id="r" * 200)
    scripted.goto(f"{asked.event.endpoint}/")
    expect(scripted.get_by_role("link", name="Sign off the March figures?")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_an_empty_list(machine: Machine, scripted: Page, barriers: Any, free_port: int) -> None:
    machine.command("pausepoint", "serve", "--port", str(free_port))
    machine.until_it_answers(f"http://127.0.0.1:{free_port}/health")
    scripted.goto(f"http://127.0.0.1:{free_port}/")
    expect(scripted.get_by_role("heading", name="Nothing waits for you")).to_be_visible()

    assert barriers(scripted) == []


def test_no_barrier_on_records_that_cannot_be_read(
    machine: Machine, scripted: Page, barriers: Any, free_port: int
) -> None:
    script = machine.start(machine.write("asks.py", "import pausepoint\nfor _ in range(2): pausepoint.pause(bool)\n"))
    request_id = script.link().rpartition("/")[2]
    script.kill()
    (machine.store / "v1" / "events" / request_id / "request.json").write_text('{"schema_version": 1, "name": ')
    app = f"http://127.0.0.1:{free_port}"
    machine.command("pausepoint", "serve", "--port", str(free_port))
    machine.until_it_answers(f"{app}/health")
    scripted.goto(f"{app}/")
    expect(scripted.get_by_role("heading", name="Records that cannot be read")).to_be_visible()
    assert barriers(scripted) == []

    reply = scripted.goto(f"{app}/form/{request_id}")
    assert reply is not None
    assert reply.status == 500
    assert barriers(scripted) == []


@pytest.mark.parametrize(
    ("status", "path"),
    [(404, "/form/aaaaaaaaaaaaaaaaaaaaaaaaaa"), (404, "/nowhere"), (405, "/submit"), (422, "/?after=%00")],
    ids=["event", "page", "method", "cursor"],
)
def test_no_barrier_on_an_error_page(asks: Any, scripted: Page, barriers: Any, status: int, path: str) -> None:
    reply = scripted.goto(f"{asks(bool).event.endpoint}{path}")

    assert reply is not None
    assert reply.status == status
    expect(scripted.get_by_role("heading", level=1)).to_be_visible()
    assert barriers(scripted) == []


def test_no_barrier_on_an_answer_that_is_too_large(asks: Any, scripted: Page, barriers: Any) -> None:
    asked = asks(str, title="Your story")
    scripted.goto(asked.link)
    scripted.get_by_role("textbox").first.fill("長い話" * 40_000)
    submit(scripted)
    expect(scripted.get_by_role("heading", name="This answer is too large")).to_be_visible()

    assert asked.stored() is None
    assert barriers(scripted) == []
