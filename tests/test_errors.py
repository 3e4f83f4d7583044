"""Every error crosses process borders whole, and the tree drawn at the top of errors.py is the real one."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from pausepoint import errors
from pausepoint.errors import AnswerError, PausepointError, WaitTimeoutError

ERRORS = [getattr(errors, name) for name in errors.__all__]
PAUSEPOINT_NAMES = {error.__name__ for error in ERRORS}
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)


def example(error: type[PausepointError]) -> PausepointError:
    """One of them, with every argument its constructor names filled in and different."""
    names = [name for name in inspect.signature(error).parameters if name != "data"]
    return error(*({"lines.0.size": "too small"} if name == "fields" else f"The {name}." for name in names))


@each_error
def test_every_error_pickles_with_its_data(error: type[PausepointError]) -> None:
    before = example(error)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        after = pickle.loads(pickle.dumps(before, protocol))

        assert type(after) is error
        assert (vars(after), str(after), after.args) == (vars(before), str(before), before.args)


def test_what_was_noted_on_an_error_is_still_there_in_another_process() -> None:
    error = WaitTimeoutError("Nobody answered.", deadline="2026-11-20T12:00:00+00:00")
    error.__notes__ = ["asked by the third task"]

    assert pickle.loads(pickle.dumps(error)).__notes__ == ["asked by the third task"]


@each_error
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_every_error_copies_with_its_data(error: type[PausepointError], copied: object) -> None:
    before = example(error)
    after = copied(before)  # type: ignore[operator]

    assert after is not before
    assert (vars(after), str(after)) == (vars(before), str(before))


@each_error
def test_every_error_says_what_happened_to_which_event_and_what_to_do(error: type[PausepointError]) -> None:
    told = str(error("It broke.", "Mend it.", "'approve' (abcdefgh)"))

    assert told == "It broke. Event 'approve' (abcdefgh). Mend it."


@each_error
def test_every_error_can_be_caught_as_one_of_ours(error: type[PausepointError]) -> None:
    assert issubclass(error, PausepointError)
    assert error.__name__ == "PausepointError" or error.__name__.endswith("Error")


def test_the_tree_drawn_in_the_module_is_the_real_one() -> None:
    drawn = drawn_tree(errors.__doc__ or "")
    real = {error.__name__: [base.__name__ for base in error.__bases__] for error in ERRORS[:]}

    assert set(drawn) == PAUSEPOINT_NAMES
    for name, (parent, also) in drawn.items():
        ours = [base for base in real[name] if base in PAUSEPOINT_NAMES]
        foreign = [base for base in real[name] if base not in PAUSEPOINT_NAMES and base != "Exception"]

        assert ours == ([parent] if parent else []), name
        assert foreign == also, name


def drawn_tree(text: str) -> dict[str, tuple[str, list[str]]]:
    """Read the drawing: name -> (parent, builtins in parentheses). A level is four columns wide."""
    tree: dict[str, tuple[str, list[str]]] = {}
    path: list[str] = []
    for line in text.splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+Error)\b(?:\s+\((\w+)\))?", line)
        if found and (not found[1] or found[1].endswith("── ")):
            level = len(found[1]) // 4
            path[level:] = [found[2]]
            tree[found[2]] = (path[level - 1] if level else "", [found[3]] if found[3] else [])
    return tree


def test_a_timeout_is_the_builtin_kind_and_still_tells_its_story() -> None:
    error = WaitTimeoutError("Nobody answered.", "Ask again.", "", "2030-01-01T00:00:00Z")

    assert isinstance(error, TimeoutError)
    assert str(error) == "Nobody answered. Ask again."
    assert error.deadline == "2030-01-01T00:00:00Z"


def test_an_answer_error_names_each_field_in_its_message() -> None:
    error = AnswerError("It does not fit.", fields={"": "is incomplete", "lines.0.size": "is too small"})

    assert str(error) == "It does not fit. (the answer: is incomplete; lines.0.size: is too small)"
