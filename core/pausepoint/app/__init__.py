"""
The form app: `create_app(store)` returns a FastAPI application, to be served alone or mounted under any prefix of
another.

    app = FastAPI()
    app.mount("/questions", create_app(open_store("file:///srv/pausepoint")))

Its routes parse, call and render; they decide nothing. What they have at hand is in `desk`, what every request must
pass in `guard`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from .._plugins import GOODBYE, Hooks
from .._settings import Settings
from .._store import Store
from ..errors import PausepointError
from . import health, legacy, pages, rest, submissions
from .desk import Desk
from .guard import Guard
from .journal import Journal
from .problems import tell_error, tell_parameters, tell_status
from .redacting import keep_out_of_logs

__all__ = ["FormApp", "create_app"]


class FormApp(FastAPI):
    """The form app; made by `create_app`."""

    def end_streams(self) -> None:
        """
        End all open streams of hints, for good.

        For whoever serves the app, when the server is told to stop: it would wait for them.
        """
        self.state.desk.hub.close()


def create_app(store: Store, hooks: Hooks | None = None, *, settings: Settings | None = None) -> FormApp:
    """
    Make the form app for a store.

    It reads nothing until the first request, needs no lifespan, and changes nothing in the store on GET and HEAD. It
    answers only under a loopback Host or one that the settings name, and sends no CORS headers; mount it where no other
    middleware adds any.

    Args:
        store: Where the events live, from `open_store`.
        hooks: The plugins; default: those that are installed, loaded when the first is needed.
        settings: Of these, the addresses and all that says who may do what count; default: `Settings.load()`.

    Returns:
        The application. It has no interactive documentation, whose pages load scripts from elsewhere; its description
        is at `/openapi.json`.

    Raises:
        UsageError: The file of PAUSEPOINT_PASSWORDS cannot be understood.
    """
    settings = settings or Settings.load()
    keep_out_of_logs()
    desk = Desk(store, settings, partial(_given_or_installed, hooks, settings))
    # A slash too many is no redirect: behind a proxy it would name the address that we listen on.
    app = FormApp(
        title="Pausepoint",
        version="1",
        description="Questions that workflows ask, and the answers that people give.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_swept,
        **_untraced(),
    )
    app.state.desk = desk
    # Nothing answers before it: a refused request is told by it, and never reaches a route.
    app.add_middleware(Guard, settings=settings)
    # Around it, since refused requests are noted too.
    app.add_middleware(Journal)
    app.add_exception_handler(PausepointError, tell_error)
    app.add_exception_handler(HTTPException, tell_status)
    app.add_exception_handler(RequestValidationError, tell_parameters)
    app.state.methods = _methods()
    _include_routes(app, desk)
    return app


def _include_routes(app: FormApp, desk: Desk) -> None:
    # As they are: what FastAPI puts around an included router looks for each request's route twice, and at length;
    # the busiest first.
    for module in (legacy, pages, submissions, health):
        app.router.routes.extend(module.router.routes)
    bearer = [_documented_bearer()] if desk.access.needs_token else []
    app.include_router(rest.router, dependencies=bearer)


@asynccontextmanager
async def _swept(app: FastAPI) -> AsyncIterator[None]:
    """
    Sweep the store, try to write it and count its events as long as the app is served on its own; a mounted app has no
    lifespan, and does not.
    """
    desk: Desk = app.state.desk
    desk.readiness.expect()
    # Tasks of their own: one that hangs with the store must hold up no other.
    tasks = [asyncio.create_task(each) for each in (desk.sweeper.run(), desk.readiness.keep(), desk.observer.keep())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await desk.telling.rest(GOODBYE)


def _given_or_installed(hooks: Hooks | None, settings: Settings) -> Hooks:
    return hooks or Hooks.usable(settings)


def _methods() -> dict[str, set[str]]:
    """Return which methods each address takes: the router itself knows it of one route at a time."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in (pages, submissions, legacy, health, rest):
        for route in module.router.routes:
            found[route.path].update(route.methods)
    return found


def _untraced() -> dict[str, Any]:
    # Newer FastAPI exports traces and errors by itself; they would hold whole ids, and values that a reviewer
    # typed.
    if "telemetry" not in inspect.signature(FastAPI).parameters:
        return {}
    return {"telemetry": {"exclude": lambda _: True}}


def _documented_bearer() -> Any:
    """Return the dependency that shows the token in the description; `Access` is what checks it."""
    from fastapi import Depends

    return Depends(HTTPBearer(auto_error=False, description="The operator's token, PAUSEPOINT_API_TOKEN."))
