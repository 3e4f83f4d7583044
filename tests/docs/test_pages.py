"""
Every code block of every page runs, in the order of the page, and does what the page says.

What a block is for stands in a comment before it, which readers of the page do not see:

    <!-- file: NAME -->       the block is written to that file
    <!-- answers: {...} -->   a Python block runs inside `pausepoint.testing.answers` with this JSON
    <!-- answered: [...] -->  a bash block starts a process; each link it prints gets the next value, over HTTP
    <!-- waits -->            a bash block starts a process that goes on waiting; the blocks after it have LINK and ID
    <!-- killed -->           the same, and the process is killed once it has printed its link
    <!-- exits: N -->         a bash block ends with this exit code
    <!-- prints -->           what the block before printed on standard output; `...` stands for anything
    <!-- says -->             the same for standard error
    <!-- then prints -->      what the process that waited has printed by its end

Without a comment Python runs as it is, bash ends with exit code 0, JSON can be parsed, and `text` is only read.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pausepoint.testing import answers

from reviewing import Machine

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))
FENCE = re.compile(
    r"^(?:<!-- (?P<order>[^\n]*?) -->\n+)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is where it begins in its page."""

    language: str
    text: str
    order: str
    argument: str
    line: int


def blocks(path: Path) -> list[Block]:
    page = path.read_text("utf-8")
    found = []
    for match in FENCE.finditer(page):
        order, _, argument = (match["order"] or "").partition(":")
        if order in ("generated", "end of"):
            order = ""
        line = page[: match.start("text")].count("\n")
        found.append(Block(match["language"], match["text"], order.strip(), argument.strip(), line))
    return found


def plain(text: str) -> str:
    """What is compared: without spaces at the ends of lines, and with one id for all."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return re.sub(r"^[a-z2-7]{8}(?=  )", "6ygypo2e", "\n".join(lines), flags=re.MULTILINE)


class Reading:
    """Somebody who follows one page from top to bottom."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.module = types.ModuleType(name)
        self.waiting: Any = None
        self.stdout = self.stderr = ""
        self.environ: dict[str, str] = {}
        sys.modules[name] = self.module

    def follow(self, block: Block) -> None:
        """Do what the block says."""
        if block.order == "file":
            self.machine.write(block.argument, block.text)
        elif block.order in ("prints", "says", "then prints"):
            self.compare(block)
        else:
            getattr(self, f"run_{block.language}")(block)

    def compare(self, block: Block) -> None:
        if block.order == "then prints":
            self.stdout = self.waiting.finish()
        printed = self.stderr if block.order == "says" else self.stdout
        pattern = ".*?".join(map(re.escape, plain(block.text).split("...")))
        if not re.fullmatch(pattern, plain(printed), re.DOTALL):
            raise AssertionError(f"It printed:\n{printed}")

    def run_python(self, block: Block) -> None:
        given = json.loads(block.argument) if block.order == "answers" else None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), answers(given) if given is not None else contextlib.nullcontext():
            exec(compile(block.text, f"line {block.line}", "exec"), vars(self.module))
        self.stdout = printed.getvalue()

    def run_bash(self, block: Block) -> None:
        stays = block.order in ("waits", "killed")
        # What stays is one command; bash becomes it, so that killing the one kills the other.
        text = f"exec {block.text}" if stays else block.text
        script = self.machine.command("bash", "-euo", "pipefail", "-c", text, **self.environ)
        if stays:
            link = script.link()
            self.environ = {"LINK": link, "ID": link.rpartition("/")[2]}
            self.waiting = script
            if block.order == "killed":
                script.kill()
            return
        for value in json.loads(block.argument) if block.order == "answered" else ():
            assert self.machine.answer(script.link(), value).status_code == 200
        code = script.wait()
        assert code == int(block.argument or 0) if block.order == "exits" else code == 0, script.told
        self.stdout, self.stderr = "".join(script.stdout), "".join(script.stderr)

    def run_json(self, block: Block) -> None:
        json.loads(block.text)

    def run_text(self, block: Block) -> None:
        assert block.text.strip()


@contextlib.contextmanager
def told_where(path: Path, block: Block) -> Iterator[None]:
    """Add the page and the line to whatever goes wrong."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{path.relative_to(DOCS)}, line {block.line}:\n{block.text}\n{error}") from error


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_block_of_a_page_does_what_the_page_says(path: Path, machine: Machine) -> None:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None and any(
            f"{tool}" in (block.language, *block.text.split()) for block in blocks(path)
        ):
            pytest.skip(f"no {tool} on the PATH")
    reading = Reading(machine, f"page_{path.stem.replace('-', '_')}")
    for block in blocks(path):
        with told_where(path, block):
            reading.follow(block)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_no_block_escapes(path: Path) -> None:
    fences = re.findall(r"^\s*```", path.read_text("utf-8"), re.MULTILINE)

    assert len(fences) == 2 * len(blocks(path)), "every block is found"
    assert {block.language for block in blocks(path)} <= {"python", "bash", "json", "text"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)#?([^)\s]*)\)", path.read_text("utf-8")):
        linked = (path.parent / target).resolve() if target else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_first() -> None:
    first = (DOCS / "README.md").read_text("utf-8")

    assert not [path for path in PAGES if path.name != "README.md" and path.relative_to(DOCS).as_posix() not in first]
