"""
Makes docs/images/form.png again, the picture in the README: the form of the README's own ten lines.

    python tests/browser/shoot.py

It needs Chromium on the PATH, and playwright and pausepoint in the environment (`.tox/browser/bin/python` has both).
"""

from __future__ import annotations

import base64
import re
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

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
    """Return a PNG of the form at a link: light, two pixels for one, from its first words to its last button."""
    context = browser.new_context(viewport={"width": 760, "height": 1200}, device_scale_factor=2, color_scheme="light")
    try:
        page = context.new_page()
        page.goto(link)
        parts = ("header", "main .card")
        head, card = (box for box in (page.locator(part).bounding_box() for part in parts) if box is not None)
        area = {
            "x": card["x"] - MARGIN,
            "y": head["y"],
            "width": card["width"] + 2 * MARGIN,
            "height": card["y"] + card["height"] + MARGIN - head["y"],
            "scale": 2,
        }
        # Not `page.screenshot`, which packs the pixels in a hurry: twice as many bytes.
        how = {"format": "png", "clip": area, "captureBeyondViewport": True, "optimizeForSpeed": False}
        return base64.b64decode(context.new_cdp_session(page).send("Page.captureScreenshot", how)["data"])
    finally:
        context.close()


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
            PICTURE.write_bytes(taken(browser, link))
            browser.close()
        finally:
            machine.close()
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
