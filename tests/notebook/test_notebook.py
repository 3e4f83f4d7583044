"""The notebook of examples/ runs in a real Jupyter kernel, and is answered over HTTP."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from reviewing import Machine

NOTEBOOK = Path(__file__).parents[2] / "examples" / "ask_from_a_notebook.ipynb"
LINK = re.compile(r"http://[^\s/]+/form/[a-z2-7]{26}")


class Reviewer:
    """Answers the first link that a cell prints."""

    def __init__(self, machine: Machine, value: object) -> None:
        self.machine = machine
        self.value = value
        self.statuses: list[int] = []
        self._threads: list[threading.Thread] = []

    def see(self, message: dict[str, Any]) -> None:
        """Look at what the kernel sends; called for each message."""
        link = LINK.search(str(message["content"].get("text", "")))
        if link:
            # In a thread: the kernel's messages must go on being read meanwhile.
            self._threads.append(threading.Thread(target=self._answer, args=(link[0],)))
            self._threads[-1].start()

    def _answer(self, link: str) -> None:
        self.statuses.append(self.machine.answer(link, self.value).status_code)


@pytest.fixture
def executed(machine: Machine) -> tuple[Any, Reviewer]:
    """The notebook after all its cells ran, and the reviewer who answered."""
    reviewer = Reviewer(machine, "columns")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = _Watched(notebook, timeout=60, reviewer=reviewer)
    client.execute(env=machine.environ())
    return notebook, reviewer


class _Watched(NotebookClient):
    def __init__(self, notebook: Any, reviewer: Reviewer, **settings: Any) -> None:
        super().__init__(notebook, **settings)
        self._reviewer = reviewer

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        self._reviewer.see(msg)
        return super().process_message(msg, cell, cell_index)


def printed(cell: Any, stream: str) -> str:
    """What a cell printed on one stream."""
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


def test_a_cell_that_awaits_shows_the_link_and_goes_on_with_the_answer(executed: tuple[Any, Reviewer]) -> None:
    notebook, reviewer = executed

    assert reviewer.statuses == [200]
    assert printed(notebook.cells[1], "stdout") == "Keeping the columns.\n"
    assert LINK.search(printed(notebook.cells[1], "stderr"))


def test_a_cell_that_blocks_is_told_to_await(executed: tuple[Any, Reviewer]) -> None:
    notebook, _ = executed

    assert "await pause.aio(...)" in printed(notebook.cells[3], "stdout")
