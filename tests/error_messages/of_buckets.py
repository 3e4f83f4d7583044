"""What can be wrong with a bucket; no cloud is asked, and its library need not be installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from occasions import ID, SECRET, each, occasion

from pausepoint import open_store
from pausepoint._store import layout
from pausepoint._store.buckets import S3, Bucket
from pausepoint._store.extension import EXTENSION, _copied, _loaded
from pausepoint._store.objects import BucketObjects
from pausepoint._store.opening import bucket_store
from pausepoint._store.refusals import refusal_of


@each(
    a_password=f"s3://me:{SECRET}@bucket/prefix",
    no_bucket="gs://x",
    a_prefix_that_climbs="az://container/../other",
)
def a_bucket_url_with(url: str) -> None:
    open_store(url)


@occasion
def a_bucket_without_its_library() -> None:
    bucket_store("s3://my-bucket/questions", find=lambda name: None)


class PermissionDeniedError(Exception):
    """Named as obstore's."""


@each(
    credentials=PermissionDeniedError(f"status code: 403 <Code>AccessDenied</Code> {SECRET} {ID}"),
    no_bucket=FileNotFoundError(f"status code: 404 <Code>NoSuchBucket</Code> {SECRET} {ID}"),
    time=TimeoutError(SECRET),
    an_unknown_failure=RuntimeError(SECRET),
)
def a_bucket_refuses_for(error: Exception) -> None:
    raise refusal_of(error).error("s3://my-bucket/questions", "read", layout.request_path(ID))


@contextmanager
def _modules(**given: ModuleType) -> Iterator[None]:
    """Have other modules imported under these names, as if another version of the library were installed."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "obstore"}
    loaded = dict(_loaded)
    for name in before:
        del sys.modules[name]
    _loaded.clear()
    sys.modules.update(given)
    try:
        yield
    finally:
        for name in given:
            sys.modules.pop(name, None)
        _loaded.clear()
        _loaded.update(loaded)
        sys.modules.update(before)


def _refuse(*arguments: object, **named: object) -> None:
    raise ValueError(f"the account key {SECRET} is no base64")


@occasion
async def a_bucket_whose_environment_is_wrong() -> None:
    stores = ModuleType("obstore.store")
    stores.S3Store = _refuse  # type: ignore[attr-defined]
    with _modules(**{"obstore": ModuleType("obstore"), "obstore.store": stores}):
        await BucketObjects(Bucket(S3, "my-bucket", "questions")).get("v1/store.json", 1)


@occasion
def a_fork_whose_library_cannot_be_loaded_again() -> None:
    library = ModuleType(EXTENSION)
    library.__file__ = "/no/such/library.so"
    with _modules(**{EXTENSION: library}):
        _copied()
