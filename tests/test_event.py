from __future__ import annotations

import asyncio
import enum
import pickle
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from pausepoint import Default, Event, RunInput, new_event, pause
from pausepoint._event import Asked, Way, replaced
from pausepoint._links import LinkTokens
from pausepoint._models import Answer, Request, Reviewer, RunContext, Served, utc_now
from pausepoint._runs import RunScope, current_scope
from pausepoint._store import MemoryStore, Records, Store, layout
from pausepoint._sync import Caller, run_sync
from pausepoint._waiting import Watcher
from pausepoint.errors import (
    AnswerError,
    DeclinedError,
    EventCancelledError,
    RequestChangedError,
    ServeError,
    UnknownRequestError,
    UnsupportedTypeError,
    UsageError,
    WaitTimeoutError,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


class Desk:
    """A surface over a memory store, with one run; announcements are kept, and answers given by hand."""

    mailbox = "default"

    def __init__(self) -> None:
        self._watcher = Watcher(MemoryStore())
        self.run = RunScope(RunContext(engine="local", run_id="r"))
        self.announced: list[tuple[Request, str]] = []
        self.asked = threading.Event()

    def scope(self) -> RunScope:
        return self.run

    def watcher(self) -> Watcher:
        return self._watcher

    def engine(self) -> RunContext | None:
        return None

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        return Served(base_url="http://127.0.0.1:1")

    async def announce(self, asked: Asked, caller: Caller) -> None:
        self.announced.append((asked.request, asked.form_url))
        self.asked.set()

    def way(self, request: Request) -> Way | None:
        return None

    def answer(self, event: Event[Any], value: Any, **more: Any) -> None:
        async def submit() -> None:
            request = await self._watcher.records.request(event.request_id)
            await self._watcher.settling.submit(request, Answer(value=value, **more))

        run_sync(submit)

    def restarted(self) -> None:
        """Begin the same run again, as a restarted process would."""
        self.run = RunScope(self.run.context)


@pytest.fixture
def desk() -> Iterator[Desk]:
    surface = Desk()
    with replaced(surface):
        yield surface


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Box:
    colour: Colour
    when: date


class ShirtOrder(RunInput):
    size: Literal["small", "medium"]
    notes: str = "none"


def test_an_answer_comes_back_as_the_very_type(desk: Desk) -> None:
    event = new_event("box", Box)
    desk.answer(event, {"colour": "red", "when": "2026-02-28"})

    assert event.wait() == Box(Colour.RED, date(2026, 2, 28))


def test_waiting_twice_returns_the_same_answer(desk: Desk) -> None:
    event = Event.create("box", Box)
    desk.answer(event, {"colour": "red", "when": "2026-02-28"})

    assert event.wait() == event.wait()


def test_the_link_the_api_and_the_paths_belong_to_the_event(desk: Desk) -> None:
    event = new_event("n", int, prompt="How many?")

    assert event.form_url == f"http://127.0.0.1:1/form/{event.request_id}"
    assert event.api_url == "http://127.0.0.1:1/submit/json"
    assert event.endpoint == "http://127.0.0.1:1"
    assert event.request_path.endswith(f"{event.request_id}/request.json")
    assert event.response_path.endswith(f"{event.request_id}/response.json")
    assert (event.name, event.scope, event.prompt, event.data_type) == ("n", "run", "How many?", int)
    assert (event.timeout_seconds, event.poll_interval_seconds) == (3600, 5)
    assert desk.announced[0][1] == event.form_url


def test_an_event_is_found_by_its_id_and_waits_for_the_same_answer(desk: Desk) -> None:
    asked = new_event("box", Box)
    found = Event.find(asked.request_id, Box)
    desk.answer(asked, {"colour": "red", "when": "2026-02-28"})

    assert found.wait() == asked.wait() == Box(Colour.RED, date(2026, 2, 28))
    assert (found.form_url, found.name) == (asked.form_url, asked.name)
    assert len(desk.announced) == 1


def test_finding_asks_for_the_type_that_was_asked_for(desk: Desk) -> None:
    asked = new_event("n", int)

    with pytest.raises(RequestChangedError, match="asks for int, not for str"):
        Event.find(asked.request_id, str)


@pytest.mark.parametrize("request_id", ["a" * 26, "../../etc/passwd", ""])
def test_an_id_that_nobody_asked_under_is_not_found(desk: Desk, request_id: str) -> None:
    with pytest.raises(UnknownRequestError):
        Event.find(request_id, int)


def test_a_restarted_run_finds_its_event_its_deadline_and_its_answer(desk: Desk) -> None:
    first = new_event("n", int)
    desk.answer(first, 7)
    desk.restarted()
    again = new_event("n", int)

    assert again.request_id == first.request_id
    assert again.wait() == 7
    assert len(desk.announced) == 1


def test_a_restart_does_not_move_the_deadline(desk: Desk) -> None:
    new_event("n", int, timeout_seconds=100)
    deadline = desk.announced[0][0].deadline
    desk.restarted()
    new_event("n", int, timeout_seconds=100)

    assert desk.announced[1][0].deadline == deadline


@pytest.mark.parametrize(("age", "marked"), [(timedelta(), True), (timedelta(hours=1), False)])
def test_a_restart_marks_its_question_again_as_long_as_an_app_may_not_have_found_it_without(
    desk: Desk, age: timedelta, marked: bool
) -> None:
    new_event("n", int)
    asked = desk.announced[0][0]
    desk._watcher = Watcher(run_sync(left_behind, desk._watcher.records.store, asked, age))
    desk.restarted()
    again = new_event("n", int)

    now = utc_now()
    found = run_sync(desk._watcher.markers.listed, None, now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert again.request_id == asked.request_id
    assert [request_id for _, request_id in found] == [asked.request_id] * marked


async def left_behind(store: Store, request: Request, age: timedelta) -> MemoryStore:
    """Return what a process leaves that was killed when it had stored a question and not yet its marker."""
    left = MemoryStore()
    for path in (layout.STORE, layout.IDENTITY):
        await left.create(path, await store.get(path) or b"")
    aged = request.model_copy(update={"created_at": request.created_at - age})
    await Records(left).put_request(aged)
    return left


def test_two_equal_questions_of_one_run_are_two_events(desk: Desk) -> None:
    assert new_event("n", int).request_id != new_event("n", int).request_id


def test_a_question_whose_asking_failed_is_the_same_one_when_it_is_asked_again(desk: Desk) -> None:
    async def nowhere(run: RunContext, caller: Caller) -> Served:
        raise ServeError("No port is free.")

    reachable, desk.serve = desk.serve, nowhere  # type: ignore[method-assign]
    with pytest.raises(ServeError):
        new_event("approve", bool)
    desk.serve = reachable  # type: ignore[method-assign]
    event = new_event("approve", bool)

    assert run_sync(desk.watcher().records.event_ids) == [event.request_id]


def test_two_different_questions_under_one_name_never_swap_answers_after_a_restart(desk: Desk) -> None:
    deploy = new_event("approve", bool, prompt="Deploy?")
    delete = new_event("approve", bool, prompt="Delete?")
    desk.answer(deploy, True)
    desk.answer(delete, False)
    desk.restarted()

    assert new_event("approve", bool, prompt="Delete?").wait() is False
    assert new_event("approve", bool, prompt="Deploy?").wait() is True


def test_a_question_whose_words_changed_is_a_new_question(desk: Desk) -> None:
    before = new_event("approve", bool, prompt="Deploy 1?")
    desk.restarted()

    assert new_event("approve", bool, prompt="Deploy 2?").request_id != before.request_id


def test_with_a_key_the_stored_question_stands_whatever_the_words(desk: Desk) -> None:
    before = new_event("approve", bool, prompt="Deploy 1?", key="deploy")
    after = new_event("approve", bool, prompt="Deploy 2?", key="deploy")

    assert after.request_id == before.request_id
    assert after.prompt == "Deploy 1?"


def test_another_type_under_the_same_key_is_refused(desk: Desk) -> None:
    new_event("n", int, key="k")

    with pytest.raises(RequestChangedError, match="int then, str now"):
        new_event("n", str, key="k")


def test_a_higher_generation_asks_again_and_is_found_again(desk: Desk) -> None:
    first, second = new_event("n", int, key="k"), new_event("n", int, key="k", generation=1)
    again = new_event("n", int, key="k", generation=1)

    assert first.request_id != second.request_id == again.request_id


def test_a_key_that_looks_like_an_automatic_one_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="key must be one line"):
        new_event("n", int, key="\x1fn\x1fdigest\x1f0")


def test_a_hundred_tasks_ask_and_wait_at_once(desk: Desk) -> None:
    async def one(number: int) -> int:
        event = await new_event.aio(f"n{number}", int)
        await asyncio.to_thread(desk.answer, event, number)
        return await event.wait.aio()

    async def all_of_them() -> list[int]:
        return list(await asyncio.gather(*(one(number) for number in range(100))))

    assert asyncio.run(all_of_them()) == list(range(100))


def test_threads_ask_and_wait(desk: Desk) -> None:
    def one(number: int) -> int:
        event = new_event(f"n{number}", int)
        desk.answer(event, number)
        return event.wait()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(20))) == list(range(20))


