"""From the URL in the settings to a store. A string from a client never comes here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..errors import UsageError
from .buckets import CLOUDS, bucket_at
from .fsspec_store import FsspecStore
from .local import LocalFiles
from .memory import MemoryStore
from .objects import BucketObjects
from .protocol import Store

ALLOWED = (
    "Set PAUSEPOINT_STORE to file:///path/to/folder, to a plain path of a folder, to s3://bucket/prefix, "
    "gs://bucket/prefix or az://container/prefix, or to memory:// (one process)."
)

# Two characters at least, so that the drive of a Windows path is not taken for a scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_MEMORY_NAME = re.compile(r"[A-Za-z0-9_-]{0,64}")

_memory: dict[str, MemoryStore] = {}


def open_store(url: str | os.PathLike[str]) -> Store:
    """
    Open the store at a URL. Nothing is read or written yet; `Store.probe` does that.

    Args:
        url: `file:///path/to/folder` (percent-encoded), a plain path (`~` is the home directory), a bucket (see
            `buckets.bucket_at`), or `memory://` with an optional name of letters, digits, `_` and `-`: the same name is
            the same store within one process.

    Raises:
        UsageError: Any other URL, or the extra for that kind of bucket is not installed. The message names its scheme
            and not the URL, which may hold a password.
    """
    text = os.fspath(url)
    if not text or "\0" in text:
        raise UsageError("The store's URL is empty or holds a NUL character.", ALLOWED)
    # In fsspec's spelling such a chain can lead anywhere, to a local file behind a cache for example.
    if "::" in text:
        raise _refusal("::", "chains of file systems are not allowed")
    found = _SCHEME.match(text)
    if found is None:
        return _folder_store(text)
    scheme = found.group(1).lower()
    if scheme == "memory":
        return _memory_store(text)
    if scheme == "file":
        return _folder_store(_folder_of(text))
    if scheme in CLOUDS:
        return bucket_store(text)
    raise _refusal(f"{scheme}:", "answers cannot be kept there")


def bucket_store(url: str, find: Callable[[str], object | None] = find_spec) -> FsspecStore:
    """
    Open the store in a bucket, see `open_store`.

    Args:
        url: Of one of the schemes in `CLOUDS`.
        find: Returns None if no module has that name; nothing is imported before the store is used.
    """
    bucket = bucket_at(url)
    if find("obstore") is None:
        raise UsageError(
            f"A store in {bucket.cloud.name} needs a library that is not installed.",
            f"Run `pip install 'pausepoint[{bucket.cloud.extra}]'`.",
        )
    return FsspecStore(BucketObjects(bucket))


def _memory_store(url: str) -> MemoryStore:
    name = url.partition(":")[2].strip("/")
    if not _MEMORY_NAME.fullmatch(name):
        raise UsageError("The name of a memory:// store is made of at most 64 letters, digits, '_' and '-'.", ALLOWED)
    # One step, so that two threads get the same store.
    return _memory.setdefault(name, MemoryStore(name))


def _folder_store(folder: str) -> FsspecStore:
    try:
        return FsspecStore(LocalFiles(folder))
    except (OSError, RuntimeError) as error:  # a loop of symbolic links; a `~` of nobody
        raise UsageError(f"The store's folder {folder!r} leads nowhere.", ALLOWED) from error


def _folder_of(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise UsageError(
            "This file: URL names no absolute folder of this machine.",
            "Write three slashes, as in file:///path/to/folder, and %23 and %3F for '#' and '?'; or set a plain path.",
        )
    return url2pathname(parts.path)


def _refusal(scheme: str, why: str) -> UsageError:
    return UsageError(f"A store cannot be opened at {scheme!r}: {why}.", ALLOWED)
