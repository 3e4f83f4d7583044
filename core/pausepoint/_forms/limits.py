"""What a form may be at most, and the draft it is the state of."""

from __future__ import annotations

from .._models import MAX_JSON_DEPTH

Draft = dict[str, str]
"""The complete state of a form: input name -> what is typed. The package's docstring says which names there are."""

MAX_ROWS = 200
MAX_INPUTS = 2000
MAX_FORM_DEPTH = 8
"""Beyond this a form is no longer readable; what is nested deeper is typed as JSON."""

MAX_DIGITS = 4300
"""Of an integer: longer ones take quadratic time to convert, and Python refuses them."""

MAX_DEPTH = MAX_JSON_DEPTH

COUNT_DIGITS = 9
"""Of a number that a form counts or selects with: more are no number of ours, and would take time to convert."""


class TooManyInputsError(Exception):
    """The form would have more than 2,000 inputs; whoever counts decides what to show instead."""


class Budget:
    """Counts the inputs of one form, so that neither a schema nor a draft can make one without end."""

    def __init__(self, inputs: int = MAX_INPUTS) -> None:
        self._left = inputs

    def spend(self) -> None:
        """
        Count one input.

        Raises:
            TooManyInputsError: It is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise TooManyInputsError
