"""A pod: the SDK's own entrypoint `a0` as a process, with the environment and arguments that the platform gives it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ORG, PROJECT, DOMAIN = "local", "shop", "development"
BUCKET = "s3://pausepoint-test"


@dataclass(frozen=True)
class Pod:
    """
    One attempt of one action.

    Attributes:
        run: The run's name.
        action: The action's.
        attempt: From 1.
        endpoint: The control plane, host and port.
        code: The folder that the tasks are imported from.
        log: Where its output goes.
    """

    run: str
    action: str
    attempt: int
    endpoint: str
    code: Path
    log: Path

    @property
    def base(self) -> str:
        """The run's own folder, the same for all attempts."""
        return f"{BUCKET}/metadata/{self.run}"

    @property
    def outputs(self) -> str:
        """The attempt's folder: another one for each, as the backend does it."""
        shard = hashlib.sha256(f"{self.run}/{self.action}".encode()).hexdigest()[:2]
        return f"{BUCKET}/{shard}/metadata/{self.run}/{self.action}/{self.attempt}"

    def filled(self, arguments: Sequence[str], inputs: str) -> list[str]:
        """Replace the templates in a container's arguments."""
        values = {
            "input": inputs,
            "outputPrefix": self.outputs,
            "rawOutputDataPrefix": self.outputs,
            "checkpointOutputPrefix": f"{self.outputs}/checkpoint",
            "prevCheckpointPrefix": "",
            "runName": self.run,
            "actionName": self.action,
        }
        return [values.get(given.removeprefix("{{.").removesuffix("}}"), given) for given in arguments]

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the process's environment."""
        programmes = str(Path(sys.executable).parent)
        return {
            **os.environ,
            **more,
            "PATH": f"{programmes}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "RUN_NAME": self.run,
            "ACTION_NAME": self.action,
            "FLYTE_ATTEMPT_NUMBER": str(self.attempt - 1),
            "FLYTE_INTERNAL_EXECUTION_PROJECT": PROJECT,
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": DOMAIN,
            "_U_ORG_NAME": ORG,
            "_U_RUN_BASE": self.base,
            "_U_EP_OVERRIDE": self.endpoint,
            "_U_INSECURE": "true",
            "_U_USE_ACTIONS": "1",
        }

    def start(self, arguments: Sequence[str], more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start it, for a test to kill."""
        with self.log.open("ab") as output:
            return subprocess.Popen(
                arguments, cwd=self.code, env=self.environ(more), stdout=output, stderr=subprocess.STDOUT
            )

    async def run_to_its_end(self, arguments: Sequence[str], more: Mapping[str, str]) -> int:
        """Run it, and return its exit code."""
        with self.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *arguments, cwd=self.code, env=self.environ(more), stdout=output, stderr=subprocess.STDOUT
            )
        return await process.wait()
