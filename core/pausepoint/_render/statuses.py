"""What an error page says where its status is all that is known."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from .views import ErrorView


class Told(NamedTuple):
    """The three things that an error page says."""

    title: str
    what: str
    todo: str


_AGAIN = "Go back, reload the page and try again."
_BY_STATUS = {
    400: Told("This request could not be read", "Something in it is not what a form of this app sends.", _AGAIN),
    401: Told(
        "This is not open to everybody",
        "Nothing that came with this request says that you may see it.",
        "Open the link of the question itself, whole. If you have none, ask whoever runs this app.",
    ),
    403: Told(
        "This was not accepted",
        "It did not come from a form of this app, or you may not do this.",
        "Open the link you were given again and answer there.",
    ),
    404: Told(
        "There is no such page",
        "Nothing is stored under this address.",
        "Check that the link is complete: it may have been cut where it was copied. If it is, ask whoever sent it.",
    ),
    405: Told("This page cannot be used that way", "Its address takes another kind of request.", _AGAIN),
    409: Told("This question is settled", "Somebody answered it before.", "Open its link again to see how it ended."),
    410: Told("This question is closed", "It expired or was withdrawn.", "Nothing is left to do here."),
    413: Told(
        "This answer is too large",
        "More was sent than one answer may hold (1 MiB). Nothing was stored.",
        "Go back, shorten it and submit again.",
    ),
    415: Told("This request could not be read", "It is not of a kind that this address takes.", _AGAIN),
    421: Told(
        "This address is not ours",
        "The app was reached under a name that it does not serve.",
        "Use the link exactly as you were given it.",
    ),
    422: Told("This does not fit", "Some of it was refused. Nothing was stored.", _AGAIN),
    429: Told("Too many requests", "More came from you than this app takes at once.", "Wait a minute, then try again."),
    503: Told(
        "The answers cannot be reached",
        "The place where questions and answers are stored does not reply. Nothing was stored.",
        "Wait a minute, then try again.",
    ),
}
_REFUSED = Told("This did not work", "The request was refused.", _AGAIN)
_FAILED = Told(
    "Something went wrong",
    "The app failed on its side; this is no fault of yours.",
    "Try again in a minute. If it stays, show this page to whoever runs this app.",
)
_OF_A_LINK = "Your link does not open this"
"""The headline of 403 with words of its own: these are all about links."""


def told_by_status(view: ErrorView) -> Told:
    """Return what the page says: the view's own words, with the status' own for what is missing."""
    known = _BY_STATUS.get(view.status, _FAILED if view.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _REFUSED)
    # The view's words belong together: a status' own advice under somebody else's sentence could contradict it.
    if view.what:
        title = _OF_A_LINK if view.status == HTTPStatus.FORBIDDEN else known.title
        return Told(view.title or title, view.what, view.todo)
    return Told(view.title or known.title, known.what, view.todo or known.todo)
