"""The page that a report shows for a form, under the name that the documentation gives it."""

from __future__ import annotations

import shlex
from html import escape

_PAGE = """<section>
<h2>Your input is needed</h2>
<p><a href="{form}" rel="noreferrer" target="_blank">Open the form</a></p>
<p>Or answer from a program, at <code>{api}</code>, with a value of the type <code>{kind}</code>:</p>
<pre>{curl}</pre>
</section>"""


def get_event_report_html(form_url: str, api_url: str, curl_body: str, type_name: str) -> str:
    """
    Return a fragment of HTML with the ways to answer.

    Args:
        form_url: The link to the form.
        api_url: Where a program posts an answer.
        curl_body: The JSON that it posts.
        type_name: The type asked for.

    Returns:
        The fragment; everything given is escaped, and the command can be pasted as it stands.
    """
    curl = shlex.join(["curl", "-X", "POST", api_url, "-H", "Content-Type: application/json", "-d", curl_body])
    # A link may come from anywhere; a script is none.
    form = form_url if form_url.startswith(("http://", "https://")) else ""
    return _PAGE.format(form=escape(form), api=escape(api_url), kind=escape(type_name), curl=escape(curl))
