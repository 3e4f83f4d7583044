"""
Asks somebody in finance to sign off a training run, with what it costs in front of them.

Four things can happen, and each has its line below: yes, no, "I will not decide this", and no answer within a day.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from pausepoint import Default, new_event
from pausepoint.errors import DeclinedError

ONE_DAY = 24 * 3600


class Cost(NamedTuple):
    """One line of the estimate; the price is euros for one unit."""

    what: str
    units: int
    price: Decimal


COSTS = [
    Cost("GPU hours", 640, Decimal("2.75")),
    Cost("Storage, TB-months", 4, Decimal("21.00")),
    Cost("Labelling, images", 12_000, Decimal("0.04")),
]


def table(costs: list[Cost]) -> str:
    """Write the costs as a Markdown table with their sum."""
    rows = [f"| {cost.what} | {cost.units:,} | {cost.price} | {cost.units * cost.price:,.2f} |" for cost in costs]
    total = sum(cost.units * cost.price for cost in costs)
    head = ["| Item | Units | EUR each | EUR |", "| --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *rows, f"| **Total** | | | **{total:,.2f}** |"])


def main() -> None:
    """Ask, wait, and print what was decided."""
    event = new_event(
        "sign-off",
        bool,
        title="Approve the cost of this training run?",
        prompt=f"The run starts as soon as this is approved.\n\n{table(COSTS)}\n\nIf not, say why in the comment.",
        timeout_seconds=ONE_DAY,
        on_timeout=Default(False),  # silence is a no
    )
    try:
        approved = event.wait()
    except DeclinedError as refusal:
        print(f"Nobody decided: {refusal.by or 'the reviewer'} declined. Comment: {refusal.comment or 'none'}")
        return
    response = event.response()
    assert response is not None, "an event that was waited for is settled"
    if response.source == "default":
        print("Not started: nobody answered within a day.")
    else:
        print(f"{'Started' if approved else 'Not started'}. Comment: {response.comment or 'none'}")


if __name__ == "__main__":
    main()
