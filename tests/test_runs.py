from __future__ import annotations

import contextvars
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pausepoint._models import RunContext
from pausepoint._runs import (
    REQUEST_ID,
    Ordinals,
    Run,
    automatic_key,
    current_scope,
    digest_of_question,
    request_id_of,
    run_digest_of,
)
from pausepoint.errors import RunFinishedError, UsageError

SECRET = b"s" * 32
RUN = RunContext(engine="example", project="p", run_id="r", task_id="t", map_index=3)


class Ledger:
    def __init__(self) -> None:
        self.finished: dict[str, str] = {}
        self.inside: RunContext | None = None

    def engine(self) -> RunContext | None:
        return self.inside

    async def finished_at(self, run: RunContext) -> str | None:
        return self.finished.get(run.run_id)

    async def finish(self, run: RunContext) -> None:
        self.finished[run.run_id] = "2026-01-01T00:00:00+00:00"


def test_the_same_question_has_the_same_id_whatever_the_attempt() -> None:
    again = RUN.model_copy(
        update={"attempt": 7, "execution": "x", "place": "y", "url": "https://engine.example", "resumable": False}
    )

    assert request_id_of(SECRET, RUN, "key", 0) == request_id_of(SECRET, again, "key", 0)


@pytest.mark.parametrize(
    "changed",
    [{"engine": "x"}, {"project": "x"}, {"run_id": "x"}, {"task_id": None}, {"map_index": 4}, {"map_index": None}],
)
def test_another_place_of_asking_is_another_id(changed: dict[str, object]) -> None:
    other = RUN.model_copy(update=changed)

    assert request_id_of(SECRET, RUN, "key", 0) != request_id_of(SECRET, other, "key", 0)


def test_key_generation_and_secret_each_change_the_id() -> None:
    ids = {
        request_id_of(SECRET, RUN, "key", 0),
        request_id_of(SECRET, RUN, "kez", 0),
        request_id_of(SECRET, RUN, "key", 1),
        request_id_of(b"t" * 32, RUN, "key", 0),
    }

    assert len(ids) == 4


def test_ids_do_not_collide_where_parts_are_moved_between_fields() -> None:
    left = RunContext(engine="e", project="a", run_id="b")
    right = RunContext(engine="e", project="", run_id="ab")

    assert request_id_of(SECRET, left, "k", 0) != request_id_of(SECRET, right, "k", 0)


def test_an_id_is_26_characters_that_are_safe_in_paths_and_urls() -> None:
    assert REQUEST_ID.fullmatch(request_id_of(SECRET, RUN, "../../\x00<script>", 2**70))


def test_a_finished_run_is_remembered_by_run_and_not_by_task() -> None:
    assert run_digest_of(SECRET, RUN) == run_digest_of(SECRET, RUN.model_copy(update={"task_id": "other"}))
    assert run_digest_of(SECRET, RUN) != run_digest_of(SECRET, RUN.model_copy(update={"run_id": "other"}))


def test_equal_questions_are_counted_per_context_and_attempt() -> None:
    ordinals = Ordinals()
    retried = RUN.model_copy(update={"attempt": 1})

    assert [ordinals.next(RUN, "a", "d"), ordinals.next(RUN, "a", "d"), ordinals.next(RUN, "b", "d")] == [0, 1, 0]
    assert ordinals.next(retried, "a", "d") == 0


def test_a_worker_that_asks_for_months_counts_the_questions_of_late() -> None:
    ordinals = Ordinals(most=3)
    runs = [RunContext(engine="e", run_id=str(number), attempt=0) for number in range(4)]
    for run in runs[:3]:
        ordinals.next(run, "n", "d")
    ordinals.next(runs[0], "n", "d")
    ordinals.next(runs[3], "n", "d")

    assert len(ordinals._seen) == 3
    assert ordinals.next(runs[0], "n", "d") == 2
    assert ordinals.next(runs[1], "n", "d") == 0


def test_a_hundred_threads_get_a_hundred_ordinals() -> None:
    ordinals = Ordinals()
    with ThreadPoolExecutor(16) as pool:
        counted = list(pool.map(lambda _: ordinals.next(RUN, "a", "d"), range(100)))

    assert sorted(counted) == list(range(100))


def test_changed_words_or_types_make_a_new_automatic_key() -> None:
    same = digest_of_question("p", "t", {"type": "integer"})

    assert same == digest_of_question("p", "t", {"type": "integer"})
    assert len({same, digest_of_question("q", "t", {"type": "integer"}), digest_of_question("p", "t", {})}) == 3


def test_the_same_words_in_another_place_make_another_automatic_key() -> None:
    places = [digest_of_question("Which?", "t", {"type": "string"}, place) for place in (None, "", "a", "b")]

    assert len(set(places)) == 4


