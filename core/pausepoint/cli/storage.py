"""The store that the settings name, opened for one command, and how a command finds an event in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from .._markers import Markers
from .._models import MAX_CANDIDATES, MAX_COMMENT_BYTES, Candidate, Request, Verdict
from .._plugins import Engines, Hooks
from .._settings import Settings
from .._settling import Settling
from .._store import Records, layout, open_store
from ..errors import UnknownRequestError, UnreadableRecordError, UsageError
from .courier import Courier
from .printing import short, visible

LEAST_PREFIX = 4
"""Characters of an id that a person must type at least."""

Judged = tuple[Candidate, "Verdict | None"]
"""A candidate, and the verdict on it where there is one."""

_NAMED = 10
_LINK = re.compile(r"https?://\S+/form/([a-z2-7]{26})/?(?:\?\S*)?")


class Storage:
    """
    The store that the settings name.

    Args:
        settings: Where it is.
        hooks: Returns the plugins; default: those that are installed and can be called.

    Raises:
        UsageError: The settings name no store, or one in memory, which this process would see empty.
    """

    def __init__(self, settings: Settings, hooks: Callable[[], Engines] | None = None) -> None:
        refuse_memory(settings)
        self.settings = settings
        self.store = open_store(settings.store)
        self.records = Records(self.store)
        self.markers = Markers(self.store)
        self.courier = Courier(self.records, hooks or partial(Hooks.usable, settings))
        self.settling = Settling(self.records, self.markers, stored=self.courier.stored)

    async def find(self, given: str) -> Request:
        """
        Return the question that somebody means.

        Args:
            given: The event's id, its first characters (4 at least) where no other id begins with them, or its link.

        Raises:
            UnknownRequestError: There is none.
            UsageError: Several are meant, or too few characters were given.
            UnreadableRecordError: Its question cannot be understood.
        """
        linked = _LINK.fullmatch(given)
        request_id = linked.group(1) if linked else given
        if not layout.is_request_id(request_id):
            request_id = await self._completed(request_id)
        return await self.records.request(request_id)

    async def candidates(self, request: Request) -> tuple[list[Judged], list[str]]:
        """Return every answer that needs the workflow's own check, and the paths of those that cannot be read."""
        judged: list[Judged] = []
        problems: list[str] = []
        for number in range(1, MAX_CANDIDATES + 1):
            try:
                candidate = await self.records.candidate(request.request_id, number)
                if candidate is None:
                    break
                judged.append((candidate, await self.records.verdict(request.request_id, number)))
            except UnreadableRecordError as error:
                problems.append(error.path)
        return judged, problems

    async def _completed(self, prefix: str) -> str:
        # The store grows: what names one event today would name several tomorrow, in somebody's script.
        if len(prefix) < LEAST_PREFIX:
            raise UsageError(
                f"An event's id is given by its first {LEAST_PREFIX} characters or more.",
                "Give more of it; `pausepoint list --status all` shows the ids.",
            )
        meant = [each for each in await self.records.event_ids() if each.startswith(prefix)]
        if len(meant) > 1:
            # Shortened like everywhere: a list of whole ids would be a list of keys to all these events.
            names = ", ".join(sorted({short(each) for each in meant})[:_NAMED])
            more = f" and {len(meant) - _NAMED} more" if len(meant) > _NAMED else ""
            raise UsageError(
                f"{visible(prefix)!r} is the beginning of {names}{more}.", "Give one of these, or more of it."
            )
        if not meant:
            raise UnknownRequestError(
                f"No event in {self.store.url} has an id like that.",
                "Check the id, and that the workflow and this command use the same PAUSEPOINT_STORE.",
            )
        return meant[0]


def refuse_memory(settings: Settings) -> None:
    """
    Return unless the store is in memory.

    Raises:
        UsageError: It is; no other process can reach it.
    """
    if settings.store.strip().lower().startswith("memory:"):
        raise UsageError(
            "A memory:// store lives inside one process; this command is another one and would see nothing of it.",
            "Set PAUSEPOINT_STORE to a folder, for the workflow too.",
        )


def checked_text(what: str, text: str, most: int | None = MAX_COMMENT_BYTES) -> str:
    """
    Return a text from the command line if it can be stored.

    Args:
        what: What it is, for the message.
        text: As it came.
        most: Its greatest length, bytes; None where another limit holds.

    Raises:
        UsageError: It is too long, or its bytes are no text in this machine's encoding.
    """
    try:
        # Bytes that are no text in the terminal's encoding arrive as half characters, which no record can hold.
        length = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise UsageError(f"The {what} is not valid text in this terminal's encoding.", "Type it in UTF-8.") from None
    if most is not None and length > most:
        raise UsageError(f"The {what} is {length} bytes long; at most {most} are taken.", "Shorten it.")
    return text
