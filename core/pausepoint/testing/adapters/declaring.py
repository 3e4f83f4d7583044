"""What an adapter says about itself in its subclass of the kit, and the fixtures that every check uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module, metadata
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest

from ...hooks import NAME
from .driver import EngineDriver
from .surroundings import surroundings
from .trial import Bench, bench_of

F = TypeVar("F", bound=Callable[..., object])

# On the class's node, and no class-scoped fixture: pytest deprecates those as methods.
SETTINGS = pytest.StashKey[dict[str, str]]()


def needs(flag: str) -> Callable[[F], F]:
    """Mark a check that makes sense only where the flag is True; without it, it is no part of the class."""

    def mark(check: F) -> F:
        check.__dict__["needs"] = flag
        return check

    return mark


class Declared:
    """
    The declarations of an adapter.

    Attributes:
        engine_name: The name of the entry point, and of the engine in every `RunContext`.
        engine_module: The package of the engine, which listing plugins must not import.
        plugin_module: The module that the entry point names.
        can_serve: It serves the form app itself: implements `pausepoint_serve`.
        can_report: The engine shows reports: implements `pausepoint_report`.
        can_link: The engine shows links: implements `pausepoint_link`.
        can_retry: The engine executes a task again in the same process.
        can_restart: The engine can execute a run again whose process was lost.
        can_suspend: A waiting task gives its process up: implements `pausepoint_wait` and `pausepoint_wake`.
        patience: Seconds after which something that should have happened counts as never happening.
    """

    engine_name: ClassVar[str]
    engine_module: ClassVar[str]
    plugin_module: ClassVar[str]
    can_serve: ClassVar[bool] = False
    can_report: ClassVar[bool] = True
    can_link: ClassVar[bool] = True
    can_retry: ClassVar[bool] = True
    can_restart: ClassVar[bool] = True
    can_suspend: ClassVar[bool] = False
    patience: ClassVar[float] = 30.0

    @pytest.fixture
    def engine(self) -> EngineDriver:
        """What drives the engine; every subclass overrides this."""
        raise NotImplementedError("Give your subclass of AdapterKit a fixture called `engine`.")

    @pytest.fixture
    def plugin(self) -> object:
        """The plugin."""
        return import_module(self.plugin_module)

    @pytest.fixture
    def settings(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
        """What leads the engine's processes to the store and the form app, which all checks of the class share."""
        of_class = request.node.getparent(pytest.Class)
        if SETTINGS not in of_class.stash:
            _refuse_missing(type(self))
            until_its_end = ExitStack()
            of_class.addfinalizer(until_its_end.close)
            made = surroundings(tmp_path_factory.mktemp("adapter"), serve=not self.can_serve)
            of_class.stash[SETTINGS] = until_its_end.enter_context(made)
        settings: dict[str, str] = of_class.stash[SETTINGS]
        return settings

    @pytest.fixture
    def bench(self, engine: EngineDriver, settings: dict[str, str], tmp_path: Path) -> Iterator[Bench]:
        """Begins runs; what they still wait for is withdrawn at the end of the check."""
        with bench_of(engine, tmp_path, settings, self.patience, self.can_suspend) as bench:
            yield bench


def _refuse_missing(cls: type[Declared]) -> None:
    """Fail early where no check could succeed, with what to do."""
    found = {point.name: point.value for point in metadata.entry_points(group=NAME)}
    if found.get(cls.engine_name) != cls.plugin_module:
        pytest.fail(
            f'No installed distribution declares {cls.engine_name} = "{cls.plugin_module}" among its entry points of '
            f'the group "{NAME}". Add it to pyproject.toml and install the adapter: `pip install -e .`.',
            pytrace=False,
        )
