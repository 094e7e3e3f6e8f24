"""WebRTC: ICE servers as aiortc takes them, and the microphone's track."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from aiortc.mediastreams import MediaStreamError

from voice_agent.client.live_call import Call
from voice_agent.client.webrtc import MicrophoneTrack, ice_servers


def test_ice_servers_are_those_of_the_server_and_no_others() -> None:
    entries: list[dict[str, Any]] = [
        {"urls": ["stun:a.example", "turn:a.example"], "username": "u", "credential": "c"},
        {"urls": "turn:b.example"},
        {"username": "without an address"},
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
