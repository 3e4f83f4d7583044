"""
Asks for a shirt. Two of the combinations are not made, and only this script knows it.

Choose a small green one: the form comes back with the reason beside the colour, and with everything you chose. The
script goes on waiting meanwhile, and gets the first order that it can fill.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from pausepoint import RunInput, pause

NOT_MADE = {("small", "green"), ("large", "white")}


class ShirtOrder(RunInput):
    size: Literal["small", "medium", "large"]
    color: Literal["white", "green", "navy"]
    pieces: Annotated[int, Field(ge=1, le=12, description="A box holds twelve.")] = 1

    @field_validator("color")
    @classmethod
    def is_made(cls, color: str, others: ValidationInfo) -> str:
        """Refuse a colour that this size is not made in; fields above `color` are checked before it."""
        size = others.data.get("size")
        if (size, color) in NOT_MADE:
            raise ValueError(f"{color.capitalize()} is not made in {size}.")
        return color


def main() -> None:
    """Ask for one order and print it."""
    order = pause(ShirtOrder, key="shirt-order", title="Which shirt?", prompt="The last order of this month.")
    print(f"Ordered: {order}")


if __name__ == "__main__":
    main()
