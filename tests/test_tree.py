"""The tree keeps its own rules: sizes, names, docstrings, and no markup in Python. Reads files; imports nothing."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "core" / "pausepoint"
MODULES = sorted(PACKAGE.rglob("*.py"))
PRODUCTION = [path for path in MODULES if "testing" not in path.relative_to(PACKAGE).parts]

MOST_LINES = 350
LEAST_LINES = 60
LEAST_LINES_IN_A_FOLDER = 30  # the folder is the module; a part of it may be small
FUNCTION_LINES = range(30)
MOST_LINES_OF_AN_ADAPTER = 500
# Three ways to wait, each a protocol with Prefect's server, and the call shapes of Prefect's own functions.
LONG_ADAPTERS = {"prefect": 1600}
# Each with its reason; a line here is a debt, and the test below fails when it is paid and the line still stands.
SHORT_MODULES: dict[str, str] = {}
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

NAMES_THAT_REFUSE_NOTHING = {"base", "bases", "common", "core", "helper", "helpers", "misc", "tools", "util", "utils"}
# Spelt in halves, so that this file does not find itself.
NOTES_TO_ONESELF = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
SOMEBODYS_MACHINE = re.compile(r"/(?:ro" r"ot|ho" r"me|Us" r"ers|wo" r"rk)/\w|\.py" r"env\b|[A-Z]:\\Us" r"ers")
BANNERS = re.compile(r"^\s*#\s*[=#*~-]{5,}", re.MULTILINE)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Every class and function below *tree* with its dotted name, nested ones included."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, Definition):
            yield f"{prefix}{child.name}", child
            inside = "" if isinstance(child, ast.ClassDef) else "<locals>."
            yield from definitions(child, f"{prefix}{child.name}.{inside}")
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from definitions(child, prefix)


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def least_lines(path: Path) -> int:
    if path.name == "__init__.py":
        return 0
    return LEAST_LINES if path.parent == PACKAGE else LEAST_LINES_IN_A_FOLDER


def function_lines() -> dict[str, int]:
    """The body's length of every function in the package, by `module:dotted name`."""
    return {
        f"{name_of(path)}:{name}": body_lines(definition)
        for path in MODULES
        for name, definition in definitions(tree_of(path))
        if not isinstance(definition, ast.ClassDef)
    }


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_overload(definition: Definition) -> bool:
    return any(ast.unparse(decorator).split(".")[-1] == "overload" for decorator in definition.decorator_list)


def is_setter(definition: Definition) -> bool:
    return any(ast.unparse(decorator).endswith((".setter", ".deleter")) for decorator in definition.decorator_list)


def our_files(*suffixes: str) -> list[Path]:
    """Every file that git tracks or would track; the whole of an unpacked sdist, which has no git."""
    # CI may run as another user than the one who cloned, and git would refuse to look.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path) for path in ROOT.rglob("*") if not {".tox", ".venv"} & set(path.parts)]
    paths = (ROOT / name for name in listed if name.endswith(suffixes))
    return [path for path in paths if path.is_file()]


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)
each_production_module = pytest.mark.parametrize("path", PRODUCTION, ids=name_of)


@each_module
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    if name_of(path) not in SHORT_MODULES:
        assert line_count(path) >= least_lines(path), "too short to stand alone; give a reason in SHORT_MODULES"
    if name_of(path) not in LONG_MODULES:
        assert line_count(path) <= MOST_LINES, "a module that outgrew its size becomes a folder of the same name"


def test_a_function_does_one_thing() -> None:
    long = {
        name: lines
        for name, lines in function_lines().items()
        if lines not in FUNCTION_LINES and name not in LONG_FUNCTIONS
    }

    assert not long


def test_an_exemption_goes_when_its_reason_is_gone() -> None:
    paths = {name_of(path): path for path in MODULES}
    functions = function_lines()

    assert not [name for name in SHORT_MODULES if line_count(paths[name]) >= least_lines(paths[name])]
    assert not [name for name in LONG_MODULES if line_count(paths[name]) <= MOST_LINES]
    assert not [name for name in LONG_FUNCTIONS if functions[name] in FUNCTION_LINES]


@each_production_module
def test_python_holds_no_markup(path: Path) -> None:
    strings = [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "</" in node.value
    ]

    assert not [node.lineno for node in strings], "HTML lives in core/pausepoint/templates/"


@each_module
def test_a_module_is_named_by_a_noun_of_the_domain(path: Path) -> None:
    parts = {part.strip("_") for part in path.relative_to(PACKAGE).with_suffix("").parts}

    assert not parts & NAMES_THAT_REFUSE_NOTHING


