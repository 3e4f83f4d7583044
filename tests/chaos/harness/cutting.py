"""A TCP proxy that sometimes cuts a connection when the server has done its work and the client has not heard of it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from functools import partial

import anyio
import anyio.abc
from anyio.from_thread import start_blocking_portal


class CuttingProxy:
    """
    Passes on to a port of this machine.

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
        """Run in a thread of its own until the block is left."""
        with start_blocking_portal() as portal:
            listener = portal.call(partial(anyio.create_tcp_listener, local_host="127.0.0.1", local_port=0))
            self.port = listener.extra(anyio.abc.SocketAttribute.local_port)
            serving = portal.start_task_soon(listener.serve, self._pass_on)
            try:
                yield self
            finally:
                serving.cancel()
                portal.call(listener.aclose)

    async def _pass_on(self, client: anyio.abc.SocketStream) -> None:
        with contextlib.suppress(OSError, anyio.EndOfStream, anyio.BrokenResourceError):
            server = await anyio.connect_tcp("127.0.0.1", self._server_port)
            async with client, server, anyio.create_task_group() as both:
                both.start_soon(self._requests, client, server)
                await self._replies(server, client)
                both.cancel_scope.cancel()

    async def _requests(self, client: anyio.abc.SocketStream, server: anyio.abc.SocketStream) -> None:
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                await server.send(await client.receive())

    async def _replies(self, server: anyio.abc.SocketStream, client: anyio.abc.SocketStream) -> None:
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                reply = await server.receive()
                # The first bytes of a reply: what was asked for has been done.
                if self._chance.random() < self._rate:
                    self.cut += 1
                    return
                await client.send(reply)
