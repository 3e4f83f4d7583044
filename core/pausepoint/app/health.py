"""Whether the app is alive, whose it is, whether it can work, and its figures."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from .._models import Model
from .contract import ACCESS, refusals
from .desk import AtDesk
from .metrics import MEDIA_TYPE

router = APIRouter(tags=["health"])


class Health(Model):
    """
    The app is alive.

    Attributes:
        status: Always `healthy`.
        store: The store's id, where a nonce was given and the store has one.
        links: Where a nonce was given: what this app asks of links, `open` or `token`.
        public_url: Where a nonce was given: what reviewers open, where the app knows it.
        proof: Where a nonce was given: an HMAC of it that only whoever knows the store's secret can make or check.
    """

    status: Literal["healthy"] = "healthy"
    store: str | None = None
    links: Literal["open", "token"] | None = None
    public_url: str | None = None
    proof: str | None = None


class Ready(Model):
    """
    The app can work.

    Attributes:
        status: Always `ready`: the store can be read and listed at this moment.
        writes: `proven`: it could be written within the last two minutes. `untried` in an app that is mounted in
            another, which tries nothing by itself.
        index: `built`, or `untried` in a mounted app whose first list will build it.
    """

    status: Literal["ready"] = "ready"
    writes: Literal["proven", "untried"]
    index: Literal["built", "untried"]


@router.get("/health", response_model_exclude_none=True, responses=refusals(422, 500, 503))
async def health(
    desk: AtDesk, nonce: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{16,128}$")] = None
) -> Health:
    """Say that the app is alive; with a nonce, prove which store it serves. Without one, the store is not asked."""
    if nonce is None:
        return Health()
    told = {"links": desk.links, "public_url": desk.public_url}
    return Health(store=await desk.store_id(), proof=await desk.proof(nonce), **told)


@router.get("/ready", responses=refusals(500, 503))
async def ready(desk: AtDesk) -> Ready:
    """
    Say whether the app can work: the store can be read, was written lately, and its list of events is made.

    503 where it cannot, or not yet. Nothing is written by asking.
    """
    found = await desk.readiness.verdict(desk.index.is_built)
    return Ready(writes=found.writes, index=found.index)


@router.get(
    "/metrics",
    response_class=HttpResponse,
    responses=refusals(*ACCESS, 404, 500, 503)
    | {200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(http: HttpRequest, desk: AtDesk) -> HttpResponse:
    """
    Tell how many events wait and since when, how they ended and how fast, for Prometheus; no names and no values.

    404 where `pausepoint[metrics]` is not installed.
    """
    await desk.admit(http, "api", "measure")
    if not desk.metrics.are_kept:
        raise HTTPException(404)
    await desk.observer.refresh()
    return HttpResponse(desk.metrics.text(), media_type=MEDIA_TYPE)
