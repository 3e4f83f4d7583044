"""What a reviewer's form sends, and the page that says what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse

from .._access import Visitor
from .._codec import check
from .._forms import edit, parse
from .._models import MAX_LABEL_CHARS, Answer, Request, Response
from ..errors import AlreadySettledError, AnswerError, LinkError, StoreError
from .bodies import comment_error, form_of, was_pressed
from .contract import ACCESS, RequestId, form_body, page_refusals
from .desk import AtDesk, Desk, desk_of
from .intake import take
from .problems import problem_of
from .sheets import Faults, Sheets, Typed

router = APIRouter(tags=["pages"])

_EDITS = ("add:", "remove:")
"""Buttons that change the form and store nothing."""
_STALE = (
    "This form had been open for too long, or does not come from this app. Look over what you typed, and send it again."
)


_NOBODY = "Nobody pressed a button: a program sent this form by itself, so nothing was stored. Press it yourself."

_ANSWERS: dict[int | str, dict[str, Any]] = {
    **page_refusals(*ACCESS, 400, 404, 409, 410, 422, 500, 503, post=True),
    202: {"description": "Saved; the workflow will check it when it is back.", "content": {"text/html": {}}},
}


@router.post("/form/{request_id}", response_class=HTMLResponse, openapi_extra=form_body(), responses=_ANSWERS)
async def submit_at_form(http: HttpRequest, request_id: RequestId) -> HTMLResponse:
    """
    Take a form: answer, decline, or add and remove rows.

    What cannot be taken is shown again with everything typed still there; nothing is stored then.
    """
    # The id that the form repeats is for `/submit`; its token is for one event anyway.
    return await _taken(http, desk_of(http), await form_of(http), request_id)


@router.post("/submit", response_class=HTMLResponse, openapi_extra=form_body(), responses=_ANSWERS)
async def submit(http: HttpRequest, desk: AtDesk) -> HTMLResponse:
    """
    Take a form, as its own address does.

    Of the links that a browser has opened, the last one counts here.
    """
    inputs = await form_of(http)
    return await _taken(http, desk, inputs, inputs.get("request_id", ""))


async def _taken(http: HttpRequest, desk: Desk, inputs: Mapping[str, str], request_id: str) -> HTMLResponse:
    visitor = await desk.admit(http, "page", "answer", request_id)
    request = await desk.request(request_id, http)
    sheets = await Sheets.of(desk, http, visitor, request)
    submission = _Submission(desk, sheets, visitor, request, inputs)
    page = await submission.page(was_pressed(http))
    if submission.is_stored and visitor.name is None:
        desk.credentials.remember(http, page, await desk.names(), submission.reviewer)
    return page


class _Submission:
    """
    One submitted form.

    Attributes:
        is_stored: Its answer is stored, and may have settled the event.
    """

    def __init__(
        self, desk: Desk, sheets: Sheets, visitor: Visitor, request: Request, inputs: Mapping[str, str]
    ) -> None:
        self.is_stored = False
        self._desk = desk
        self._request = request
        self._visitor = visitor
        self._sheets = sheets
        self._token = inputs.get("token", "")
        self._action = inputs.get("action", "")
        self._typed = Typed(
            draft={name: text for name, text in inputs.items() if name == "v" or name.startswith(("v/", "v:"))},
            # A browser sends each line break as two characters.
            comment=inputs.get("comment", "").replace("\r\n", "\n"),
            reviewer=inputs.get("reviewer", "").strip(),
        )

    @property
    def reviewer(self) -> str:
        """The name as typed."""
        return self._typed.reviewer

    async def page(self, was_pressed: bool) -> HTMLResponse:
        """
        Do what the button says, and return the page that tells about it.

        Args:
            was_pressed: A person pressed it, as far as the browser tells.
        """
        # Before anything else is done with it; a form that is merely old is not lost, since it is shown again in full.
        try:
            (await self._desk.tokens()).check(self._token, self._request.request_id, self._visitor.holder)
        except LinkError:
            return await self._again(self._typed, Faults(notice=_STALE), 403)
        if self._action.startswith(_EDITS):
            draft = edit(self._request.json_schema, self._typed.draft, self._action)
            return await self._again(Typed(draft=draft, comment=self._typed.comment, reviewer=self._typed.reviewer))
        if self._action not in {"", "decline"}:
            raise HTTPException(400)
        # Of a settled event nothing can change any more, and whoever reloads the page that said so is told it again.
        if not was_pressed and await self._desk.settling.outlook(self._request) is None:
            return await self._again(self._typed, Faults(notice=_NOBODY), 403)
        # Declining needs no valid form: whoever cannot answer need not fill it in first.
        is_declined = self._action == "decline"
        value, faults = (None, self._faults({})) if is_declined else self._parsed()
        if faults:
            return await self._again(self._typed, faults, 422)
        return await self._answered(value, is_declined)

    def _parsed(self) -> tuple[JsonValue, Faults]:
        parsed = parse(self._request.json_schema, self._typed.draft)
        schema = self._request.json_schema
        # Everything at once; what is understood is checked again, and for good, by whoever settles.
        fields = {**check(schema, parsed.value), **parsed.errors} if parsed.errors else {}
        return parsed.value, self._faults(fields)

    def _faults(self, fields: Mapping[str, str]) -> Faults:
        too_long = len(self._typed.reviewer) > MAX_LABEL_CHARS
        return Faults(
            fields=fields,
            comment=comment_error(self._typed.comment),
            reviewer=f"Please use at most {MAX_LABEL_CHARS} characters." if too_long else "",
        )

    async def _answered(self, value: JsonValue, is_declined: bool) -> HTMLResponse:
        answer = Answer(
            value=value,
            declined=is_declined,
            comment=self._typed.comment,
            by=self._desk.access.reviewer(self._visitor, self._typed.reviewer),
            through="form",
        )
        try:
            became = await take(self._desk, self._request, answer, form=self._token)
        except AnswerError as error:
            return await self._again(self._typed, Faults(fields=error.fields), 422)
        except AlreadySettledError:
            return await self._too_late()
        except StoreError as error:
            # Not the error page: what was typed would be lost with it.
            notice = " ".join(part for part in ("Your answer could not be stored.", error.what, error.todo) if part)
            return await self._sheets.form(self._typed, Faults(notice=notice), problem_of(error).status)
        self.is_stored = True
        return self._sheets.accepted(became) if isinstance(became, Response) else self._sheets.saved(answer)

    async def _too_late(self) -> HTMLResponse:
        return self._sheets.settled(await self._standing(), refused=True)

    async def _standing(self) -> Response:
        response = await self._desk.records.response(self._request.request_id)
        assert response is not None  # noqa: S101 - somebody has just been told that it is there, and it never goes away
        return response

    async def _again(self, typed: Typed, faults: Faults | None = None, status: int = 200) -> HTMLResponse:
        settled = await self._desk.settling.outlook(self._request)
        if settled is not None:
            return self._sheets.settled(settled, refused=True)
        return await self._sheets.form(typed, faults, status)
