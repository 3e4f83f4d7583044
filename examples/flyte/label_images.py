"""
A map of tasks, each of which asks about one image.

On a cluster all questions are open at once, and are answered in any order; in local mode Flyte runs a map one by one.
"""

import struct
import zlib
from typing import Literal

import flyte

from pausepoint import pause

env = flyte.TaskEnvironment(
    name="label-images",
    image=flyte.Image.from_debian_base().with_pip_packages("pausepoint-flyte"),
)

Label = Literal["stripes", "checks", "neither"]
SIDE = 96


def png(number: int) -> bytes:
    """Draw the image of a number: a grey one in stripes or checks, as a PNG."""
    step = 8 + 4 * (number % 3)

    def dark(x: int, y: int) -> bool:
        return bool((x // step) % 2) != bool(number % 2 and (y // step) % 2)

    rows = b"".join(b"\0" + bytes(40 if dark(x, y) else 220 for x in range(SIDE)) for y in range(SIDE))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@env.task(report=True)
def label(number: int) -> str:
    """Ask about one image."""
    return pause(
        Label,
        title=f"What is on image {number}?",
        prompt="Look at the lines: do they cross?",
        attachments={f"image {number}": png(number)},
        timeout=24 * 3600,
    )


@env.task
async def main(count: int) -> list[str]:
    """Label so many images."""
    return [str(value) async for value in flyte.map.aio(label, list(range(count)))]


if __name__ == "__main__":
    print(flyte.with_runcontext(mode="local").run(main, count=3).outputs()[0])
