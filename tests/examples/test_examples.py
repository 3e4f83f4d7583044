"""Every example runs as it stands, as a real process, and is answered over HTTP."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shutil
import threading
from collections.abc import Callable, Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from sklearn.datasets import load_digits

from pausepoint.testing import Decline, Expire, answers

from reviewing import LIMIT, Machine, Script

EXAMPLES = Path(__file__).parents[2] / "examples"
PNG = b"\x89PNG\r\n\x1a\n"
PUBLIC = {"pausepoint", "pausepoint.errors", "pausepoint.hooks", "pausepoint.testing", "pausepoint.app"}


def page_text(page: str) -> str:
    """A page's words without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize(("value", "printed"), [(True, "2 files deleted.\n"), (False, "Nothing deleted.\n")])
def test_approve_goes_on_with_a_yes_and_with_a_no(machine: Machine, value: bool, printed: str) -> None:
    script = machine.start(EXAMPLES / "approve.py")

    assert machine.answer(script.link(), value).status_code == 200
    assert script.finish() == printed


def test_approve_is_ten_lines() -> None:
    assert len((EXAMPLES / "approve.py").read_text("utf-8").splitlines()) == 10


def test_approve_takes_the_button_that_was_pressed(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "approve.py")
    page = machine.submit(script.link(), {"v": "true", "reviewer": "Ada"})

    assert page.status_code == 200
    assert script.finish() == "2 files deleted.\n"


def test_the_form_says_beside_the_colour_that_green_is_not_made_in_small(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "shirt_order.py")
    link = script.link()
    refused = machine.submit(link, {"v/size": "small", "v/color": "green", "v/pieces": "3", "reviewer": "Ada"})

    assert refused.status_code == 422
    assert "Green is not made in small." in color_field(refused.text), "beside the field"
    assert re.search(r'<input[^>]*name="v/pieces"[^>]*value="3"', refused.text), "everything typed is still there"
    assert re.search(r'<input[^>]*value="green"[^>]* checked', refused.text)
    assert script.process.poll() is None, "the workflow goes on waiting"

    accepted = machine.submit(link, {"v/size": "medium", "v/color": "green", "v/pieces": "3"})

    assert accepted.status_code == 200
    assert script.finish() == "Ordered: size='medium' color='green' pieces=3\n"


def color_field(page: str) -> str:
    """The text of the fieldset that holds the colours."""
    (found,) = [part for part in re.findall(r"<fieldset.*?</fieldset>", page, re.DOTALL) if 'name="v/color"' in part]
    return page_text(found)


def test_a_program_that_orders_a_shirt_is_told_the_same(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "shirt_order.py")
    link = script.link()
    refused = machine.answer(link, {"size": "small", "color": "green"})

    assert refused.status_code == 422
    assert refused.json()["errors"] == {"color": "Green is not made in small."}
    assert machine.answer(link, {"size": "small", "color": "navy"}).status_code == 200
    assert script.finish() == "Ordered: size='small' color='navy' pieces=1\n"


def test_the_digits_are_shown_and_their_labels_make_the_classifier_better(machine: Machine) -> None:
    truth = load_digits().target
    script = machine.start(EXAMPLES / "label_digits.py", "tuesday")
    for _ in range(8):
        link = script.link()
        page = httpx.get(link, timeout=LIMIT).raise_for_status().text
        (path,) = set(re.findall(r'<img src="([^"]+)"', page))
        assert httpx.get(link.partition("/form/")[0] + path, timeout=LIMIT).raise_for_status().content.startswith(PNG)
        index = re.search(r"image (\d+) of the data set", page)
        assert index is not None
        assert machine.answer(link, int(truth[int(index[1])])).status_code == 200
    printed = script.finish()
    accuracies = re.search(r"accuracy with 30 labels: (0\.\d+); with 8 more from a person: (0\.\d+)", printed)

    assert printed.startswith("run tuesday asks about the images ")
    assert accuracies is not None, printed
    assert float(accuracies[1]) < float(accuracies[2])


def test_the_digits_are_not_asked_again_after_a_crash(machine: Machine) -> None:
    truth = load_digits().target
    script = machine.start(EXAMPLES / "label_digits.py", "wednesday")
    links = [script.link() for _ in range(8)]
    asked = [int(index) for index in re.findall(r"\d+", script.stdout[0].partition("images")[2])]
    machine.answer(links[0], int(truth[asked[0]]))
    script.kill()
    again = machine.start(EXAMPLES / "label_digits.py", "wednesday")
    open_links = [again.link() for _ in range(7)]

    assert ids(open_links) == ids(links[1:])
    for link, index in zip(open_links, asked[1:], strict=True):
        machine.answer(link, int(truth[index]))
    assert "with 8 more from a person" in again.finish()


