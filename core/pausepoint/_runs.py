"""
Which run is asking, and what tells one of its questions from the others.

A question's id is derived and not drawn, so that the same run asks the same question under the same id after any crash
or retry; it is derived with a secret, so that nobody can guess it.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import hmac
import json
import os
import re
import secrets
import threading
from base64 import b32encode
from contextvars import ContextVar, Token
from typing import Any, Protocol

from ._models import MAX_LABEL_CHARS, RunContext
from ._sync import in_loop, run_aio, run_sync
from .errors import RunFinishedError, UsageError

REQUEST_ID = re.compile(r"[a-z2-7]{26}")
"""What every request id looks like; anything else is refused before it comes near a store."""


def request_id_of(secret: bytes, run: RunContext, key: str, generation: int) -> str:
    """
    Derive the id of a question.

    Args:
        secret: The store's identity secret, at least 32 bytes.
        run: Where it is asked. The attempt, and what is only shown, do not count.
        key: What tells it from the run's other questions.
        generation: 0, or a higher number for asking the same thing again on purpose.

    Returns:
        26 characters of base32 in lower case: 130 bits of an HMAC-SHA-256.
    """
    identity = [run.engine, run.project, run.run_id, run.task_id, run.map_index, key, generation]
    digest = hmac.new(secret, b"pausepoint request\n" + canonical(identity), hashlib.sha256).digest()
    return b32encode(digest).decode("ascii").lower()[:26]


def run_digest_of(secret: bytes, run: RunContext) -> str:
    """Derive the name under which a finished run is remembered: 26 characters, as for a request id."""
    digest = hmac.new(secret, b"pausepoint run\n" + canonical([run.engine, run.project, run.run_id]), hashlib.sha256)
    return b32encode(digest.digest()).decode("ascii").lower()[:26]


def canonical(value: Any) -> bytes:
    """Spell a JSON value the one way that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def digest_of_question(prompt: str, title: str, json_schema: dict[str, Any], place: str | None = None) -> str:
    """Return 16 hexadecimal characters that change whenever the words, the type or the place of a question do."""
    asked = [prompt, title, json_schema] if place is None else [prompt, title, json_schema, place]
    return hashlib.sha256(canonical(asked)).hexdigest()[:16]


MOST_COUNTED = 100_000
"""Different questions of one process that are counted, about 40 MB; an engine's worker may ask for months."""


class Ordinals:
    """
    Counts equal questions, per run context and attempt: the third "approve" of a run is the third one again after a
    restart.

    Safe to use from several threads. With questions asked concurrently the order is the order of asking.

    Args:
        most: How many different questions are counted; of more, those that were asked longest ago are forgotten.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self._most = most
        self._lock = threading.Lock()
        # Those that were asked last are last.
        self._seen: dict[tuple[Any, ...], int] = {}
        self._given_back: dict[tuple[Any, ...], list[int]] = {}

    def next(self, run: RunContext, name: str, digest: str) -> int:
        """Return how many questions with this name and digest this context and attempt has asked before."""
        asked = _asked(run, name, digest)
        with self._lock:
            if self._given_back.get(asked):
                return heapq.heappop(self._given_back[asked])
            ordinal = self._seen.pop(asked, 0)
            self._seen[asked] = ordinal + 1
            if len(self._seen) > self._most:
                oldest = next(iter(self._seen))
                del self._seen[oldest]
                self._given_back.pop(oldest, None)
        return ordinal

    def give_back(self, run: RunContext, name: str, digest: str, ordinal: int) -> None:
        """Let the next equal question have an ordinal whose question could not be asked."""
        with self._lock:
            heapq.heappush(self._given_back.setdefault(_asked(run, name, digest), []), ordinal)


def _asked(run: RunContext, name: str, digest: str) -> tuple[Any, ...]:
    # With the try: a retry in the same process counts from 0 again, and so finds what the try before it asked.
    tried = run.attempt if run.execution is None else run.execution
    return (run.engine, run.project, run.run_id, run.task_id, run.map_index, tried, name, digest)


def automatic_key(name: str, digest: str, ordinal: int) -> str:
    """Return the key of a question whose author gave none; no explicit key begins with its first character."""
    return f"\x1f{name}\x1f{digest}\x1f{ordinal}"


class RunLedger(Protocol):
    """What a run needs of its surroundings: the engine around it, and where finished runs are remembered."""

    def engine(self) -> RunContext | None:
        """Return the engine's run that the calling code belongs to; None outside of every engine."""

    async def finished_at(self, run: RunContext) -> str | None:
        """Return when the run ended well (UTC, ISO 8601), or None."""

    async def finish(self, run: RunContext) -> None:
        """Remember that the run ended well."""


