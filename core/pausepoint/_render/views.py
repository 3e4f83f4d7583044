"""What each page is given: frozen views, filled by the app, read by the templates."""

from __future__ import annotations

from dataclasses import dataclass, field as default
from datetime import datetime

from .._models import Field, FieldErrors, Request, Response, utc_now


@dataclass(frozen=True, kw_only=True)
class Page:
    """
    What every page needs.

    Attributes:
        root: The root path prefix of the app (`""` or `"/hitl"`, no trailing slash); it goes before every URL.
        inbox: True where this visitor may see the list of waiting questions, so that pages may link to it.
        now: The moment the page is made, UTC; relative phrases ("in 2 hours") are counted from it.
    """

    root: str = ""
    inbox: bool = False
    now: datetime = default(default_factory=utc_now)


@dataclass(frozen=True, kw_only=True)
class FormView(Page):
    """
    An open question, new or refused.

    Attributes:
        request: The question.
        field: The root of the form, errors included.
        token: The form's CSRF token; being another in each form, it also makes a double click the same write.
        errors: Messages by dotted path; those that no field shows are told in the summary alone.
        notice: One or two sentences above the form, e.g. that it had expired and is to be submitted again.
        comment, reviewer: What was typed into the two fields that every form has.
        comment_error, reviewer_error: Why these were refused.
        signed_in: Who the reviewer is, where an identity source vouches for it; then no name is asked for.
        known_as: The name that this reviewer gave before, which needs no showing unless it is to be changed.
        fallback: The declared default as a form, shown as what silence means; without it the page says only that there
            is one, because the raw JSON of a default may hold a secret.
    """

    request: Request
    field: Field
    token: str
    errors: FieldErrors = default(default_factory=dict)
    notice: str = ""
    comment: str = ""
    reviewer: str = ""
    comment_error: str = ""
    reviewer_error: str = ""
    signed_in: str = ""
    known_as: str = ""
    fallback: Field | None = None


@dataclass(frozen=True, kw_only=True)
class OutcomeView(Page):
    """
    A settled question, for the one who settled it and for those who come later.

    Attributes:
        request: The question.
        response: The outcome.
        answer: The value as a form, to be shown as given (secrets stay hidden); None shows no value.
        refused: This visitor submitted an answer, and somebody else was first.
    """

    request: Request
    response: Response
    answer: Field | None = None
    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class SavedView(Page):
    """
    A stored candidate that nobody has judged yet.

    Attributes:
        request: The question.
        answer: The value as a form, to be shown as given; None shows no value.
    """

    request: Request
    answer: Field | None = None


@dataclass(frozen=True, kw_only=True)
class InboxItem:
    """One waiting question of the list; times are UTC."""

    request_id: str
    title: str
    name: str
    engine: str
    run_id: str
    created_at: datetime
    deadline: datetime | None = None

    @classmethod
    def of(cls, request: Request) -> InboxItem:
        """Return the list's view of a request."""
        return cls(
            request_id=request.request_id,
            title=request.title,
            name=request.name,
            engine=request.run.engine,
            run_id=request.run.run_id,
            created_at=request.created_at,
            deadline=request.deadline,
        )


@dataclass(frozen=True, kw_only=True)
class InboxView(Page):
    """
    One page of what waits.

    Attributes:
        items: The questions of this page, in the order shown; at most 500.
        problems: Paths inside the store of records that cannot be read.
        after: The cursor this page began after; empty on the first.
        next: The cursor of the next page; empty on the last.
    """

    items: tuple[InboxItem, ...] = ()
    problems: tuple[str, ...] = ()
    after: str = ""
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class ErrorView(Page):
    """
    Why there is no such page.

    Attributes:
        status: The HTTP status.
        title, what, todo: The headline, what happened, what to do next; what is left empty is filled in by the status.
        event: The event it happened to, as in `PausepointError.event`.
        aside: What only whoever runs or calls the app can use; folded away, since the page is a reviewer's.
    """

    status: int
    title: str = ""
    what: str = ""
    todo: str = ""
    event: str = ""
    aside: str = ""
