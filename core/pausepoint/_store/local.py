"""Objects as files of one folder: created whole, synced to disk, never overwritten."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from .._models import MAX_BODY_BYTES
from ..errors import StoreError
from .protocol import Names, event_of, is_name, shown_path, too_large
from .publication import publish
from .workers import in_worker

Publish = Callable[[str, str], bool]

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
# Without O_BINARY, Windows writes two bytes for each line feed.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}


class LocalFiles:
    """
    The `Backend` for a folder on a file system.

    A write is: a temporary file in the same folder, fsync, a hard link as the final name, fsync of the folder. So a
    reader sees all of an object or none, a killed writer leaves nothing but a temporary file, and "created" means on
    disk. An empty object, which is a hint and cannot be seen half written, is its name and nothing else; a power cut
    may undo it. Those of one folder share a file: to make a new one costs several times as much as another name, and
    twenty times where many files were deleted a moment ago (ext4). Writing and listing run in a worker thread; reading
    a record takes a few microseconds and does not. Paths are text, because a `Path` takes longer than what it is for.

    Args:
        root: The folder, resolved here once; made on the first write, for this user only (mode 0700).
        publish: The atomic step, see `publication.publish`.
    """

    def __init__(self, root: str | os.PathLike[str], publish: Publish = publish) -> None:
        # Now and once: a change of the working directory or of a link must not split the store in two.
        self._root = Path(root).expanduser().resolve()
        self._folder = str(self._root)
        self._url = self._root.as_uri()
        self._publish = publish
        self._marked = ""

    @property
    def url(self) -> str:
        """`file://` and the folder."""
        return self._url

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`."""
        return await in_worker(partial(self._create, path, body))

    async def get(self, path: str, limit: int) -> bytes | None:
        """See `Store.get`; what may be large is read in a worker thread."""
        if limit > MAX_BODY_BYTES:
            return await in_worker(partial(self._get, path, limit))
        return self._get(path, limit)

    async def list(self, prefix: str, after: str = "") -> Names:  # noqa: ARG002 - the protocol's parameter
        """Return all names below a folder, in no order."""
        return await in_worker(partial(self._list, prefix))

    async def remove(self, path: str) -> None:
        """Remove a throw-away object."""
        await in_worker(partial(self._remove, path))

    async def sweep(self, older_than: float) -> int:
        """See `Store.sweep`."""
        return await in_worker(partial(self._sweep, older_than))

    def _create(self, path: str, body: bytes) -> bool:
        try:
            target = f"{self._folder}/{path}"
            return self._write(target, body) if body else self._mark(target)
        except OSError as error:
            raise self._failure("written", path, error) from _without_names(error)

    def _write(self, target: str, body: bytes) -> bool:
        folder = _folder_of(target)
        # Beside its target, since a hard link cannot lead to another file system; hidden, so that no listing shows it.
        temporary = f"{folder}/.{uuid4().hex}.tmp"
        try:
            _fill(_new_file(temporary), body)
            won = self._publish(temporary, target)
        finally:
            with contextlib.suppress(FileNotFoundError):  # it was not made, or renamed
                os.unlink(temporary)  # noqa: PTH108 - see the class
        # Also for the loser: it will show the winner's object, which must then survive a power cut.
        _sync_folder(folder)
        return won

    def _mark(self, target: str) -> bool:
        """Create an empty object: to open it exclusively is enough, for there is nothing to be torn."""
        # Of one folder, so that the file's age is theirs: whoever removes old hints goes by it.
        known = self._marked
        try:
            if _folder_of(known) == _folder_of(target) and _has_linked(known, target):
                return True
            os.close(_new_file(target))
        except FileExistsError:
            return False
        self._marked = target
        return True

    def _get(self, path: str, limit: int) -> bytes | None:
        try:
            with open(f"{self._folder}/{path}", "rb") as file:  # noqa: PTH123 - a third faster than by way of a Path
                # Of the open file and not of its name, so that it is the size of what is read.
                size = os.fstat(file.fileno()).st_size
                if size > limit:
                    raise too_large(path, size, limit)
                return file.read(size)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("read", path, error) from _without_names(error)

    def _list(self, prefix: str) -> Names:
        try:
            return [name for name in os.listdir(self._root / prefix) if is_name(name)]  # noqa: PTH208 - twice as fast
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failure("read", prefix, error) from _without_names(error)

    def _remove(self, path: str) -> None:
        # Its folder stays: removing it would race with another process that is about to write there.
        try:
            (self._root / path).unlink(missing_ok=True)
        except OSError as error:
            raise self._failure("written", path, error) from _without_names(error)

    def _sweep(self, older_than: float) -> int:
        oldest = time.time() - older_than
        try:
            return sum(
                _remove_older(Path(folder, name), oldest)
                for folder, _, names in os.walk(self._root, onerror=_refuse_unless_gone)
                for name in names
                if _TEMPORARY.fullmatch(name)
            )
        except OSError as error:
            raise self._failure("swept", "", error) from _without_names(error)

    def _failure(self, verb: str, path: str, error: OSError) -> StoreError:
        what = f" ({shown_path(path)})" if path else ""
        return StoreError(
            f"The store's folder {self._root} could not be {verb}{what}: {error.strerror or type(error).__name__}.",
            "Check that it is a folder, that this user may read and write it, and that its disk has room; or set "
            "PAUSEPOINT_STORE to another place.",
            event_of(path),
        )


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents (mode 0700), each synced into its own parent."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        return
    _sync_folder(folder.parent)


def _has_linked(file: str, name: str) -> bool:
    """Give a file one more name; False where it is gone or has as many as it can, or where files have only one."""
    try:
        os.link(file, name)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _new_file(path: str) -> int:
    """Open a file that does not exist yet for writing, for this user only, and its folder if that does not either."""
    # Tried first: nearly always the folder is there, and to look each time costs as much as to try.
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, _NEW, 0o600)
    _make_folder(Path(path).parent)
    return os.open(path, _NEW, 0o600)


def _fill(descriptor: int, body: bytes) -> None:
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        # Before it gets its name: after a power cut a name must not stand for an empty file, which nobody could
        # replace.
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: str | Path) -> None:
    if os.name == "nt":  # cannot open a folder; NTFS keeps its own journal of names
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE mounts have no such operation; their server syncs names by itself.
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _refuse_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _remove_older(file: Path, oldest: float) -> bool:
    try:
        if file.stat().st_mtime >= oldest:
            return False
        file.unlink()
    except FileNotFoundError:  # its writer, or another sweep, was faster
        return False
    return True


def _without_names(error: OSError) -> OSError:
    """Copy an error without the file's name: it holds a whole request id, and tracebacks end up in logs."""
    return OSError(error.errno, error.strerror)
