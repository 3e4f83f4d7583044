"""A TCP proxy that sometimes cuts the connection when the server has done its work and before the client hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator


class CuttingProxy:
    """
    Passes on to a port of this machine, in a thread of its own.

    Args:
        port: The server's.
        seed: Decides which replies are cut.
        rate: How many, 0 to 1.
    """

    def __init__(self, port: int, seed: int, rate: float) -> None:
        self.port = 0
        self.cut = 0
        self._server_port = port
        self._chance = random.Random(seed)
        self._rate = rate

    @contextlib.contextmanager
    def running(self) -> Iterator[CuttingProxy]:
        """Run until the block is left."""
        loop = asyncio.new_event_loop()
        serving = loop.run_until_complete(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        self.port = serving.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            serving.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.close()
            return
        requests = asyncio.create_task(_copy(reader, theirs[1]))
        try:
            while reply := await theirs[0].read(65536):
                # The first bytes of a reply: what was asked for has been done.
                if self._chance.random() < self._rate:
                    self.cut += 1
                    break
                writer.write(reply)
                await writer.drain()
        except OSError:
            pass
        finally:
            requests.cancel()
            for each in (writer, theirs[1]):
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
