"""The parts of the reference that come from the type machinery: what each type looks like as a form, and the limits."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BaseModel, Field, HttpUrl
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from pausepoint import _links, _models
from pausepoint._codec import answer_type
from pausepoint._codec.branching import MOST_TRIES
from pausepoint._forms import build, draft_of, limits as form_limits
from pausepoint._models import Field as FormField
from pausepoint.app import bodies, intake

from .docstrings import table


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Line(TypedDict):
    item: str
    pieces: int


class Card(BaseModel):
    pays: Literal["card"]
    number: str


class Invoice(BaseModel):
    pays: Literal["invoice"]
    days: int = 30


EXAMPLES: tuple[tuple[str, Any, Any], ...] = (
    ("bool", bool, True),
    ("int", int, 3),
    ("Annotated[int, Field(ge=1, le=10)]", Annotated[int, Field(ge=1, le=10)], 3),
    ("float", float, 0.5),
    ("Decimal", decimal.Decimal, decimal.Decimal("2.50")),
    ("str", str, "as typed"),
    ("Annotated[str, Field(max_length=2000)]", Annotated[str, Field(max_length=2000)], "several\nlines"),
    ("date", dt.date, dt.date(2026, 11, 20)),
    ("datetime", dt.datetime, dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.timezone.utc)),
    ("time", dt.time, dt.time(12, 30)),
    ("timedelta", dt.timedelta, dt.timedelta(hours=1, minutes=30)),
    ("UUID", uuid.UUID, uuid.UUID(int=0)),
    ("HttpUrl", HttpUrl, HttpUrl("https://example.org/")),
    ('Literal["red", "green"]', Literal["red", "green"], "green"),
    ("an Enum: Size", Size, Size.LARGE),
    ("Optional[int]", Optional[int], None),  # noqa: UP045 - as authors write it
    ("list[int]", list[int], [1, 2]),
    ("set[str]", set[str], {"a"}),
    ("tuple[int, str]", tuple[int, str], (1, "a")),
    ("dict[str, int]", dict[str, int], {"a": 1}),
    ("a dataclass: Point", Point, Point(1.0, 2.0)),
    ("a TypedDict: Line", Line, Line(item="shirt", pieces=2)),
    ("a model: Invoice", Invoice, Invoice(pays="invoice", days=14)),
    ("Union[int, str]", Union[int, str], "a"),  # noqa: UP007
    (
        'Annotated[Union[Card, Invoice], Field(discriminator="pays")]',
        Annotated[Union[Card, Invoice], Field(discriminator="pays")],  # noqa: UP007
        Card(pays="card", number="4000"),
    ),
    ("Any", Any, {"a": [1, None]}),
    ("None", None, None),
)

CONTROLS = {
    "text": "one line of text",
    "long_text": "several lines of text",
    "secret": "masked text",
    "integer": "a number",
    "number": "a number",
    "decimal": "a number",
    "boolean": "two buttons",
    "choice": "one of several",
    "date": "a date",
    "datetime": "a date and a time",
    "time": "a time",
    "null": "one button, Continue",
    "constant": "shown, nothing to fill in",
    "json": "text that is JSON",
    "group": "a group of fields",
    "list": "rows that can be added and removed",
    "map": "rows of a name and a value",
    "union": "a choice of kinds, each with its fields",
    "optional": 'the field, with a box "No value"',
}


def types() -> str:
    """Show each type: the control, the hint below its label, one answer as JSON; each goes there and back."""
    rows = []
    for spelt, data_type, value in EXAMPLES:
        answer = answer_type(data_type)
        stored = answer.dump(value)
        assert answer.parse(json.loads(json.dumps(stored))) == value, spelt
        field = build(answer.json_schema, draft_of(answer.json_schema, None, given=False))
        checked = "by the form app" if answer.complete else "by the workflow too"
        rows.append([f"`{spelt}`", _control(field), field.hint, f"`{json.dumps(stored)}`", checked])
    return table(["type", "the form shows", "hint", "an answer as JSON", "checked"], rows)


def limits() -> str:
    """List every limit."""
    rows = [
        ["request body, and a stored record", _size(_models.MAX_BODY_BYTES)],
        ["prompt", _size(_models.MAX_PROMPT_BYTES)],
        ["name, key, title, run id", f"{_models.MAX_LABEL_CHARS} characters, one line"],
        ["comment, reason", _size(_models.MAX_COMMENT_BYTES)],
        ["nesting of JSON", f"{_models.MAX_JSON_DEPTH} levels"],
        ["ways to read an answer of a type that holds itself through a union without discriminator", f"{MOST_TRIES:,}"],
        ["attachment", _size(_models.MAX_ATTACHMENT_BYTES)],
        ["attachments of one event", str(_models.MAX_ATTACHMENTS)],
        ["answers stored for the workflow's check, of one event", str(_models.MAX_CANDIDATES)],
        ["page of a list", str(_models.MAX_PAGE)],
        ["rows of one list in a form", str(form_limits.MAX_ROWS)],
        ["inputs of one form", str(form_limits.MAX_INPUTS)],
        ["inputs of a submitted form, hidden ones included", str(bodies.MAX_INPUTS)],
        ["a form that stays open can be submitted for", f"{_links.FORM_SECONDS / 3600:.0f} hours"],
        ["a submission waits for the workflow's own check", f"{intake.PATIENCE:.0f} s"],
    ]
    return table(["what", "at most"], rows)


def _control(field: FormField) -> str:
    control = CONTROLS[field.kind]
    options = ", ".join(option.label for option in field.options)
    return f"{control}: {options}" if options else control


def _size(number: int) -> str:
    kib = number // 1024
    return f"{kib} KiB" if kib % 1024 else f"{kib // 1024} MiB"
