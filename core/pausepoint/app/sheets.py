"""Events as the pages that reviewers see: fills the views, and says with which status each is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse

from .. import _render
from .._access import Visitor
from .._forms import Draft, build, draft_of
from .._models import Answer, DefaultValue, Field, Request, Response
from .desk import Desk, root_of
from .problems import CLOSED


@dataclass(frozen=True, kw_only=True, repr=False)
class Typed:
    """
    Everything that a form holds.

    Attributes:
        draft: What is typed into the question's own inputs.
        comment, reviewer: What is typed into the two that every form has.
    """

    draft: Draft
    comment: str = ""
    reviewer: str = ""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """
    Why a form is shown again.

    Attributes:
        fields: Messages by dotted path.
        comment, reviewer: Messages for the two inputs that every form has.
        notice: What the whole form is about, above it.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    reviewer: str = ""
    notice: str = ""

    def __bool__(self) -> bool:
        return bool(self.fields or self.comment or self.reviewer or self.notice)


class Sheets:
    """
    The pages about one event, for one visitor.

    Args:
        desk: The app's.
        http: The visitor's request.
        visitor: Whom they are shown to.
        request: The question.
        inbox: They may see the list of all that waits.
    """

    def __init__(self, desk: Desk, http: HttpRequest, visitor: Visitor, request: Request, inbox: bool) -> None:
        self._desk = desk
        self._http = http
        self._visitor = visitor
        self._request = request
        self._root = root_of(http)
        self._inbox = inbox

    @classmethod
    async def of(cls, desk: Desk, http: HttpRequest, visitor: Visitor, request: Request) -> Sheets:
        """Make the pages for whoever sent this request."""
        return cls(desk, http, visitor, request, await desk.may(http, "page", "list"))

    async def blank(self) -> Typed:
        """Return what a form begins with: what the author prefilled, else the type's own defaults."""
        initial = self._request.initial
        return Typed(
            draft=draft_of(self._request.json_schema, initial.value if initial else None, given=initial is not None),
            reviewer=self._desk.credentials.name_given(self._http, await self._desk.names()),
        )

    async def form(self, typed: Typed, faults: Faults | None = None, status: int = 200) -> HTMLResponse:
        """Show the form, with a fresh token, holding what is typed; masked fields are always empty."""
        faults = faults or Faults()
        tokens = await self._desk.tokens()
        page = _render.form_page(
            _render.FormView(
                root=self._root,
                inbox=self._inbox,
                request=self._request,
                field=build(self._request.json_schema, typed.draft, faults.fields),
                token=tokens.issue(self._request.request_id, self._visitor.holder),
                signed_in=self._visitor.name or "",
                known_as=self._desk.credentials.name_given(self._http, await self._desk.names()),
                errors=faults.fields,
                notice=faults.notice,
                comment=typed.comment,
                reviewer=typed.reviewer,
                comment_error=faults.comment,
                reviewer_error=faults.reviewer,
                fallback=self._shown(self._request.default),
            )
        )
        return HTMLResponse(page, status)

    def accepted(self, response: Response) -> HTMLResponse:
        """Tell the one whose answer settled the event."""
        return HTMLResponse(_render.result_page(self._outcome(response, is_ours=True)))

    def saved(self, answer: Answer) -> HTMLResponse:
        """Tell that the answer is stored, and that nobody has judged it yet."""
        given = None if answer.declined else self._read_only(answer.value)
        view = _render.SavedView(root=self._root, inbox=self._inbox, request=self._request, answer=given)
        return HTMLResponse(_render.saved_page(view), 202)

    def settled(self, response: Response, refused: bool = False) -> HTMLResponse:
        """
        Tell how the event ended.

        Args:
            response: How.
            refused: This visitor has just submitted an answer that came too late.
        """
        # Who only looks at an answered question is told about it with a 200; who tried to answer it, with a conflict.
        status = 410 if response.outcome in CLOSED else 409 if refused else 200
        return HTMLResponse(_render.settled_page(self._outcome(response, refused=refused)), status)

    def _outcome(self, response: Response, is_ours: bool = False, refused: bool = False) -> _render.OutcomeView:
        has_value = response.outcome == "answered" or response.source == "default"
        # Whoever has the link alone is told who answered and when, and not what.
        may_see = is_ours or self._inbox
        return _render.OutcomeView(
            root=self._root,
            inbox=self._inbox,
            request=self._request,
            response=response if may_see else response.model_copy(update={"comment": ""}),
            answer=self._read_only(response.value) if has_value and may_see else None,
            refused=refused,
        )

    def _shown(self, default: DefaultValue | None) -> Field | None:
        return None if default is None else self._read_only(default.value)

    def _read_only(self, value: JsonValue) -> Field:
        # As a form, so that a page never shows more of a value than its form would: secrets stay hidden.
        return build(self._request.json_schema, draft_of(self._request.json_schema, value))