def test_questions_are_counted_anew_in_each_execution_whatever_the_attempt_says() -> None:
    ordinals = Ordinals()
    first, second = (RUN.model_copy(update={"attempt": 0, "execution": name}) for name in ("first", "second"))

    assert [ordinals.next(run, "a", "d") for run in (first, first, second)] == [0, 1, 0]


def test_no_two_automatic_keys_are_alike_because_a_name_holds_what_a_digest_holds() -> None:
    assert automatic_key("a", "b#1", 0) != automatic_key("a#b", "1", 0)


def test_a_run_that_ended_well_cannot_be_entered_again() -> None:
    ledger = Ledger()
    with Run("nightly", "", ledger):
        pass

    with pytest.raises(RunFinishedError, match="'nightly' ended well at 2026-01-01"), Run("nightly", "", ledger):
        pytest.fail("the block must not be entered")


def test_a_run_that_failed_can_be_entered_again() -> None:
    ledger = Ledger()
    with pytest.raises(RuntimeError), Run("nightly", "", ledger):
        raise RuntimeError

    with Run("nightly", "", ledger) as context:
        assert context.run_id == "nightly"


def test_counting_begins_anew_when_a_run_is_entered_again() -> None:
    first: list[int] = []
    for _ in range(2):
        with Run("nightly", "", Ledger()) as context:
            first.append(current_scope().ordinals.next(context, "a", "d"))

    assert first == [0, 0]


@pytest.mark.anyio
async def test_a_run_can_be_entered_in_an_event_loop() -> None:
    ledger = Ledger()
    async with Run("nightly", "", ledger):
        assert current_scope().context.run_id == "nightly"

    assert "nightly" in ledger.finished


def test_a_run_that_is_left_in_another_context_is_over_all_the_same() -> None:
    ledger = Ledger()
    run = Run("nightly", "", ledger)
    contextvars.copy_context().run(run.__enter__)
    run.__exit__(None)

    assert "nightly" in ledger.finished
    assert current_scope().context.run_id != "nightly"


def test_equal_questions_of_threads_that_ask_first_are_counted_once_each() -> None:
    start = threading.Barrier(8)

    def ask(run_id: str) -> int:
        start.wait()
        scope = current_scope(run_id)
        return scope.ordinals.next(scope.context, "a", "d")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            counted = [sorted(pool.map(ask, [f"first-{number}"] * 8)) for number in range(100)]
    finally:
        sys.setswitchinterval(interval)

    assert counted == [list(range(8))] * 100


def test_a_process_that_goes_back_to_an_id_goes_on_counting() -> None:
    for expected, run_id in ((0, "one"), (0, "two"), (1, "one")):
        scope = current_scope(run_id)

        assert scope.ordinals.next(scope.context, "a", "d") == expected


def test_an_ordinal_that_was_given_back_is_the_next_one() -> None:
    ordinals = Ordinals()
    taken = [ordinals.next(RUN, "a", "d") for _ in range(3)]
    ordinals.give_back(RUN, "a", "d", 1)

    assert [*taken, ordinals.next(RUN, "a", "d"), ordinals.next(RUN, "a", "d")] == [0, 1, 2, 1, 3]


@pytest.mark.anyio
async def test_the_blocking_form_of_a_run_in_an_event_loop_names_the_other() -> None:
    with pytest.raises(UsageError, match=r"Write `async with run\(\.\.\.\)` instead"):
        Run("nightly", "", Ledger()).__enter__()


def test_a_new_thread_belongs_to_the_only_open_run() -> None:
    seen: list[str] = []
    with Run("only", "", Ledger()):
        thread = threading.Thread(target=lambda: seen.append(current_scope().context.run_id))
        thread.start()
        thread.join()

    assert seen == ["only"]


def test_a_thread_beside_two_open_runs_must_say_which() -> None:
    caught: list[UsageError] = []

    def ask() -> None:
        try:
            current_scope()
        except UsageError as error:
            caught.append(error)

    with Run("one", "", Ledger()), Run("two", "", Ledger()):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        copied = threading.Thread(target=contextvars.copy_context().run, args=(current_scope,))
        copied.start()
        copied.join()

    assert "Several runs are open" in str(caught[0])
    assert len(caught) == 1


def test_a_process_without_an_id_says_that_it_cannot_be_resumed() -> None:
    assert not current_scope().context.resumable
    assert current_scope() is current_scope()
    assert current_scope("from-settings").context.resumable


@pytest.mark.parametrize("bad", ["", "x" * 201, None, 7])
def test_a_run_without_a_usable_id_is_refused(bad: object) -> None:
    with pytest.raises(UsageError, match="1 to 200 characters"):
        Run(bad, "", Ledger())  # type: ignore[arg-type]
