"""
The suite's fixtures: one real Chromium, a window per reviewer that reports whatever goes wrong in it, and workflows
that really wait.
"""

from __future__ import annotations

import queue
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from pausepoint import Event, new_event, run
from pausepoint._models import Response as Outcome

T = TypeVar("T")

LIMIT = 60.0
"""Seconds after which something that should have happened counts as never happening."""

CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # Whoever owns a name decides where it leads: this one leads to the reviewer's own machine.
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)
# Of each page whose status is a refusal, which the test looks at; of a part of a page see `_on_response`.
UNAVOIDABLE = "Failed to load resource: the server responded with a status of"
RUNS = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever changes a template look at every page."""
    parser.addoption("--shots", type=Path, help="a folder for a picture of every page, in each theme and width")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium with a fresh profile for the whole suite."""
    expect.set_options(timeout=30_000)  # milliseconds; a page is slow on a busy machine
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


class Complaints(list[str]):
    """What a window's console, its dialogs, and its requests beyond loopback say; a page of ours gives it nothing."""

    def watch(self, page: Page) -> None:
        """Listen to a window from its beginning."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.append(f"script error: {error}"))
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if not message.text.startswith(UNAVOIDABLE):
            self.append(f"console: {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            self.append(f"request: {request.url}")

    def _on_response(self, response: Response) -> None:
        if not response.ok and not response.request.is_navigation_request():
            self.append(f"{response.status}: {response.url}")


@pytest.fixture
def reviewer(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open the window of one more reviewer, who has no scripts unless `scripts=True`; afterwards none may complain."""
    contexts: list[BrowserContext] = []
    complaints = Complaints()

    def opened(scripts: bool = False) -> Page:
        context = browser.new_context(java_script_enabled=scripts)
        context.on("page", complaints.watch)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def page(reviewer: Callable[..., Page]) -> Page:
    """The window of a reviewer who has no scripts."""
    return reviewer()


@pytest.fixture
def scripted(reviewer: Callable[..., Page]) -> Page:
    """The window of a reviewer with scripts: for what could only go wrong there, and for axe-core, which is one."""
    return reviewer(scripts=True)


class Asked:
    """
    A workflow in a thread of its own that has asked something under the embedded server, and waits.

    Args:
        ask: Asks and gives the handle.
        threads: Where it runs; the test's own thread belongs to the browser's event loop.
        run_id: What the run is called.
        waits: False where it goes away once it has asked.
    """

    def __init__(self, ask: Callable[[], Event[Any]], threads: ThreadPoolExecutor, run_id: str, waits: bool) -> None:
        self._threads = threads
        asked: queue.Queue[Event[Any] | None] = queue.Queue()
        self._answer: Future[Any] = threads.submit(_ask, ask, run_id, asked, waits)
        event = asked.get(timeout=LIMIT)
        self.event: Event[Any] = event if event is not None else self._answer.result(LIMIT)
        self.link = self.event.form_url

    def answer(self) -> Any:
        """Return what the workflow got; raise what it met."""
        return self._answer.result(LIMIT)

    def stored(self) -> Outcome | None:
        """Return the stored response, if there is one."""
        return self._threads.submit(self.event.response).result(LIMIT)

    def cancel(self, reason: str) -> None:
        """Withdraw the question."""
        self._threads.submit(self.event.cancel, reason).result(LIMIT)

    def close(self) -> None:
        """Let the workflow end, however."""
        self.cancel("The test has ended.")
        self._answer.exception(LIMIT)


def _ask(ask: Callable[[], Event[Any]], run_id: str, asked: queue.Queue[Event[Any] | None], waits: bool) -> Any:
    try:
        with run(run_id):
            event = ask()
            asked.put(event)
            return event.wait() if waits else None
    finally:
        asked.put(None)


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the one store that the workflows inside this process share."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("PAUSEPOINT_STORE", (folder / "store").as_uri())
        environ.setenv("XDG_STATE_HOME", str(folder))
        yield folder / "store"


@pytest.fixture
def asks(store_folder: Path) -> Iterator[Callable[..., Asked]]:
    """
    Start a workflow that asks for a type, and says by keyword what `new_event` takes.

    Its own are `run_id`, and `waits=False` for one that goes away once it has asked.
    """
    waiting: list[Asked] = []
    with ThreadPoolExecutor(16, "workflow") as threads:

        def started(
            data_type: Any, *, name: str = "approve", run_id: str = "", waits: bool = True, **question: Any
        ) -> Asked:
            each = run_id or f"nightly-{next(RUNS)}"
            waiting.append(Asked(lambda: new_event(name, data_type, **question), threads, each, waits))
            return waiting[-1]

        yield started
        for asked in waiting:
            asked.close()


@pytest.fixture
def picture() -> Callable[[int, int], bytes]:
    """Make a PNG of a width and a height in pixels, with a grey ramp."""

    def made(width: int, height: int) -> bytes:
        rows = b"".join(b"\0" + bytes(255 * x // width for x in range(width)) for _ in range(height))
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )

    return made
