"""Calls over the wire: what each dialect of client does, from asking to hanging up."""

import asyncio
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from pipecat.frames.protobufs import frames_pb2
from websockets.asyncio.client import ClientConnection

from tests.integration.api.conftest import Site
from voice_agent.core.events import LegEnded, LegStarted
from voice_agent.core.session import EndReason, SessionState

PATIENCE_S = 10.0
Frame: Any = frames_pb2.Frame  # type: ignore[attr-defined] # made at run time


def _silence(milliseconds: int) -> bytes:
    frame = Frame()
    frame.audio.audio = bytes(32 * milliseconds)
    frame.audio.sample_rate = 16_000
    frame.audio.num_channels = 1
    serialized: bytes = frame.SerializeToString()
    return serialized


async def _hear_audio(socket: ClientConnection) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        async for message in socket:
            assert isinstance(message, bytes)
            frame = Frame.FromString(message)
            if frame.WhichOneof("frame") == "audio":
                return frame.audio
    raise AssertionError("the socket closed before any audio came")


async def _greeted(socket: ClientConnection) -> None:
    await socket.send(_silence(20))
    audio = await _hear_audio(socket)
    assert (audio.sample_rate, audio.num_channels) == (24_000, 1)


async def test_a_session_is_created_carried_over_websocket_and_ended(site: Site) -> None:
    created = (await site.http.post("/v1/sessions", json={"transport": "websocket"})).json()
    path = f"/v1/sessions/{created['session_id']}"
    (step,) = created["transports"]
    assert step["url"].startswith(f"ws://localhost:{site.port}/v1/")
    async with site.connect(step["url"].partition(str(site.port))[2] + "&attempt=one") as socket:
        await _greeted(socket)
        shown = (await site.http.get(path)).json()
        assert shown["state"] == "connected"
        headers = {"Authorization": f"Bearer {created['token']}"}
        assert (await site.http.delete(path, headers=headers)).status_code == 204
        async with asyncio.timeout(PATIENCE_S):
            await socket.wait_closed()
        assert socket.close_code == 1000
    assert (await site.http.get(path)).json()["end_reason"] == "requested"
    assert site.websockets.open_count == 0


async def test_the_official_websocket_clients_way(site: Site) -> None:
    started = (await site.http.post("/start", json={"transport": "websocket"})).json()
    assert started["wsUrl"] == f"ws://localhost:{site.port}/ws-client"
    async with site.connect(f"/ws-client?token={started['token']}") as socket:
        await _greeted(socket)
    await site.harness.until(lambda: bool(site.harness.payloads(LegEnded)), "its end")


async def test_a_token_may_come_as_a_bearer(site: Site) -> None:
    new = await site.harness.sessions.create()
    headers = {"Authorization": f"Bearer {new.token}"}
    async with site.connect("/ws-client", additional_headers=headers) as socket:
        await _greeted(socket)


@pytest.mark.parametrize("path", ["/ws-client", "/ws"])
async def test_who_comes_without_a_token_talks_to_the_default_agent(site: Site, path: str) -> None:
    async with site.connect(path) as socket:
        await _greeted(socket)
        (session,) = await site.harness.list()
        assert session.state is SessionState.CONNECTED
    await site.harness.until(lambda: bool(site.harness.payloads(LegEnded)), "its end")
    ended = await site.harness.ended()
    assert ended.end_reason is EndReason.CLIENT_LEFT


async def test_a_page_of_this_server_may_open_a_socket(site: Site) -> None:
    async with site.connect("/ws", origin=f"http://localhost:{site.port}") as socket:
        await _greeted(socket)


async def test_the_official_webrtc_clients_way(site: Site) -> None:
    started = (await site.http.post("/start")).json()
    path = f"/sessions/{started['sessionId']}/api/offer"
    peer = RTCPeerConnection()
    try:
        peer.addTrack(AudioStreamTrack())
        peer.createDataChannel("chat")
        await peer.setLocalDescription(await peer.createOffer())
        body = {"sdp": peer.localDescription.sdp, "type": "offer", "pc_id": None}
        response = await site.http.post(path, json=body | {"restart_pc": False})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer.keys() == {"sdp", "type", "pc_id"}
        end = {"candidate": "", "sdp_mid": "0", "sdp_mline_index": 0}
        trickled = await site.http.patch(path, json={"pc_id": answer["pc_id"], "candidates": [end]})
        assert trickled.json() == {"status": "success"}
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await site.harness.until(lambda: bool(site.harness.payloads(LegStarted)), "a leg")
    finally:
        await peer.close()
    await site.harness.until(lambda: bool(site.harness.payloads(LegEnded)), "its end")
    assert site.webrtc.open_count == 0


async def test_who_walks_in_and_says_nothing_leaves_no_session(site: Site) -> None:
    async with site.connect("/ws"):
        pass
    await site.harness.ended()
    assert site.harness.sessions.live_count == 0
