"""
The atomic step of a local write: a complete temporary file gets its name, unless the name is taken.

A hard link does that on nearly every file system. Where there are none (FAT, some network and FUSE mounts), a rename
that refuses an existing target does; where there is neither, the store is refused.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import UnsafeStoreError
from .protocol import event_of, shown_path

Link = Callable[[str, str], None]
Rename = Callable[[str, str], None]

_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100


def publish(temporary: str, target: str, link: Link = os.link) -> bool:
    """
    Give a temporary file its name.

    Args:
        temporary: A complete, synced file in the target's folder. It may still be there afterwards; the caller
            removes it.
        target: The name it is to have.
        link: Makes a hard link.

    Returns:
        True if the name is ours; False if it was taken.

    Raises:
        UnsafeStoreError: This file system can neither link nor rename without overwriting.
        OSError: It failed for another reason.
    """
    try:
        link(temporary, target)
    except OSError as error:
        # On NFS the link can be made and its reply lost; the retry then says "exists". The count of names tells.
        if Path(temporary).stat().st_nlink == 2:  # noqa: PLR2004 - the temporary name and the real one
            return True
        if isinstance(error, FileExistsError):
            return False
        if error.errno not in _NO_LINKS:
            raise
        return rename_exclusively(temporary, target)
    return True


def rename_exclusively(temporary: str, target: str) -> bool:
    """
    Rename a file unless the target exists; same results and errors as `publish`.

    Windows' own rename refuses an existing target; Linux has `renameat2`.
    """
    rename = os.rename if os.name == "nt" else _renameat2()
    if rename is None:
        raise _unsafe(target)
    try:
        rename(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise _unsafe(target) from error
        raise
    return True


def _renameat2() -> Rename | None:
    # By way of the C library, because Python has no call for it; an old library has none either.
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if function is None:
        return None

    def rename(source: str, target: str) -> None:
        names = os.fsencode(source), os.fsencode(target)
        if function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return rename


def _unsafe(target: str) -> UnsafeStoreError:
    folder = shown_path(Path(target).parent.as_posix())
    return UnsafeStoreError(
        f"The file system of {folder} can neither link nor rename without overwriting.",
        "Set PAUSEPOINT_STORE to a folder on another file system; address a mounted bucket by its own URL instead.",
        event_of(target),
    )
