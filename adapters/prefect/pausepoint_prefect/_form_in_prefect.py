"""The question as Prefect's own Resume dialog shows it, and the answer that comes back from there."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.input import keyset_from_paused_state
from pydantic import JsonValue

from pausepoint.errors import AnswerError
from pausepoint.hooks import Answer, Request, Response, Waiter

from ._choosing import Choice
from ._showing import run_log

ENGINE_UI = "prefect"
CONFLICT = 409


class AnsweredInVain(Exception):  # noqa: N818 - it is no fault of this program's
    """
    Prefect's dialog took an answer that the type refuses.

    Attributes:
        value: The answer.
        error: Why it is refused.
    """

    def __init__(self, value: JsonValue, error: AnswerError) -> None:
        super().__init__()
        self.value = value
        self.error = error


def may_be_left_empty(request: Request) -> bool:
    """Say whether whoever resumes the run in Prefect with nothing filled in has answered."""
    return asks_for_nothing(request) or not native_schema(request).get("required")


def asks_for_nothing(request: Request) -> bool:
    """Say whether the question is only whether to go on; Prefect's dialog then has no form."""
    return request.json_schema.get("type") == "null"


async def set_with_form(
    client: PrefectClient, run_id: UUID, request: Request, state: State[Any], url: str
) -> OrchestrationResult[Any]:
    """
    Set a state that pauses the run, with what Prefect's Resume dialog shows meanwhile.

    The form is stored before the state is set, for a resume that comes between would be refused; and again after it,
    for a server of Prefect 3.9 or newer empties the keys of a pause that begins.
    """
    form: dict[str, str] = {}
    if not asks_for_nothing(request):
        keyset = keyset_from_paused_state(state)
        state.state_details.run_input_keyset = {str(part): key for part, key in keyset.items()}
        description = f"{request.prompt}\n\n[Answer in the full form]({url})"
        form = {
            keyset["schema"]: json.dumps(native_schema(request)),
            keyset["description"]: json.dumps(description),
        }
    await _stored(client, run_id, form)
    result: OrchestrationResult[Any] = await client.set_flow_run_state(run_id, state)
    if result.status == SetStateStatus.ACCEPT:
        await _stored(client, run_id, form)
    return result


async def _stored(client: PrefectClient, run_id: UUID, form: dict[str, str]) -> None:
    for key, text in form.items():
        try:
            await client.create_flow_run_input(run_id, key, text)
        except PrefectHTTPStatusError as error:  # noqa: PERF203 - two of them
            if error.response.status_code != CONFLICT:
                raise


async def offered(
    client: PrefectClient, run_id: UUID, request: Request, waiter: Waiter, way: Choice, key: str
) -> Response | str:
    """
    Offer the answer that Prefect's dialog stored under *key*; return the outcome, or why it is refused.

    Nothing is stored where everything was left as the dialog showed it.

    Raises:
        AnsweredInVain: It is refused, and the caller wants to know.
    """
    text = "{}"
    with suppress(ObjectNotFound, PrefectHTTPStatusError):
        text = (await client.read_flow_run_input(run_id, key)) or text
    given = _parsed(text)
    try:
        # Prefect does not know who sits at its dialog.
        response = await waiter.offer(Answer(value=_unwrapped(request, given), through=ENGINE_UI))
    except AnswerError as error:
        if way.as_prefect:
            value = given.get("value") if _is_wrapped(request) and isinstance(given, dict) else given
            raise AnsweredInVain(value, error) from None
        reasons = "; ".join(f"{path or 'the answer'}: {why.rstrip('.')}" for path, why in error.fields.items())
        run_log().warning("The answer given in Prefect was refused: %s", reasons)
        return reasons
    if response.through != ENGINE_UI:
        run_log().warning("The answer given in Prefect was not needed: the question was settled before.")
    return response


def _parsed(text: str | bytes) -> Any:
    # Whoever may write the run's inputs may write anything there.
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def native_schema(request: Request) -> dict[str, Any]:
    """
    Return the answer's schema as an object, as Prefect's dialog needs it.

    Models are shown as they are; anything else becomes the one field `value`, as with Prefect's own automatic inputs.
    """
    schema = _with_old_references(request.json_schema)
    definitions = schema.pop("definitions", {})
    shown = _root(schema, definitions)
    initial = request.initial.value if request.initial else None
    if _is_wrapped(request):
        field = {"title": "Value", **schema} | ({"default": initial} if request.initial else {})
        shown = {
            "title": request.data_type,
            "type": "object",
            "properties": {"value": field},
            "required": ["value"],
            "additionalProperties": False,
        }
    elif isinstance(initial, dict):
        fields = shown["properties"].items()
        filled = {name: field | ({"default": initial[name]} if name in initial else {}) for name, field in fields}
        shown = {**shown, "properties": filled}
    return {**shown, "definitions": definitions} if definitions else shown


def _is_wrapped(request: Request) -> bool:
    schema = request.json_schema
    return "properties" not in _root(schema, schema.get("$defs", {}))


def _root(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    # A model that refers to itself is a reference at the root.
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = definitions.get(name, schema)
    return found


def _unwrapped(request: Request, given: Any) -> JsonValue:
    if asks_for_nothing(request):
        return None
    if not isinstance(given, dict) or (_is_wrapped(request) and "value" not in given):
        # Not None, which the type may take.
        raise AnswerError("No answer to the form.", "Answer it again.", request.label, {"": "Nothing was filled in."})
    value: JsonValue = given["value"] if _is_wrapped(request) else given
    return value


def _with_old_references(schema: Any) -> Any:
    """Spell references as Prefect's pages know them: `#/definitions/X`."""
    if isinstance(schema, list):
        return [_with_old_references(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "definitions" if name == "$defs" else name: (
            part.replace("#/$defs/", "#/definitions/")
            if name == "$ref" and isinstance(part, str)
            else _with_old_references(part)
        )
        for name, part in schema.items()
    }
