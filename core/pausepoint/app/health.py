"""Whether the app is alive, whose it is, and whether it can work."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from .._models import Model
from .._store import layout
from .contract import refusals
from .desk import AtDesk

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
    """The app can reach its store."""

    status: Literal["ready"] = "ready"


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
    """Say that the store can be read; writing is not tried, because a GET changes nothing."""
    # Both kinds of access: permission to read an object does not include permission to list.
    await desk.store.get(layout.STORE)
    await desk.store.list(layout.KEYS)
    return Ready()
