"""The command line as a process of its own: `demo`, `serve`, signals, exit codes, and what it does not import."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pausepoint.cli import ExitCode
from pausepoint.cli.demo import BUILT_IN, Release, open_browser

PROGRAM = [sys.executable, "-c", "from pausepoint.cli import main; main()"]
SECONDS = 60
FORM = re.compile(r"(http://[^\s/]+)/form/([a-z2-7]{26})")


class Shell:
    """Starts commands with one store and one machine of their own, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        own = {
            "PAUSEPOINT_STORE": str(folder / "store"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "default",
        }
        self.environ = {**os.environ, **own}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=SECONDS)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    def serve(self, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        """Start `serve`; return it and the address it tells, once it answers there."""
        process = self.start("serve", *arguments)
        assert process.stdout is not None
        line = process.stdout.readline()
        told = re.search(r" at (http://\S+)$", line)
        assert told, (line, process.communicate(timeout=SECONDS))
        # Listening is not answering: until its workers are up, others of this machine would serve their own forms.
        httpx.get(f"{told[1]}/health", trust_env=False, timeout=SECONDS)
        return process, told[1]

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    started = Shell(tmp_path)
    yield started
    started.close()


def read_until(stream: object, pattern: re.Pattern[str]) -> re.Match[str]:
    for line in stream:  # type: ignore[attr-defined]
        if found := pattern.search(line):
            return found
    raise AssertionError(f"it ended without {pattern.pattern}")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port at which a stranger listens."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        yield stranger.getsockname()[1]


def test_starting_imports_no_web_framework() -> None:
    code = "import json, sys, pausepoint.cli; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    heavy = {"fastapi", "starlette", "uvicorn", "httpx", "jinja2", "markdown_it", "nh3", "jsonschema_rs", "sqlite3"}

    assert not heavy & {name.partition(".")[0] for name in loaded}


def test_a_full_collection_in_a_server_looks_at_little_of_what_was_loaded() -> None:
    code = """
import gc, json
from pausepoint import open_store
from pausepoint._settings import Settings
from pausepoint.cli.worker import application

app = application(open_store("memory://"), Settings.load({}), "")
print(json.dumps([len(gc.get_objects()), gc.get_freeze_count()]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    looked_at, passed_over = json.loads(done.stdout)

    assert looked_at < passed_over / 10


def test_the_demo_runs_unattended_with_its_own_answer(shell: Shell) -> None:
    code, out, err = shell.run("demo", "--answer")

    assert code == ExitCode.DONE
    assert FORM.search(err), "the link is announced"
    assert repr(Release.model_validate(BUILT_IN)) in out


def test_the_demo_answers_itself_also_where_links_carry_tokens(shell: Shell) -> None:
    shell.environ["PAUSEPOINT_LINKS"] = "token"
    code, _, err = shell.run("demo", "--answer")

    assert code == ExitCode.DONE
    assert "?token=" in err


def test_the_demo_prints_the_typed_value_it_was_given(shell: Shell) -> None:
    code, out, _ = shell.run("demo", "--answer", '{"target": "production", "traffic": 100, "note": ""}')

    assert code == ExitCode.DONE
    assert "traffic=100" in out
    assert "100 % of the traffic goes to production." in out


def test_the_demo_asks_for_what_the_server_checks_by_itself() -> None:
    from pausepoint._codec import answer_type

    assert answer_type(Release).complete, "else the demo would post before anybody waits to judge its answer"


def test_a_value_that_the_demo_refuses_is_exit_code_5_and_leaves_no_open_question(shell: Shell) -> None:
    code, out, err = shell.run("demo", "--answer", '{"target": "s3cret"}')
    listed = json.loads(shell.run("list", "--status", "all", "--json")[1])

    assert code == ExitCode.REFUSED
    assert "  target: " in err
    assert "s3cret" not in out + err
    assert [each["outcome"] for each in listed["items"]] == ["cancelled"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_the_demo_politely_with_130_and_withdraws_the_question(shell: Shell) -> None:
    process = shell.start("demo")
    read_until(process.stdout, re.compile("Ctrl-C"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert FORM.search(err)
    listed = json.loads(shell.run("list", "--status", "all", "--json")[1])

    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    assert [each["outcome"] for each in listed["items"]] == ["cancelled"]


def test_the_demo_goes_on_with_what_the_command_line_answers(shell: Shell) -> None:
    process = shell.start("demo")
    request_id = read_until(process.stderr, FORM)[2]
    answer = '{"target": "staging", "traffic": 1, "note": "by hand"}'
    code, _, _ = shell.run("answer", request_id[:8], answer)
    out, _ = process.communicate(timeout=SECONDS)

    assert code == ExitCode.DONE
    assert process.returncode == ExitCode.DONE
    assert "note='by hand'" in out


@pytest.mark.parametrize(
    ("environ", "on_terminal"),
    [({}, True), ({"DISPLAY": ":0"}, False), ({"DISPLAY": ":0", "BROWSER": "w3m"}, True)],
)
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a screen there")
def test_no_browser_is_opened_without_a_screen_a_reader_or_a_window(
    environ: dict[str, str], on_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What opens pages there is a program that would be seen to have run.
    monkeypatch.setenv("PATH", "")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert open_browser("http://127.0.0.1:9/", environ, on_terminal) is False


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(
    ("typed", "code"),
    [(["nowhere", "staging", "", ""], ExitCode.DONE), (["\x04"], ExitCode.INTERRUPTED)],
    ids=["answers", "ends"],
)
def test_a_person_at_a_terminal_is_asked_for_what_was_left_out(shell: Shell, typed: list[str], code: ExitCode) -> None:
    import pty

    workflow = shell.start("demo")
    request_id = read_until(workflow.stderr, FORM)[2]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "answer", request_id],
        env=shell.environ,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # A terminal keeps what is typed ahead.
    os.write(ours, "".join(line if line == "\x04" else f"{line}\n" for line in typed).encode())
    out, err = process.communicate(timeout=SECONDS)

    assert process.returncode == code, err
    assert b"Where to: " in err, "questions go to standard error"
    assert (b"Accepted" in out) == (code == ExitCode.DONE)
    for descriptor in (ours, theirs):
        os.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_it_listens_and_ends_with_a_signal(shell: Shell, number: signal.Signals) -> None:
    process, url = shell.serve()

    assert httpx.get(f"{url}/health", trust_env=False, timeout=SECONDS).json() == {"status": "healthy"}
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == ExitCode.DONE, err
    assert "Traceback" not in err


def test_a_port_that_a_stranger_has_is_an_error_where_it_was_asked_for(shell: Shell, taken_port: int) -> None:
    code, out, err = shell.run("serve", "--port", str(taken_port))

    assert (code, out) == (ExitCode.FAILED, "")
    assert f"Port {taken_port}" in err
    assert "--port" in err


def test_a_port_that_a_stranger_has_is_left_to_him_where_none_was_asked_for(shell: Shell, taken_port: int) -> None:
    shell.environ["PAUSEPOINT_PORT"] = str(taken_port)
    _, url = shell.serve()

    assert not url.endswith(f":{taken_port}")
    assert httpx.get(f"{url}/health", trust_env=False, timeout=SECONDS).status_code == 200


def test_workflows_of_the_machine_use_the_server_and_doctor_has_it_proven(shell: Shell) -> None:
    _, url = shell.serve()
    process = shell.start("demo")
    base, request_id = read_until(process.stderr, FORM).groups()
    code, out, _ = shell.run("doctor", "--json")
    httpx.post(
        f"{base}/submit/json", json={"request_id": request_id, "value": BUILT_IN}, trust_env=False, timeout=SECONDS
    ).raise_for_status()

    assert base == url
    assert process.wait(SECONDS) == ExitCode.DONE
    assert code == ExitCode.DONE
    assert json.loads(out)["form_app"] == {
        "url": url,
        "named_by": "this machine",
        "answered_by": "same_store",
        "proven": True,
    }


def test_a_second_server_takes_the_address_over_when_the_first_ends(shell: Shell) -> None:
    first, first_url = shell.serve()
    second, second_url = shell.serve()
    assert second.stderr is not None
    assert first_url in second.stderr.readline()
    first.kill()
    read_until(second.stderr, re.compile("The other process has ended"))
    found = json.loads(shell.run("doctor", "--json")[1])["form_app"]

    assert (found["url"], found["proven"]) == (second_url, True)


@pytest.mark.parametrize("path", ["/questions/health", "/health"])
def test_a_root_path_works_whether_a_proxy_strips_it_or_not(shell: Shell, path: str) -> None:
    _, url = shell.serve("--root-path", "/questions/")
    bare = url.removesuffix("/questions")

    assert url != bare
    assert httpx.get(f"{bare}{path}", trust_env=False, timeout=SECONDS).status_code == 200
    assert (
        'href="/questions/static/'
        in httpx.get(f"{bare}{path.removesuffix('health')}", trust_env=False, timeout=SECONDS).text
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], ExitCode.DONE),
        (["list", "--nonsense"], ExitCode.WRONG_USE),
        (["serve", "--host", "0.0.0.0"], ExitCode.WRONG_USE),
        (["show", "abcd"], ExitCode.NO_SUCH_EVENT),
    ],
)
def test_a_process_ends_with_the_documented_code(shell: Shell, arguments: list[str], code: ExitCode) -> None:
    found, out, err = shell.run(*arguments)

    assert found == code
    assert bool(out) == (code == ExitCode.DONE)
    assert bool(err) == (code != ExitCode.DONE)


def test_a_terminal_that_lacks_a_character_gets_its_escape(shell: Shell) -> None:
    shell.environ["PYTHONIOENCODING"] = "ascii"
    code, out, _ = shell.run("demo", "--answer", '{"target": "staging", "note": "\\u2603"}')

    assert code == ExitCode.DONE
    assert "note='\\u2603'" in out
