"""Starts all of it for a test: storage, the control plane, pods, and the form app that a pod has asked to be served."""

from __future__ import annotations

import base64
import gzip
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from flyteidl2.app import app_definition_pb2 as app_words, app_payload_pb2 as app_calls
from flyteidl2.app.app_service_connect import AppServiceClientSync
from flyteidl2.common import identifier_pb2 as ids
from flyteidl2.workflow import run_service_pb2 as calls
from flyteidl2.workflow.run_service_connect import RunServiceClientSync

from .pods import BUCKET, DOMAIN, ORG, PROJECT, Pod

HERE = Path(__file__).parent
SERVERS = runpy.run_path(str(HERE.parents[3] / "tests" / "stores" / "servers.py"))
LIMIT = 90.0
"""Seconds after which what has not happened never will."""

LOOKUP = {"hitl-event-app": "registry.test/form:1", "hitl-event-task-env": "registry.test/task:1"}


def image_cache(lookup: dict[str, str]) -> str:
    """Return what a pod is told of the images that were built when its run was submitted."""
    return base64.b64encode(gzip.compress(json.dumps({"image_lookup": lookup}).encode())).decode()


def until(happens: Callable[[], Any], what: str) -> Any:
    """Wait until something is true, and return it."""
    give_up = time.monotonic() + LIMIT
    while not (found := happens()):
        assert time.monotonic() < give_up, f"it never came to {what}"
        time.sleep(0.02)  # it happens in another process
    return found


