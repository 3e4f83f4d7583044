"""The program: all commands in one place, and what happens when one of them fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated

import typer
from typing_extensions import ParamSpec

from ..errors import PausepointError
from .answering import answer_event
from .demo import demo
from .description import show_event
from .doctor import doctor, version_of
from .events import cancel_event, list_events
from .exits import ExitCode, epilogue
from .keys import list_keys, make_password, rotate_keys
from .plugins import list_plugins
from .printing import fail, remark, say, write_any_character
from .serving import serve

P = ParamSpec("P")

# Plain help: no boxes, no markup read into anybody's words.
program = typer.Typer(
    epilog=epilogue(),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """
    Run the command line.

    Raises:
        SystemExit: Always; its code is one of `EXIT_CODES`.
    """
    write_any_character()
    program(prog_name="pausepoint")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"pausepoint {version_of('pausepoint')}")
        raise typer.Exit


@program.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Questions that workflows ask people: look at them, answer them, serve their forms."""


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Return the command as typer runs it: an error becomes a message and an exit code, never a traceback."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except PausepointError as error:
            fail(error)
        # Ctrl-D at a question means what Ctrl-C does.
        except (KeyboardInterrupt, EOFError):
            remark("\nStopped.")
            raise typer.Exit(ExitCode.INTERRUPTED) from None

    return told


program.command("demo")(_told(demo))
program.command("list")(_told(list_events))
program.command("show")(_told(show_event))
program.command("answer")(_told(answer_event))
program.command("cancel")(_told(cancel_event))
program.command("serve")(_told(serve))
program.command("plugins")(_told(list_plugins))
program.command("doctor")(_told(doctor))

_keys = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_keys.command("list")(_told(list_keys))
_keys.command("rotate")(_told(rotate_keys))
_keys.command("password")(_told(make_password))
program.add_typer(_keys, name="keys", help="The keys that sign links, and the passwords of reviewers.")
