"""
The pages that reviewers see, and the fragment that engines show in their reports: the one module that opens a template.

Every function takes one frozen view and returns a whole HTML page. No page has a script or an inline style, so that it
works under `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri
'none'`; the one stylesheet is served at `{root}/static/pausepoint.css`. Nothing here reads a store or decides anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from .._models import Request
from .curl import curl_line
from .prompts import markdown
from .statuses import told_by_status
from .templating import environment, has_secret, own_error, refused
from .times import Moment, moment
from .views import ErrorView, FormView, InboxItem, InboxView, OutcomeView, Page, SavedView

__all__ = [
    "ErrorView",
    "FormView",
    "InboxItem",
    "InboxView",
    "Moment",
    "OutcomeView",
    "Page",
    "SavedView",
    "error_page",
    "form_page",
    "inbox_page",
    "markdown",
    "moment",
    "report",
    "result_page",
    "saved_page",
    "settled_page",
    "stylesheet",
]


def form_page(view: FormView) -> str:
    """Return the form of an open question; with errors it begins with a summary that takes focus."""
    more = {"faults": _faults(view), "masked": has_secret(view.field)}
    return _page("form.html", view, request=view.request, field=view.field, **more)


def result_page(view: OutcomeView) -> str:
    """Return what the one who just settled the event sees: what happened, and what the workflow does next."""
    return _page("result.html", view, request=view.request, response=view.response)


def settled_page(view: OutcomeView) -> str:
    """Return what a later visitor sees: who answered and when, or how else the event ended."""
    return _page("settled.html", view, request=view.request, response=view.response)


def saved_page(view: SavedView) -> str:
    """Return what is shown for an answer that is stored and not judged yet, because the workflow is away."""
    return _page("saved.html", view, request=view.request)


def inbox_page(view: InboxView) -> str:
    """Return one page of the list of waiting questions."""
    return _page("inbox.html", view)


def error_page(view: ErrorView) -> str:
    """Return why there is no such page, and what to do next."""
    return _page("error.html", view, told=told_by_status(view))


def report(request: Request, *, form_url: str, api_url: str) -> str:
    """
    Return a fragment for an engine's report tab: the question, a link to its form, and how to answer by HTTP.

    It brings its own `<style>`, whose selectors all begin with `.pausepoint-report`: ours is not served there.

    Args:
        request: The question.
        form_url: Where its form is, absolute.
        api_url: Where its answer is posted as JSON (`.../submit/json`), absolute.
    """
    made = environment().get_template("report.html")
    # Whoever sees the report sees the link, too, so its token is told to nobody else.
    bearer = parse_qs(urlsplit(form_url).query).get("token", [""])[0]
    curl = curl_line(request, api_url, bearer)
    return made.render(request=request, form_url=form_url, api_url=api_url, curl=curl)


@lru_cache(maxsize=1)
def stylesheet() -> str:
    """Return the one stylesheet of all pages."""
    return environment().get_template("pausepoint.css").render()


def _page(name: str, view: Page, **more: object) -> str:
    return environment().get_template(name).render(page=view, root=view.root, **more)


def _faults(view: FormView) -> list[_Fault]:
    """Return the lines of the error summary: what the fields show, then what no field shows."""
    # In the order of the page, so that the first link of the summary leads to the first fault.
    fields = list(refused(view.field))
    lines = [_Fault(field.id, name, own_error(field)) for field, name in fields]
    told = {field.path for field, _ in fields}
    lines += [_Fault("", path, message) for path, message in view.errors.items() if path not in told]
    own = (_Fault("comment", "Comment", view.comment_error), _Fault("reviewer", "Your name", view.reviewer_error))
    return lines + [line for line in own if line.message]


class _Fault(NamedTuple):
    """One line of the error summary: `id` is the field's, empty where no field shows the message."""

    id: str
    label: str
    message: str
