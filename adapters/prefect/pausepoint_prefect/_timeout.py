"""The error that is both Pausepoint's and Prefect's."""

from __future__ import annotations

from prefect.exceptions import FlowPauseTimeout

from pausepoint.errors import WaitTimeoutError


class PauseTimeoutError(WaitTimeoutError, FlowPauseTimeout):
    """
    Nobody answered `pause_flow_run` by its deadline. The flow may catch it, as either class, and go on.

    Attributes:
        deadline: The moment it expired, UTC, ISO 8601.
    """

    @classmethod
    def of(cls, error: WaitTimeoutError) -> PauseTimeoutError:
        """Return the same, as an error that Prefect knows, too."""
        return cls(error.what, error.todo, error.event, error.deadline)
