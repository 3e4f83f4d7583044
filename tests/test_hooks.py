"""Every hook is described, tested, implemented somewhere in this repository, and called by the facade."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pausepoint import hooks
from pausepoint.hooks import NAME, Specs

ROOT = Path(__file__).parents[1]
HOOKS = [name for name in vars(Specs) if name.startswith(f"{NAME}_")]
each_hook = pytest.mark.parametrize("name", HOOKS)


def heading(name: str) -> str:
    return f"## `{name}({', '.join(list(inspect.signature(getattr(Specs, name)).parameters)[1:])})`"


def marked(folder: Path) -> Iterator[str]:
    """Yield the names of the functions in a folder that carry the marker."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "hookimpl" in ast.unparse(each) for each in node.decorator_list
            ):
                yield node.name


def test_there_are_seven() -> None:
    assert len(HOOKS) == 7


@each_hook
def test_a_hook_has_a_section_under_its_exact_signature(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text("utf-8")

    assert page.splitlines().count(heading(name)) == 1


@each_hook
def test_a_hook_has_the_five_headings_in_order(name: str) -> None:
    docstring = inspect.cleandoc(getattr(Specs, name).__doc__ or "")

    assert re.findall(r"^(\w+): ", docstring, re.MULTILINE) == ["When", "Return", "Errors", "Default", "Since"]


@each_hook
def test_a_hook_has_a_test_file_of_its_name(name: str) -> None:
    path = ROOT / "tests" / "hooks" / f"test_{name}.py"

    assert f"def {name}" in path.read_text("utf-8") or f"def {name.removeprefix(NAME)}" in path.read_text("utf-8")


@each_hook
def test_a_hook_is_called_by_the_facade(name: str) -> None:
    room = ROOT / "core" / "pausepoint" / "_plugins"
    quoted = [
        node
        for path in (room / "facade.py", room / "plugin.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value == name
    ]

    assert quoted


@each_hook
def test_a_hook_is_implemented_in_this_repository(name: str) -> None:
    implemented = {found for room in ("core", "adapters", "examples") for found in marked(ROOT / room)}

    assert name in implemented


def test_the_page_of_hooks_defines_nothing_else() -> None:
    """The marker, the specifications, and the types that appear in them."""
    public = {name for name in vars(hooks) if not name.startswith("_") and getattr(hooks, name).__class__ is type}

    assert {name for name in public if getattr(hooks, name).__module__ == hooks.__name__} <= {*hooks.__all__}


@each_hook
def test_arguments_and_results_are_what_a_plugin_can_import(name: str) -> None:
    annotations = inspect.get_annotations(getattr(Specs, name))
    words = {word for text in annotations.values() for word in re.findall(r"[A-Za-z]\w*", text)}

    assert words <= {*hooks.__all__, "None", "str", "Awaitable"}


def test_only_one_room_touches_pluggy() -> None:
    core = ROOT / "core" / "pausepoint"
    importing = {
        path.relative_to(core).parts[0]
        for path in core.rglob("*.py")
        if re.search(r"^(import|from) pluggy", path.read_text("utf-8"), re.MULTILINE)
    }

    assert importing == {"_plugins", "hooks.py"}
