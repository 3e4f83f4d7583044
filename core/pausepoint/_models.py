"""
The words of the house as frozen pydantic models: what is stored, what is asked, what a form shows.

Times are timezone-aware UTC. Sizes are bytes. A `JsonValue` is what `json.loads` gives. Readers ignore unknown fields,
so that a newer writer's records stay readable; a record's `schema_version` says which writer made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field as ModelField, JsonValue

SCHEMA_VERSION = 1

# Each limit is enforced where the data comes in, before it is in memory as a whole.
MAX_BODY_BYTES = 1024 * 1024
MAX_PROMPT_BYTES = 64 * 1024
MAX_LABEL_CHARS = 200
MAX_COMMENT_BYTES = 8 * 1024
# Deeper than a form that anybody fills in; whoever reads JSON recurses, and not only we read it.
MAX_JSON_DEPTH = 32
MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024
MAX_ATTACHMENTS = 20
MAX_PAGE = 500
MAX_CANDIDATES = 100

Outcome = Literal["answered", "declined", "expired", "cancelled"]
Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(timezone.utc))]
FieldErrors = Mapping[str, str]
"""Messages by the dotted path of a field (`"lines.0.size"`); `""` is the answer as a whole."""


def utc_now() -> datetime:
    """Return the present moment, timezone-aware, UTC."""
    return datetime.now(timezone.utc)


def new_write_id() -> str:
    """Return a fresh id for one logical write: 32 hexadecimal characters."""
    return uuid4().hex


class Model(BaseModel):
    """The settings every model here shares: frozen, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Record(Model):
    """
    A stored object. Its `repr` has 8 characters of an id and nothing that a reviewer typed.

    Attributes:
        schema_version: Which layout this is; readers refuse a number above the one they know.
        write_id: Random, made once per logical write, so that a writer that lost its reply knows its own bytes again.
    """

    schema_version: int = SCHEMA_VERSION
    write_id: str = ModelField(default_factory=new_write_id)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # Plugins are given records, and log them; whoever knows a whole id can answer.
        for name, value in super().__repr_args__():
            yield name, value[:8] if name == "request_id" else value


class RunContext(Model):
    """
    Where a question is asked: what stays the same when a task is retried.

    Attributes:
        engine: The engine's name, e.g. `flyte`; `local` for a plain process.
        project: The engine's project or namespace; empty where there is none.
        run_id: The run's id in its engine.
        task_id: The task within the run, where there are tasks.
        map_index: The position within a mapped task.
        attempt: Which try this is, from 0; known, never part of identity.
        place: Tells calls of one task apart that an engine gives no index, and stays the same when they are made again,
            e.g. a digest of their inputs. Part of automatic keys; an author's own key does without it.
        execution: Names this very try among all that a process sees, where `attempt` alone does not: questions are
            counted anew in each. Never part of identity.
        resumable: False where a restart cannot come back to this run (a process without an id).
        url: The run's page in the engine's own UI, shown to reviewers.
        store: The URL of the store where this engine keeps its events unless `PAUSEPOINT_STORE` names one; neither part
            of identity nor stored with the question.
        spelled_literals: Programs answer this run's questions in the words of an earlier client, which put numbers and
            booleans in quotes: `/submit/json` then reads `"42"` as 42 where an integer is asked for.
    """

    engine: str
    project: str = ""
    run_id: str
    task_id: str | None = None
    map_index: int | None = None
    attempt: int | None = None
    place: str | None = None
    execution: str | None = None
    resumable: bool = True
    url: str | None = None
    store: str | None = ModelField(default=None, exclude=True)
    spelled_literals: bool = False


class Attachment(Model):
    """
    An image shown beside the form, stored under its SHA-256.

    Attributes:
        sha256: 64 hexadecimal characters, lower case.
        media_type: `image/png`, `image/jpeg` or `image/webp`.
        size: Bytes, at most 10 MiB.
        name: Its caption and its text for those who cannot see it.
    """

    sha256: str
    media_type: str
    size: int
    name: str = ""


class DefaultValue(Model):
    """The declared value that is returned when nobody answers; a model, so that `null` can be declared."""

    value: JsonValue = ModelField(repr=False)


class Request(Record):
    """
    The question, as stored: written once by the workflow, never changed.

    Attributes:
        request_id: 26 characters, `a`-`z` and `2`-`7`.
        name: The event's name, at most 200 characters.
        key, generation: What tells this question from the others of its run context.
        run: Where it was asked.
        title: What the page is headed with; the name where the author gave none.
        prompt: Markdown, at most 64 KiB.
        data_type: The type's name for people, e.g. `int`, `ShirtOrder`.
        json_schema: JSON Schema 2020-12 of the answer.
        schema_complete: True where the schema is the whole type, so that the app may settle by itself.
        initial: What the form is prefilled with; None where nothing is.
        attachments: At most 20.
        created_at, deadline: UTC; without a deadline the event waits for ever.
        default: What silence means, where the author declared it.
        mailbox: Where wake markers for this event go.
    """

    request_id: str
    name: str
    key: str
    generation: int = 0
    run: RunContext
    title: str
    prompt: str
    data_type: str
    # Frozen is one level deep: this is shared by all who hold the request, and nobody may write into it.
    json_schema: dict[str, Any]
    schema_complete: bool
    initial: DefaultValue | None = None
    attachments: tuple[Attachment, ...] = ()
    created_at: Utc
    deadline: Utc | None = None
    default: DefaultValue | None = None
    mailbox: str = "default"

    @property
    def label(self) -> str:
        """How messages and logs call this event: its name and 8 characters of its id."""
        # Not the whole id: whoever knows it can answer, and logs are read by many.
        return f"{self.name!r} ({self.request_id[:8]})"


