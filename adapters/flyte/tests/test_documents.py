"""Every example of the old plugin's documents, and what goes over the wire, with the same calls and arguments."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import local
import pytest
from flyteplugins.hitl._app import HITLSubmissionTyped
from tasks import documented_tasks as documented, flyte_1_tasks as flyte_1, local_tasks as tasks

VALUES = {"int": 5, "bool": True, "str": "words", "float": 1.5}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PAUSEPOINT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "store"


def fitting(event: Any) -> Any:
    return VALUES[event.data_type.__name__]


@pytest.mark.parametrize(
    ("task", "value"),
    [
        (documented.adds_to_x, 5),
        (documented.adds_to_the_result, 15),
        (documented.proceeds, 5),
        (documented.approves, True),
        (documented.enters_a_value, "words"),
        (documented.enters_a_number, 5),
        (documented.by_position, 1.5),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
def test_a_documented_example_works(task: Any, value: Any, tmp_path: Path) -> None:
    with local.Human(fitting).answering():
        assert local.run(task, tmp_path) == value


def test_the_documented_examples_of_flyte_1_use_the_process_itself(store: Path) -> None:
    with local.Human(fitting).answering() as human:
        number = flyte_1.process_with_human_input()
        assert (asyncio.run(number) if asyncio.iscoroutine(number) else number) == 15
        assert flyte_1.human_approval() is True

    assert {local.request_of(store, event)["run"]["engine"] for event in human.events} == {"local"}


@pytest.mark.parametrize(
    ("task", "sent", "value"), [(tasks.asynchronous, "42", 43), (tasks.asynchronous, 42, 43)], ids=["quoted", "plain"]
)
def test_the_documented_request_is_answered_in_the_documented_words(
    task: Any, sent: Any, value: int, tmp_path: Path
) -> None:
    said: dict[str, Any] = {}

    def as_documented(event: Any) -> Any:
        body = {"request_id": event.request_id, "value": sent, "data_type": "int", "response_path": event.response_path}
        said["reply"] = httpx.post(f"{event.endpoint}/submit/json", json=body)
        said["health"] = httpx.get(f"{event.endpoint}/health")
        said["status"] = httpx.get(
            f"{event.endpoint}/status/{event.request_id}?request_path=s3://a&response_path=s3://b"
        )
        said["form"] = httpx.get(f"{event.form_url}?request_path=s3://a/b")
        return sent

    with local.Human(as_documented).answering():
        assert local.run(task, tmp_path, x=1) == value

    assert said["reply"].status_code == 200
    told = said["reply"].json()
    assert set(told) == {"status", "request_id", "value", "data_type", "message"}
    assert (told["status"], told["value"], told["data_type"]) == ("submitted", 42, "int")
    assert said["health"].json()["status"] == "healthy"
    assert said["status"].json()["status"] == "completed"
    assert said["form"].status_code == 200


def test_the_documented_class_is_a_body_that_is_taken(tmp_path: Path) -> None:
    def typed(event: Any) -> Any:
        body = HITLSubmissionTyped(request_id=event.request_id, value=4, data_type="int")
        httpx.post(event.api_url, json=body.model_dump()).raise_for_status()
        return 4

    with local.Human(typed).answering():
        assert local.run(tasks.asynchronous, tmp_path, x=1) == 5
