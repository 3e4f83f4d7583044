"""
Writes the parts of docs/reference/ that come from the code, between their markers.

    python docs/generate.py            write them
    python docs/generate.py --check    change nothing; exit code 1 where a page is stale

A page says where each part goes: `<!-- generated: settings -->` ... `<!-- end of settings -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from generating import code, commands, forms, hooks, routes

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)

PARTS: dict[str, Callable[[], str]] = {
    "api": code.api,
    "testing": code.testing,
    "hooks": hooks.hooks,
    "hook-types": hooks.types,
    "errors": code.errors,
    "settings": code.settings,
    "records": code.records,
    "limits": forms.limits,
    "types": forms.types,
    "routes": routes.routes,
    "statuses": routes.statuses,
    "bodies": routes.bodies,
    "commands": commands.commands,
    "exit-codes": commands.exit_codes,
}


def generated(page: str) -> str:
    """Return the page with every part as the code has it now."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", page)


def main(arguments: list[str]) -> int:
    """Write or check every page; print those that were, or would be, changed."""
    stale = 0
    for path in sorted(DOCS.glob("reference/*.md")):
        page = path.read_text("utf-8")
        fresh = generated(page)
        if fresh != page:
            stale += 1
            print(f"{'stale' if '--check' in arguments else 'written'}: {path.relative_to(DOCS.parent)}")
            if "--check" not in arguments:
                path.write_text(fresh, "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
