"""How many candidates reach their peers behind HAProxy, and what forwarding them costs."""

import time
from dataclasses import replace

import aiohttp
import pytest

from tests.balanced_servers import PEERS, Balanced, admitted, deliver, one, two

__all__ = ["one", "two"]

pytestmark = pytest.mark.soak

EACH = 125
"""Of eight peers: 1,000. A peer that never connects is closed after 15 s, so not many more."""
AT_ONCE = 1
"""Candidates a request: the most that a browser could make of them."""


async def timed(balanced: Balanced, what: str, hops: int) -> None:
    async with aiohttp.ClientSession() as http:
        await admitted(balanced, http) if len(balanced.servers) > 1 else None
        began = time.monotonic()
        await deliver(balanced, http, EACH, at_once=AT_ONCE, hops=hops)
    taken = time.monotonic() - began
    requests = PEERS * EACH / AT_ONCE
    print(
        f"\n{what}: {PEERS * EACH} of {PEERS * EACH} candidates in {requests:.0f} requests, "
        f"{taken:.1f} s, {taken / requests * 1000:.2f} ms a request"
    )


async def test_one_server_of_two_processes(one: Balanced) -> None:
    await timed(one, "one server, two processes", 1)


async def test_two_servers_that_the_balancer_knows(two: Balanced) -> None:
    async with aiohttp.ClientSession() as http:
        straight = replace(await admitted(two, http), url=two.straight_url)
    await timed(straight, "two servers, none forwarded", 1)


async def test_two_servers_taken_for_each_other(two: Balanced) -> None:
    await timed(two, "two servers, all forwarded", 2)
