"""
Forms: what a JSON Schema looks like as inputs, and what was typed into them as JSON.

This floor knows the schema and nothing of the author's type, so a process without the author's code can draw, read and
redraw a form. A `Draft` is the complete state of one: input name -> what is typed. It is what a browser submits, and
what comes back into the inputs when an answer is refused.

Input names, decided here and nowhere else:

| name | what it is |
| --- | --- |
| `v` | the root |
| `v/lines/0/size` | JSON pointer below `v`: property, row or position; `~` is spelt `~0`, `/` `~1`, `:` `~2` |
| `v/when:offset` | the UTC offset of a date with time, or of a time |
| `v/nick:none` = `1` | checkbox of an optional: "no value"; unticked boxes are not submitted |
| `v/note:out:none` = `1` | the same for a field (`v/note:out`) that may be left out and has no default to show |
| `v/shape:kind` = `1` | which alternative of a union is selected, counted from 0 |
| `v/shape:1/radius` | below alternative 1 of that union |
| `v/lines:rows` = `3` | how many rows a list or map has; rows beyond are ignored |
| `v/tags/0:key` | the key of a map's row; its value is `v/tags/0` |
| `v/extra:json` | this part is typed as JSON, because no inputs can hold it; it comes before the inputs of that part |

What is typed, and what it means:

- Spelling is strict: `3` is an integer, `3.0` and `3e0` are not; a boolean is `true` or `false`. Spaces around numbers
  and dates do not count.
- An empty text is a text. Where the schema asks for at least one character it is "not filled in", as it is for every
  other kind of input.
- What is not filled in is left out where a default stands in for it, and is an error elsewhere.
- A ticked "no value" wins over whatever is typed beside it. Alternatives that are not selected, and rows beyond the
  count, do not count.
- Line breaks are a line feed, whatever the browser sends.
- Secrets are never put into a draft: they are typed again.
- At most 200 rows in one list or map, 2,000 inputs in one form, 32 levels. A part nested more than 8 deep is typed as
  JSON.
"""

from __future__ import annotations

from .drafting import draft_of
from .fields import build
from .limits import Draft
from .reading import Parsed, parse
from .rows import edit

__all__ = ["Draft", "Parsed", "build", "draft_of", "edit", "parse"]
