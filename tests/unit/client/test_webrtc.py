"""WebRTC: ICE servers as aiortc takes them, and the microphone's track."""

import asyncio
import socket
import time
from fractions import Fraction
from typing import Any, cast

import pytest
from aiortc.mediastreams import MediaStreamError

from voice_agent.client.errors import CallRefusedError, ServerUnreachableError
from voice_agent.client.live_call import Call
from voice_agent.client.signalling import Signalling, TransportName, TransportOffer
from voice_agent.client.webrtc import GATHERING_S, MicrophoneTrack, WebRTCMedia, ice_servers


def test_ice_servers_are_those_of_the_server_and_no_others() -> None:
    entries: list[dict[str, Any]] = [
        {"urls": ["stun:a.example", "turn:a.example"], "username": "u", "credential": "c"},
        {"urls": "turn:b.example"},
        {"username": "without an address"},
        {"urls": ["turn:[2001:db8::1]", "sip:a.example"], "username": "u", "credential": "c"},
    ]

    servers = ice_servers(entries)

    assert [server.urls for server in servers] == [
        ["stun:a.example", "turn:a.example"],
        ["turn:b.example"],
    ]
    assert (servers[0].username, servers[0].credential) == ("u", "c")
    assert ice_servers([]) == [], "never None, which means a public server to aiortc"


async def test_the_microphone_gives_ready_packets_at_its_pace() -> None:
    now = 100.0
    track = MicrophoneTrack(Call("http://127.0.0.1:1"), lambda: now)

    packets = [await track.recv()]
    now = 100.045
    packets += [await track.recv() for _ in range(2)]
    loop = asyncio.get_running_loop()
    before = loop.time()
    packets.append(await track.recv())

    assert [packet.pts for packet in packets] == [0, 960, 1920, 2880]
    assert {packet.time_base for packet in packets} == {Fraction(1, 48000)}
    assert all(0 < packet.size < 400 for packet in packets)
    assert 0.01 < loop.time() - before < 1.0, "the others were overdue, this one is not"


async def test_a_stopped_microphone_gives_nothing() -> None:
    track = MicrophoneTrack(Call("http://127.0.0.1:1"), lambda: 0.0)
    track.stop()

    with pytest.raises(MediaStreamError):
        await track.recv()


class Signals:
    """A server that is asked once, with what, and refuses."""

    def __init__(self) -> None:
        self.sdp = ""

    async def offer(self, url: str, token: str, sdp: str, attempt: str | None = None) -> str:
        self.sdp = sdp
        raise CallRefusedError("no")


def media_for(servers: list[dict[str, Any]], signals: Signals, **chosen: Any) -> WebRTCMedia:
    offer = TransportOffer(TransportName.WEBRTC, "http://a/offer", tuple(servers), **chosen)
    listener = Call("http://127.0.0.1:1")
    return WebRTCMedia(offer, "t", cast("Signalling", signals), listener, 20.0)


async def test_a_turn_server_that_is_silent_delays_the_offer_but_a_little() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}"
        signals, began = Signals(), time.monotonic()
        media = media_for([{"urls": url, "username": "u", "credential": "c"}], signals)
        with pytest.raises(CallRefusedError):
            await media.connect()
        await media.close()
    assert "typ host" in signals.sdp
    assert time.monotonic() - began < GATHERING_S + 3


async def test_relaying_only_without_a_relay_is_said_and_not_waited_for() -> None:
    signals = Signals()
    media = media_for([], signals, relay_only=True)
    with pytest.raises(ServerUnreachableError, match="through a TURN server here, and none gave"):
        await media.connect()
    await media.close()
    assert not signals.sdp, "an offer without a candidate leads nowhere"
