"""Where our peers' candidates come from, in real SDPs with real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack

from tests.unit.transports.webrtc.test_udp_ports import free_range
from voice_agent.core.errors import MediaRouteError
from voice_agent.listening import host_addresses
from voice_agent.transports.base import CloseReason, Connection
from voice_agent.transports.webrtc import gathering
from voice_agent.transports.webrtc.ice_route import IceRoute
from voice_agent.transports.webrtc.ice_servers import IceServers
from voice_agent.transports.webrtc.manager import WebRTCManager
from voice_agent.transports.webrtc.signaling import Answer, Offer
from voice_agent.transports.webrtc.udp_ports import bind_udp

ADDRESSES = len(host_addresses())
pytestmark = pytest.mark.skipif(not ADDRESSES, reason="this machine has only loopback addresses")


class Answering:
    """Answers one browser's offer again and again, each time with a new peer."""

    def __init__(self, offer: str) -> None:
        self.offer = Offer(offer)
        self.managers: list[WebRTCManager] = []
        self.started: list[Connection] = []

    def manager(self, **chosen: Any) -> WebRTCManager:
        self.managers.append(WebRTCManager(IceServers(lambda: 0.0, **chosen).route))
        return self.managers[-1]

    async def answer(self, manager: WebRTCManager, session_id: str = "a") -> Answer:
        return await manager.answer(self.offer, session_id=session_id, start=self.started.append)


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    peer = RTCPeerConnection(RTCConfiguration([]))
    peer.addTrack(AudioStreamTrack())
    peer.createDataChannel("chat")
    await peer.setLocalDescription(await peer.createOffer())
    answering = Answering(peer.localDescription.sdp)
    yield answering
    for manager in answering.managers:
        await manager.close()
    await peer.close()


def hosts(sdp: str) -> set[tuple[str, int]]:
    """Return addresses and ports of the host candidates."""
    lines = [line.split() for line in sdp.splitlines() if line.startswith("a=candidate:")]
    return {(line[4], int(line[5])) for line in lines if line[7] == "host"}


async def test_ports_are_those_of_the_range(answering: Answering) -> None:
    ports = free_range(4 * ADDRESSES)
    manager = answering.manager(ports=ports)
    found = [hosts((await answering.answer(manager, f"s{n}")).sdp) for n in range(3)]
    assert all(len(each) == ADDRESSES for each in found)
    assert len(set.union(*found)) == 3 * ADDRESSES
    assert {address for each in found for address, _ in each} == set(host_addresses())
    assert all(ports.first <= port <= ports.last for each in found for _, port in each)


async def test_a_range_without_a_free_port_refuses_and_has_it_again_later(
    answering: Answering,
) -> None:
    ports = free_range(2)
    manager = answering.manager(ports=ports)
    for session_id in ("a", "b"):
        await answering.answer(manager, session_id)
    with pytest.raises(MediaRouteError, match=f"VOICE_AGENT_UDP_PORTS={ports} are in use"):
        await answering.answer(manager, "c")
    assert manager.open_count == len(answering.started) == 2
    await answering.started[0].close(CloseReason.NORMAL)
    freed = hosts((await answering.answer(manager, "c")).sdp)
    assert {port for _, port in freed} <= {ports.first, ports.last}
    assert len(freed) == ADDRESSES


async def test_a_refusal_for_want_of_ports_keeps_none(answering: Answering) -> None:
    ports = free_range(1)
    held = bind_udp(host_addresses()[-1], ports)
    manager = answering.manager(ports=ports)
    for _ in range(3):
        with pytest.raises(MediaRouteError):
            await answering.answer(manager)
    held.close()
    assert len(hosts((await answering.answer(manager)).sdp)) == ADDRESSES


async def test_the_announced_address_stands_in_the_candidates_of_its_kind(
    answering: Answering,
) -> None:
    answer = await answering.answer(answering.manager(announced="203.0.113.5"))
    shown = {address for address, _ in hosts(answer.sdp)}
    assert shown == {"203.0.113.5" if "." in own else own for own in host_addresses()}
    assert not any(own in answer.sdp for own in host_addresses() if "." in own)


async def test_a_stun_server_that_is_silent_delays_the_answer_but_a_little(
    answering: Answering,
) -> None:
    with bind_udp("127.0.0.1", None) as silent:
        route = IceRoute(stun=("127.0.0.1", silent.getsockname()[1]))
        manager = WebRTCManager(lambda _: route)
        answering.managers.append(manager)
        async with asyncio.timeout(gathering.BESIDE_HOSTS_S + 2):
            answer = await answering.answer(manager)
    assert len(hosts(answer.sdp)) == ADDRESSES


async def test_without_a_setting_aioice_is_left_alone(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object) -> None:
        pytest.fail("nothing was set")

    monkeypatch.setattr(gathering, "follow", touched)
    assert len(hosts((await answering.answer(answering.manager())).sdp)) == ADDRESSES


def test_it_is_the_same_on_the_loop_that_serves() -> None:
    ports = free_range(1)

    async def answer_twice() -> None:
        peer = RTCPeerConnection(RTCConfiguration([]))
        peer.addTrack(AudioStreamTrack())
        await peer.setLocalDescription(await peer.createOffer())
        answering = Answering(peer.localDescription.sdp)
        manager = answering.manager(ports=ports)
        for _ in range(2):
            answer = await answering.answer(manager)
            assert {port for _, port in hosts(answer.sdp)} == {ports.first}
            await manager.close()
        await peer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_twice())