class RunScope:
    """One entered run: its context and the count of its questions."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.ordinals = Ordinals()


_here: ContextVar[RunScope | None] = ContextVar("pausepoint_run", default=None)
# Beside the context variable, which a plain new thread does not inherit.
_open: list[RunScope] = []
_process: dict[tuple[int, str | None], RunScope] = {}


class Run:
    """
    A run without an engine, as a context manager, `with` or `async with`; made by `pausepoint.run(...)`.

    Args:
        run_id: 1 to 200 characters.
        project: 0 to 200 characters.
        ledger: Where finished runs are remembered.

    Raises:
        UsageError: The id or the project is no such text; or, on entering, an event loop is running and it is `with`
            instead of `async with`.
        RunFinishedError: On entering, when the run has ended well before.
    """

    def __init__(self, run_id: str, project: str, ledger: RunLedger) -> None:
        for what, text, least in (("id", run_id, 1), ("project", project, 0)):
            if not isinstance(text, str) or not least <= len(text) <= MAX_LABEL_CHARS:
                raise UsageError(
                    f"The {what} of a run must be a text of {least} to {MAX_LABEL_CHARS} characters.",
                    'Give it one that names this run and no other, for example run("nightly-2026-11-20").',
                )
        self.context = RunContext(engine="local", project=project, run_id=run_id)
        self._ledger = ledger
        self._entered: list[tuple[RunScope, Token[RunScope | None]] | None] = []

    def __enter__(self) -> RunContext:
        if in_loop():
            raise UsageError(
                "with run(...) blocks, and was called where an event loop is running.",
                "Write `async with run(...)` instead (in a notebook, too).",
            )
        inside = self._inert()
        return inside or self._enter(run_sync(self._ledger.finished_at, self.context))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._leave() and kind is None:
            run_sync(self._ledger.finish, self.context)

    async def __aenter__(self) -> RunContext:
        inside = self._inert()
        return inside or self._enter(await run_aio(self._ledger.finished_at, self.context))

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._leave() and kind is None:
            await run_aio(self._ledger.finish, self.context)

    def _inert(self) -> RunContext | None:
        """Enter nothing inside an engine: its own run is the identity, and says when a run has ended."""
        inside = self._ledger.engine()
        if inside is not None:
            self._entered.append(None)
        return inside

    def _enter(self, finished_at: str | None) -> RunContext:
        if finished_at:
            raise RunFinishedError(
                f"The run {self.context.run_id!r} ended well at {finished_at}; its answers are its own.",
                "Choose a new id for a new run, for example with the date in it.",
            )
        scope = RunScope(self.context)
        self._entered.append((scope, _here.set(scope)))
        _open.append(scope)
        return self.context

    def _leave(self) -> bool:
        """Undo what entering did; say whether it did anything."""
        entered = self._entered.pop()
        if entered is None:
            return False
        scope, token = entered
        _open.remove(scope)
        # A generator, a fixture for example, may be closed in another context than it began in. The token is of no use
        # there, and what the block asked in that context never saw this run.
        with contextlib.suppress(ValueError):
            _here.reset(token)
        return True


_of_engines: dict[tuple[int, str], Ordinals] = {}


def engine_scope(context: RunContext, store_url: str) -> RunScope:
    """
    Make the scope of an engine's run; its questions are counted beside it, see `Ordinals`.

    An engine says anew at each question which run asks, so the count cannot live in the scope.

    Args:
        context: The engine's run.
        store_url: Where it asks; in another store it has asked nothing yet.
    """
    scope = RunScope(context)
    # By process: a child that was forked in the middle of a task runs another one.
    here = (os.getpid(), store_url)
    scope.ordinals = _of_engines.get(here) or _of_engines.setdefault(here, scope.ordinals)
    return scope


def current_scope(run_id: str | None = None) -> RunScope:
    """
    Find the run that the calling code belongs to.

    Args:
        run_id: The id from the settings, for a process outside any `run(...)`.

    Returns:
        The run entered in this context; else, since a new thread starts with an empty context, the only one entered in
        this process; else one per process, with the given id or a random one (`resumable` is then False).

    Raises:
        UsageError: Several runs are open and this thread belongs to none of them.
    """
    entered = _here.get()
    if entered is not None:
        return entered
    # A copy, and no lock: a child forked while another thread held one could never ask.
    others = list(_open)
    if len(others) > 1:
        raise UsageError(
            "Several runs are open in this process, and this thread belongs to none of them.",
            "Start the thread's function with contextvars.copy_context().run, or open the run inside the thread.",
        )
    return others[0] if others else _process_scope(run_id)


def _process_scope(run_id: str | None) -> RunScope:
    here = (os.getpid(), run_id)
    found = _process.get(here)
    if found is None:
        context = RunContext(engine="local", run_id=run_id or secrets.token_hex(16), resumable=bool(run_id))
        # In one step: with a count each, two threads that ask first would give two equal questions one ordinal, and the
        # answer to one of them would be taken for both.
        found = _process.setdefault(here, RunScope(context))
    return found
