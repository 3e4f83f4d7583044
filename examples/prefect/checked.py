"""A flow with a rule of its own: the reviewer is told beside the field, and the flow gets an answer that keeps it."""

from typing import Literal

from prefect import flow
from pydantic import ValidationInfo, field_validator

from pausepoint_prefect import RunInput, pause_flow_run


class Room(RunInput):
    """Where a meeting takes place."""

    floor: Literal["ground", "first"]
    setup: Literal["chairs", "tables", "stage"]

    @field_validator("setup")
    @classmethod
    def fits(cls, setup: str, others: ValidationInfo) -> str:
        """Refuse the stage upstairs."""
        if setup == "stage" and others.data.get("floor") == "first":
            raise ValueError("The stage does not fit through the stairs.")
        return setup


@flow(log_prints=True)
def book_room() -> None:
    """Ask for a room until it can be had."""
    room = pause_flow_run(Room, key="room", prompt="Where does the **spring meeting** take place?")
    print(f"Booked: {room}")


if __name__ == "__main__":
    book_room()
