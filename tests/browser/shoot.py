"""
Makes docs/images/form.png again, the picture in the README: the form of the README's own ten lines.

    python tests/browser/shoot.py

It needs Chromium on the PATH, and playwright and pausepoint in the environment (`.tox/browser/bin/python` has both).
"""

from __future__ import annotations

import re
import runpy
import shutil
import struct
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, sync_playwright

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "form.png"
MARGIN = 24
"""Pixels of the page around what is shown."""
RUN_ID = "nightly-42"


def ten_lines() -> str:
    """Return the README's example."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"^## Ten lines\n+```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError("README.md has no code block below '## Ten lines'.")
    return found[1]


def taken(browser: Browser, link: str) -> bytes:
    """Return a PNG of the form at a link: light, two pixels for one, from its first words to its last."""
    context = browser.new_context(viewport={"width": 760, "height": 1200}, device_scale_factor=2, color_scheme="light")
    try:
        page = context.new_page()
        page.goto(link)
        boxes = (page.locator(part).bounding_box() for part in ("header", "main .card"))
        head, card = (box for box in boxes if box is not None)
        area: FloatRect = {
            "x": card["x"] - MARGIN,
            "y": head["y"],
            "width": card["width"] + 2 * MARGIN,
            "height": card["y"] + card["height"] + MARGIN - head["y"],
        }
        return page.screenshot(clip=area, full_page=True)
    finally:
        context.close()


def packed(png: bytes) -> bytes:
    """Return Chromium's PNG with its 256 commonest colours only, in a third of the bytes and for eyes the same."""
    width, height = struct.unpack(">II", png[16:24])
    pixels = [row[at : at + 3] for row in _rows(png, width * 3) for at in range(0, width * 3, 3)]
    colours = [colour for colour, _ in Counter(pixels).most_common()]
    palette = colours[:256]
    index = {colour: min(range(len(palette)), key=lambda at: _distance(palette[at], colour)) for colour in colours}
    lines = (bytes(index[pixel] for pixel in pixels[at : at + width]) for at in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", body), (b"IEND", b""))
    return png[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _rows(png: bytes, length: int) -> Iterator[bytes]:
    """Yield the rows of a PNG of 8-bit red, green and blue, its five filters undone."""
    body, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            body += png[at + 8 : at + 8 + size]
        at += size + 12
    raw = zlib.decompress(body)
    above = bytes(length)
    for at in range(0, len(raw), length + 1):
        row = bytearray(raw[at + 1 : at + 1 + length])
        predict = _PREDICTIONS[raw[at]]
        for x in range(length):
            left, corner = (row[x - 3], above[x - 3]) if x >= 3 else (0, 0)
            row[x] = (row[x] + predict(left, above[x], corner)) & 255
        above = bytes(row)
        yield above


def _nearest(left: int, up: int, corner: int) -> int:
    """Paeth's prediction."""
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


_PREDICTIONS: tuple[Callable[[int, int, int], int], ...] = (
    lambda left, up, corner: 0,
    lambda left, up, corner: left,
    lambda left, up, corner: up,
    lambda left, up, corner: (left + up) // 2,
    _nearest,
)


def main() -> None:
    """Run the example, open its form, keep the picture."""
    reviewing: dict[str, Any] = runpy.run_path(str(ROOT / "tests" / "reviewing.py"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        machine = reviewing["Machine"](Path(folder))
        try:
            script = machine.start(machine.write("deploy.py", ten_lines()), PAUSEPOINT_RUN_ID=RUN_ID)
            link = script.link()
            chromium = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            PICTURE.write_bytes(packed(taken(browser, link)))
            browser.close()
        finally:
            machine.close()
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
