"""Markdown of an author's prompt to HTML that is safe to show: CommonMark and tables, no raw HTML, no images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import nh3  # noqa: TID253 - nothing light imports _render
from markdown_it import MarkdownIt  # noqa: TID253
from markdown_it.token import Token  # noqa: TID253
from markupsafe import Markup

_TAGS = {
    "a", "blockquote", "br", "code", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto"}

# The parser lets no HTML through and the cleaner below takes it out: either alone would do, until it has a bug.
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "div": {"aria-label"}}
_VALUES = {
    "div": {"class": {"scroll"}, "role": {"group"}, "tabindex": {"0"}},
    "td": {"class": {"left", "center", "right"}},
    "th": {"class": {"left", "center", "right"}},
}


@lru_cache(maxsize=64)
def markdown(text: str) -> Markup:
    """
    Return a prompt as HTML; the last 64 are kept, because a form is opened more than once and asked in many runs.

    Raw HTML shows literally. Images are not made, because a remote one would tell its server who reads the question and
    when. Links lead to `http`, `https` and `mailto` alone; any other keeps its words and loses its target. Headings
    begin one level below the page's own and never skip one.

    Args:
        text: Markdown, at most 64 KiB.
    """
    tokens = list(_framed(_PARSER.parse(text)))
    _level(tokens)
    clean = nh3.clean(
        _PARSER.renderer.render(tokens, _PARSER.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - the one place where markup is declared safe: the cleaner had the last word on it


def _kept(_tag: str, name: str, value: str) -> str | None:
    """Refuse a link that does not say where it leads: a relative one would lead into this app's own pages."""
    scheme = value.partition(":")[0].strip().lower()
    return value if name != "href" or scheme in _SCHEMES else None


def _framed(tokens: list[Token]) -> Iterator[Token]:
    """Put each table into a group that scrolls by itself, and turn its inline styles (alignment) into classes."""
    tables = 0
    for token in tokens:
        # The parser aligns table cells by `style`, which our Content-Security-Policy forbids.
        style = str(token.attrs.pop("style", ""))
        if style:
            token.attrs["class"] = style.partition(":")[2].strip()
        if token.type == "table_open":
            tables += 1
            # What scrolls must be reachable by keyboard, and what takes focus must have a name.
            label = f"Table {tables}"
            attrs: dict[str, str | int | float] = {
                "class": "scroll", "role": "group", "tabindex": "0", "aria-label": label
            }  # fmt: skip
            yield Token("frame_open", "div", 1, attrs=attrs, block=True)
        yield token
        if token.type == "table_close":
            yield Token("frame_close", "div", -1, block=True)


def _level(tokens: list[Token]) -> None:
    # h1 is the page's title; who listens to a page moves by headings, and a gap reads as something left out.
    before = 1
    for token in tokens:
        if token.type not in ("heading_open", "heading_close"):
            continue
        if token.type == "heading_open":
            before = min(int(token.tag[1]) + 1, before + 1, 6)
        token.tag = f"h{before}"
