"""`RunInput`: Prefect's, with `with_initial_data` that keeps constraints and checks values."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.input import RunInput as PrefectRunInput
from prefect.input.actions import acreate_flow_run_input, create_flow_run_input
from prefect.input.run_input import Keyset
from pydantic import TypeAdapter
from typing_extensions import Self

import pausepoint

from ._dispatching import dispatched


class RunInput(pausepoint.RunInput, PrefectRunInput):
    """
    A model to ask for, with everything that Prefect's own has: `save`, `load`, `send_to`, `receive`, `respond`.

    Unlike Prefect's own, `with_initial_data` keeps the constraints, titles and descriptions of the fields, checks the
    values at once, refuses names that are no fields, and gives answers of the original class.
    """

    @classmethod
    def with_initial_data(cls, description: str | None = None, **values: Any) -> type[Self]:
        """
        Return the same model, prefilled.

        Args:
            description: Markdown that is shown as the prompt, and in Prefect's dialog.
            values: Initial values by field name.

        Raises:
            UsageError: A name is no field of this model, or a value does not fit its field.
        """
        made = super().with_initial_data(description, **values)
        made._description = description if description is not None else description_of(cls)  # noqa: SLF001
        return made

    @classmethod
    async def asave(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> None:
        """Store the schema, prefilled as it is, and the description as inputs of the flow run."""
        for key, value in _saved(cls, keyset).items():
            await acreate_flow_run_input(key=key, value=value, flow_run_id=flow_run_id)

    @classmethod
    def save(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> Any:
        """Do the same; a coroutine where it is called from async code."""
        return _save(cls, keyset, flow_run_id)


async def _asave(model: type[RunInput], keyset: Keyset, flow_run_id: UUID | None) -> None:
    await model.asave(keyset, flow_run_id)


@dispatched(_asave)
def _save(model: type[RunInput], keyset: Keyset, flow_run_id: UUID | None) -> None:
    for key, value in _saved(model, keyset).items():
        create_flow_run_input(key=key, value=value, flow_run_id=flow_run_id)


def _saved(model: type[RunInput], keyset: Keyset) -> dict[str, Any]:
    # Not through Prefect's own `save`, which makes a subclass for the schema and loses what is filled in.
    saved: dict[str, Any] = {keyset["schema"]: TypeAdapter(model).json_schema(ref_template="#/definitions/{model}")}
    description = description_of(model)
    return {**saved, keyset["description"]: description} if description else saved


def description_of(model: object) -> str | None:
    """Return what `with_initial_data(description=...)` gave, also to a model of Prefect's own class."""
    found = getattr(model, "_description", None)
    return found if isinstance(found, str) else None
