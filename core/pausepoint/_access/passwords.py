"""
Reviewers and their passwords, for HTTP Basic: a file with one line each, `name:$scrypt$...`, made by `pausepoint keys
password`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from .._models import MAX_LABEL_CHARS
from ..errors import UsageError

MAX_FILE_BYTES = 1024 * 1024
MAX_PASSWORD_BYTES = 1024
LOG_N, BLOCK, LANES = 14, 8, 1
"""What one try costs: 16 MiB of memory and some 50 ms."""
MOST_COSTLY = 17
MOST_REMEMBERED = 10_000

_MEMORY = 256 * 1024 * 1024
_log = logging.getLogger("pausepoint")


class _Hash(NamedTuple):
    log_n: int
    salt: bytes
    digest: bytes


class Passwords:
    """
    The reviewers of one file. It is read again when it has changed; one that is broken then leaves the last good one.

    Args:
        path: The file.

    Raises:
        UsageError: It cannot be read, or a line in it cannot be understood.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = self._stamp()
        self._known = _read(path)
        # Under a key of this process, so that what is remembered is worth nothing elsewhere.
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        # For names that are not there, so that the time a refusal takes does not tell which are.
        self._nobody = _hashed("", LOG_N)

    def is_known(self, name: str, password: str) -> bool:
        """Say whether this very pair was right before, in this process and with this file; costs nothing."""
        return self._changed == self._stamp() and self._seal(name, password) in self._right

    def check(self, name: str, password: str) -> bool:
        """Say whether the password is right; takes some 50 ms whatever it is, so not in an event loop."""
        self._refresh()
        if len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
            return False
        known = self._known.get(name)
        stored = known or self._nobody
        is_right = (
            hmac.compare_digest(_digest(password, stored.salt, stored.log_n), stored.digest) and known is not None
        )
        if is_right:
            self._right[self._seal(name, password)] = None
            if len(self._right) > MOST_REMEMBERED:
                self._right.popitem(last=False)
        return is_right

    def _refresh(self) -> None:
        stamp = self._stamp()
        if stamp == self._changed:
            return
        try:
            known = _read(self._path)
        except UsageError as error:
            _log.error("The passwords are those of before: %s", error.what)
            known = self._known
        self._changed, self._known = stamp, known
        self._right.clear()

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _seal(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{len(name)}:{name}:{password}".encode("utf-8", "replace"), "sha256")


def password_line(name: str, password: str) -> str:
    """
    Return the line for the file.

    Raises:
        UsageError: The name has a colon or is no line of text, or one of the two is empty or too long.
    """
    if not name.strip() or ":" in name or len(name) > MAX_LABEL_CHARS or not name.isprintable() or name[0] == "#":
        raise UsageError(
            "This name cannot be used with HTTP Basic.",
            f"Use 1 to {MAX_LABEL_CHARS} printable characters without ':', and no '#' in front.",
        )
    if not password or len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
        raise UsageError(f"A password has 1 to {MAX_PASSWORD_BYTES} bytes.", "Choose another.")
    made = _hashed(password, LOG_N)
    return f"{name}:$scrypt$ln={made.log_n},r={BLOCK},p={LANES}${_text(made.salt)}${_text(made.digest)}"


def _read(path: Path) -> dict[str, _Hash]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"The file of PAUSEPOINT_PASSWORDS cannot be read: {told}.", "Correct the path.") from None
    known: dict[str, _Hash] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, _, spelt = line.partition(":")
            found = _parsed(spelt.strip())
            if found is None or not name.strip() or name in known:
                # The line is not repeated: it may be a password somebody has typed there.
                raise UsageError(
                    f"Line {number} of the file of PAUSEPOINT_PASSWORDS cannot be understood, or names somebody twice.",
                    "Make each line with `pausepoint keys password NAME`.",
                )
            known[name] = found
    return known


def _parsed(spelt: str) -> _Hash | None:
    try:
        empty, kind, costs, salt, digest = spelt.split("$")
        log_n, block, lanes = (int(part.partition("=")[2]) for part in costs.split(","))
        found = _Hash(log_n, _bytes(salt), _bytes(digest))
    except (ValueError, binascii.Error):
        return None
    fits = (empty, kind, block, lanes) == ("", "scrypt", BLOCK, LANES) and 1 <= log_n <= MOST_COSTLY
    return found if fits and len(found.salt) >= 8 and len(found.digest) == 32 else None  # noqa: PLR2004 - bytes


def _hashed(password: str, log_n: int) -> _Hash:
    salt = secrets.token_bytes(16)
    return _Hash(log_n, salt, _digest(password, salt, log_n))


def _digest(password: str, salt: bytes, log_n: int) -> bytes:
    given = password.encode("utf-8", "replace")
    return hashlib.scrypt(given, salt=salt, n=2**log_n, r=BLOCK, p=LANES, maxmem=_MEMORY, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
