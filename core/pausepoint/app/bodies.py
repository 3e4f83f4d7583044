"""
Reads what is sent to us, strictly: the media type that the route takes, nothing that two readers could read
differently, and whether it was a person who sent it: some mail scanners open links in a browser, and send the forms.
"""

from __future__ import annotations

from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, JsonValue, ValidationError, WithJsonSchema
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from .._codec import decode_json
from .._models import MAX_COMMENT_BYTES
from ..errors import AnswerError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAX_INPUTS = 5000
"""In one submitted form; more than the forms draw (2,000), so that what is too much is told at the form itself."""

AnyJson = Annotated[JsonValue, WithJsonSchema({})]
"""A JSON value; described in place, because pydantic's own reference would lead nowhere from the app's description."""

_WORDS = {"missing": "This is required.", "extra_forbidden": "There is no such key."}

B = TypeVar("B", bound=BaseModel)


async def form_of(http: HttpRequest) -> dict[str, str]:
    """
    Return the inputs of a submitted form; of inputs with the same name, the last one.

    Raises:
        HTTPException: 415 for anything but an urlencoded form, multipart included; 400 where it is not valid UTF-8 or
            has more than 5000 inputs.
    """
    _refuse_other_than(FORM, http)
    body = await http.body()
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_INPUTS
        )
    except ValueError:
        # Without its cause, which repeats what was typed.
        raise HTTPException(400) from None
    return dict(pairs)


def was_pressed(http: HttpRequest) -> bool:
    """
    Say whether a form was sent by somebody's own hand, as far as the browser tells.

    Chromium and Firefox send `Sec-Fetch-User: ?1` with what a click or a key caused, and never with what a script did.
    They are known by what they alone send, because Safari says nothing either way; and over plain HTTP, other than on
    loopback, no browser does. A program that is no browser is taken at its word.
    """
    headers = http.headers
    if "sec-fetch-mode" not in headers:
        return True
    # A script that fetches instead of navigating is no form, whatever the browser.
    if headers["sec-fetch-mode"] != "navigate":
        return False
    tells = "sec-ch-ua" in headers or "firefox/" in headers.get("user-agent", "").lower()
    return not tells or headers.get("sec-fetch-user") == "?1"


async def json_of(http: HttpRequest, shape: type[B]) -> B:
    """
    Return a JSON body as a model.

    Raises:
        HTTPException: 415 for another media type, or a character set that is not UTF-8.
        AnswerError: It is not JSON, or has another shape.
    """
    _refuse_other_than(JSON, http)
    value = decode_json(await http.body())
    # Not FastAPI's own reading: it takes NaN and repeated keys, and its refusals repeat what was sent.
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        fields = {_dotted(each["loc"]): _WORDS.get(each["type"], each["msg"]) for each in found}
        raise AnswerError(
            "This request does not have the expected shape.", "Correct it and send it again.", fields=fields
        ) from None


def comment_error(comment: str) -> str:
    """Say why a comment or a reason cannot be taken; empty where it can."""
    fits = len(comment.encode("utf-8")) <= MAX_COMMENT_BYTES
    return "" if fits else f"Please use at most {MAX_COMMENT_BYTES // 1024} KiB of text."


def _refuse_other_than(media_type: str, http: HttpRequest) -> None:
    # Strict, because a page of somebody else's can send text/plain or multipart anywhere without asking first.
    given, *parameters = [part.strip().lower() for part in http.headers.get("content-type", "").split(";")]
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    if given != media_type or charsets not in ([], ["utf-8"], ["utf8"]):
        raise HTTPException(415, headers={"Accept-Post": media_type})


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place)
