"""Ask a question: derive its id, adopt what is stored under it or store it, make its form reachable, and say so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from .._codec import AnswerType, encode_json
from .._index import RELIST_SECONDS
from .._links import LinkTokens, link_expiry, linked
from .._models import Attachment, Request, RunContext, Served, utc_now
from .._runs import RunScope, automatic_key, digest_of_question, request_id_of
from .._settings import Settings
from .._sync import Caller
from ..errors import RequestChangedError, StoreError, UnknownRequestError
from .question import Question
from .surface import Asked, Surface

T = TypeVar("T")

UNLISTED = timedelta(seconds=2 * RELIST_SECONDS)
"""The age of a question up to which an app that runs may not have found it without its marker; UTC clocks differ."""

_log = logging.getLogger("pausepoint")


@contextmanager
def counted(question: Question[Any], scope: RunScope) -> Iterator[str]:
    """
    Give the key to ask a question under, inside the block: the author's, or the automatic one.

    Entered in the order of asking, and once for each asking: it counts, unless the block is left with an exception.
    """
    if question.key is not None:
        yield question.key
        return
    digest = digest_of_question(question.prompt, question.title, question.answer.json_schema, scope.context.place)
    ordinal = scope.ordinals.next(scope.context, question.name, digest)
    try:
        yield automatic_key(question.name, digest, ordinal)
    except BaseException:
        # The question may be stored all the same. Whoever catches the error and asks again must find that one, as a
        # restart would, and not leave it behind for reviewers to answer in vain.
        scope.ordinals.give_back(scope.context, question.name, digest, ordinal)
        raise


async def ask(question: Question[T], caller: Caller, surface: Surface) -> Asked:
    """
    Store the question, or adopt the one that is stored under its id, make it reachable, and say so.

    Raises:
        AdapterError: An engine's plugin failed to say which run asks.
        RequestChangedError: Another type was asked for under this key.
        ServeError: The form app could not be made reachable; the question is stored, and asking again adopts it.
        StoreError: The store failed.
    """
    scope = surface.scope()
    with counted(question, scope) as key:
        request, is_new = await caller.ours(stored, question, key, scope.context, surface)
        # Also for an adopted question: the process that served its form the first time may be gone.
        served = await surface.serve(scope.context, caller)
        # What was asked this moment is not looked up: at worst somebody is told of a question just settled.
        is_open = is_new or await caller.ours(surface.watcher().records.response, request.request_id) is None
        asked = Asked(request, served, await _link(request, served, caller, surface))
        if is_open:
            await surface.announce(asked, caller)
    return asked


async def found(request_id: str, answer: AnswerType[Any], caller: Caller, surface: Surface) -> Asked:
    """
    Find a question that is stored, and make it reachable.

    Raises:
        UnknownRequestError: There is none in this process's store.
        RequestChangedError: It asks for another type.
        ServeError: The form app could not be made reachable.
        StoreError: The store failed.
    """
    request = await caller.ours(surface.watcher().records.find_request, request_id)
    if request is None:
        raise UnknownRequestError(
            "There is no such event in the store that this process uses.",
            "Check the id, and that PAUSEPOINT_STORE is what it was where the question was asked.",
            str(request_id)[:8],
        )
    if encode_json(request.json_schema) != encode_json(answer.json_schema):
        raise RequestChangedError(
            f"This event asks for {request.data_type}, not for {answer.name}.",
            "Give the type that the question was asked with.",
            request.label,
        )
    served = await surface.serve(request.run, caller)
    return Asked(request, served, await _link(request, served, caller, surface))


async def stored(question: Question[T], key: str, run: RunContext, surface: Surface) -> tuple[Request, bool]:
    """
    Store the question, or adopt the one that is stored under its id; runs in Pausepoint's loop.

    Returns:
        The request as stored, and whether it is this one.
    """
    records = surface.watcher().records
    await records.store_id()  # refuses the store of a newer version before anything is written into it
    request_id = request_id_of(await records.identity_secret(), run, key, question.generation)
    found = await records.find_request(request_id)
    request, is_new = (found, False) if found else await _store(question, key, run, request_id, surface)
    _refuse_other_type(request, question)
    # Also for an adopted question that no app has listed since: whoever stored it may have been killed before this.
    if utc_now() - request.created_at < UNLISTED:
        await _mark(request_id, surface)
    return request, is_new


async def _link(request: Request, served: Served, caller: Caller, surface: Surface) -> str:
    """Return the link that opens the event's form, with a fresh token where links need one."""
    bare = f"{served.base_url}/form/{request.request_id}"
    # Where nobody has asked the app: a public address means the same to it and to us.
    needs = served.links or Settings.load().at(served.base_url).link_mode
    if needs == "open":
        return bare
    keys = await caller.ours(surface.watcher().records.signing_keys)
    return linked(bare, LinkTokens(keys).issue(request.request_id, link_expiry(request, utc_now())))


async def _store(
    question: Question[T], key: str, run: RunContext, request_id: str, surface: Surface
) -> tuple[Request, bool]:
    watcher = surface.watcher()
    attachments: list[Attachment] = []
    for caption, content in question.images:
        attachments.append(await watcher.records.put_attachment(request_id, content, caption))
    request = _request(question, key, run, request_id).model_copy(
        update={"attachments": tuple(attachments), "mailbox": surface.mailbox}
    )
    put = await watcher.records.put_request(request)
    return put.record, put.won


async def _mark(request_id: str, surface: Surface) -> None:
    try:
        await surface.watcher().markers.opened(request_id)
    except StoreError as error:
        # The question is stored; an app that lists all events finds it without this marker.
        _log.warning("The marker of a new event could not be written: %s", error)


def _request(question: Question[T], key: str, run: RunContext, request_id: str) -> Request:
    now = utc_now()
    return Request(
        request_id=request_id,
        name=question.name,
        key=key,
        generation=question.generation,
        run=run,
        title=question.title,
        prompt=question.prompt,
        data_type=question.answer.name,
        json_schema=question.answer.json_schema,
        schema_complete=question.answer.complete,
        initial=question.initial,
        created_at=now,
        deadline=now + timedelta(seconds=question.timeout) if question.timeout is not None else None,
        default=question.default,
    )


def _refuse_other_type(request: Request, question: Question[Any]) -> None:
    # As canonical text: what was stored and read again may have its keys in another order.
    if encode_json(request.json_schema) != encode_json(question.answer.json_schema):
        raise RequestChangedError(
            f"This key was asked before with another type: {request.data_type} then, {question.answer.name} now.",
            "Give the changed question another key=, or a higher generation=.",
            request.label,
        )
