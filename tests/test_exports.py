"""What is public is what `__all__` says, and it is sorted, so that a diff of it is read as a change of a promise."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import pausepoint

PROMISED = {"Default", "Event", "RunInput", "hookimpl", "new_event", "open_store", "pause", "run"}
PUBLIC_MODULES = sorted(
    module.name for module in pkgutil.iter_modules(pausepoint.__path__) if not module.name.startswith("_")
)
each_public_module = pytest.mark.parametrize("name", ["", *PUBLIC_MODULES], ids=lambda name: name or "pausepoint")


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"pausepoint.{name}" if name else "pausepoint")


def by_kind(name: str) -> tuple[int, str]:
    """The order of ruff's RUF022: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name


@each_public_module
def test_all_is_sorted_and_names_what_exists(name: str) -> None:
    module = module_of(name)

    assert module.__all__ == sorted(set(module.__all__), key=by_kind)
    assert not [public for public in module.__all__ if not hasattr(module, public)]


def test_all_is_what_is_visible() -> None:
    visible = {
        name
        for name, value in vars(pausepoint).items()
        if not name.startswith("_") and name != "annotations" and not inspect.ismodule(value)
    }
    named = {name for name in pausepoint.__all__ if not inspect.ismodule(getattr(pausepoint, name))}

    assert visible == {name for name in named if not name.startswith("_")}


def test_the_promised_names_are_there() -> None:
    assert not PROMISED - set(pausepoint.__all__)


@pytest.mark.parametrize("name", ["adapters", "stores"])
def test_the_kits_are_where_the_docs_say(name: str) -> None:
    kit = {"adapters": "AdapterKit", "stores": "StoreKit"}[name]

    assert inspect.isclass(getattr(module_of(f"testing.{name}"), kit))


def test_what_needs_pytest_is_not_imported_with_the_rest_of_the_help_for_tests() -> None:
    code = "import sys, pausepoint.testing; print('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


@each_public_module
def test_every_public_name_has_a_docstring_or_is_a_value(name: str) -> None:
    module = module_of(name)
    undocumented = [
        public
        for public in module.__all__
        # Not an alias, `Literal["a", "b"]` for example, which only looks as if it could be called.
        if inspect.isroutine(getattr(module, public)) or inspect.isclass(getattr(module, public))
        if not inspect.getdoc(getattr(module, public))
    ]

    assert not undocumented


@pytest.mark.parametrize("name", ["new_event", "pause"])
def test_what_blocks_has_an_aio_form(name: str) -> None:
    assert callable(getattr(pausepoint, name).aio)
