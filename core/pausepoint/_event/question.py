"""What an author asks, checked before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import JsonValue
from typing_extensions import TypeForm

from .._codec import AnswerType, answer_type
from .._models import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, MAX_LABEL_CHARS, MAX_PROMPT_BYTES, DefaultValue
from ..errors import UsageError

T = TypeVar("T")

DEFAULT_PROMPT = "Please provide a value"
DEFAULT_TIMEOUT = 3600.0
DEFAULT_POLL = 5.0

Image: TypeAlias = bytes | str | Path
"""An image to show beside the form: its bytes, or the path of a PNG, JPEG or WebP file."""
Attachments: TypeAlias = Sequence[Image] | Mapping[str, Image]
"""Images in order; a mapping gives each its caption, which is also its text for those who cannot see it."""


@dataclass(frozen=True)
class Default(Generic[T]):
    """
    What silence means: `on_timeout=Default(value)` returns *value* when nobody answers by the deadline.

    Args:
        value: Of the type that is asked for; it is checked when the question is asked.
    """

    value: T


OnTimeout: TypeAlias = Literal["raise"] | Default[T]


class _Unset:
    def __repr__(self) -> str:
        return "not given"


# Any, so that it can stand for a value of every type.
UNSET: Any = _Unset()
"""Stands for an argument that was left out where None is a value."""


@dataclass(frozen=True)
class Question(Generic[T]):
    """
    One question, checked; what `new_event` and `pause` make of their arguments.

    Attributes:
        name, title, prompt: Words for the reviewer.
        data_type, answer: The type asked for, as the author spelt it and as we use it.
        timeout: Seconds until the deadline; None waits for ever.
        poll: The longest pause between two looks into the store, seconds.
        key: What the author calls it within its run; None for the automatic key.
        generation: 0, or a higher number to ask the same thing again on purpose.
        initial: What the form is prefilled with.
        default: What silence means.
        images: Caption and content of each attachment.
    """

    name: str
    data_type: Any
    answer: AnswerType[T]
    title: str
    prompt: str
    timeout: float | None
    poll: float
    key: str | None
    generation: int
    initial: DefaultValue | None
    default: DefaultValue | None
    images: tuple[tuple[str, bytes], ...]


def checked_question(
    name: str,
    data_type: TypeForm[T],
    *,
    prompt: str | None,
    title: str | None,
    timeout: float | None,
    poll: float | None,
    key: str | None,
    generation: int,
    initial: object,
    on_timeout: OnTimeout[T],
    attachments: Attachments,
) -> Question[T]:
    """
    Check the author's arguments.

    Raises:
        UnsupportedTypeError: No form can be made for the type.
        UsageError: Another argument cannot work; the message names it and its limits.
    """
    answer = cast(AnswerType[T], answer_type(data_type))
    words = prompt if prompt is not None else answer.prompt or DEFAULT_PROMPT
    return Question(
        name=_label("name", name, least=1),
        data_type=data_type,
        answer=answer,
        title=_label("title", title) if title is not None else name,
        prompt=_prompt(words),
        timeout=_seconds("timeout", timeout) if timeout is not None else None,
        poll=_seconds("poll interval", poll) if poll is not None else DEFAULT_POLL,
        key=_label("key", key, least=1) if key is not None else None,
        generation=_generation(generation),
        initial=_initial(answer, initial),
        default=_default(answer, on_timeout),
        images=tuple(_images(attachments)),
    )


def _label(what: str, text: str, least: int = 0) -> str:
    # No control characters: names are printed on terminals, and automatic keys are known by beginning with one.
    if not isinstance(text, str) or not least <= len(text) <= MAX_LABEL_CHARS or any(c < " " for c in text):
        raise UsageError(
            f"The {what} must be one line of {least} to {MAX_LABEL_CHARS} characters.",
            "Give such a line; longer text belongs in prompt=.",
        )
    return text


def _prompt(text: str) -> str:
    if not isinstance(text, str) or len(text.encode("utf-8", "replace")) > MAX_PROMPT_BYTES:
        raise UsageError(
            f"The prompt must be text of at most {MAX_PROMPT_BYTES // 1024} KiB.",
            "Show what is larger as an attachment, or link to it.",
        )
    return text


def _seconds(what: str, value: float) -> float:
    # NaN is refused by being neither above nor below anything.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 10 * 365 * 86_400:
        raise UsageError(
            f"The {what} must be a number of seconds above 0 and below ten years, not {value!r}.",
            "Choose another; None waits for ever." if what == "timeout" else "Leave it out for the default of 5 s.",
        )
    return float(value)


def _generation(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"generation must be 0 or a whole number above it, not {value!r}.", "Leave it out for 0.")
    return value


def _initial(answer: AnswerType[T], initial: object) -> DefaultValue | None:
    return None if initial is UNSET else DefaultValue(value=_dumped("initial", answer, initial))


def _default(answer: AnswerType[T], on_timeout: object) -> DefaultValue | None:
    if isinstance(on_timeout, Default):
        return DefaultValue(value=_dumped("on_timeout=Default(...)", answer, on_timeout.value))
    if on_timeout == "raise":
        return None
    raise UsageError(
        f'on_timeout must be "raise" or Default(value), not {on_timeout!r}.',
        "Import Default from pausepoint and wrap the value in it.",
    )


def _dumped(what: str, answer: AnswerType[T], value: Any) -> JsonValue:
    try:
        return answer.dump(value)
    except UsageError as error:
        raise UsageError(f"{what} does not fit: {error.what}", error.todo) from error


def _images(attachments: Attachments) -> list[tuple[str, bytes]]:
    if isinstance(attachments, (str, bytes, Path)):
        raise UsageError("attachments must be several images, not one.", "Put it in a list: attachments=[image].")
    named = attachments.items() if isinstance(attachments, Mapping) else [("", image) for image in attachments]
    if len(named) > MAX_ATTACHMENTS:
        raise UsageError(f"{len(named)} attachments are too many.", f"Leave some out: at most {MAX_ATTACHMENTS}.")
    return [_image(caption, image) for caption, image in named]


def _image(caption: str, image: Image) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return _label("caption", caption), image
    path = Path(image)
    return _label("caption", caption or path.name), _content_of(path)


def _content_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte too many tells that it is too large, whatever its size: a device has none.
            content = file.read(MAX_ATTACHMENT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"The attachment {str(path)!r} cannot be read: {error.strerror}.", "Check the path, or pass the bytes."
        ) from error
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise UsageError(
            f"The attachment {str(path)!r} is larger than {MAX_ATTACHMENT_BYTES // 1024**2} MiB.",
            "Attach a smaller one.",
        )
    return content
