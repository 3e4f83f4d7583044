"""The template engine, set up once: everything is escaped, and a name that a template misspells is an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: TID253 - nothing light imports _render

from .._models import Field, Response
from .prompts import markdown
from .times import moment

# A name with one of these could turn around the words after it, which say how sure we are of it.
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the engine that every page is made with."""
    # Kept for the life of the process: compiling all templates takes longer than rendering a page, and an installed
    # package does not change under us.
    made = Environment(
        loader=PackageLoader("pausepoint", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(web=web_url, part=lambda text: quote(text, safe=""))
    made.globals.update(markdown=markdown, moment=moment, who=who, way=way)
    made.globals.update(own_error=own_error, hint_of=hint_of, described_by=described_by)
    return made


def web_url(url: str | None) -> str:
    """Return a URL that may be linked to: `http` or `https`, else empty (`javascript:` is a URL too)."""
    try:
        scheme = urlsplit(url or "").scheme.lower()
    except ValueError:
        # An engine's mistake in its run's address must not take the form away.
        return ""
    return url if url and scheme in ("http", "https") else ""


def own_error(field: Field) -> str:
    """Return the message to show at this node: none if the child it stands for (of an optional or union) shows it."""
    # Two places with one message would be read twice; the innermost one is where the reviewer can do something.
    below = any(child.path == field.path and child.error == field.error for child in shown(field))
    return "" if below else field.error


def described_by(field: Field) -> str:
    """Return the ids of what is told beside a field, for `aria-describedby`, in reading order."""
    told = (("help", field.help), ("hint", hint_of(field) or field.examples), ("error", own_error(field)))
    return " ".join(f"{part}-{field.id}" for part, text in told if text)


def hint_of(field: Field) -> str:
    """Return the limits and the spelling, as a sentence begins; none beside a browser's own control: it has another."""
    own_control = field.native and field.kind in ("date", "datetime", "time")
    return "" if own_control else field.hint[:1].upper() + field.hint[1:]


PLACES = " › "
"""Stands between the names of a field and of what it is part of."""


def refused(field: Field, place: tuple[str, ...] = (), outer: str = "") -> Iterator[tuple[Field, str]]:
    """
    Yield the fields that show a message, in the order of the form, each with its name and those of what it is part of:
    "Size" alone does not say of which of three lines.
    """
    if own_error(field):
        yield field, PLACES.join((*place, field.label))
    # The form as a whole has its title, and an alternative stands in the place of the choice that it is one of.
    within = place if field.path == outer else (*place, field.label)
    for child in shown(field):
        yield from refused(child, within, field.path)


def shown(field: Field) -> Iterable[Field]:
    """Return the children that can be seen: all, or of a union the chosen one, of an absent optional none."""
    if field.kind == "union":
        pairs = zip(field.children, field.options, strict=True)
        return [child for child, option in pairs if option.selected]
    return field.children if field.present else ()


def has_secret(field: Field) -> bool:
    """Tell whether a form has a masked field, whose text is never sent back to the page."""
    return field.kind == "secret" or any(has_secret(child) for child in field.children)


def who(response: Response) -> str:
    """Return who settled an event, in words that say how sure we are of it."""
    if response.by is None:
        return {"operator": "an operator", "workflow": "the workflow itself"}.get(response.source, "nobody")
    # Anybody can type any name, so one that nothing vouches for is never shown as a fact.
    name, assurance = response.by.name, response.by.assurance
    if name is None:
        return "the person at the workflow’s own machine" if assurance == "local" else "somebody who has the link"
    name = name.translate(_TURNS)
    return {"verified": f"{name} (signed in)", "local": name}.get(assurance, f"{name} (the name they gave)")


def way(response: Response) -> str:
    """Return through what an answer came, in words; an engine's own UI is called by the engine's name."""
    through = response.through or ""
    return {"form": "the form", "json": "a program", "api": "a program", "cli": "the command line"}.get(
        through, through
    )
