"""What every suite shares: a clean environment, asyncio, Chromium or one skip, measurements in the summary."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reviewing import Machine, free_port as a_free_port

BROWSER_SUITE = Path(__file__).with_name("browser")
NO_CHROMIUM = "no Chromium on the PATH: install the Debian package `chromium`"
MEASURED = pytest.StashKey[list[str]]()

try:
    from hypothesis import settings
except ImportError:  # not every suite installs it
    pass
else:
    # A slow machine is not a bug, and a failure must come back when CI is run again.
    settings.register_profile("pausepoint", deadline=None, derandomize=True)
    settings.load_profile("pausepoint")


@pytest.fixture
def anyio_backend() -> str:
    """Run `@pytest.mark.anyio` tests under asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the developer's own settings, and keep the default store out of their data directory."""
    with pytest.MonkeyPatch.context() as environ:
        for name in [name for name in os.environ if name.startswith("PAUSEPOINT_")]:
            environ.delenv(name)
        data = str(tmp_path_factory.mktemp("data"))
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "LOCALAPPDATA"):
            environ.setenv(name, data)
        yield


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A store and state folders that nothing else uses; what was started there ends with the test."""
    made = Machine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    return a_free_port()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's Chromium, for Playwright's `executable_path`."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip(NO_CHROMIUM)
    return found


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that puts one line of measurement into the summary at the end of the run."""
    return request.config.stash.setdefault(MEASURED, []).append


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium, leave one browser test, skipped, so that the reason is read once and not forty times."""
    if shutil.which("chromium") or shutil.which("chromium-browser"):
        return
    browser = [item for item in items if BROWSER_SUITE in item.path.parents]
    if browser:
        browser[0].add_marker(pytest.mark.skip(reason=NO_CHROMIUM))
        config.hook.pytest_deselected(items=browser[1:])
        items[:] = [item for item in items if item not in browser[1:]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured: nothing passes or fails by it."""
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(f"measured: {line}")
