"""The floor: a bare WebSocket and a bare aiortc peer that answer each packet with one.

What a call costs before anything is heard, thought or said. A process of its own, with uvloop.
"""

import asyncio
import signal
from fractions import Fraction
from typing import Any, Final

import av
import uvloop
from aiohttp import WSMsgType, web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket

from voice_agent.client.opus import OPUS_PACKET_SAMPLES, OPUS_RATE
from voice_agent.client.speech import PACKET_S
from voice_agent.client.websocket import PLAYER_RATE, audio_frame

_WAITING: Final = 8
"""Packets that may wait to be sent back; what is more is dropped."""
ANSWER: Final = audio_frame(bytes(2 * round(PLAYER_RATE * PACKET_S)), PLAYER_RATE)
"""What comes back over WebSocket for each packet: as much audio, at the rate of answers."""


class EchoTrack(MediaStreamTrack):
    """Gives aiortc the payloads that arrived, as they are."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._payloads: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._count = 0

    async def take(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """Take what arrived; the signature is the one aiortc's router calls."""
        del arrival_time_ms
        if packet.payload and not self._payloads.full():
            self._payloads.put_nowait(packet.payload)

    async def recv(self) -> "av.Packet[Any]":
        """Return the next packet to send."""
        packet = av.Packet(await self._payloads.get())
        packet.pts = self._count * OPUS_PACKET_SAMPLES
        packet.time_base = Fraction(1, OPUS_RATE)
        self._count += 1
        return packet


def echo_app() -> web.Application:
    """Return an application with the two endpoints."""
    peers: set[RTCPeerConnection] = set()

    async def ws(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(ANSWER)
        return socket

    async def offer(request: web.Request) -> web.Response:
        asked = await request.json()
        peer, track = RTCPeerConnection(RTCConfiguration(iceServers=[])), EchoTrack()
        peers.add(peer)

        @peer.on("connectionstatechange")
        async def on_state() -> None:
            if peer.connectionState in {"failed", "closed"}:
                peers.discard(peer)
                await peer.close()

        await peer.setRemoteDescription(RTCSessionDescription(asked["sdp"], asked["type"]))
        for transceiver in peer.getTransceivers():
            # Past aiortc's jitter buffer and decoder thread, which an echo does not need.
            setattr(transceiver.receiver, "_handle_rtp_packet", track.take)  # noqa: B010
            transceiver.sender.replaceTrack(track)
            transceiver.direction = "sendrecv"
        await peer.setLocalDescription(await peer.createAnswer())
        local = peer.localDescription
        return web.json_response({"sdp": local.sdp, "type": local.type, "pc_id": "echo"})

    async def hang_up(_: web.Application) -> None:
        await asyncio.gather(*(peer.close() for peer in list(peers)))

    app = web.Application()
    app.router.add_get("/ws", ws)
    app.router.add_post("/api/offer", offer)
    app.on_shutdown.append(hang_up)
    return app


async def _serve() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(echo_app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"ready: http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve())