@each_module
def test_every_public_name_has_a_docstring(path: Path) -> None:
    tree = tree_of(path)
    undocumented = [
        name
        for name, definition in definitions(tree)
        if is_documentable(name, definition) and ast.get_docstring(definition) is None
    ]

    assert ast.get_docstring(tree) is not None or not tree.body, "the module says what lives in it"
    assert not undocumented


def is_documentable(name: str, definition: Definition) -> bool:
    """Public all the way down, and neither an overload nor a setter; a nested function is nobody's business."""
    public = not any(part.startswith("_") for part in name.split("."))
    return public and "<locals>" not in name and not is_overload(definition) and not is_setter(definition)


@each_module
def test_a_file_needs_no_banners(path: Path) -> None:
    assert not BANNERS.findall(path.read_text("utf-8")), "a file with sections is several files"


@pytest.mark.parametrize(
    "path", our_files(".py", ".md", ".toml", ".ini", ".html", ".css", ".txt"), ids=lambda path: path.name
)
def test_a_file_names_no_leftover_and_nobodys_machine(path: Path) -> None:
    text = path.read_text("utf-8")

    assert not NOTES_TO_ONESELF.findall(text), "an issue is the place for it"
    assert not SOMEBODYS_MACHINE.findall(text)


def test_a_news_fragment_has_a_name_that_towncrier_reads() -> None:
    pattern = re.compile(r"(?:\d+|\+[\w-]+)\.(?:added|changed|fixed|removed)(?:\.\d+)?\.md|README\.md")
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if not path.name.startswith(".")]

    assert not [name for name in names if not pattern.fullmatch(name)]


@pytest.mark.parametrize("folder", ["core", "tests", "examples", "docs", "deploy", "changelog.d"])
def test_a_room_says_what_lives_in_it_in_about_ten_lines(folder: str) -> None:
    assert len((ROOT / folder / "README.md").read_text("utf-8").splitlines()) <= 14


def adapters() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "adapters").glob("*/pyproject.toml"))


@pytest.mark.parametrize("adapter", adapters(), ids=lambda path: path.name)
def test_an_adapter_is_500_lines_at_most(adapter: Path) -> None:
    (package,) = (path for path in adapter.glob("pausepoint_*") if path.is_dir())

    assert sum(map(line_count, package.rglob("*.py"))) <= LONG_ADAPTERS.get(adapter.name, MOST_LINES_OF_AN_ADAPTER), (
        "the core lacks something"
    )


@pytest.mark.parametrize("adapter", adapters(), ids=lambda path: path.name)
def test_an_adapter_is_in_the_table_and_in_ci(adapter: Path) -> None:
    (entry_point,) = re.findall(
        r"(?<=^\[project\.entry-points\.pausepoint\]\n)(.+)$", text_of(adapter / "pyproject.toml"), re.MULTILINE
    )
    engine = entry_point.partition(" =")[0]

    assert f"| [{adapter.name}]({adapter.name}/README.md) |" in text_of(ROOT / "adapters" / "README.md")
    assert f"`{entry_point}`" in text_of(ROOT / "adapters" / "README.md")
    assert f"adapter-{engine}" in text_of(ROOT / "tox.ini")


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def test_comments_and_docstrings_are_counted(measured: Callable[[str], None]) -> None:
    code = comments = docs = 0
    for path in PRODUCTION:
        text = path.read_text("utf-8")
        comment_lines = own_line_comments(text)
        docstring_lines = sum(docstring_length(node) for node in ast.walk(ast.parse(text)))
        comments += comment_lines
        docs += docstring_lines
        code += sum(bool(line.strip()) for line in text.splitlines()) - comment_lines - docstring_lines
    sizes = [len(path.read_text("utf-8").splitlines()) for path in PRODUCTION]

    assert code, f"nothing found in {PACKAGE}"
    measured(
        f"{len(PRODUCTION)} modules, median {median(sizes):.0f} lines; per 100 lines of code "
        f"{100 * comments / code:.1f} comment lines and {100 * docs / code:.0f} docstring lines"
    )


def own_line_comments(text: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and token.line.lstrip().startswith("#") for token in tokens)


def docstring_length(node: ast.AST) -> int:
    """Count the non-blank lines of the docstring that belongs to *node*."""
    if not isinstance(node, ast.Module | Definition) or ast.get_docstring(node) is None:
        return 0
    return sum(bool(line.strip()) for line in ast.get_docstring(node, clean=False).splitlines())  # type: ignore[union-attr]
