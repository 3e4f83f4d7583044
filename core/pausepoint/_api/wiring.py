"""What joins the floors: the ordinary surface, and the ledger of finished runs."""

from __future__ import annotations

import os
from functools import partial

from .._event import Surface, current_surface, use_by_default
from .._local import LocalRuntime, form_app
from .._models import RunContext
from .._plugins import Hooks, Telling, Waking
from .._runs import Run, run_digest_of
from .._settings import Settings
from .surface import HookedSurface

# By process: what a parent serves and watches is not its child's.
_surfaces: dict[tuple[int, Settings], Surface] = {}


def ordinary_surface() -> Surface:
    """
    Return the surface that the environment asks for: one per process and settings, made on first use.

    The environment is read each time, so that a setting made by the program before its first question counts. Where it
    names no store, the engine around the calling code may.
    """
    settings = Settings.load()
    surface = _surface_with(settings)
    inside = surface.engine() if settings.origin_of("store") == "default" else None
    return _surface_with(settings.model_copy(update={"store": inside.store})) if inside and inside.store else surface


def _surface_with(settings: Settings) -> Surface:
    here = (os.getpid(), settings)
    # In one step, so that two threads that ask first share a server.
    return _surfaces.get(here) or _surfaces.setdefault(here, surface_of(settings, Hooks.installed(settings)))


def surface_of(settings: Settings, hooks: Hooks) -> HookedSurface:
    """Wire up a surface: the plugins, and behind them the runtime of a process without an engine."""
    # The app that this process serves itself wakes and tells whom this process would.
    hooks.fall_back_on(LocalRuntime(settings, app_factory=partial(form_app, hooks=hooks)))
    surface = HookedSurface(settings, hooks)
    watcher = surface.watcher()
    waking = Waking(watcher.records, hooks)
    watcher.settling.stored = Telling(waking, watcher.is_waiting_for).stored
    return surface


class _Ledger:
    """Asks the surface in use for the engine, and remembers finished runs in its store."""

    def engine(self) -> RunContext | None:
        return current_surface().engine()

    async def finished_at(self, run: RunContext) -> str | None:
        records = current_surface().watcher().records
        finished = await records.run_finished(run_digest_of(await records.identity_secret(), run))
        return finished.isoformat(timespec="seconds") if finished else None

    async def finish(self, run: RunContext) -> None:
        records = current_surface().watcher().records
        await records.finish_run(run_digest_of(await records.identity_secret(), run), run.run_id)


def run(run_id: str, *, project: str = "") -> Run:
    """
    Give what is asked inside the block an identity, so that running it again resumes it.

    Inside an engine it does nothing: there, the engine's own run is the identity.

    Entering a run again after a crash finds the questions it had asked, their deadlines, and the answers given since.
    Leaving the block without an exception finishes the run: entering it once more raises, so that yesterday's approval
    is never returned today.

        with run("nightly-42"):
            if pause(bool, prompt="Deploy?"):
                deploy()

    Args:
        run_id: What the author calls this run and no other, 1 to 200 characters: a date, a ticket, a commit.
        project: Tells programs apart that share a store and choose the same ids, at most 200 characters.

    Returns:
        A context manager, for `with` and for `async with`; it gives the run's context.

    Raises:
        UsageError: The id or the project is no such text; or, on entering, an event loop is running and it is `with`
            instead of `async with`.
        RunFinishedError: On entering: this run has ended well before.
        StoreError: On entering or leaving: the store failed.
    """
    return Run(run_id, project, _Ledger())


use_by_default(ordinary_surface)
