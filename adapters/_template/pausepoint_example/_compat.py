"""The one place that looks at the engine's version, so that "too old" is a sentence and not an AttributeError."""

from __future__ import annotations

from types import ModuleType

from pausepoint.errors import AdapterError

OLDEST = (1, 0)


def engine_module() -> ModuleType:
    """
    Import the engine.

    Raises:
        AdapterError: It is older than what this adapter was written for.
    """
    import example_engine

    if example_engine.VERSION < OLDEST:
        found, needed = (".".join(map(str, version)) for version in (example_engine.VERSION, OLDEST))
        raise AdapterError(
            f"pausepoint-example needs version {needed} of the example engine, and {found} is installed.",
            "Install a newer version of the engine.",
        )
    module: ModuleType = example_engine
    return module
