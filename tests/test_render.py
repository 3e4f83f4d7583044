"""What the pages say and how they are built; each name is the claim."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field as default
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest

from pausepoint import _forms as forms, _render as render
from pausepoint._models import (
    Attachment,
    DefaultValue,
    Field,
    FieldKind,
    Option,
    Outcome,
    Request,
    Response,
    Reviewer,
    RunContext,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
REQUEST_ID = "abcdefghijklmnopqrstuvwxyz"


def question(**changes: Any) -> Request:
    made: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "name": "cost-sign-off",
        "key": "cost-sign-off",
        "run": RunContext(engine="flyte", project="billing", run_id="nightly-42", url="https://flyte.example/r/42"),
        "title": "Sign off the March figures?",
        "prompt": PROMPT,
        "data_type": "Order",
        "json_schema": {"type": "integer"},
        "schema_complete": True,
        "created_at": NOW - timedelta(minutes=5),
        "deadline": NOW + timedelta(hours=2),
    }
    return Request(**(made | changes))


PROMPT = """
The **March** run spent more than planned. See [the dashboard](https://example.org/costs).

| Team | Planned | Spent |
| :--- | ---: | ---: |
| Search | 1 200 € | 1 380 € |
| Ranking | 900 € | 870 € |

- `gpu-large` was up for *three* days
- nobody was asked
"""


def field(kind: Any, name: str, label: str, **more: Any) -> Field:
    path = name.removeprefix("v").removeprefix("/").replace("/", ".")
    made = {"kind": kind, "name": name, "path": path, "id": name.replace("/", "-"), "label": label}
    return Field(**(made | more))


def options(*values: str, selected: str = "", causes: str = "") -> tuple[Option, ...]:
    return tuple(Option(value=v, label=v.capitalize(), selected=v == selected, help=causes) for v in values)


YES_NO = (Option(value="true", label="Yes"), Option(value="false", label="No"))


def everything(*, errors: bool = False) -> Field:
    """Return a form with every kind of field, nested; with `errors`, half of them are refused."""

    def bad(message: str) -> str:
        return message if errors else ""

    line = [
        field(
            "group",
            f"v/lines/{row}",
            f"Line {row + 1}",
            removable=True,
            children=(
                field("text", f"v/lines/{row}/item", "Item", value=("Shirt", "Socks")[row]),
                field(
                    "integer",
                    f"v/lines/{row}/count",
                    "How many",
                    hint="A whole number from 1 to 10",
                    value=("3", "x")[row],
                    error=bad("Please type a whole number.") if row else "",
                ),
            ),
        )
        for row in range(2)
    ]
    tags = [
        field(
            "group",
            f"v/tags/{row}",
            f"Entry {row + 1}",
            removable=True,
            children=(
                field("text", f"v/tags/{row}:key", "Name", value=f"team{row}", id=f"v-tags-{row}-key"),
                field("text", f"v/tags/{row}:value", "Value", value="blue", id=f"v-tags-{row}-value"),
            ),
        )
        for row in range(1)
    ]
    many = options(*(f"colour {n}" for n in range(12)))
    card = field(
        "group",
        "v/pay/0",
        "Card",
        path="pay",
        children=(
            field("text", "v/pay/0/number", "Card number", value="1234", error=bad("This number is too short.")),
            field("date", "v/pay/0/until", "Valid until", value="2027-05-01"),
        ),
    )
    return field(
        "group",
        "v",
        "Order",
        help="One order of the shop.",
        error=bad("Green is not made in small."),
        children=(
            field("text", "v/who", "Customer", help="As it stands on the invoice.", examples=("Ada Lovelace",),
                  hint="up to 80 characters", error=bad("Please fill this in.")),
            field("long_text", "v/note", "Note to the packer", required=False, value="\nfirst line\nsecond"),
            field("secret", "v/pin", "PIN", hint="4 digits"),
            field("decimal", "v/price", "Price", value="12.50", hint="At most 2 decimal places"),
            field("number", "v/weight", "Weight", value="1e3", required=False),
            field("boolean", "v/gift", "Wrap it as a gift?", options=YES_NO, error=bad("Please choose Yes or No.")),
            field("choice", "v/size", "Size", options=options("small", "medium", "large", selected="medium"),
                  required=False),
            field("choice", "v/speed", "Delivery", options=options("slow", "fast", causes="Leaves on Monday."),
                  error=bad("Please choose one.")),
            field("choice", "v/colour", "Colour", options=many, error=bad("Please choose one.")),
            field("date", "v/day", "Delivery day", value="2026-03-05", hint="year-month-day"),
            field("time", "v/hour", "Not before", value="half past", native=False, error=bad("Please type a time.")),
            field("datetime", "v/at", "Call back at", value="2026-03-05T10:30", offset="+01:00",
                  error=bad("Please give an offset such as +01:00.")),
            field("null", "v/nothing", "Reserved"),
            field("constant", "v/version", "Version", value="2"),
            field("json", "v/extra", "Anything else", value='{"a": [1, 2]}', required=False),
            field("optional", "v/nick", "Nickname", required=False, present=False, id="v-nick-none",
                  children=(field("text", "v/nick", "Nickname", required=False),)),
            field("optional", "v/age", "Age", id="v-age-none", error=bad("At least 18."),
                  children=(field("integer", "v/age", "Age", value="7", error=bad("At least 18.")),)),
            field("group", "v/address", "Address", help="Where it goes.",
                  children=(field("text", "v/address/street", "Street", value="Main Street 1"),
                            field("text", "v/address/city", "City", error=bad("Please fill this in.")))),
            field("list", "v/lines", "Lines", children=tuple(line), can_add=True, hint="1 to 5 rows",
                  error=bad("Two lines name the same item.")),
            field("list", "v/mails", "Send a copy to", can_add=True, required=False,
                  children=(field("text", "v/mails/0", "Address 1", value="a@example.org", removable=True),)),
            field("list", "v/empty", "Vouchers", can_add=True, required=False),
            field("map", "v/tags", "Labels", children=tuple(tags), can_add=True),
            field("union", "v/pay", "Payment", options=options("card", "cash", selected="card"),
                  children=(card, field("null", "v/pay/1", "Cash", help="At the door."))),
        ),
    )  # fmt: skip


def response(outcome: Outcome, **changes: Any) -> Response:
    made: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "outcome": outcome,
        "source": "reviewer",
        "by": Reviewer(name="Ada", assurance="verified"),
        "settled_at": NOW - timedelta(minutes=3),
    }
    return Response(**(made | changes))


def form(root: Field | None = None, /, *, asked: Request | None = None, **view: Any) -> str:
    made = {"request": asked or question(), "field": root or everything(), "token": "the-token", "now": NOW}
    return render.form_page(render.FormView(**(made | view)))


def refused() -> str:
    return form(everything(errors=True), comment="typed", comment_error="At most 8 KiB.", errors={"ghost": "No field."})


def yes_no(**more: Any) -> Field:
    return field("boolean", "v", "Approve?", **({"options": YES_NO} | more))


def settled(outcome: Outcome, view: dict[str, Any] | None = None, **changes: Any) -> str:
    made = {"request": question(), "response": response(outcome, **changes), "now": NOW}
    return render.settled_page(render.OutcomeView(**(made | (view or {}))))


def result(outcome: Outcome, view: dict[str, Any] | None = None, **changes: Any) -> str:
    made = {"request": question(), "response": response(outcome, **changes), "now": NOW}
    return render.result_page(render.OutcomeView(**(made | (view or {}))))


def inbox(**view: Any) -> str:
    made = {"items": (render.InboxItem.of(question()),), "problems": ("v1/events/x/request.json",), "now": NOW}
    return render.inbox_page(render.InboxView(**(made | view)))


PICTURES = (
    Attachment(sha256="a" * 64, media_type="image/png", size=9, name="Digit 0412"),
    Attachment(sha256="b" * 64, media_type="image/png", size=9),
)
PAGES: dict[str, Callable[[], str]] = {
    "form": form,
    "form with errors": refused,
    "form with images": lambda: form(yes_no(), asked=question(attachments=PICTURES), inbox=True),
    "form yes or no": lambda: form(yes_no()),
    "form continue": lambda: form(field("null", "v", "Answer"), asked=question(deadline=None, prompt="")),
    "result": lambda: result("answered", {"answer": everything(), "inbox": True}, comment="Fine"),
    "result declined": lambda: result("declined", comment="Not mine"),
    "settled": lambda: settled("answered", {"answer": everything(), "refused": True}),
    "settled expired": lambda: settled("expired", source="deadline", by=None),
    "settled by default": lambda: settled("expired", {"answer": yes_no()}, source="default", by=None),
    "settled cancelled": lambda: settled("cancelled", source="operator", by=None, reason="Asked twice."),
    "saved": lambda: render.saved_page(render.SavedView(request=question(), answer=everything(), now=NOW, inbox=True)),
    "inbox": lambda: inbox(after="a", next="b"),
    "inbox, nothing waits": lambda: inbox(items=(), problems=()),
    "error": lambda: render.error_page(render.ErrorView(status=404, inbox=True)),
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


# What a page is made of, as far as these tests ask.

VOID = {"br", "hr", "img", "input", "link", "meta"}
INLINE = {"a", "code", "em", "q", "span", "strong", "time"}


@dataclass
class Element:
    tag: str
    attrs: dict[str, str]
    above: tuple[Element, ...] = default(repr=False, compare=False)
    inside: list[Element | str] = default(default_factory=list, repr=False, compare=False)

    @property
    def own(self) -> list[str]:
        return [part for part in self.inside if isinstance(part, str)]

    @property
    def below(self) -> list[Element]:
        return [part for part in self.inside if isinstance(part, Element)]

    @property
    def written(self) -> str:
        text = "".join(part if isinstance(part, str) else part.written for part in self.inside)
        return text if self.tag in INLINE else f" {text} "

    @property
    def text(self) -> str:
        return " ".join(self.written.split())


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert [element.tag for element in self._open] == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        assert len(made.attrs) == len(attrs), "an attribute is given twice"
        self.elements.append(made)
        if self._open:
            self._open[-1].inside.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].inside.append(data)

    def all(self, tag: str = "", **attrs: str) -> list[Element]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items()}
        return [e for e in self.elements if e.tag == (tag or e.tag) and wanted.items() <= e.attrs.items()]

    def one(self, tag: str = "", **attrs: str) -> Element:
        (found,) = self.all(tag, **attrs)
        return found

    def controls(self) -> Iterator[Element]:
        for element in self.elements:
            if element.tag in ("select", "textarea") or (element.tag == "input" and element.attrs["type"] != "hidden"):
                yield element


# Every page.


@every_page
def test_every_page_is_well_formed_and_has_a_title_a_heading_and_a_language(page: Callable[[], str]) -> None:
    made = Page(page())
    assert made.one("title").text.endswith(" – Pausepoint")
    assert made.one("h1").text
    assert made.one("html").attrs["lang"] == "en"
    assert made.one("main")


@every_page
def test_no_page_has_a_script_or_an_inline_style_or_a_handler(page: Callable[[], str]) -> None:
    for element in Page(page()).elements:
        assert element.tag not in ("script", "style", "iframe", "object")
        assert not [name for name in element.attrs if name == "style" or name.startswith("on")]
        assert not [value for value in element.attrs.values() if value.lower().startswith(("javascript:", "data:"))]


@every_page
def test_ids_are_unique_and_whatever_is_referred_to_exists(page: Callable[[], str]) -> None:
    made = Page(page())
    ids = [element.attrs["id"] for element in made.elements if "id" in element.attrs]
    assert len(ids) == len(set(ids))
    for element in made.elements:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            for referred in element.attrs.get(name, "").split():
                assert referred in ids, (name, element)
        if element.attrs.get("href", "").startswith("#"):
            assert element.attrs["href"][1:] in ids


@every_page
def test_every_input_has_a_label_of_its_own_or_around_it(page: Callable[[], str]) -> None:
    made = Page(page())
    for control in made.controls():
        around = [element for element in control.above if element.tag == "label"]
        labels = around or made.all("label", for_=control.attrs["id"])
        assert [bool(label.text) for label in labels] == [True], control


@pytest.mark.parametrize("root", ["", "/hitl"])
@every_page
def test_the_root_path_goes_before_every_url(page: Callable[[], str], root: str) -> None:
    own = PAGES_UNDER[page](root) if page in PAGES_UNDER else page()
    for element in Page(own).elements:
        for name in ("href", "src", "action", "formaction"):
            url = element.attrs.get(name, "#")
            assert url.startswith(("#", "https://", f"{root}/" if page in PAGES_UNDER else "/")), url


PAGES_UNDER: dict[Callable[[], str], Callable[[str], str]] = {
    PAGES["form with images"]: lambda root: form(asked=question(attachments=PICTURES), root=root, inbox=True),
    PAGES["result"]: lambda root: result("answered", {"root": root, "inbox": True}),
    PAGES["settled"]: lambda root: settled("answered", {"root": root, "inbox": True}),
    PAGES["saved"]: lambda root: render.saved_page(render.SavedView(request=question(), root=root, inbox=True)),
    PAGES["inbox"]: lambda root: inbox(root=root, inbox=True, after="a", next="b"),
    PAGES["error"]: lambda root: render.error_page(render.ErrorView(status=404, root=root, inbox=True)),
}


def test_the_inbox_is_linked_only_where_the_visitor_may_see_it() -> None:
    for make in (form, lambda **view: result("answered", view), lambda **view: settled("answered", view)):
        assert Page(make(inbox=True)).all("a", href="/")
        assert not Page(make(inbox=False)).all("a", href="/")


# What others wrote is never markup.

HOSTILE = "</title></textarea><script>alert(1)</script>{{ 7*7 }}{% raw %}%s\"><img src=x onerror=alert(1)>'&amp;"


def hostile_field(kind: Any, name: str) -> Field:
    choices = tuple(Option(value=HOSTILE + str(n), label=HOSTILE, help=HOSTILE, selected=n == 0) for n in range(2))
    more = {"help": HOSTILE, "hint": HOSTILE, "value": HOSTILE, "error": HOSTILE, "examples": (HOSTILE,)}
    row = field("text", f"{name}/0", HOSTILE, value=HOSTILE, removable=True)
    inside = {
        "list": (row,),
        "map": (field("group", f"{name}/0", HOSTILE, children=(row, row.model_copy(update={"id": "other"}))),),
        "group": (row,),
        "optional": (row,),
        "union": (row, row.model_copy(update={"id": "second"})),
    }
    return field(kind, name, HOSTILE, options=choices, children=inside.get(kind, ()), can_add=True, **more)


def without_script(html: str) -> Page:
    page = Page(html)
    assert not page.all("script")
    assert not [element for element in page.all("img") if "onerror" in element.attrs]
    assert "49" not in re.sub(r"\d\d:\d\d", "", " ".join(e.text for e in page.all())), "a template was run"
    return page


@pytest.mark.parametrize("kind", get_args(FieldKind))
def test_markup_in_any_slot_of_a_field_shows_literally(kind: Any) -> None:
    page = without_script(form(field("group", "v", "Root", children=(hostile_field(kind, "v/x"),))))
    assert HOSTILE in page.one("main").text
    without_script(result("answered", {"answer": field("group", "v", "Root", children=(hostile_field(kind, "v/x"),))}))


@pytest.mark.parametrize("kind", ["boolean", "null"])
def test_markup_in_a_root_that_is_a_button_shows_literally(kind: Any) -> None:
    assert HOSTILE in without_script(form(hostile_field(kind, "v"))).one("main").text


def test_markup_in_title_name_run_prompt_and_captions_shows_literally() -> None:
    run = RunContext(engine=HOSTILE, project=HOSTILE, run_id=HOSTILE, task_id=HOSTILE, url="javascript:alert(1)")
    asked = question(title=HOSTILE, name=HOSTILE, run=run, prompt=HOSTILE, data_type=HOSTILE,
                     attachments=(PICTURES[0].model_copy(update={"name": HOSTILE}),))  # fmt: skip
    page = without_script(form(asked=asked, comment=HOSTILE, reviewer=HOSTILE, notice=HOSTILE, token=HOSTILE,
                               errors={HOSTILE: HOSTILE}, comment_error=HOSTILE, reviewer_error=HOSTILE))  # fmt: skip
    assert page.one("h1").text == HOSTILE
    assert page.one("title").text == f"Error: {HOSTILE} – Pausepoint"
    assert page.one("textarea", name="comment").own == ["\n" + HOSTILE]
    assert page.one("input", name="reviewer").attrs["value"] == HOSTILE
    assert page.one("input", name="token").attrs["value"] == HOSTILE
    assert page.one("figcaption").text == HOSTILE
    assert not [element for element in page.all("a") if element.attrs["href"].startswith("javascript")]
    without_script(render.report(asked, form_url=f"https://x/{HOSTILE}", api_url=f"https://x/{HOSTILE}"))
    without_script(render.inbox_page(render.InboxView(items=(render.InboxItem.of(asked),), problems=(HOSTILE,))))


def test_markup_in_a_comment_reason_name_or_error_shows_literally() -> None:
    by = Reviewer(name=HOSTILE)
    for page in (
        result("declined", comment=HOSTILE, by=by),
        settled("answered", comment=HOSTILE, by=by),
        settled("cancelled", source="workflow", reason=HOSTILE),
        render.error_page(render.ErrorView(status=400, title=HOSTILE, what=HOSTILE, todo=HOSTILE, event=HOSTILE)),
    ):
        assert HOSTILE in without_script(page).one("main").text


# Prompts.


def test_a_prompt_is_commonmark_with_tables() -> None:
    page = Page(form())
    assert page.one("strong").text == "March"
    assert [cell.text for cell in page.all("th")] == ["Team", "Planned", "Spent"]
    assert page.all("td", class_="right")
    assert page.one(role="group", aria_label="Table 1").attrs["tabindex"] == "0"


@pytest.mark.parametrize("html", ["<b>x</b>", "<script>x</script>", "a <img src=x> b", "<!-- x -->", "&lt;script&gt;"])
def test_raw_html_in_a_prompt_shows_literally(html: str) -> None:
    made = Page(f"<main>{render.markdown(html)}</main>")
    assert {element.tag for element in made.elements} <= {"main", "p"}
    assert made.one("main").text == html.replace("&lt;", "<").replace("&gt;", ">")


def test_a_prompt_has_no_images_and_keeps_their_words() -> None:
    assert ">chart</a>" in render.markdown("![chart](https://example.org/chart.png)")
    assert "<img" not in render.markdown("![x](https://evil.example/pixel.png) ![x][y]\n\n[y]: https://evil.example/")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/submit", "//evil.example", "vbscript:x", "#x"],
)
def test_links_in_a_prompt_lead_to_the_web_or_mail_only(url: str) -> None:
    assert "href" not in render.markdown(f"[x]({url})\n\n[y][z]\n\n[z]: <{url}>")


@pytest.mark.parametrize("url", ["https://example.org/", "http://example.org/", "mailto:a@example.org"])
def test_links_in_a_prompt_tell_the_other_side_nothing(url: str) -> None:
    link = Page(render.markdown(f"[x]({url})")).one("a")
    assert link.attrs == {"href": url, "rel": "noopener noreferrer nofollow"}


def test_headings_in_a_prompt_go_below_the_pages_own_and_skip_none() -> None:
    made = Page(str(render.markdown("### a\n# b\n###### c\n#### d\n\ne\n=")))
    assert [element.tag for element in made.elements] == ["h2", "h2", "h3", "h4", "h2"]


# Fields.


@pytest.mark.parametrize("kind", get_args(FieldKind))
def test_each_kind_of_field_has_a_template_of_its_name(kind: str) -> None:
    assert (Path(render.__file__).parents[1] / "templates" / "fields" / f"{kind}.html").is_file()


def test_everything_typed_is_in_the_form_again() -> None:
    page = Page(refused())
    kept = {
        "v/price": "12.50",
        "v/weight": "1e3",
        "v/hour": "half past",
        "v/lines/1/count": "x",
        "v/at:offset": "+01:00",
        "v/tags/0:key": "team0",
        "v/pay/0/until": "2027-05-01",
    }
    for name, typed in kept.items():
        assert page.one("input", name=name).attrs["value"] == typed
    # A browser drops the first line break of a textarea; the second is the reviewer's own.
    assert page.one("textarea", name="v/note").own == ["\n\nfirst line\nsecond"]
    assert page.one("textarea", name="comment").own == ["\ntyped"]
    assert "checked" in page.one("input", name="v/size", value="medium").attrs
    assert "checked" in page.one("input", name="v/nick:none").attrs
    assert "checked" not in page.one("input", name="v/age:none").attrs
    assert "checked" in page.one("input", name="v/pay:kind", value="card").attrs


def test_a_secret_is_never_sent_back() -> None:
    secret = field("secret", "v/pin", "PIN", value="1234")
    page = form(field("group", "v", "Root", children=(secret,)), notice="Again.")
    assert Page(page).one("input", name="v/pin").attrs["type"] == "password"
    assert "1234" not in page
    assert "except for masked fields" in page
    assert "1234" not in result("answered", {"answer": secret})


def test_a_masked_field_is_not_mentioned_where_there_is_none() -> None:
    assert "masked" not in form(yes_no(), notice="Again.")


def test_numbers_are_plain_text_so_that_all_that_is_typed_is_kept() -> None:
    page = Page(form())
    for name, mode in (("v/lines/0/count", "numeric"), ("v/price", "decimal"), ("v/weight", "decimal")):
        control = page.one("input", name=name)
        assert (control.attrs["type"], control.attrs["inputmode"]) == ("text", mode)
    assert not page.all(type="number")
    assert not [element for element in page.elements if "maxlength" in element.attrs]


def test_a_browsers_own_date_control_is_used_only_where_it_can_hold_what_was_typed() -> None:
    page = Page(form())
    assert page.one(name="v/day").attrs["type"] == "date"
    assert page.one(name="v/at").attrs["type"] == "datetime-local"
    assert page.one(name="v/hour").attrs["type"] == "text"


def test_the_spelling_of_a_date_is_told_only_where_it_is_typed() -> None:
    assert "Year-month-day" not in form(field("date", "v", "Day", hint="year-month-day"))
    assert "Year-month-day" in form(field("date", "v", "Day", hint="year-month-day", value="soon", native=False))


def test_help_hint_and_error_are_tied_to_their_field_in_reading_order() -> None:
    page = Page(refused())
    told = page.one("input", name="v/who").attrs["aria-describedby"].split()
    texts = [page.one(id=part).text for part in told]
    assert texts == [
        "As it stands on the invoice.",
        "Up to 80 characters; for example Ada Lovelace",
        "Error: Please fill this in.",
    ]
    assert page.one("input", name="v/who").attrs["aria-invalid"] == "true"
    assert "aria-invalid" not in page.one("input", name="v/price").attrs
    assert not Page(form()).all(aria_invalid="true")


def test_radio_buttons_and_what_belongs_together_have_a_legend() -> None:
    page = Page(form())
    for control in page.all("input", type="radio"):
        fieldset = [element for element in control.above if element.tag == "fieldset"][-1]
        assert fieldset.below[0].tag == "legend"
        assert fieldset.below[0].text
    assert "Address" in [legend.text for legend in page.all("legend")]


def test_an_optional_field_says_so() -> None:
    page = Page(form())
    assert page.one("label", for_="v-weight").text == "Weight (optional)"
    assert page.one("label", for_="v-price").text == "Price"


def test_few_choices_are_in_sight_and_many_make_a_list() -> None:
    many = options(*(f"colour {number}" for number in range(13)))
    assert len(Page(form(field("choice", "v", "Colour", options=many[:12]))).all("input", type="radio")) == 12
    select = Page(form(field("choice", "v", "Colour", options=many))).one("select", name="v")
    assert [option.attrs["value"] for option in select.below] == ["", *(option.value for option in many)]


def test_rows_are_counted_added_and_removed_by_buttons_that_come_back_to_their_place() -> None:
    page = Page(form(root="/hitl"))
    assert page.one("input", name="v/lines:rows").attrs["value"] == "2"
    assert page.one("input", name="v/empty:rows").attrs["value"] == "0"
    remove = page.one("button", value="remove:v/lines/0")
    assert remove.text == "Remove Line 1"
    assert remove.attrs["formaction"] == "/hitl/submit#v-lines"
    assert page.one("button", value="add:v/lines").text == "Add another to Lines"
    assert page.one("button", value="add:v/empty").text == "Add one to Vouchers"


def test_a_row_that_is_typed_as_json_can_be_taken_out_by_its_place() -> None:
    row = field("json", "v/0:json", "Row 1", removable=True)
    assert Page(form(field("list", "v", "Rows", children=(row,)))).one("button", value="remove:v/0")


def test_a_part_that_is_not_drawn_yet_has_a_button_that_asks_for_it() -> None:
    hidden = field("group", "v/next", "Next")
    page = Page(form(field("optional", "v/next", "Next", id="m", children=(hidden,), present=False, can_add=True)))
    assert page.one("button", value="add:v/next").attrs["formaction"] == "/submit#m"
    assert page.one("input", name="v/next:none").attrs["value"] == "1"


def test_a_list_that_is_full_or_at_its_least_has_no_such_buttons() -> None:
    row = field("text", "v/0", "Row 1")
    assert not Page(form(field("list", "v", "Rows", children=(row,)))).all("button", name="action", type="submit")[1:]


# Errors.


def test_the_summary_comes_first_takes_focus_and_links_each_error_to_its_field() -> None:
    page = Page(refused())
    summary = page.one(role="alert")
    assert (summary.attrs["tabindex"], "autofocus" in summary.attrs) == ("-1", True)
    assert page.one("main").below[0] is summary
    links = [(link.text, link.attrs["href"]) for link in page.all("a") if summary in link.above]
    assert ("Customer – Please fill this in.", "#v-who") in links
    assert ("Payment › Card number – This number is too short.", "#v-pay-0-number") in links
    assert ("Comment – At most 8 KiB.", "#comment") in links
    assert page.one("title").text.startswith("Error: ")


def test_an_error_that_no_field_shows_is_in_the_summary_all_the_same() -> None:
    assert "ghost – No field." in Page(refused()).one(role="alert").text


def test_each_error_is_told_once_beside_its_field_and_once_in_the_summary() -> None:
    page = Page(refused())
    beside = [element.text.removeprefix("Error: ") for element in page.all("p", class_="error")]
    assert beside.count("At least 18.") == 1  # of an optional and of the field in it
    lines = page.one(role="alert").text
    for message in beside:
        assert message in lines
    assert lines.count("At least 18.") == 1


def test_an_error_of_the_alternative_that_is_not_chosen_is_not_beside_what_cannot_be_seen() -> None:
    chosen = options("card", "cash", selected="cash")
    parts = (field("text", "v", "Card", id="f-0", error="No."), field("null", "v", "Cash", id="f-1"))
    page = Page(form(field("union", "v", "Payment", options=chosen, children=parts, error="No."), errors={"": "No."}))
    assert [link.attrs["href"] for link in page.all("a") if link.text == "Payment – No."] == ["#v"]


def test_a_form_without_errors_has_no_summary() -> None:
    page = Page(form())
    assert not page.all(role="alert")
    assert not page.one("title").text.startswith("Error")


def test_a_notice_alone_asks_to_submit_again() -> None:
    summary = Page(form(yes_no(), notice="This form had expired.")).one(role="alert")
    assert summary.text.startswith("Please submit again This form had expired. Everything you typed is still here.")


# Submitting.


def submits(page: Page) -> list[tuple[str, str, str]]:
    return [(b.text, b.attrs.get("name", ""), b.attrs.get("value", "")) for b in page.all("button", type="submit")]


def test_a_form_posts_its_id_and_token_to_its_own_address() -> None:
    page = Page(form(root="/hitl"))
    sent = page.one("form")
    assert (sent.attrs["method"], sent.attrs["action"]) == ("post", f"/hitl/form/{REQUEST_ID}")
    assert "novalidate" in sent.attrs
    hidden = {e.attrs["name"]: e.attrs["value"] for e in page.all("input", type="hidden")}
    assert (hidden["request_id"], hidden["token"]) == (REQUEST_ID, "the-token")


@pytest.mark.parametrize("root", [everything(), yes_no(), field("null", "v", "x")], ids=["form", "yes or no", "null"])
def test_enter_presses_a_button_that_neither_removes_nor_approves_nor_declines(root: Field) -> None:
    page = Page(form(root))
    first = page.all("button")[0]
    assert "name" not in first.attrs
    assert (first.attrs["tabindex"], first.attrs["aria-hidden"], first.attrs["class"]) == ("-1", "true", "unseen")


def test_yes_and_no_are_the_submit_buttons_of_a_boolean() -> None:
    page = Page(form(yes_no()))
    assert submits(page)[1:] == [("Yes", "v", "true"), ("No", "v", "false"), ("Decline to answer", "action", "decline")]
    assert not page.all("input", type="radio")


def test_nothing_to_fill_in_is_one_button() -> None:
    page = Page(form(field("null", "v", "Answer")))
    assert submits(page)[1:] == [("Continue", "", ""), ("Decline to answer", "action", "decline")]


def test_any_other_form_has_submit_answer_and_decline_set_apart() -> None:
    page = Page(form(field("integer", "v", "How many")))
    assert submits(page)[1:] == [("Submit answer", "", ""), ("Decline to answer", "action", "decline")]
    assert page.one("button", value="decline").above[-1].tag == "details"


# What a page says.


def test_a_form_says_who_asks_by_when_and_what_silence_and_each_button_cause() -> None:
    said = Page(form()).one("main").text
    for words in (
        "cost-sign-off in run nightly-42, project billing (flyte)",
        "Mon 2 Mar 2026, 14:00 UTC in 2 hours",
        "The workflow gets no answer, only an error",
        "Mon 2 Mar 2026, 11:55 UTC 5 minutes ago",
        "The workflow goes on with your answer, and nobody can change it afterwards.",
        "Declining ends the question without an answer.",
    ):
        assert words in said
    assert Page(form()).one("a", href="https://flyte.example/r/42").text == "nightly-42"


def test_a_form_says_which_default_silence_means() -> None:
    asked = question(default=DefaultValue(value="hunter2"))
    shown = form(field("integer", "v", "x"), asked=asked, fallback=field("integer", "v", "x", value="12"))
    assert "goes on by itself with this answer: 12" in Page(shown).one("main").text
    assert "goes on by itself with an answer that its author chose" in form(asked=asked)
    assert "hunter2" not in form(asked=asked)


def test_a_form_without_deadline_says_so() -> None:
    said = Page(form(asked=question(deadline=None))).one("main").text
    assert "No deadline The workflow waits until somebody answers" in said
    assert "If nobody answers" not in said


def test_images_stand_beside_the_form_with_their_names() -> None:
    page = Page(form(asked=question(attachments=PICTURES)))
    assert [(image.attrs["src"], image.attrs["alt"]) for image in page.all("img")] == [
        (f"/files/{REQUEST_ID}/{'a' * 64}", "Digit 0412"),
        (f"/files/{REQUEST_ID}/{'b' * 64}", "Image 2"),
    ]
    assert [caption.text for caption in page.all("figcaption")] == ["Digit 0412", "Image 2"]


def test_the_result_says_what_happened_and_what_the_workflow_does() -> None:
    said = Page(result("answered", {"answer": field("integer", "v", "x", value="12")})).one("main").text
    assert "Your answer was accepted The workflow takes it and goes on." in said
    assert "Answer 12" in said
    said = Page(result("declined", comment="Not mine")).one("main").text
    assert "You declined to answer The workflow is told that you declined, with your comment." in said


def test_an_answer_is_shown_as_the_reviewer_gave_it() -> None:
    said = Page(result("answered", {"answer": everything()})).one("main").text
    for words in ("Price 12.50", "Size Medium", "Nickname no value", "PIN not shown", "Street Main Street 1",
                  "Labels team0 blue", "Call back at 2026-03-05T10:30 +01:00", "Card number 1234"):  # fmt: skip
        assert words in said
    assert "Cash" not in said


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (lambda: settled("answered"), "Answered by Ada (signed in), 3 minutes ago."),
        (lambda: settled("answered", by=Reviewer(name="Bo", assurance="self-declared")), "Bo (the name they gave)"),
        (lambda: settled("answered", by=Reviewer()), "Answered by somebody who has the link, 3 minutes ago."),
        (lambda: settled("declined"), "Declined by Ada (signed in), 3 minutes ago."),
        (lambda: settled("expired", source="default", by=None), "goes on with the answer that its author chose"),
        (lambda: settled("expired", source="deadline", by=None), "Nobody answered in time. The workflow was told so"),
        (lambda: settled("cancelled", source="workflow", by=None, reason="Moot."), "Its workflow withdrew it"),
        (lambda: settled("cancelled", source="operator", by=None, reason="Moot."), "Reason Moot."),
    ],
)
def test_a_later_visitor_is_told_who_settled_it_and_how(page: Callable[[], str], words: str) -> None:
    assert words in Page(page()).one("main").text


def test_who_came_too_late_is_told_that_their_answer_was_not_used() -> None:
    assert "Your own answer was not used" in settled("answered", {"refused": True})
    assert "Your own answer was not used" not in settled("answered")


def test_a_stored_answer_is_called_saved_and_never_accepted() -> None:
    said = Page(render.saved_page(render.SavedView(request=question()))).one("main").text
    assert "It will be checked when the workflow is back." in said
    assert "accepted" not in said.lower()


def test_a_name_cannot_turn_around_the_words_that_say_how_sure_it_is() -> None:
    for turn in "\u202e\u202b\u2067\u2069":
        page = settled("answered", by=Reviewer(name=f"Bo (signed in){turn}", assurance="self-declared"))
        assert turn not in page
        assert "Bo (signed in) (the name they gave)" in page
    assert "\u200c" in settled(
        "answered", by=Reviewer(name="\u0645\u06cc\u200c\u062e\u0648", assurance="self-declared")
    )


def test_the_inbox_does_not_link_to_itself() -> None:
    page = inbox(inbox=True, root="/hitl")

    assert 'href="/hitl/"' not in page
    assert 'href="/hitl/"' in inbox(inbox=True, root="/hitl", after="1-aaaaaaaa"), "the first page is another one"


def test_the_inbox_lists_what_waits_and_what_cannot_be_read() -> None:
    page = Page(inbox(next="a/b&c"))
    assert page.one("a", href=f"/form/{REQUEST_ID}").text == "Sign off the March figures?"
    said = page.one("main").text
    assert "cost-sign-off in run nightly-42 (flyte) Asked 5 minutes ago Due in 2 hours" in said
    assert "v1/events/x/request.json" in said
    assert page.one("a", href="/?after=a%2Fb%26c").text == "Next page"
    assert "Nothing waits for you" in inbox(items=(), problems=())


def test_a_runs_address_that_is_none_is_not_linked_to() -> None:
    run = RunContext(engine="flyte", run_id="nightly-42", url="http://[half")
    assert not Page(form(asked=question(run=run))).all("a", href="http://[half")


def test_who_may_not_see_the_list_is_told_that_a_questions_own_link_works() -> None:
    said = Page(render.error_page(render.ErrorView(status=401))).one("main").text
    assert "Open the link of the question itself" in said


def test_an_answer_that_would_show_a_secret_as_json_is_not_shown() -> None:
    said = Page(result("answered", {"answer": field("json", "v", "x")})).one("main").text
    assert "Answer not shown" in said


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 421, 422, 429, 500, 503])
def test_an_error_page_says_what_happened_and_what_to_do_next(status: int) -> None:
    page = Page(render.error_page(render.ErrorView(status=status)))
    assert page.one("h1").text
    assert page.one("p", class_="lead").text
    assert page.one(aria_labelledby="todo").text.removeprefix("What to do next").strip()


def test_an_error_page_says_what_it_is_given_rather_than_its_statuss_words() -> None:
    page = render.error_page(
        render.ErrorView(status=500, what="The disk is full.", todo="Free some.", event="'x' (abc)")
    )
    said = Page(page).one("main").text
    assert "The disk is full." in said
    assert "'x' (abc)" in said
    assert "Free some." in said
    assert "app failed" not in said


# Times.


@pytest.mark.parametrize(
    ("seconds", "relative"),
    [
        (7199.5, "in 2 hours"), (5400, "in 1 hour 30 minutes"), (60, "in 1 minute"), (20, "in less than a minute"),
        (0, "just now"), (-20, "just now"), (-180, "3 minutes ago"), (86400, "in 1 day"), (183600, "in 2 days 3 hours"),
        (86399, "in 1 day"), (-31536000, "365 days ago"),
    ],
)  # fmt: skip
def test_a_time_says_how_far_off_it_is(seconds: float, relative: str) -> None:
    assert render.moment(NOW + timedelta(seconds=seconds), NOW).relative == relative


def test_a_time_is_written_in_utc_whatever_zone_it_came_in() -> None:
    elsewhere = datetime(2026, 3, 3, 1, 5, tzinfo=timezone(timedelta(hours=9)))
    made = render.moment(elsewhere, NOW)
    assert (made.iso, made.text) == ("2026-03-02T16:05:00Z", "Mon 2 Mar 2026, 16:05 UTC")


# The report.


def pasted(asked: Request) -> list[str]:
    page = Page(render.report(asked, form_url="https://x.example/form/1", api_url="https://x.example/submit/json"))
    return shlex.split(page.one("pre").text)


def test_the_command_of_a_report_brings_the_token_that_its_link_carries() -> None:
    link = "https://x.example/form/1?token=k1.a.b"
    page = Page(render.report(question(), form_url=link, api_url="https://x.example/submit/json"))

    assert "Authorization: Bearer k1.a.b" in shlex.split(page.one("pre").text)
    assert not [part for part in pasted(question()) if "Authorization" in part]


def test_a_report_has_the_question_the_link_and_the_api() -> None:
    html = render.report(question(), form_url="https://x.example/form/1", api_url="https://x.example/submit/json")
    page = Page(html)
    assert page.one("h2").text == "Sign off the March figures?"
    assert page.one("a", href="https://x.example/form/1").text == "Open the form"
    assert "https://x.example/submit/json" in page.one("details").text
    rules = re.findall(r"^(.+?) \{", page.one("style").text.replace("} ", "}\n"), re.MULTILINE)
    assert rules
    assert all(part.startswith(".pausepoint-report") for rule in rules for part in rule.split(", "))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "boolean"}, False),
        ({"enum": ["it's", "b"]}, "it's"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "format": "password", "examples": ["hunter2"]}, "text"),
        ({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}], "$defs": {"A": {"const": 7}}}, 7),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        (
            {"type": "object", "properties": {"a": {"type": "number"}, "b": {}}, "required": ["a"]},
            {"a": 0},
        ),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_reports_command_line_works_when_pasted(schema: dict[str, Any], value: object) -> None:
    *command, body = pasted(question(json_schema=schema))
    assert command == [
        "curl",
        "-X",
        "POST",
        "https://x.example/submit/json",
        "-H",
        "Content-Type: application/json",
        "-d",
    ]
    assert json.loads(body) == {"request_id": REQUEST_ID, "value": value}


# The style sheet.


def test_the_stylesheet_loads_nothing_and_has_a_dark_theme() -> None:
    css = render.stylesheet()
    assert "@import" not in css
    assert "url(" not in css
    assert "@media (prefers-color-scheme: dark)" in css
    light, dark = (set(re.findall(r"(--[a-z-]+):", part)) for part in css.split("prefers-color-scheme: dark")[:2])
    assert dark
    assert dark <= light


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("pairs", "least"),
    [
        ("ink/ground ink/surface ink/bad-tint", 7),
        (
            "soft/ground soft/surface soft/sunk accent/ground accent/surface on-accent/accent bad/surface bad/bad-tint",
            4.5,
        ),
        ("edge/surface edge/ground", 3),
    ],
)
def test_colours_stand_out_as_wcag_aa_asks(theme: int, pairs: str, least: float) -> None:
    rules = render.stylesheet().split("prefers-color-scheme: dark")[theme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", rules))
    for pair in pairs.split():
        darker, lighter = sorted(luminance(colours[name]) for name in pair.split("/"))
        assert (lighter + 0.05) / (darker + 0.05) >= least, pair


# What `_forms` names, the page submits.

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Order",
    "properties": {
        "who": {"type": "string"},
        "note": {"type": "string", "format": "multiline", "default": ""},
        "pin": {"type": "string", "format": "password"},
        "count": {"type": "integer", "minimum": 1},
        "gift": {"type": "boolean", "default": True},
        "size": {"enum": ["small", "medium"]},
        "colour": {"enum": [f"colour {number}" for number in range(20)], "default": "colour 3"},
        "at": {"type": "string", "format": "date-time"},
        "nick": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "free": {"type": "string"},
        "pay": {"anyOf": [{"$ref": "#/$defs/Card"}, {"type": "integer"}]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Card"}},
        "tags": {"type": "object", "additionalProperties": {"type": "number"}},
        "pair": {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2,
        },
        "tree": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
    },
    "required": ["who", "pin", "count", "size", "at", "pay", "lines", "tags", "pair", "tree"],
    "$defs": {
        "Card": {"type": "object", "title": "Card", "properties": {"no": {"type": "string"}}, "required": ["no"]},
        "Node": {
            "type": "object",
            "title": "Node",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
            "required": ["next"],
        },
    },
}
VALUE: Any = {
    "who": "Ada",
    "note": "\nfirst\nsecond",
    "count": 3,
    "gift": False,
    "size": "medium",
    "colour": "colour 7",
    "at": "2026-03-05T10:30:00+01:00",
    "nick": None,
    "pay": {"no": "12"},
    "lines": [{"no": "1"}, {"no": ""}],
    "tags": {"a:b/c": 1.5},
    "pair": [1, "x"],
    "tree": {"next": None},
}


def submitted(page: Page) -> dict[str, str]:
    """Return what a browser sends when Enter is pressed."""
    sent = {}
    for control in page.all():
        name, kind = control.attrs.get("name", ""), control.attrs.get("type")
        if control.tag == "textarea":
            sent[name] = "".join(control.own).removeprefix("\n")
        elif control.tag == "select":
            chosen = [option for option in control.below if "selected" in option.attrs] or control.below
            sent[name] = chosen[0].attrs["value"]
        elif control.tag == "input" and (kind not in ("radio", "checkbox") or "checked" in control.attrs):
            sent[name] = control.attrs.get("value", "")
    return sent


def test_a_form_that_is_submitted_untouched_gives_the_value_it_was_drawn_from() -> None:
    drawn = forms.build(SCHEMA, forms.draft_of(SCHEMA, VALUE))
    sent = {name: text for name, text in submitted(Page(form(drawn))).items() if name.startswith("v")}
    parsed = forms.parse(SCHEMA, {**sent, "v/pin": "1234"})
    assert parsed.errors == {}
    assert parsed.value == {**VALUE, "pin": "1234"}


def test_a_form_with_every_error_links_each_to_an_element_of_the_page() -> None:
    draft = forms.draft_of(SCHEMA, {}, given=False)
    errors = forms.parse(SCHEMA, draft).errors
    page = Page(form(forms.build(SCHEMA, draft, errors), errors=errors))
    links = [link for link in page.all("a") if page.one(role="alert") in link.above]
    assert len(links) == len(errors) > 3
    ids = {element.attrs.get("id") for element in page.elements}
    assert {link.attrs["href"].removeprefix("#") for link in links} <= ids