class Reviewer(Model):
    """
    Who answered, and how sure we are of it.

    Attributes:
        name: None where nobody said.
        assurance: `verified` (an identity source vouches), `link` (whoever had the link), `self-declared`, or
            `local` (the person at the machine).
    """

    name: str | None = ModelField(None, repr=False)
    # The least that is true of anybody whose answer arrived: they had the link.
    assurance: Literal["verified", "link", "self-declared", "local"] = "link"


class Answer(Model):
    """
    What a reviewer submits.

    Attributes:
        value: The value as JSON; ignored where `declined`.
        declined: The reviewer refuses to answer.
        comment: The reviewer's words, at most 8 KiB.
        by: Who.
        through: Which way it came: `form`, `json`, `api`, `cli`, `test`, or an engine's name.
        at: When it reached us, UTC.
    """

    value: JsonValue = ModelField(None, repr=False)
    declined: bool = False
    comment: str = ModelField("", repr=False)
    by: Reviewer = Reviewer()
    through: str = "api"
    at: Utc = ModelField(default_factory=utc_now)


class Candidate(Record):
    """A stored answer that waits for the author's own code to judge it; numbered from 1 in the order of arrival."""

    request_id: str
    number: int
    answer: Answer


class Verdict(Record):
    """The judgement of one candidate: accepted, or refused with a message per field."""

    request_id: str
    number: int
    accepted: bool
    fields: dict[str, str] = ModelField(default_factory=dict, repr=False)
    at: Utc = ModelField(default_factory=utc_now)


class Response(Record):
    """
    The outcome, written once, never changed.

    Attributes:
        outcome: How the event ended.
        value: The answer as JSON; with `expired` the declared default, where there is one (`source` is then `default`).
        source: `reviewer`, `default`, `deadline`, `workflow` (cancelled by its author) or `operator`.
        by, through, comment, answered_at: Of the answer, where a reviewer gave one.
        reason: Why it was cancelled.
        candidate: The number of the candidate that was accepted, where it was one.
        settled_at: When this was written, UTC.
    """

    request_id: str
    outcome: Outcome
    value: JsonValue = ModelField(None, repr=False)
    source: Literal["reviewer", "default", "deadline", "workflow", "operator"]
    by: Reviewer | None = None
    through: str | None = None
    comment: str = ModelField("", repr=False)
    answered_at: Utc | None = None
    reason: str = ""
    candidate: int | None = None
    settled_at: Utc = ModelField(default_factory=utc_now)


class Wake(Record):
    """
    It is done: the engine that waits was woken for what was stored.

    Attributes:
        number: The candidate's number; 0 for the response.
        by: Whose plugin did it, e.g. `pausepoint-flyte 0.1.0`.
        at: When it was done, UTC.
    """

    request_id: str
    number: int
    by: str
    at: Utc = ModelField(default_factory=utc_now)


class Served(Model):
    """
    Where the form app can be reached.

    Attributes:
        base_url: Without a slash at its end.
        links: What it asks of links: `open` or `token`; None where that is for the settings to say.
    """

    base_url: str
    links: Literal["open", "token"] | None = None


FieldKind = Literal[
    "text", "long_text", "secret", "integer", "number", "decimal", "boolean", "choice", "date", "datetime", "time",
    "null", "constant", "json", "group", "list", "map", "union", "optional",
]  # fmt: skip


class Option(Model):
    """One choice of a field: `value` is what is submitted, `label` what is read, `help` what it causes."""

    value: str
    label: str
    help: str = ""
    selected: bool = False


class Field(Model):
    """
    One node of a form, as shown: everything a template needs and nothing it has to decide.

    Attributes:
        kind: Which template draws it.
        name: The input's name, a JSON pointer below `v` (`v/lines/0/size`); the root is `v`.
        path: The dotted path that messages are keyed by (`lines.0.size`); the root is empty.
        id: The element's id, unique in the page, safe in HTML and CSS.
        label, help: What it is called, and the author's description.
        hint: The limits and the expected spelling in words (`a whole number from 1 to 10`).
        examples: As the author gave them, spelt as they would be typed.
        required: False where a default stands in for it, or it may be left out.
        value: What was typed last, or the prefilled value; for `secret` always empty.
        error: Why it was refused; empty where it was not.
        options: Of a choice, boolean or union; which is selected is marked in each.
        children: Of a group, list, map, union or optional, in order. A union has one child per option; a list one per
            row; a map one `group` per row with a key and a value; an optional exactly one.
        present: Of an optional: a value is given (as opposed to "no value").
        removable: It is a row that may be taken out again.
        can_add: Of a list or map: another row may be added. Of an optional: it holds a part of its own kind that is not
            drawn yet; the action `add:<name>` draws it, and so does submitting the form without "no value".
        offset: Of a datetime or time: the UTC offset as typed, None where it has no such input.
        native: The typed value fits the browser's own date or time control; else it is shown as plain text.
    """

    kind: FieldKind
    name: str
    path: str
    id: str
    label: str
    help: str = ""
    hint: str = ""
    examples: tuple[str, ...] = ()
    required: bool = True
    value: str = ModelField("", repr=False)
    error: str = ""
    options: tuple[Option, ...] = ()
    children: tuple[Field, ...] = ()
    present: bool = True
    removable: bool = False
    can_add: bool = False
    offset: str | None = None
    native: bool = True