class Cluster:
    """
    A running control plane with its storage.

    Args:
        work: A folder for logs.
        code: Where the tasks' modules are.
        s3: The storage server.
        endpoint: The control plane, host and port.
        app_port: Where the form app is to listen.
        stack: Ends what is started.

    Attributes:
        secrets: What the platform keeps, by key, for apps that name one.
    """

    def __init__(self, work: Path, code: Path, s3: Any, endpoint: str, app_port: int, stack: ExitStack) -> None:
        self.work = work
        self.endpoint = endpoint
        self.app_url = f"http://127.0.0.1:{app_port}"
        self.secrets: dict[str, str] = {}
        self._code = code
        self._s3 = s3
        self._app_port = app_port
        self._stack = stack
        self._apps: list[subprocess.Popen[bytes]] = []

    @property
    def storage(self) -> dict[str, str]:
        """What a process needs in its environment to reach the storage, in the platform's own words."""
        given = dict(self._s3.environ)
        return {
            "FLYTE_AWS_ENDPOINT": given["AWS_ENDPOINT_URL"],
            "FLYTE_AWS_ACCESS_KEY_ID": given["AWS_ACCESS_KEY_ID"],
            "FLYTE_AWS_SECRET_ACCESS_KEY": given["AWS_SECRET_ACCESS_KEY"],
            "AWS_REGION": given["AWS_REGION"],
        }

    def diary(self, what: str = "", **facts: Any) -> list[dict[str, Any]]:
        """Return what has happened, of one kind and with these facts."""
        path = self.work / "diary.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [
            line
            for line in lines
            if what in ("", line["what"]) and all(line.get(name) == value for name, value in facts.items())
        ]

    def attempt(
        self, run: str, task: str, number: int = 1, lookup: dict[str, str] | None = None, **more: str
    ) -> Attempt:
        """Start an attempt of a run's first task: `module:name`, without inputs."""
        module, _, name = task.partition(":")
        log = self.work / f"{run}-{number}.log"
        pod = Pod(run, "a0", number, self.endpoint, self._code, log)
        arguments = [
            "a0", "--inputs", f"{pod.base}/a0/inputs.pb", "--outputs-path", pod.outputs, "--version", "v1",
            "--raw-data-path", pod.outputs, "--checkpoint-path", f"{pod.outputs}/checkpoint", "--prev-checkpoint", "",
            "--run-name", run, "--name", "a0", "--run-start-time", "{{.runStartTime}}",
            "--image-cache", image_cache(LOOKUP if lookup is None else lookup),
            "--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver", "mod", module, "instance", name,
        ]  # fmt: skip
        self._write(f"{pod.base}/a0/inputs.pb", b"")
        started = Attempt(pod.start(arguments, {**self.storage, **more}), pod)
        self._stack.callback(started.kill)
        return started

    def ensure_form(self) -> None:
        """Start the form app, unless it runs, with the command and the environment that the platform was given."""
        if self._apps:
            return
        spec = until(lambda: self.diary("app-created"), "an app")[0]
        command = [sys.executable, "-m", *spec["command"]]
        command[command.index("--port") + 1] = str(self._app_port)
        command[command.index("--host") + 1] = "127.0.0.1"
        credentials = {name: value for name, value in self.storage.items() if name.startswith("FLYTE_AWS_")}
        if not os.environ.get("FAULTS_OF"):
            del credentials["FLYTE_AWS_ENDPOINT"]  # of this our app is told
        secrets = {name: self.secrets[key] for name, key in spec["secrets"].items()}
        with (self.work / "app.log").open("ab") as output:
            environ = {
                name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PAUSEPOINT_"))
            }
            # Not where the tests are run: the package beside them need not be the one that is installed.
            app = subprocess.Popen(
                command,
                cwd=self.work,
                env={**environ, **spec["env"], **credentials, **secrets},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._apps.append(app)
        self._stack.callback(_end, app)
        until(self._is_served, "a form app")

    def end_form(self) -> None:
        """Scale the form app to nothing, without a warning."""
        for app in self._apps:
            _end(app)
        self._apps.clear()

    def stored(self, path: str) -> Any:
        """Return an object of Pausepoint's own store."""
        return json.loads(self.read(f"{BUCKET}/pausepoint/{ORG}/{PROJECT}/{DOMAIN}/{path}"))

    def conditions(self, ending: str) -> list[dict[str, Any]]:
        """Return what was submitted as conditions with names of that ending."""
        return [line for line in self.diary("condition") if line["name"].endswith(ending)]

    def running(self, ending: str) -> bool:
        """Say whether one of these conditions has not been signalled."""
        signalled = {line["action"] for line in self.diary("signal")}
        return any(line["action"] not in signalled for line in self.conditions(ending))

    def post(self, asked: dict[str, Any], value: Any, **more: Any) -> httpx.Response:
        """Answer an event as a program does."""
        _, is_token, token = asked["form"].partition("?token=")
        headers = {"authorization": f"Bearer {token}"} if is_token else {}
        body = {"request_id": asked["id"], "value": value, **more}
        return httpx.post(asked["api"], json=body, headers=headers, timeout=LIMIT)

    def signal(self, ending: str, **payload: Any) -> None:
        """Signal the last condition with a name of that ending, as Flyte's console and command line do."""
        found = until(lambda: self.conditions(ending), "a condition")[-1]
        run = ids.RunIdentifier(org=ORG, project=PROJECT, domain=DOMAIN, name=found["run"])
        with RunServiceClientSync(f"http://{self.endpoint}") as client:
            client.signal_event(
                calls.SignalEventRequest(
                    action_id=ids.ActionIdentifier(run=run, name=found["action"]),
                    payload=calls.EventPayload(**payload),
                )
            )

    def stop_app(self) -> None:
        """Stop the form app, as Flyte's console does; the process that the test has started is left alone."""
        app = self.app()
        app.spec.desired_state = app_words.Spec.DESIRED_STATE_STOPPED
        with AppServiceClientSync(f"http://{self.endpoint}") as client:
            client.update(app_calls.UpdateRequest(app=app, reason="a test stops it"))

    def app(self) -> Any:
        """Return what the control plane knows of the form app."""
        who = app_words.Identifier(org=ORG, project=PROJECT, domain=DOMAIN, name="hitl-event-app")
        with AppServiceClientSync(f"http://{self.endpoint}") as client:
            return client.get(app_calls.GetRequest(app_id=who)).app

    def reports(self, run: str) -> list[str]:
        """Return the reports that the actions of a run have written."""
        import obstore

        paths = [found["path"] for page in obstore.list(self._bucket()) for found in page]
        mine = [path for path in paths if f"/metadata/{run}/" in path and path.endswith("/report.html")]
        return [bytes(obstore.get(self._bucket(), path).bytes()).decode() for path in mine]

    def _is_served(self) -> bool:
        try:
            return httpx.get(f"{self.app_url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def read(self, url: str) -> bytes:
        """Return an object."""
        import obstore

        return bytes(obstore.get(self._bucket(), url.split("/", 3)[3]).bytes())

    def has(self, url: str) -> bool:
        """Say whether there is an object."""
        try:
            return bool(self.read(url))
        except FileNotFoundError:
            return False

    def _write(self, url: str, body: bytes) -> None:
        import obstore

        obstore.put(self._bucket(), url.split("/", 3)[3], body)

    def _bucket(self) -> Any:
        from obstore.store import S3Store

        given = self._s3.environ
        return S3Store(
            SERVERS["BUCKET"],
            endpoint=given["AWS_ENDPOINT_URL"],
            access_key_id=given["AWS_ACCESS_KEY_ID"],
            secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            region=given["AWS_REGION"],
            client_options={"allow_http": True},
        )


class Attempt:
    """A running attempt; the tasks say what they know in lines `@name value` of their output."""

    def __init__(self, process: subprocess.Popen[bytes], pod: Pod) -> None:
        self.process = process
        self.outputs = pod.outputs
        self._log = pod.log

    def told(self, name: str) -> list[str]:
        """Return what the task has said under a name."""
        found = []
        for line in self.log.splitlines(keepends=True):
            _, at, said = line.partition("@" + name + " ")
            if at and said.endswith("\n"):
                found.append(said.strip())
        return found

    def tell(self, name: str, count: int = 1) -> Any:
        """Wait until it has said something, so often; the last of it."""

        def said() -> str | None:
            found = self.told(name)
            if len(found) < count and self.process.poll() is not None:
                raise AssertionError(f"the task ended without {name!r}:\n{self.log[-6000:]}")
            return found[count - 1] if len(found) >= count else None

        return json.loads(until(said, name))

    def kill(self) -> None:
        """SIGKILL, if it lives."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text("utf-8", "replace")

    def end(self) -> int:
        """Wait for its end, and return its exit code."""
        return self.process.wait(LIMIT)


@contextmanager
def running(work: Path, code: Path) -> Iterator[Cluster]:
    """Run a cluster until the block is left."""
    with ExitStack() as stack:
        storage = work / "storage"
        storage.mkdir()
        s3 = stack.enter_context(SERVERS["ministack"](storage))
        port, app_port = _kept_port(stack), _kept_port(stack)
        cluster = Cluster(work, code, s3, f"127.0.0.1:{port}", app_port, stack)
        environ = {
            **os.environ,
            **cluster.storage,
            "PLANE_ENDPOINT": cluster.endpoint,
            "PLANE_APP_URL": cluster.app_url,
            "PLANE_CODE": str(code),
            "PLANE_WORK": str(work),
        }
        command = [sys.executable, "-m", "uvicorn", "--factory", "control_plane.server:make_app", "--port", str(port)]
        with (work / "plane.log").open("wb") as output:
            plane = subprocess.Popen(command, cwd=HERE.parent, env=environ, stdout=output, stderr=subprocess.STDOUT)
        # Not SIGTERM: uvicorn would wait for the watches that are open.
        stack.callback(_end, plane)
        SERVERS["wait_for_port"](port, plane, work / "plane.log")
        yield cluster


def _kept_port(stack: ExitStack) -> int:
    """
    Return a port that nobody else gets: a form app begins to listen long after it was told where.

    A socket that is bound and does not listen keeps it from being handed out, and lets a server have it.
    """
    keeper = stack.enter_context(socket.socket())
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    port: int = keeper.getsockname()[1]
    return port


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
