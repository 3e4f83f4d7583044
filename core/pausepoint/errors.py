"""
Every error that Pausepoint raises, in one tree.

Each error says what happened, to which event, and what to do next; it carries its data as attributes and can be
pickled, because engines carry errors from one process to another.

```text
PausepointError
├── UsageError                     fix the calling code; trying again cannot help
│   ├── UnsupportedTypeError       (TypeError) no form can be made for this type
│   ├── RequestChangedError        the same key was asked with another type
│   └── RunFinishedError           run(...) was entered again after it had ended well
├── AnswerError                    (ValueError) this answer does not fit; .fields says where
├── WaitError                      the wait ended without an answer
│   ├── WaitTimeoutError           (TimeoutError) nobody answered by the deadline
│   ├── DeclinedError              a reviewer refused to answer
│   └── EventCancelledError        the event was withdrawn
├── StoreError                     the store refused or failed; trying again may help
│   ├── AlreadySettledError        somebody else was first; .response says who and when
│   ├── UnknownRequestError        (LookupError) no such event in this store
│   ├── UnreadableRecordError      a stored object cannot be understood; .path says which
│   └── UnsafeStoreError           this store cannot keep what Pausepoint promises
├── LinkError                      (ValueError) a link or form token is forged, expired or foreign
└── AdapterError                   an adapter or its engine failed
    ├── ServeError                 the form app could not be made reachable
    └── AmbiguousEngineError       two adapters say that this process runs inside their engine
```
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "AdapterError",
    "AlreadySettledError",
    "AmbiguousEngineError",
    "AnswerError",
    "DeclinedError",
    "EventCancelledError",
    "LinkError",
    "PausepointError",
    "RequestChangedError",
    "RunFinishedError",
    "ServeError",
    "StoreError",
    "UnknownRequestError",
    "UnreadableRecordError",
    "UnsafeStoreError",
    "UnsupportedTypeError",
    "UsageError",
    "WaitError",
    "WaitTimeoutError",
]


class PausepointError(Exception):
    """
    The root of the tree: catch it to catch everything that Pausepoint raises.

    Attributes:
        what: What happened, one sentence with its full stop.
        todo: What the reader can do next, one or two sentences; may be empty.
        event: The event it happened to, as `'name' (first 8 characters of its id)`; empty where there is none.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", *data: object) -> None:
        # Not super().__init__: for WaitTimeoutError that is OSError, which reads its arguments as errno and strerror.
        BaseException.__init__(self, what, todo, event, *data)
        self.what = what
        self.todo = todo
        self.event = event

    def __str__(self) -> str:
        about = f"Event {self.event}." if self.event else ""
        return " ".join(part for part in (self.what, about, self.todo) if part)


class UsageError(PausepointError):
    """The calling code asks for something that cannot work; change the code, trying again cannot help."""


class UnsupportedTypeError(UsageError, TypeError):
    """No form can be made for this type, because pydantic can make no JSON Schema of it."""


class RequestChangedError(UsageError):
    """The same key was asked before with another type, so the stored question no longer fits the code."""


class RunFinishedError(UsageError):
    """`run(...)` was entered again after it had ended well; its answers belong to the run that is over."""


class AnswerError(PausepointError, ValueError):
    """
    An answer does not fit the question.

    Attributes:
        fields: Messages by the dotted path of the field (`"lines.0.size"`); the key `""` is the answer as a whole.
            Messages never repeat the value that was refused.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", fields: Mapping[str, str] | None = None) -> None:
        # A plain copy: views and proxies of mappings do not pickle.
        self.fields: dict[str, str] = dict(fields or {})
        super().__init__(what, todo, event, self.fields)

    def __str__(self) -> str:
        told = "; ".join(f"{path or 'the answer'}: {message}" for path, message in self.fields.items())
        return f"{super().__str__()} ({told})" if told else super().__str__()


class WaitError(PausepointError):
    """The wait ended without an answer; the three subclasses say how."""


class WaitTimeoutError(WaitError, TimeoutError):
    """
    Nobody answered by the deadline, and the author declared no default.

    Attributes:
        deadline: The moment it expired, UTC, ISO 8601.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", deadline: str = "") -> None:
        super().__init__(what, todo, event, deadline)
        self.deadline = deadline


class DeclinedError(WaitError):
    """
    A reviewer refused to answer.

    Attributes:
        comment: The reviewer's words, possibly empty. They are the reviewer's, so they are not part of `str(error)`.
        by: The reviewer's name where it is known, else empty.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", comment: str = "", by: str = "") -> None:
        super().__init__(what, todo, event, comment, by)
        self.comment = comment
        self.by = by


class EventCancelledError(WaitError):
    """
    The event was withdrawn before anybody answered.

    Attributes:
        reason: Why, as given to `event.cancel(reason)`; possibly empty.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", reason: str = "") -> None:
        super().__init__(what, todo, event, reason)
        self.reason = reason


class StoreError(PausepointError):
    """The store refused or failed; trying again may help."""


class AlreadySettledError(StoreError):
    """
    The event was settled before: the first outcome stands.

    Attributes:
        outcome: `answered`, `declined`, `expired` or `cancelled`.
        settled_at: When, UTC, ISO 8601.
        by: Who, where it is known, else empty.
    """

    def __init__(
        self, what: str, todo: str = "", event: str = "", outcome: str = "", settled_at: str = "", by: str = ""
    ) -> None:
        super().__init__(what, todo, event, outcome, settled_at, by)
        self.outcome = outcome
        self.settled_at = settled_at
        self.by = by


class UnknownRequestError(StoreError, LookupError):
    """There is no such event in this store, or the id is not one."""


class UnreadableRecordError(StoreError):
    """
    A stored object cannot be parsed, or was written by a newer version.

    Attributes:
        path: The object's path inside the store, e.g. `v1/events/<id>/request.json`.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", path: str = "") -> None:
        super().__init__(what, todo, event, path)
        self.path = path


class UnsafeStoreError(StoreError):
    """This store cannot keep what Pausepoint promises (for example: it overwrites where it must refuse)."""


class LinkError(PausepointError, ValueError):
    """A link or a form's token is forged, expired, or belongs to another event."""


class AdapterError(PausepointError):
    """
    An adapter, or the engine behind it, failed.

    Attributes:
        plugin: The distribution and version that failed, e.g. `pausepoint-flyte 0.1.0`.
    """

    def __init__(self, what: str, todo: str = "", event: str = "", plugin: str = "") -> None:
        super().__init__(what, todo, event, plugin)
        self.plugin = plugin


class ServeError(AdapterError):
    """The form app could not be made reachable."""


class AmbiguousEngineError(AdapterError):
    """Two adapters say that this process runs inside their engine; `PAUSEPOINT_ENGINE` decides."""