@pytest.mark.anyio
async def test_the_blocking_forms_in_an_event_loop_name_their_aio_forms(desk: Desk) -> None:
    event = await Event.create.aio("n", int)

    for call, name in (
        (lambda: new_event("n", int), "new_event"),
        (lambda: Event.create("n", int), "Event.create"),
        (lambda: pause(int), "pause"),
        (event.wait, "event.wait"),
    ):
        with pytest.raises(UsageError, match=f"await {name}.aio"):
            call()


def test_nobody_answering_is_a_timeout_of_both_kinds(desk: Desk) -> None:
    event = new_event("n", int, timeout_seconds=0.05)

    with pytest.raises(TimeoutError) as caught:
        event.wait()

    assert isinstance(caught.value, WaitTimeoutError)
    assert "Event 'n' (" in str(caught.value)
    assert caught.value.deadline.startswith("20")


def test_silence_returns_the_declared_default_and_nothing_else(desk: Desk) -> None:
    event = new_event("c", Colour, timeout_seconds=0.05, on_timeout=Default(Colour.GREEN))

    assert event.wait() is Colour.GREEN
    response = event.response()
    assert response is not None
    assert (response.outcome, response.source) == ("expired", "default")


def test_a_default_of_another_type_is_refused_when_asked(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"on_timeout=Default"):
        new_event("n", int, on_timeout=Default("seven"))  # type: ignore[arg-type]


