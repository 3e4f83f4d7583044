"""Every example runs as it stands, as a real process, and is answered over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "flyte"
RELEASE = {"decision": "deploy", "traffic": 25, "because": "it is better"}


def run(name: str, answers: list[Any], folder: Path) -> str:
    """Run an example, answer the links that it prints in their order, and return what it prints."""
    environ = {**os.environ, "PAUSEPOINT_STORE": str(folder / "store"), "XDG_STATE_HOME": str(folder / "state")}
    command = [sys.executable, str(EXAMPLES / name)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    said: list[str] = []

    def answer() -> None:
        assert process.stderr is not None
        left = list(answers)
        for line in process.stderr:
            said.append(line)
            if left and (link := re.search(r"answer at +(http\S+)/form/(\w+)", line)):
                body = {"request_id": link[2], "value": left.pop(0)}
                assert httpx.get(link[0].split()[-1]).status_code == 200
                httpx.post(f"{link[1]}/submit/json", json=body).raise_for_status()

    with process:
        thread = threading.Thread(target=answer)
        thread.start()
        assert process.stdout is not None
        printed = process.stdout.read()
        thread.join()
    assert process.returncode == 0, "".join(said)
    return printed


@pytest.mark.parametrize(
    ("name", "answers", "printed"),
    [
        ("add_to_x.py", [41], "42"),
        ("approve_model.py", [RELEASE], "deployed to 25% because it is better"),
        ("label_images.py", ["stripes"] * 3, "['stripes', 'stripes', 'stripes']"),
    ],
)
def test_an_example_asks_and_goes_on(name: str, answers: list[Any], printed: str, tmp_path: Path) -> None:
    assert printed in run(name, answers, tmp_path)


def test_no_example_is_without_a_test() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"add_to_x.py", "approve_model.py", "label_images.py"}
