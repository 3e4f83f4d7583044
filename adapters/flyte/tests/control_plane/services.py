"""The services that the SDK's runtime, its controller and its command line call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from flyteidl2.actions import actions_service_pb2 as actions
from flyteidl2.actions.actions_service_connect import ActionsService
from flyteidl2.app import app_definition_pb2 as apps, app_payload_pb2 as app_calls
from flyteidl2.app.app_service_connect import AppService
from flyteidl2.cluster import payload_pb2 as clusters
from flyteidl2.cluster.service_connect import ClusterService
from flyteidl2.core import literals_pb2 as literals
from flyteidl2.imagebuilder import definition_pb2 as image_words, payload_pb2 as image_calls
from flyteidl2.imagebuilder.service_connect import ImageService
from flyteidl2.workflow import run_definition_pb2 as runs, run_service_pb2 as run_calls, state_service_pb2 as states
from flyteidl2.workflow.run_service_connect import RunService

from .book import FAILED, SUCCEEDED, TIMED_OUT, Book, key_of
from .pods import Pod


class Actions(ActionsService):
    """
    Takes what a running task submits: tasks, which it starts; traces, which have ended; conditions, which wait.

    Args:
        book: What is remembered.
        endpoint: Where this control plane is, host and port.
        code, logs: Folders of the tasks' code and of their output.
    """

    def __init__(self, book: Book, endpoint: str, code: Path, logs: Path) -> None:
        self._book = book
        self._endpoint = endpoint
        self._code = code
        self._logs = logs
        self._background: set[asyncio.Task[None]] = set()

    async def enqueue(self, request: Any, ctx: Any) -> Any:
        action = request.action
        key, kind = key_of(action.action_id), action.WhichOneof("spec")
        if key in self._book.actions:
            # How a retried task finds what its first attempt submitted.
            self._book.note("again", kind=kind, run=key[0], action=key[1])
            raise ConnectError(Code.ALREADY_EXISTS, "this action is known")
        if kind == "trace":
            await self._book.begin(action, action.trace.phase, output_uri=action.trace.outputs.output_uri)
            return actions.EnqueueResponse()
        await self._book.begin(action)
        if kind == "condition":
            self._book.note("condition", run=key[0], action=key[1], name=action.condition.name)
            self._soon(self._expire(action))
        else:
            template = action.task.spec.task_template
            links = [[link.name, link.uri] for link in template.metadata.log_links]
            image = template.container.image
            self._book.note("task", run=key[0], action=key[1], name=template.id.name, links=links, image=image)
            self._soon(self._run(action))
        return actions.EnqueueResponse()

    async def watch_for_updates(self, request: Any, ctx: Any) -> AsyncIterator[Any]:
        async for update in self._book.follow(key_of(request.parent_action_id)):
            if update is None:
                # Everything that was known has been sent.
                yield actions.WatchForUpdatesResponse(control_message=states.ControlMessage(sentinel=True))
            else:
                yield actions.WatchForUpdatesResponse(action_update=update)

    async def abort(self, request: Any, ctx: Any) -> Any:
        self._book.note("abort", action=request.action_id.name)
        return actions.AbortResponse()

    async def update(self, request: Any, ctx: Any) -> Any:
        return actions.UpdateResponse()

    async def _run(self, action: Any) -> None:
        run, name = key_of(action.action_id)
        container = action.task.spec.task_template.container
        pod = Pod(run, name, 1, self._endpoint, self._code, self._logs / f"{run}-{name}-1.log")
        arguments = pod.filled([*container.command, *container.args], action.input_uri)
        code = await pod.run_to_its_end(arguments, {pair.key: pair.value for pair in container.env})
        self._book.note("ended", run=run, action=name, code=code)
        await self._book.move((run, name), FAILED if code else SUCCEEDED, output_uri=pod.outputs)

    async def _expire(self, action: Any) -> None:
        if action.condition.HasField("timeout"):
            await asyncio.sleep(action.condition.timeout.ToTimedelta().total_seconds())
            if self._book.is_running(key_of(action.action_id)):
                await self._book.move(key_of(action.action_id), TIMED_OUT)

    def _soon(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class Runs(RunService):
    """
    Lists the conditions of a run, and signals them: the first signal wins.

    Args:
        book: What is remembered.
        work: While it has a file `hold`, signals are kept waiting, and then lost.
    """

    def __init__(self, book: Book, work: Path) -> None:
        self._book = book
        self._work = work

    async def list_actions(self, request: Any, ctx: Any) -> Any:
        wanted = {given.field: list(given.values) for given in request.request.filters}
        found = []
        for (run, _), action in self._book.actions.items():
            is_condition = action.WhichOneof("spec") == "condition"
            parents = wanted.get("parent_name", [action.parent_action_name])
            if run == request.run_id.name and is_condition and action.parent_action_name in parents:
                found.append(self._condition(action))
        return run_calls.ListActionsResponse(actions=found)

    async def signal_event(self, request: Any, ctx: Any) -> Any:
        key = key_of(request.action_id)
        if key not in self._book.actions:
            raise ConnectError(Code.NOT_FOUND, "there is no such condition")
        if not self._book.is_running(key):
            raise ConnectError(Code.FAILED_PRECONDITION, "it has ended")
        self._book.note("signalling", run=key[0], action=key[1])
        if (self._work / "hold").exists():
            while (self._work / "hold").exists():
                await asyncio.sleep(0.01)  # until a test has killed whoever signals
            raise ConnectError(Code.UNAVAILABLE, "the signal was lost with its sender")
        kind = request.payload.WhichOneof("value")
        value = getattr(request.payload, kind)
        names = {"bool_value": "boolean", "int_value": "integer", "float_value": "float_value"}
        primitive = literals.Primitive(**{names.get(kind, "string_value"): value})
        self._book.note("signal", run=key[0], action=key[1], value=value)
        literal = literals.Literal(scalar=literals.Scalar(primitive=primitive))
        await self._book.move(key, SUCCEEDED, value=literal)
        return run_calls.SignalEventResponse()

    def _condition(self, action: Any) -> Any:
        condition = runs.ConditionActionMetadata(name=action.condition.name, type=action.condition.type)
        return runs.Action(
            id=action.action_id,
            metadata=runs.ActionMetadata(parent=action.parent_action_name, condition=condition),
            status=runs.ActionStatus(phase=self._book.updates[key_of(action.action_id)].phase),
        )


class Clusters(ClusterService):
    """There is one cluster."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    async def select_cluster(self, request: Any, ctx: Any) -> Any:
        return clusters.SelectClusterResponse(cluster_endpoint=f"http://{self._endpoint}", cluster="one")