def test_declining_raises_with_the_comment_apart_from_the_message(desk: Desk) -> None:
    event = new_event("n", int)
    desk.answer(event, None, declined=True, comment="too risky", by=Reviewer(name="ann"))

    with pytest.raises(DeclinedError) as caught:
        event.wait()

    assert (caught.value.comment, caught.value.by) == ("too risky", "ann")
    assert "too risky" not in str(caught.value)


def test_a_cancelled_event_ends_the_wait(desk: Desk) -> None:
    event = new_event("n", int)
    threading.Timer(0.05, lambda: event.cancel("not needed")).start()

    with pytest.raises(EventCancelledError) as caught:
        event.wait()

    assert caught.value.reason == "not needed"


def test_an_event_without_a_deadline_waits_for_ever(desk: Desk) -> None:
    event = new_event("n", int, timeout_seconds=None)

    assert event.timeout_seconds is None
    assert event.response() is None


def test_an_unpickled_event_waits_for_the_same_event(desk: Desk) -> None:
    event = new_event("c", Colour)
    desk.answer(event, "green")

    assert pickle.loads(pickle.dumps(event)).wait() is Colour.GREEN


def test_the_author_judges_with_code_the_schema_cannot_hold(desk: Desk) -> None:
    event = new_event("d", date)
    desk.answer(event, "2026-02-28")

    assert event.wait() == date(2026, 2, 28)


def test_initial_values_are_checked_and_stored_as_json(desk: Desk) -> None:
    new_event("b", Box, initial=Box(Colour.RED, date(2026, 1, 2)))
    initial = desk.announced[0][0].initial

    assert initial is not None
    assert initial.value == {"colour": "red", "when": "2026-01-02"}
    with pytest.raises(UsageError, match="initial does not fit"):
        new_event("b", Box, initial="a box")


def test_initial_data_of_a_model_fills_what_was_left_out_and_gives_the_original_class(desk: Desk) -> None:
    event = new_event("shirt", ShirtOrder.with_initial_data(size="medium"))
    desk.answer(event, {})
    order = event.wait()

    assert type(order) is ShirtOrder
    assert str(order) == "size='medium' notes='none'"


def test_the_description_of_initial_data_becomes_the_prompt(desk: Desk) -> None:
    assert new_event("shirt", ShirtOrder.with_initial_data(description="**Which?**")).prompt == "**Which?**"


