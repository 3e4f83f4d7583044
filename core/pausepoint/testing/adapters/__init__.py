"""
The checks that every adapter must pass, as a class to subclass in a test module.

```python
import pytest
from pausepoint.testing.adapters import AdapterKit, EngineDriver


class TestMyEngine(AdapterKit):
    engine_name = "myengine"
    engine_module = "myengine"
    plugin_module = "pausepoint_myengine.plugin"
    can_suspend = True

    @pytest.fixture
    def engine(self) -> EngineDriver:
        return MyDriver()
```

Needs pytest, and the adapter installed. The checks run tasks in the real engine, which may use threads or processes of
this machine, and answer over HTTP through a form app on loopback.
"""

import pytest

# Before the checks are imported, or one that fails shows no values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("asking", "ending", "identity", "plugin", "suspending", "trial"))
)

from .driver import EngineDriver  # noqa: E402 - see above
from .kit import AdapterKit  # noqa: E402
from .task import CrashedError, Task  # noqa: E402

__all__ = ["AdapterKit", "CrashedError", "EngineDriver", "Task"]
