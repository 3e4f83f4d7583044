"""Which images may be shown beside a form, told by their first bytes and never by what somebody calls them."""

from __future__ import annotations

import hashlib

from .._models import MAX_ATTACHMENT_BYTES, MAX_LABEL_CHARS, Attachment
from ..errors import UsageError


def described(body: bytes, name: str) -> Attachment:
    """
    Describe an image.

    Args:
        body: A PNG, JPEG or WebP file, at most 10 MiB.
        name: Its caption, at most 200 characters.

    Raises:
        UsageError: It is another kind of file, too large, or its caption too long.
    """
    if len(body) > MAX_ATTACHMENT_BYTES:
        raise UsageError(
            f"The attachment is {len(body)} bytes long; at most {MAX_ATTACHMENT_BYTES} are stored.",
            "Attach a smaller one.",
        )
    if len(name) > MAX_LABEL_CHARS:
        raise UsageError(f"The attachment's name is longer than {MAX_LABEL_CHARS} characters.", "Shorten it.")
    # No SVG: it is a document that can run scripts, shown from the app's own address.
    media_type = media_type_of(body)
    if media_type is None:
        raise UsageError("The attachment is no PNG, JPEG or WebP image.", "Convert it to one of these.")
    return Attachment(sha256=hashlib.sha256(body).hexdigest(), media_type=media_type, size=len(body), name=name)


def media_type_of(body: bytes) -> str | None:
    """Return `image/png`, `image/jpeg` or `image/webp` by the file's first bytes; None for anything else."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    # RIFF holds sound and films as well; what it holds stands behind four bytes of length.
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return "image/webp"
    return None
