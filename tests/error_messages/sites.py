"""
Where the core makes an error: every call of a class of errors.py, found by reading the source.

A helper that builds an error out of words it is given (`_refuse(path, "is not JSON")`) has as many messages as it has
callers, so each call that hands it words counts as a site, too.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pausepoint import errors

PACKAGE = Path(errors.__file__).parent
NAMES = frozenset(errors.__all__)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Frames = list[tuple[str, int]]
"""A call stack inside the package, innermost first: file relative to the package, and line."""


@dataclass(frozen=True)
class Site:
    """
    A place that makes an error.

    Attributes:
        file, first, last: Lines, relative to the package.
        inside: The function around it.
        makes: The error's class, or the helper that is given words.
        nth: Tells the sites of one function from each other; from 1, in the order of the source.
    """

    file: str
    first: int
    last: int
    inside: str
    makes: str
    nth: int

    @property
    def name(self) -> str:
        """What stays the same when lines move."""
        return f"{self.file} {self.inside or 'module'}: {self.makes}{f' #{self.nth}' if self.nth > 1 else ''}"

    @property
    def place(self) -> str:
        return f"core/pausepoint/{self.file}:{self.first}"

    @property
    def makes_error(self) -> bool:
        return self.makes in NAMES

    def is_in(self, frames: Frames) -> bool:
        """Say whether a call stack goes through here; an error's own site is its innermost frame."""
        looked = frames[:1] if self.makes_error else frames
        return any(file == self.file and self.first <= line <= self.last for file, line in looked)


@dataclass(frozen=True)
class _Call:
    file: str
    inside: tuple[Function | ast.ClassDef, ...]
    node: ast.Call


def all_sites() -> list[Site]:
    """Read the package; sites in the order of files and lines."""
    trees = {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    calls = [call for file, tree in trees.items() if file != "errors.py" for call in _calls(file, tree, ())]
    imported = {file: _imported(tree) for file, tree in trees.items()}
    made = [(call, name) for call in calls if (name := imported[call.file].get(_called(call.node))) in NAMES]
    helpers = {(call.file, call.inside[-1].name) for call, _ in made if _uses_parameters(call)}
    asked = [(call, _called(call.node)) for call in calls if _is_own(call.node) and _gives_words(call.node)]
    named = {name for _, name in helpers}
    given = [
        (call, name) for call, name in asked if (call.file, name) in helpers or (imported[call.file].get(name) in named)
    ]
    return _counted([*made, *given])


def _counted(found: list[tuple[_Call, str]]) -> list[Site]:
    count: Counter[tuple[str, str, str]] = Counter()
    sites = []
    for call, makes in sorted(found, key=lambda each: (each[0].file, each[0].node.lineno, each[0].node.col_offset)):
        inside = ".".join(scope.name for scope in call.inside)
        count[call.file, inside, makes] += 1
        node = call.node
        nth = count[call.file, inside, makes]
        sites.append(Site(call.file, node.lineno, node.end_lineno or node.lineno, inside, makes, nth))
    return sites


def _calls(file: str, node: ast.AST, inside: tuple[Function | ast.ClassDef, ...]) -> Iterator[_Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield _Call(file, inside, child)
        scope = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        yield from _calls(file, child, (*inside, child) if scope else inside)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what a module imports: its name here, and the name it was given there."""
    found = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    return {**{f"errors.{name}": name for name in NAMES}, **{alias.asname or alias.name: alias.name for alias in found}}


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        from_errors = isinstance(function.value, ast.Name) and function.value.id == "errors"
        return f"errors.{function.attr}" if from_errors else function.attr
    return ""


def _is_own(call: ast.Call) -> bool:
    """Say whether a call is of a function of the same class, or of one known by its bare name."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in ("self", "cls")
    return isinstance(function, ast.Name)


def _uses_parameters(call: _Call) -> bool:
    """Say whether the function around this call puts words that it was given into the error."""
    if not call.inside or not isinstance(call.inside[-1], (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    given = call.inside[-1].args
    parameters = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}
    return any(isinstance(node, ast.Name) and node.id in parameters for node in ast.walk(call.node))


def _gives_words(node: ast.AST) -> bool:
    """Say whether a call has text among its arguments; what other calls in it are given is theirs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            return True
        if not isinstance(child, (ast.Call, ast.Subscript)) and _gives_words(child):
            return True
    return False