def ids(links: list[str]) -> list[str]:
    """The ids in links, without the port, which a new process may have to change."""
    return [link.rpartition("/")[2] for link in links]


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ({"v": "true", "comment": "within budget"}, "Started. Comment: within budget\n"),
        ({"v": "false", "comment": "ask again in May"}, "Not started. Comment: ask again in May\n"),
        (
            {"action": "decline", "comment": "not my budget", "reviewer": "Grace"},
            "Nobody decided: Grace declined. Comment: not my budget\n",
        ),
    ],
    ids=["yes", "no", "declined"],
)
def test_finance_says_yes_or_no_or_declines(machine: Machine, typed: dict[str, str], printed: str) -> None:
    script = machine.start(EXAMPLES / "finance_signoff.py")
    link = script.link()
    page = httpx.get(link, timeout=LIMIT).raise_for_status().text

    assert "<table" in page
    assert "GPU hours 640 2.75 1,760.00" in page_text(page)
    assert "Total 2,324.00" in page_text(page)
    assert machine.submit(link, typed).status_code == 200
    assert script.finish() == printed


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (True, "Started. Comment: none\n"),
        (Decline("too much"), "Nobody decided: answers declined. Comment: too much\n"),
        (Expire(), "Not started: nobody answered within a day.\n"),
    ],
    ids=["yes", "declined", "silence"],
)
def test_an_author_tests_the_sign_off_without_a_human(
    given: object, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answers({"sign-off": given}) as asked:
        runpy.run_path(str(EXAMPLES / "finance_signoff.py"), run_name="__main__")

    assert capsys.readouterr().out == printed
    assert [request.name for request in asked] == ["sign-off"]


class Webhook:
    """A real server that remembers what is posted to it; it refuses the first so many posts."""

    def __init__(self, refuses: int = 0) -> None:
        self.posted: list[dict[str, str]] = []
        self.refuses = refuses
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.refuses -= 1
                if outer.refuses < 0:
                    outer.posted.append(body)
                self.send_response(204 if outer.refuses < 0 else 503)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def notified(machine: Machine) -> Iterator[Callable[..., tuple[Webhook, Callable[[], Script]]]]:
    """Install notify_webhook.py for one machine; give a webhook, and what starts approve.py as the same run again."""
    site = machine.folder / "site"
    installed = site / "notify_webhook-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: notify-webhook\nVersion: 1.0\n", "utf-8")
    (installed / "entry_points.txt").write_text("[pausepoint]\nnotify-webhook = notify_webhook\n", "utf-8")
    shutil.copy(EXAMPLES / "notify_webhook.py", site)
    webhooks: list[Webhook] = []

    def make(**arguments: int) -> tuple[Webhook, Callable[[], Script]]:
        webhooks.append(webhook := Webhook(**arguments))
        settings = {
            "PYTHONPATH": str(site),
            "PAUSEPOINT_RUN_ID": "notified",
            "NOTIFY_WEBHOOK": webhook.url,
            "NOTIFY_FOLDER": str(machine.folder / "told"),
        }
        return webhook, lambda: machine.start(EXAMPLES / "approve.py", **settings)

    yield make
    for webhook in webhooks:
        webhook.close()


def test_the_webhook_gets_title_and_link_once_per_event(
    machine: Machine, notified: Callable[..., tuple[Webhook, Callable[[], Script]]]
) -> None:
    webhook, start = notified()
    killed = start()
    link = killed.link()
    killed.kill()
    again = start()
    found = again.link()
    assert ids([found]) == ids([link]), "the restart finds the same event"
    machine.answer(found, True)

    assert again.finish() == "2 files deleted.\n"
    (posted,) = webhook.posted
    assert posted["url"] == link
    assert posted["text"] == f"{posted['title']}: {link}"


def test_a_webhook_that_fails_stops_no_question_and_is_told_by_the_next_retry(
    machine: Machine, notified: Callable[..., tuple[Webhook, Callable[[], Script]]]
) -> None:
    webhook, start = notified(refuses=1)
    killed = start()
    killed.link()
    killed.kill()
    assert not webhook.posted
    again = start()
    machine.answer(again.link(), True)

    assert again.finish() == "2 files deleted.\n"
    assert len(webhook.posted) == 1
    assert "notify-webhook 1.0" in killed.told, "the log names the distribution"


def test_no_example_is_forgotten_here() -> None:
    tested = set(re.findall(r"\w+\.(?:py|ipynb)", Path(__file__).read_text("utf-8")))
    elsewhere = {"ask_from_a_notebook.ipynb"}  # tests/notebook

    assert {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")} <= tested | elsewhere


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_uses_public_names_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pausepoint"):
            assert node.module in PUBLIC
            assert not [alias.name for alias in node.names if alias.name.startswith("_")]


def test_an_example_needs_no_setting(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "approve.py", PAUSEPOINT_STORE="")  # empty counts as unset

    assert machine.answer(script.link(), True).status_code == 200
    assert script.finish() == "2 files deleted.\n"
    assert list((machine.folder / "data").rglob("response.json")), "the default store is in the user's data folder"
