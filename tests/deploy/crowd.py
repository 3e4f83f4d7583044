"""Reviewers by the hundred: each a browser without JavaScript, with cookies of its own, who opens and sends forms."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
from fronting import PREFIX, Front

from reviewing import Inputs

ACTION = re.compile(r'<form method="post" action="([^"]+)"')
TRIES = 60
"""How often a reviewer whose page did not come tries again, a second apart, as people do."""


@dataclass
class Sent:
    """
    What became of all that was sent.

    Attributes:
        accepted: By event, the values whose reviewer was told "accepted".
        late: How many were told that somebody else was first.
        failed: How many requests got no answer, or a 502 to 504 from the proxy; each was made again.
        strange: Every other reply, in words.
        seconds: How long each form took to be sent and answered.
    """

    accepted: dict[int, list[int]] = field(default_factory=dict)
    late: int = 0
    failed: int = 0
    strange: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def told(self) -> str:
        """The figures of the forms in words."""
        cuts = quantiles(self.seconds, n=100)
        return f"{len(self.seconds)} forms, p50 {cuts[49] * 1000:.0f} ms, p95 {cuts[94] * 1000:.0f} ms"


class Crowd:
    """
    The reviewers.

    Args:
        front: What they reach.
        links: By event.
        contested: The part of the events that two of them answer at once, each with a value of their own.
    """

    def __init__(self, front: Front, links: dict[int, str], contested: float = 0.05) -> None:
        self.sent = Sent()
        self._front = front
        chance = random.Random(5)
        self._work = [(number, link, number) for number, link in links.items()]
        self._work += [(number, link, -1 - number) for number, link in links.items() if chance.random() < contested]
        chance.shuffle(self._work)

    async def answer(self, reviewers: int) -> Sent:
        """Let so many of them work until nothing is left; return what became of it."""
        context = self._front.certificates.context()
        await asyncio.gather(*(self._review(context) for _ in range(reviewers)))
        return self.sent

    async def _review(self, context: object) -> None:
        host = {"Host": self._front.reached("")[1]["Host"]}
        base = f"https://127.0.0.1:{self._front.port}"
        # A browser keeps few connections, and so many reviewers are as many browsers.
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=base,
            headers=host,
            verify=context,
            timeout=60,
            trust_env=False,
            limits=limits,  # type: ignore[arg-type]
        ) as browser:
            while self._work:
                number, link, value = self._work.pop()
                await self._one(browser, number, PREFIX + link.partition(PREFIX)[2], value)

    async def _one(self, browser: httpx.AsyncClient, number: int, path: str, value: int) -> None:
        for _ in range(TRIES):
            page = await self._asked(browser, "GET", path)
            if page is not None and page.is_redirect:
                page = await self._asked(browser, "GET", page.headers["location"])
            if page is None:
                continue
            action = ACTION.search(page.text)
            if action is None:
                self._note_settled(page, number, value)
                return
            data = {**Inputs(page.text).inputs, "v": str(value)}
            began = time.perf_counter()
            reply = await self._asked(browser, "POST", action[1], data)
            self.sent.seconds.append(time.perf_counter() - began)
            if reply is None:
                # What became of it is not known; the page will tell, and the same form again would be the same answer.
                continue
            if reply.status_code == 200:
                self.sent.accepted.setdefault(number, []).append(value)
            elif reply.status_code == 409:
                self._note_settled(reply, number, value)
            else:
                self.sent.strange.append(f"{reply.status_code} {reply.text[-300:]}")
            return
        self.sent.strange.append(f"event {number}: nobody answered")

    async def _asked(
        self, browser: httpx.AsyncClient, method: str, path: str, data: dict[str, str] | None = None
    ) -> httpx.Response | None:
        origin = {"Origin": self._front.url.removesuffix(PREFIX)} if data else {}
        try:
            reply = await browser.request(method, path, data=data, headers=origin)
        except httpx.TransportError:
            reply = None
        if reply is not None and reply.status_code not in (502, 503, 504):
            return reply
        self.sent.failed += 1
        await asyncio.sleep(1)
        return None

    def _note_settled(self, page: httpx.Response, number: int, value: int) -> None:
        """Note that the page says that somebody was first: another one, or our own form whose reply was lost."""
        if page.status_code not in (200, 409):
            self.sent.strange.append(f"event {number}, {value}: {page.status_code} {page.text[-300:]}")
        self.sent.late += 1
