import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest
from aioice import stun

from voice_agent.transports.webrtc.ice_route import TurnServer
from voice_agent.transports.webrtc.ice_url import parse_ice_url
from voice_agent.transports.webrtc.relays import (
    HEAD_START_S,
    FaultKind,
    TurnFault,
    fault_of,
    first_relay,
)

pytestmark = pytest.mark.virtual_time
A, B, C = (TurnServer(parse_ice_url(f"turn:{name}"), "u", "p") for name in "abc")


class Asked:
    """Answers as told, and notes who was asked when and who was let go."""

    def __init__(self, **answers: Callable[[], Awaitable[str]]) -> None:
        self.at: dict[str, float] = {}
        self.let_go: list[str] = []
        self._answers = answers

    async def __call__(self, server: TurnServer) -> str:
        name = server.url.host
        self.at[name] = asyncio.get_running_loop().time()
        try:
            return await self._answers[name]()
        except asyncio.CancelledError:
            self.let_go.append(name)
            raise


def after(delay_s: float, word: str) -> Callable[[], Awaitable[str]]:
    return lambda: asyncio.sleep(delay_s, word)


async def down() -> str:
    raise ConnectionRefusedError


async def never() -> str:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("somebody answered")


async def test_the_first_server_is_enough() -> None:
    ask = Asked(a=after(HEAD_START_S / 2, "relay"))
    assert await first_relay([A, B], ask, {}) == "relay"
    assert ask.at.keys() == {"a"}


async def test_the_next_is_asked_at_once_when_one_fails_and_soon_when_it_is_slow() -> None:
    ask, faults = Asked(a=down, b=never, c=after(0.1, "relay")), dict[TurnServer, TurnFault]()
    assert await first_relay([A, B, C], ask, faults) == "relay"
    assert ask.at["b"] == ask.at["a"]
    assert ask.at["c"] == pytest.approx(ask.at["b"] + HEAD_START_S)
    assert faults.keys() == {A}
    await asyncio.sleep(0)
    assert ask.let_go == ["b"]


async def test_a_slow_one_may_still_be_the_first() -> None:
    ask = Asked(a=after(HEAD_START_S + 0.1, "slow"), b=after(1, "late"))
    assert await first_relay([A, B], ask, {}) == "slow"


async def test_none_is_none_and_says_why() -> None:
    faults: dict[TurnServer, TurnFault] = {}
    assert await first_relay([A, B], Asked(a=down, b=down), faults) is None
    assert [fault.words for fault in faults.values()] == ["is down: nothing listens there"] * 2
    assert await first_relay([], Asked(), {}) is None


async def test_who_gives_up_leaves_nobody_asking() -> None:
    ask = Asked(a=never, b=never)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await first_relay([A, B], ask, {})
    await asyncio.sleep(0)
    assert sorted(ask.let_go) == ["a", "b"]


def refusal(code: int, words: str) -> stun.TransactionFailed:
    message = stun.Message(stun.Method.ALLOCATE, stun.Class.ERROR)
    message.attributes["ERROR-CODE"] = (code, words)
    return stun.TransactionFailed(message)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (refusal(401, "Unauthorized"), FaultKind.REFUSED, "refuses the credentials (401)"),
        (refusal(403, "Forbidden"), FaultKind.REFUSED, "refuses the credentials (403)"),
        (refusal(486, ""), FaultKind.FULL, "has no room for a further relay (486)"),
        (refusal(508, ""), FaultKind.FULL, "has no room for a further relay (508)"),
        (refusal(500, "Server Error"), FaultKind.OTHER, "says no (500 Server Error)"),
        (stun.TransactionTimeout(), FaultKind.UNREACHABLE, "does not answer"),
        (TimeoutError(), FaultKind.UNREACHABLE, "does not answer"),
        (ConnectionRefusedError(), FaultKind.UNREACHABLE, "is down: nothing listens there"),
        (socket.gaierror(-2, "x"), FaultKind.UNREACHABLE, "has a name that is not known"),
        (OSError(101, "No route"), FaultKind.UNREACHABLE, "cannot be reached (No route)"),
        (ssl.SSLError(1, "bad"), FaultKind.UNTRUSTED, "fails at TLS"),
        (RuntimeError("odd"), FaultKind.OTHER, "failed: RuntimeError('odd')"),
    ],
)
def test_a_fault_is_said_in_words(error: Exception, kind: FaultKind, words: str) -> None:
    fault = fault_of(error)
    assert fault.kind is kind
    assert fault.words.startswith(words)