class Images(ImageService):
    """
    Every image that is asked for has been built.

    Args:
        book: What is remembered.
    """

    def __init__(self, book: Book) -> None:
        self._book = book

    async def get_image(self, request: Any, ctx: Any) -> Any:
        self._book.note("image", name=request.id.name)
        image = image_words.Image(id=request.id, fqin=f"registry.test/{request.id.name}")
        return image_calls.GetImageResponse(image=image)


class Apps(AppService):
    """
    Keeps apps; each is at once as it is wanted, and is served by whoever the test started.

    Args:
        book: What is remembered.
        public_url: The address that every app has.
    """

    def __init__(self, book: Book, public_url: str) -> None:
        self._book = book
        self._public_url = public_url

    async def create(self, request: Any, ctx: Any) -> Any:
        name = request.app.metadata.id.name
        if name in self._book.apps:
            raise ConnectError(Code.ALREADY_EXISTS, "there is such an app")
        self._note("app-created", request.app)
        return app_calls.CreateResponse(app=self._kept(request.app))

    async def get(self, request: Any, ctx: Any) -> Any:
        if request.app_id.name not in self._book.apps:
            raise ConnectError(Code.NOT_FOUND, "there is no such app")
        return app_calls.GetResponse(app=self._book.apps[request.app_id.name])

    async def update(self, request: Any, ctx: Any) -> Any:
        self._note("app-updated", request.app)
        return app_calls.UpdateResponse(app=self._kept(request.app))

    def _kept(self, app: Any) -> Any:
        app.spec.creator.SetInParent()  # the backend remembers who created it
        app.status.ingress.public_url = self._public_url
        stopped = app.spec.desired_state == apps.Spec.DESIRED_STATE_STOPPED
        status = apps.Status.DEPLOYMENT_STATUS_STOPPED if stopped else apps.Status.DEPLOYMENT_STATUS_ACTIVE
        app.status.conditions.append(apps.Condition(deployment_status=status))
        self._book.apps[app.metadata.id.name] = app
        return app

    def _note(self, what: str, app: Any) -> None:
        container = app.spec.container
        self._book.note(
            what,
            name=app.metadata.id.name,
            image=container.image,
            command=[*container.command, *container.args],
            env={pair.key: pair.value for pair in container.env},
            subdomain=app.spec.ingress.subdomain,
            secrets={secret.env_var: secret.key for secret in app.spec.security_context.secrets},
        )
