"""Peers of ours, and of a client, with a real TURN server between them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack

from tests.programs import free_port
from tests.turn_servers import SECRET, TurnProcess
from voice_agent.core.errors import MediaRouteError
from voice_agent.listening import host_addresses
from voice_agent.transports.base import CloseReason, Connection
from voice_agent.transports.webrtc.gathering import BESIDE_HOSTS_S
from voice_agent.transports.webrtc.ice_servers import IceServers, SharedTurn
from voice_agent.transports.webrtc.manager import WebRTCManager
from voice_agent.transports.webrtc.relays import HEAD_START_S, FaultKind, fault_of
from voice_agent.transports.webrtc.signaling import Offer
from voice_agent.transports.webrtc.turn_clients import ALLOCATE_S, allocate
from voice_agent.transports.webrtc.udp_ports import bind_udp

WITHIN_S = 15.0
SLACK_S = 2.0
"""What a busy machine may add to a bound."""
BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])

Managers = Callable[..., WebRTCManager]


def ice(
    *urls: str, secret: str = SECRET, ends_in_s: float | None = None, **chosen: Any
) -> IceServers:
    return IceServers(time.time, shared=SharedTurn(urls, secret, ends_in_s), **chosen)


class Browser:
    """The other side, that goes through TURN servers only where it is given one."""

    def __init__(self, servers: IceServers | None = None) -> None:
        configuration = RTCConfiguration([])
        if servers is not None:
            (turn,) = servers.for_client("browser", time.time() + 60)
            configuration.iceServers = [
                RTCIceServer(list(turn.urls), turn.username, turn.credential)
            ]
            configuration.iceTransportPolicy = RTCIceTransportPolicy.RELAY
        self.peer = RTCPeerConnection(configuration)
        self.peer.addTrack(AudioStreamTrack())
        self.peer.createDataChannel("chat")

    async def offer(self) -> Offer:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return Offer(self.peer.localDescription.sdp)

    async def take(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


@pytest.fixture
async def manager_of() -> AsyncIterator[Managers]:
    managers: list[WebRTCManager] = []

    def make(servers: IceServers) -> WebRTCManager:
        managers.append(WebRTCManager(servers.route))
        return managers[-1]

    yield make
    for manager in managers:
        await manager.close()
        assert manager.open_count == 0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """One that needs no TURN server, but an address beyond loopback."""
    if not host_addresses():
        pytest.skip("this machine has only loopback addresses")
    browser = Browser()
    yield browser
    await browser.peer.close()


def candidates(sdp: str) -> set[str]:
    """Return the types of the candidates in an SDP."""
    lines = [line.split() for line in sdp.splitlines() if line.startswith("a=candidate:")]
    return {line[line.index("typ") + 1] for line in lines}


@BOTH
async def test_audio_is_relayed_on_both_sides(
    turn_server: TurnProcess, manager_of: Managers, transport: str
) -> None:
    servers = ice(turn_server.url(transport), relay_only=True)
    manager, browser = manager_of(servers), Browser(servers)
    started: list[Connection] = []
    answer = await manager.answer(await browser.offer(), session_id="p0.x", start=started.append)
    assert candidates(answer.sdp) == {"relay"}
    assert "raddr 0.0.0.0" in answer.sdp, "no address of ours is told"
    await browser.take(answer.sdp)
    await started[0].wait_carrying(timeout_s=WITHIN_S)
    await started[0].close(CloseReason.NORMAL)
    await browser.peer.close()
    assert "p0.x" in turn_server.log, "the session stands in the user name"


async def test_a_relay_is_offered_beside_other_candidates(
    turn_server: TurnProcess, manager_of: Managers, browser: Browser
) -> None:
    manager = manager_of(ice(turn_server.url()))
    answer = await manager.answer(
        await browser.offer(), session_id="p0.x", start=lambda connection: None
    )
    assert candidates(answer.sdp) == {"host", "relay"}


@pytest.mark.parametrize(
    ("secret", "ends_in_s"), [("another word", None), (SECRET, -60.0)], ids=["wrong", "expired"]
)
@BOTH
async def test_refused_credentials_cost_the_relay_and_no_time(
    turn_server: TurnProcess,
    manager_of: Managers,
    browser: Browser,
    transport: str,
    secret: str,
    ends_in_s: float | None,
) -> None:
    url = turn_server.url(transport)
    offer = await browser.offer()
    servers = ice(url, secret=secret, ends_in_s=ends_in_s)
    answer = await _answered_within(BESIDE_HOSTS_S, manager_of(servers), offer)
    assert candidates(answer) == {"host"}
    only = manager_of(ice(url, secret=secret, ends_in_s=ends_in_s, relay_only=True))
    with pytest.raises(MediaRouteError, match=r"refuses the credentials \(401\)"):
        await _answered_within(BESIDE_HOSTS_S, only, offer)


@BOTH
async def test_a_turn_server_that_is_down_is_noticed_at_once(
    manager_of: Managers, browser: Browser, transport: str
) -> None:
    url = f"turn:127.0.0.1:{free_port()}?transport={transport}"
    offer = await browser.offer()
    answer = await _answered_within(0, manager_of(ice(url)), offer)
    assert candidates(answer) == {"host"}
    with pytest.raises(MediaRouteError) as refused:
        await _answered_within(0, manager_of(ice(url, relay_only=True)), offer)
    assert (
        str(refused.value)
        == f"WebRTC needs a TURN server here and has none: {url} is down: nothing listens there"
    )


async def test_a_turn_server_that_is_silent_holds_nobody_up_for_long(
    manager_of: Managers, browser: Browser
) -> None:
    offer = await browser.offer()
    with bind_udp("127.0.0.1", None) as silent:
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}?transport=udp"
        answer, refusal = await asyncio.gather(
            _answered_within(BESIDE_HOSTS_S, manager_of(ice(url)), offer),
            _answered_within(ALLOCATE_S, manager_of(ice(url, relay_only=True)), offer),
            return_exceptions=True,
        )
    assert isinstance(answer, str)
    assert candidates(answer) == {"host"}
    assert isinstance(refusal, MediaRouteError)
    assert str(refusal).endswith(f"{url} did not answer in 4 s")


async def test_a_turn_server_that_hangs_up_is_noticed_at_once(
    manager_of: Managers, browser: Browser
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        url = f"turn:127.0.0.1:{server.sockets[0].getsockname()[1]}?transport=tcp"
        with pytest.raises(MediaRouteError, match="hangs up"):
            await _answered_within(0, manager_of(ice(url, relay_only=True)), await browser.offer())


async def test_the_next_turn_server_stands_in_for_one_that_is_silent(
    turn_server: TurnProcess, manager_of: Managers, browser: Browser
) -> None:
    with bind_udp("127.0.0.1", None) as silent:
        urls = f"turn:127.0.0.1:{silent.getsockname()[1]}", turn_server.url()
        servers = ice(*urls, relay_only=True)
        answer = await _answered_within(HEAD_START_S, manager_of(servers), await browser.offer())
    assert candidates(answer) == {"relay"}


async def test_a_turn_server_that_dies_in_mid_call_leaves_nothing_behind(
    mortal_turn_server: TurnProcess, manager_of: Managers, browser: Browser
) -> None:
    before = asyncio.all_tasks()
    manager = manager_of(ice(mortal_turn_server.url(), relay_only=True))
    started: list[Connection] = []
    answer = await manager.answer(await browser.offer(), session_id="p0.x", start=started.append)
    await browser.take(answer.sdp)
    await started[0].wait_carrying(timeout_s=WITHIN_S)
    mortal_turn_server.kill()
    await started[0].close(CloseReason.NORMAL)
    await browser.peer.close()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)


@pytest.mark.parametrize(
    ("secret", "ends_in_s", "kind"),
    [(SECRET, None, None), ("another", None, FaultKind.REFUSED), (SECRET, -9.0, FaultKind.REFUSED)],
)
@BOTH
async def test_what_the_doctor_asks_for(
    turn_server: TurnProcess,
    transport: str,
    secret: str,
    ends_in_s: float | None,
    kind: FaultKind | None,
) -> None:
    url = turn_server.url(transport)
    (server,) = ice(url, secret=secret, ends_in_s=ends_in_s).route("doctor").turns
    if kind is None:
        assert (await allocate(server))[0] == "127.0.0.1"
        return
    with pytest.raises(Exception, match="401") as raised:
        await allocate(server)
    assert fault_of(raised.value).kind is kind


async def _answered_within(bound_s: float, manager: WebRTCManager, offer: Offer) -> str:
    began = time.monotonic()
    try:
        answer = await manager.answer(offer, session_id="p0.x", start=lambda connection: None)
    finally:
        assert time.monotonic() - began < bound_s + SLACK_S
    return answer.sdp
