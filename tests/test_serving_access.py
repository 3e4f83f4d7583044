"""`pausepoint serve` beyond this machine: when it starts, what it says, and links that outlive a restored backup."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pausepoint._settings import Settings
from pausepoint.cli import ExitCode
from pausepoint.cli.guarding import exposed_by

PROGRAM = [sys.executable, "-c", "from pausepoint.cli import main; main()"]
SECONDS = 60
PUBLIC = "http://forms.example.org"
ASKS = """
import pausepoint
with pausepoint.run("nightly"):
    event = pausepoint.new_event("how-many", int, timeout_seconds=3600)
    print("asked", event.form_url, flush=True)
    print("answer", event.wait(), flush=True)
"""


class Machine:
    """Starts processes with a store and a state of their own, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self._environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, command: list[str], **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env={**self._environ, "PAUSEPOINT_STORE": str(self.store), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def serve(self, *options: str, **environ: str) -> tuple[subprocess.Popen[str], str, str]:
        """Start `serve`; return it, what it says of its address and of who may answer, and where it listens."""
        process = self.start([*PROGRAM, "serve", *options], **environ)
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert all(lines), process.communicate(timeout=SECONDS)
        published = next((self._environ_state() / "pausepoint" / "servers").glob("*.json")).read_text("utf-8")
        url = re.search(r'"url":"([^"]+)"', published)
        assert url
        return process, "".join(lines), url[1]

    def _environ_state(self) -> Path:
        return Path(self._environ["XDG_STATE_HOME"])

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(process.communicate(timeout=SECONDS))


def ended(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    return "".join(process.communicate(timeout=SECONDS))


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for one child")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_serving_beyond_this_machine_without_a_name_is_refused_and_says_why(machine: Machine, host: str) -> None:
    process = machine.start([*PROGRAM, "serve", "--host", host])
    _, err = process.communicate(timeout=SECONDS)

    assert process.returncode == ExitCode.WRONG_USE
    for word in ("beyond this machine", "PAUSEPOINT_PUBLIC_URL", "PAUSEPOINT_LINKS=open", "--trusted-proxies"):
        assert word in err
    assert not machine.store.exists(), "nothing was begun"


def test_serving_beyond_this_machine_asks_for_tokens_unless_it_is_told_not_to(machine: Machine) -> None:
    for environ, said, status in (
        ({}, "by a signed token, since reviewers come from beyond this machine", 401),
        ({"PAUSEPOINT_LINKS": "token"}, "by a signed token, as PAUSEPOINT_LINKS asks", 401),
        ({"PAUSEPOINT_LINKS": "open"}, "PAUSEPOINT_LINKS=open: whoever has a question's link", 404),
    ):
        process, told, url = machine.serve("--host", "0.0.0.0", PAUSEPOINT_PUBLIC_URL=PUBLIC, **environ)
        for host in ("forms.example.org", url.removeprefix("http://")):
            headers = {"Host": host, "X-Forwarded-User": "ann"}
            assert httpx.get(f"{url}/form/{'a' * 26}", headers=headers, timeout=SECONDS).status_code == status
            assert httpx.get(url, headers=headers, timeout=SECONDS).status_code == 401
        assert f" at {PUBLIC}, listening on 0.0.0.0:{url.rpartition(':')[2]}\n" in told
        assert said in told
        ended(process)


@pytest.mark.parametrize(
    ("given", "is_warned"),
    [
        ({"public_url": "http://forms.example.org"}, True),
        ({"public_url": "HTTPS://forms.example.org"}, False),
        ({"host": "192.0.2.7"}, True),
        ({"host": "192.0.2.7", "public_url": "https://forms.example.org"}, False),
        ({"public_url": "http://127.0.0.1:8000/prefix"}, False),
        ({}, False),
    ],
)
def test_who_serves_beyond_this_machine_by_plain_http_is_told_what_others_can_read(
    given: dict[str, str], is_warned: bool
) -> None:
    assert ("https://" in exposed_by(Settings.model_validate(given))) is is_warned


def test_that_is_said_when_it_begins_to_serve(machine: Machine) -> None:
    process, _, url = machine.serve(PAUSEPOINT_PUBLIC_URL=PUBLIC)
    httpx.get(f"{url}/health", timeout=SECONDS)

    assert "plain HTTP" in ended(process)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_worker_knows_whom_to_trust(machine: Machine, workers: str) -> None:
    options = ("--trusted-proxies", "127.0.0.1", "--workers", workers)
    _, told, url = machine.serve(*options, PAUSEPOINT_PUBLIC_URL=PUBLIC)
    headers = {"Host": "forms.example.org", "X-Forwarded-User": "ann"}
    with httpx.Client(timeout=SECONDS) as browser:
        assert browser.get(url, headers=headers).status_code == 200
        assert browser.get(url, headers={"Host": "forms.example.org"}).status_code == 401
    assert "a trusted proxy vouches for" in told


def test_an_open_question_is_answered_by_its_old_link_after_a_restored_backup(machine: Machine, tmp_path: Path) -> None:
    server, _, url = machine.serve(PAUSEPOINT_LINKS="token")
    workflow = machine.start([sys.executable, "-c", ASKS])
    link = read_until(workflow, r"asked (\S+)")
    assert "?token=" in link
    workflow.kill()
    told = ended(server)

    shutil.copytree(machine.store, tmp_path / "backup")
    shutil.rmtree(machine.store)
    machine.store.mkdir()
    shutil.copytree(tmp_path / "backup", machine.store, dirs_exist_ok=True)

    server, _, again = machine.serve(PAUSEPOINT_LINKS="token")
    assert again == url, "the links of before lead to the same place"
    with httpx.Client(follow_redirects=True, timeout=SECONDS) as browser:
        page = browser.get(link)
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token, page.text
        request_id = link.partition("/form/")[2].partition("?")[0]
        sent = browser.post(f"{url}/form/{request_id}", data={"request_id": request_id, "token": token[1], "v": "7"})
        assert sent.status_code == 200, sent.text
    workflow = machine.start([sys.executable, "-c", ASKS])
    assert read_until(workflow, r"answer (\S+)") == "7"
    assert link.partition("?token=")[2] not in told + ended(server), "no token in what a server prints"
