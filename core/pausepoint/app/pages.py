"""The pages that reviewers open: the inbox, a form, its images, and the stylesheet. None of them changes anything."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response as HttpResponse

from .. import _render
from .._index import CURSOR
from .contract import ACCESS, RequestId, page_refusals
from .desk import AtDesk, desk_of, root_of
from .guard import BROUGHT
from .sheets import Sheets

router = APIRouter(tags=["pages"])

PER_PAGE = 100
# An image that turns out to be a page can run nothing, and is of no origin.
IMAGE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
_IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@router.get("/", response_class=HTMLResponse, responses=page_refusals(*ACCESS, 422, 500, 503))
async def inbox(
    http: HttpRequest, desk: AtDesk, after: Annotated[str | None, Query(pattern=f"^{CURSOR}$")] = None
) -> HTMLResponse:
    """
    List the questions that wait, youngest first, a hundred to a page; `after` is the cursor in the link to the next
    page.
    """
    await desk.admit(http, "page", "list")
    listed = await desk.index.page("pending", PER_PAGE, after or "")
    view = _render.InboxView(
        root=root_of(http),
        inbox=True,
        items=tuple(_render.InboxItem.of(entry.request) for entry in listed.entries),
        problems=listed.problems,
        after=after or "",
        next=listed.next,
    )
    return HTMLResponse(_render.inbox_page(view))


@router.get(
    "/form/{request_id}",
    response_class=HTMLResponse,
    responses=page_refusals(*ACCESS, 404, 410, 500, 503)
    | {303: {"description": "The link's token (`?token=`) is now in a cookie: the same form, without it."}},
)
async def form(http: HttpRequest, request_id: RequestId) -> HttpResponse:
    """Show the form of a question; of a settled one, who answered and when (410 where it expired or was cancelled)."""
    desk = desk_of(http)
    visitor = await desk.admit(http, "page", "see", request_id)
    if BROUGHT in http.scope:
        # Out of the address bar, the history, and whatever is copied from there; nothing is used up by it.
        clean = RedirectResponse(f"{root_of(http)}/form/{quote(request_id, safe='')}", 303)
        await desk.credentials.traded(http, request_id, clean)
        return clean
    request = await desk.request(request_id, http)
    sheets = await Sheets.of(desk, http, visitor, request)
    settled = await desk.settling.outlook(request)
    return sheets.settled(settled) if settled else await sheets.form(await sheets.blank())


@router.get(
    "/files/{request_id}/{sha256}",
    response_class=HttpResponse,
    responses=page_refusals(*ACCESS, 404, 500, 503)
    | {200: {"description": "The image.", "content": {media_type: {} for media_type in _IMAGES}}},
)
async def file(http: HttpRequest, desk: AtDesk, request_id: RequestId, sha256: str) -> HttpResponse:
    """Send an image of a question: only one that its author attached, and only as the kind of image it is."""
    await desk.admit(http, "page", "see", request_id)
    request = await desk.request(request_id, http)
    found = next((each for each in request.attachments if each.sha256 == sha256 and each.media_type in _IMAGES), None)
    body = await desk.records.attachment(request_id, found.sha256) if found else None
    if found is None or body is None:
        raise HTTPException(404)
    return HttpResponse(
        body,
        media_type=found.media_type,
        headers={
            "Content-Disposition": f'inline; filename="{found.sha256[:16]}.{_IMAGES[found.media_type]}"',
            "Content-Security-Policy": IMAGE_POLICY,
        },
    )


@router.get("/static/pausepoint.css", include_in_schema=False)
async def stylesheet() -> HttpResponse:
    """Send the one stylesheet, which is the same for everybody and may be kept for a while."""
    headers = {"Cache-Control": "public, max-age=300"}
    return HttpResponse(_render.stylesheet(), media_type="text/css", headers=headers)


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> HttpResponse:
    """Send nothing: every browser asks, and would call a 404 an error."""
    return HttpResponse(status_code=204)
