"""
obstore, the library that speaks to S3, Google Cloud Storage and Azure: imported on first use, anew after a fork.

obstore's requests run on threads of its own, which a fork does not copy: in the child every request would wait for
ever. They belong to the loaded library and cannot be started again, so a child whose parent had loaded it loads a copy
of the library's file, which the dynamic linker takes for another library.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from ..errors import UsageError

EXTENSION = "obstore._obstore"

GOODBYE = 0.02
"""Seconds that obstore's threads have to let go of Python when the interpreter ends."""


class Reply(Protocol):
    """An answered read; its body is still to come."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the reply's head says of the object: `size` in bytes, among others."""

    async def bytes_async(self) -> Sequence[int]:
        """Read the body: a buffer of `size` bytes."""


class Functions(Protocol):
    """What is used of obstore; a *store* is an object of one of its store classes."""

    async def put_async(self, store: object, path: str, file: bytes, *, mode: str, use_multipart: bool) -> object:
        """Write an object."""

    async def get_async(self, store: object, path: str) -> Reply:
        """Begin to read an object."""

    async def delete_async(self, store: object, paths: str) -> None:
        """Delete an object."""

    async def list_with_delimiter_async(self, store: object, prefix: str) -> Mapping[str, Any]:
        """List what is directly below a folder: `common_prefixes`, and `objects` with a `path` each."""

    def list(
        self, store: object, prefix: str, *, offset: str, chunk_size: int
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """List the objects anywhere below a folder whose key sorts after *offset*, page by page."""


class Obstore(NamedTuple):
    """
    The library as this process has loaded it.

    Attributes:
        functions: Its functions.
        stores: The module with its store classes.
    """

    functions: Functions
    stores: Any


# By process. What a parent loaded stays referred to: to let go of it would mean to wait for threads that are gone.
_loaded: dict[int, Obstore] = {}
_forked_with_obstore: set[int] = set()


def obstore() -> Obstore:
    """
    Return the library, in a state in which this process can use it.

    Raises:
        UsageError: This process was forked, and its own copy cannot be loaded.
        ImportError: It is not installed.
    """
    pid = os.getpid()
    found = _loaded.get(pid)
    if found is None:
        found = _loaded.setdefault(pid, _copied() if pid in _forked_with_obstore else _imported())
    return found


def _imported() -> Obstore:
    functions: Any = importlib.import_module("obstore")
    return Obstore(functions, importlib.import_module("obstore.store"))


def _copied() -> Obstore:
    original = sys.modules[EXTENSION]
    # The copy registers its inner modules under the same names; whoever else uses obstore keeps theirs.
    names = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "obstore"}
    try:
        with _copy_of(Path(str(original.__file__))) as file:
            copy: Any = _loaded_from(file)
    except (OSError, ImportError) as error:
        raise UsageError(
            "This process was forked from one that had loaded obstore, and cannot load it once more.",
            'Start processes with multiprocessing\'s "spawn" or "forkserver", or fork before the store is used.',
        ) from error
    finally:
        sys.modules.update(names)
    return Obstore(copy, copy._store)  # noqa: SLF001 - its public names are made by modules that import the original


def _loaded_from(file: str) -> ModuleType:
    loader = ExtensionFileLoader(EXTENSION, file)
    spec = spec_from_file_location(EXTENSION, file, loader=loader)
    if spec is None:
        raise ImportError(file)
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@contextmanager
def _copy_of(file: Path) -> Iterator[str]:
    """Copy a file; it may be gone once it is loaded. In memory where that is possible: folders may be read-only."""
    if not hasattr(os, "memfd_create"):
        with TemporaryDirectory() as folder:
            yield str(shutil.copy(file, Path(folder, f"obstore-{os.getpid()}{file.suffix}")))
        return
    with os.fdopen(os.memfd_create("obstore"), "wb") as copy:
        with file.open("rb") as original:
            shutil.copyfileobj(original, copy)
        copy.flush()
        # Not by way of /proc/self: a library is known again by its file's name, and a grandchild copies, too.
        yield f"/proc/{os.getpid()}/fd/{copy.fileno()}"


def _let_go() -> None:
    # A request's thread drops its last Python objects just after the reply was delivered. If the interpreter has begun
    # to end by then, Python stops that thread, and Rust takes this for a fault and aborts the process.
    if os.getpid() in _loaded:
        time.sleep(GOODBYE)


# At import, since such handlers run last to first: also the requests that others make while they end are over by then.
atexit.register(_let_go)


def _note_fork() -> None:
    if EXTENSION in sys.modules:
        _forked_with_obstore.add(os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