def test_attachments_are_stored_before_the_question(desk: Desk, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(PNG)
    new_event("label", str, attachments=[picture, PNG + b"2"])
    new_event("label", str, attachments={"a cat": PNG})
    first, second = desk.announced[0][0].attachments

    assert (first.name, first.media_type, second.name) == ("cat.png", "image/png", "")
    assert desk.announced[1][0].attachments[0].name == "a cat"
    stored = run_sync(desk.watcher().records.attachment, desk.announced[0][0].request_id, first.sha256)
    assert stored == PNG


def test_of_a_file_too_large_no_more_than_the_limit_is_read(desk: Desk, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(UsageError, match="larger than 10 MiB"):
        new_event("label", str, attachments=[large])

    assert desk.announced == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": ""}, "name must be one line"),
        ({"name": "x" * 201}, "name must be one line"),
        ({"name": "two\nlines"}, "name must be one line"),
        ({"scope": "project"}, "scope of an event"),
        ({"title": "x" * 201}, "title must be one line"),
        ({"prompt": "x" * 65537}, "64 KiB"),
        ({"prompt": 7}, "prompt must be text"),
        ({"key": ""}, "key must be one line"),
        ({"timeout_seconds": 0}, "timeout must be a number"),
        ({"timeout_seconds": -1}, "timeout must be a number"),
        ({"timeout_seconds": float("nan")}, "timeout must be a number"),
        ({"timeout_seconds": float("inf")}, "timeout must be a number"),
        ({"timeout_seconds": True}, "timeout must be a number"),
        ({"poll_interval_seconds": 0}, "poll interval must be"),
        ({"generation": -1}, "generation must be"),
        ({"generation": "1"}, "generation must be"),
        ({"on_timeout": 7}, "on_timeout must be"),
        ({"attachments": b"png"}, "attachments must be several"),
        ({"attachments": [b"GIF89a"]}, "PNG, JPEG"),
        ({"attachments": [PNG] * 21}, "at most 20"),
        ({"attachments": ["no/such/file.png"]}, "cannot be read"),
    ],
)
def test_an_argument_that_cannot_work_is_refused_by_name_and_nothing_is_asked(
    desk: Desk, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        new_event(**{"name": "n", "data_type": int, **given})

    assert desk.announced == []


@pytest.mark.parametrize("data_type", [threading.Lock, lambda x: x, "NoSuchType", type(iter([]))])
def test_a_type_without_a_form_is_refused_when_asked(desk: Desk, data_type: Any) -> None:
    with pytest.raises(UnsupportedTypeError):
        new_event("n", data_type)


def test_pausing_for_nothing_returns_nothing(desk: Desk) -> None:
    def go_on() -> None:
        assert desk.asked.wait(60)
        desk.answer(new_event_handle(desk), None)

    threading.Thread(target=go_on).start()
    assert pause() is None  # type: ignore[func-returns-value]


def new_event_handle(desk: Desk) -> Any:
    class Handle:
        request_id = desk.announced[0][0].request_id

    return Handle()


@pytest.mark.anyio
async def test_pausing_in_a_coroutine_gives_the_typed_answer(desk: Desk) -> None:
    asking = asyncio.create_task(pause.aio(ShirtOrder))
    assert await asyncio.to_thread(desk.asked.wait, 10)
    await asyncio.to_thread(desk.answer, new_event_handle(desk), {"size": "small"})

    assert await asking == ShirtOrder(size="small")


def test_an_answer_that_the_schema_refuses_never_reaches_the_waiter(desk: Desk) -> None:
    event = new_event("n", bool)

    for wrong in ("maybe", "true", 1, None):
        with pytest.raises(AnswerError):
            desk.answer(event, wrong)

    assert event.response() is None


def test_the_ordinary_scope_is_the_process() -> None:
    assert current_scope().context.engine == "local"


class TokenDesk(Desk):
    """A surface whose app asks for a token in each link."""

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        return Served(base_url="http://127.0.0.1:1", links="token")


def test_where_links_carry_tokens_the_handle_and_the_announcement_have_one() -> None:
    surface = TokenDesk()
    with replaced(surface):
        event = new_event("box", int, timeout_seconds=3600)
        copy = pickle.loads(pickle.dumps(event))

    bare, _, token = event.form_url.partition("?token=")
    assert bare == f"http://127.0.0.1:1/form/{event.request_id}"
    grant = LinkTokens(run_sync(surface.watcher().records.signing_keys)).opened(token)
    assert grant.request_id == event.request_id
    assert grant.expires_at == pytest.approx(time.time() + 25 * 3600, abs=60)
    assert surface.announced[0][1] == event.form_url == copy.form_url
    assert "token=" not in event.api_url + repr(event) + repr(event._asked)


def test_a_public_address_means_tokens_where_nobody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(Desk):
        async def serve(self, run: RunContext, caller: Caller) -> Served:
            return Served(base_url="https://forms.example.org")

    for mode, has_token in (("", True), ("open", False), ("token", True)):
        monkeypatch.setenv("PAUSEPOINT_LINKS", mode)
        with replaced(Elsewhere()):
            assert ("?token=" in new_event("box", int).form_url) is has_token
