"""
What Flyte is told to run beside the author's tasks: the form app, and the task that carries a link.

Both are described when they are first looked at, since every task that imports its module would else pay for a web
framework, and for an image that is known in the cluster only.
"""

from __future__ import annotations

import functools
import os
from typing import Any, Literal

import flyte
from pausepoint_flyte.surroundings import place

from . import _images

APP_NAME = "hitl-event-app"
TASK_NAME = "hitl-event-task-env"

_PORT = 8080
_LABEL = 63
"""Characters of one label of a host name."""
_PASSED_ON = ("PAUSEPOINT_PUBLIC_URL", "AWS_REGION")


class LateEnvironment(flyte.TaskEnvironment):
    """A task environment whose image, and the app that it depends on, are described when somebody asks for them."""

    _image: Any
    _depends_on: list[Any]

    @property
    def image(self) -> Any:
        """The image: an URI in a cluster, else the description of one."""
        if self._image == "auto":
            self._image = _images.image_for(self.name)
        return self._image

    @image.setter
    def image(self, image: Any) -> None:
        self._image = image

    @property
    def depends_on(self) -> list[Any]:
        """The form app, and whatever was added."""
        if not self._depends_on:
            self._depends_on.append(app_environment())
        return self._depends_on

    @depends_on.setter
    def depends_on(self, others: list[Any]) -> None:
        self._depends_on = others

    def __post_init__(self) -> None:
        # Flyte's own checks would ask for both.
        image, self._image = self._image, None
        others, self._depends_on = self._depends_on, [self]
        super().__post_init__()
        self._image, self._depends_on = image, others


task_environment = LateEnvironment(name=TASK_NAME, resources=flyte.Resources(cpu=1, memory="512Mi"))


@functools.cache
def app_environment() -> Any:
    """Return the form app's environment, with what does not depend on a project."""
    import flyte.app
    from flyte.app.extras import FastAPIAppEnvironment

    from ._form_app import make_app

    app = make_app()
    state = app.state
    environment = FastAPIAppEnvironment(
        name=APP_NAME,
        app=app,
        description="Forms of questions that workflows ask",
        command=["uvicorn", "--factory", "flyteplugins.hitl._form_app:make_app", "--host", "0.0.0.0",  # noqa: S104
                 "--port", str(_PORT), "--no-access-log", "--no-server-header"],
        port=_PORT,
        image=_images.image_for(APP_NAME),
        resources=flyte.Resources(cpu=1, memory="512Mi"),
        requires_auth=True,
        scaling=flyte.app.Scaling(replicas=(0, 1), scaledown_after=600),
        secrets=_secrets(),
    )  # fmt: skip
    # It replaces the state, which has all that our app works with, and links to a documentation that ours has not.
    app.state = state
    environment.links = []
    return environment


def app_for(here: Any, url: str) -> Any:
    """
    Return the form app's environment for the project and domain of a task: nothing in it depends on the run.

    Args:
        here: Flyte's task context.
        url: Where the task's events are stored.
    """
    import flyte.app

    environment = app_environment()
    environment.image = _images.image_for(APP_NAME)
    environment.env_vars = _variables(url)
    environment.domain = flyte.app.Domain(subdomain=subdomain(*place(here)))
    return environment


def subdomain(org: str, project: str, domain: str) -> Any:
    """
    Return the app's subdomain: readable where it fits a host name's label, else short and as stable.

    Args:
        org: The organisation; empty where the platform has none.
        project: The project.
        domain: The domain.
    """
    import flyte.app

    readable = f"{APP_NAME}-{org}-{project}-{domain}".lower()
    fits = (
        org and len(readable) <= _LABEL and all(char.isascii() and (char.isalnum() or char == "-") for char in readable)
    )
    return readable if fits else flyte.app.Subdomain.from_app_name(APP_NAME)


def link_mode() -> Literal["open", "token"]:
    """Return what a link needs: a token, unless the platform authenticates, which somebody has to say."""
    return "open" if os.environ.get("PAUSEPOINT_LINKS") == "open" else "token"


def _variables(url: str) -> dict[str, str]:
    from pausepoint_flyte import conditions

    given = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    endpoint = os.environ.get("FLYTE_AWS_ENDPOINT", "")
    told = {
        "PAUSEPOINT_STORE": url,
        "PAUSEPOINT_LINKS": link_mode(),
        # Whoever comes through a sidecar comes from loopback, and is not the one at the machine for all that.
        "PAUSEPOINT_HOST": "0.0.0.0",  # noqa: S104
        # The control plane, whose conditions the app signals; app pods are not told of it.
        conditions.SETTING: "1" if conditions.are_wanted("remote") else "0",
        "PAUSEPOINT_FLYTE_ENDPOINT": os.environ.get("_U_EP_OVERRIDE", ""),
        "PAUSEPOINT_FLYTE_INSECURE": os.environ.get("_U_INSECURE", ""),
        "FLYTE_AWS_ENDPOINT": endpoint,
    }
    return {**given, **{name: value for name, value in told.items() if value}}


def _secrets() -> Any:
    key = os.environ.get("PAUSEPOINT_FLYTE_API_TOKEN_SECRET")
    return [flyte.Secret(key=key, as_env_var="PAUSEPOINT_API_TOKEN")] if key else None
