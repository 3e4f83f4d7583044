"""What an author's code can get wrong, and how a wait can end without an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
from house import asking
from occasions import SECRET, TYPED, each, occasion
from pydantic import AfterValidator, Field, SecretStr, create_model

import pausepoint
from pausepoint import Event, RunInput, new_event, pause, run
from pausepoint._codec import answer_type, encode_json
from pausepoint._settings import Settings
from pausepoint.testing import Decline, Expire, answers


class Color(Enum):
    RED = "red"


class Order(RunInput):
    size: Literal["small", "large"]
    count: int = Field(ge=1)


class Foreign:
    """Nothing that pydantic knows."""


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("Only odd numbers.")
    return value


@each(
    a_function=len,
    a_foreign_class=Foreign,
    a_dict_with_keys_of_two_parts=dict[tuple[int, int], int],
    a_literal_of_enum_members=Literal[Color.RED],
    a_union_with_a_callable=int | Callable[[], int],
    an_example_that_is_not_JSON=Annotated[int, Field(json_schema_extra={"examples": [float("nan")]})],
)
def asking_for(data_type: Any) -> None:
    new_event("approve", data_type)


@each(
    an_empty_name={"name": ""},
    a_key_of_two_lines={"key": "a\nb"},
    a_title_that_is_too_long={"title": "x" * 201},
    a_prompt_that_is_too_long={"prompt": "x" * 70_000},
    a_timeout_of_nothing={"timeout_seconds": 0},
    a_poll_interval_below_zero={"poll_interval_seconds": -1.0},
    a_generation_below_zero={"generation": -1},
    an_initial_value_of_another_type={"initial": TYPED},
    a_default_of_another_type={"on_timeout": pausepoint.Default(TYPED)},
    a_default_without_Default={"on_timeout": 3},
    a_scope_of_another_kind={"scope": "project"},
    one_attachment_without_a_list={"attachments": b"\x89PNG\r\n\x1a\n"},
    too_many_attachments={"attachments": [b""] * 21},
    an_attachment_that_is_not_there={"attachments": ["/no/such/image.png"]},
    an_attachment_without_end={"attachments": ["/dev/zero"]},
    an_attachment_with_a_caption_of_two_lines={"attachments": {"a\nb": b""}},
    an_attachment_file_with_a_caption_of_two_lines={"attachments": {"a\nb": "/no/such/image.png"}},
    an_attachment_that_is_no_image={"attachments": [b"GIF89a"]},
    an_attachment_that_is_too_large={"attachments": [b"\x89PNG\r\n\x1a\n" + bytes(11 * 1024 * 1024)]},
)
def asking_with(arguments: dict[str, Any]) -> None:
    with asking():
        new_event(**{"name": "approve", "data_type": int, **arguments})


@occasion
def asking_with_an_initial_value_that_is_too_large() -> None:
    with asking():
        new_event("approve", str, initial="x" * 2_000_000)


@occasion
async def asking_without_aio_in_an_event_loop() -> None:
    new_event("approve", int)


@occasion
async def pausing_without_aio_in_an_event_loop() -> None:
    pause(int)


@occasion
def asking_the_same_key_for_another_type() -> None:
    with asking(), run("nightly-42"):
        new_event("approve", int, key="approve")
        new_event("approve", str, key="approve")


@occasion
def finding_an_event_that_nobody_asked() -> None:
    with asking():
        Event.find("a" * 26, int)


@occasion
def finding_an_event_of_another_type() -> None:
    with asking():
        Event.find(new_event("approve", int).request_id, str)


@occasion
async def finding_without_aio_in_an_event_loop() -> None:
    Event.find("a" * 26, int)


@occasion
def initial_data_with_an_unknown_field() -> None:
    Order.with_initial_data(colour="red")


@occasion
def initial_data_that_does_not_fit() -> None:
    Order.with_initial_data(size=TYPED, count=1)


@occasion
def a_value_that_JSON_cannot_hold() -> None:  # noqa: N802
    encode_json(float("nan"))


@occasion
def a_default_that_is_a_secret() -> None:
    answer_type(create_model("Login", password=SecretStr)).dump({"password": SECRET})


@occasion
def an_answer_that_its_type_refuses() -> None:
    # As the waiting workflow judges it; its message goes to the reviewer.
    answer_type(Annotated[Decimal, AfterValidator(_odd)]).parse("4")


@occasion
def an_answer_that_is_no_number() -> None:
    answer_type(int).parse(TYPED)


@occasion
def a_wait_that_a_reviewer_declines() -> None:
    with answers({"approve": Decline(TYPED)}):
        new_event("approve", int).wait()


@occasion
def a_wait_that_the_workflow_cancels() -> None:
    with asking():
        event = new_event("approve", int)
        event.cancel(TYPED)
        event.wait()


@occasion
def a_wait_until_the_deadline() -> None:
    with answers({"approve": Expire()}):
        new_event("approve", int).wait()


@occasion
def a_cancel_with_a_reason_that_is_too_long() -> None:
    with asking():
        new_event("approve", int).cancel(TYPED * 1000)


@occasion
def a_question_that_answers_does_not_know() -> None:
    with answers({"deploy": True}):
        new_event("approve", int)


@occasion
def a_value_of_answers_that_does_not_fit() -> None:
    with answers({"approve": TYPED}):
        new_event("approve", int)


@occasion
def a_value_of_answers_that_the_validator_refuses() -> None:
    with answers({"approve": 4}):
        new_event("approve", Annotated[int, AfterValidator(_odd)]).wait()


@each(an_empty_id=("", ""), a_project_that_is_too_long=("nightly-42", "x" * 201))
def a_run_with(given: tuple[str, str]) -> None:
    run(given[0], project=given[1])


@occasion
async def a_run_entered_without_async_in_an_event_loop() -> None:
    run("nightly-42").__enter__()


@occasion
def a_run_entered_again_after_it_ended_well() -> None:
    with asking():
        with run("nightly-42"):
            pass
        with run("nightly-42"):
            pass


@occasion
def a_thread_beside_several_runs() -> None:
    """A thread starts with an empty context, so it cannot know which of two open runs it belongs to."""
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            new_event("approve", int)
        except pausepoint.errors.PausepointError as error:
            raised.append(error)

    with asking(), run("nightly-42"), run("nightly-43"):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    raise raised[0]


@each(
    port={"PAUSEPOINT_PORT": SECRET},
    port_and_links={"PAUSEPOINT_PORT": "0", "PAUSEPOINT_LINKS": SECRET},
    url={"PAUSEPOINT_URL": f"https://me:{SECRET}@forms.example.org"},
    mailbox={"PAUSEPOINT_MAILBOX": "../x"},
    trace={"PAUSEPOINT_TRACE": SECRET},
    run_id={"PAUSEPOINT_RUN_ID": "x" * 201},
)
def a_setting_that_cannot_be_understood(environ: dict[str, str]) -> None:
    Settings.load(environ)


@occasion
def a_question_that_cannot_be_stored(folder: Path) -> None:
    """The first question finds out that the store is no folder."""
    from pausepoint._api.wiring import surface_of
    from pausepoint._plugins import Hooks

    (folder / "store").write_text("a file")
    surface = surface_of(Settings(store=str(folder / "store")), Hooks())
    anyio.run(surface.watcher().records.store_id)
