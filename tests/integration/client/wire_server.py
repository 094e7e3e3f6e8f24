"""A small server that speaks the wire of a voice agent server, on both transports."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from pipecat.frames.protobufs import frames_pb2

from tests.integration.client.bot_script import RATE, Script, ScriptedBot

Frame = frames_pb2.Frame  # type: ignore[attr-defined]
EVERYTHING = ("webrtc", "websocket")


@dataclass
class Behaviour:
    """What the server does; the defaults are those of a good one."""

    script: Script = field(default_factory=Script)
    offers: tuple[str, ...] = EVERYTHING
    refusal: tuple[int, dict[str, Any]] | None = None
    offer_refusal: tuple[int, dict[str, Any]] | None = None
    websocket_refusal: int | None = None
    sends: bytes | None = None
    """Sent as the first WebSocket message instead of any bot."""
    closes_with: tuple[int, bytes] = (WSCloseCode.GOING_AWAY, b"shutting down")
    closes_at_once: tuple[int, bytes] | None = None


@dataclass
class Seen:
    """What the server saw of its clients."""

    wishes: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    bots: list[ScriptedBot] = field(default_factory=list)
    peers: list[RTCPeerConnection] = field(default_factory=list)
    sockets: list[web.Request] = field(default_factory=list)
    pings: int = 0
    first_bot: asyncio.Event = field(default_factory=asyncio.Event)
    close_codes: asyncio.Queue[int | None] = field(default_factory=lambda: asyncio.Queue(100))


class SpeakerTrack(MediaStreamTrack):
    """The bot's voice, 20 ms at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.pending: deque[np.ndarray] = deque()
        self._count = 0
        self._start: float | None = None

    async def recv(self) -> "av.AudioFrame":
        loop = asyncio.get_running_loop()
        if self.readyState != "live":
            raise MediaStreamError
        if self._start is None:
            self._start = loop.time()
        await asyncio.sleep(max(0.0, self._start + self._count * 0.02 - loop.time()))
        block = self.pending.popleft() if self.pending else np.zeros(RATE // 50, np.int16)
        frame = av.AudioFrame.from_ndarray(block[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._count * (RATE // 50)
        frame.time_base = Fraction(1, RATE)
        self._count += 1
        return frame


class WireServer:
    """Serves on any free port of the loopback interface."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.seen = Seen()
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/sessions", self._create)
        app.router.add_post("/v1/sessions/s1/offer", self._offer)
        app.router.add_get("/v1/sessions/s1/ws", self._websocket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        for bot in self.seen.bots:
            await bot.close()
        for peer in self.seen.peers:
            await peer.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._runner is not None
        await self._runner.cleanup()

    async def _create(self, request: web.Request) -> web.Response:
        self.seen.wishes.append(await request.json())
        if self.behaviour.refusal is not None:
            status, document = self.behaviour.refusal
            return web.json_response(document, status=status)
        entries = {
            "webrtc": {
                "type": "webrtc",
                "offer_url": "/v1/sessions/s1/offer",
                "ice_servers": [],
                "reason": "it is there",
            },
            "websocket": {
                "type": "websocket",
                "url": "/v1/sessions/s1/ws?token=secret",
                "reason": "it is there",
            },
        }
        document = {
            "session_id": "s1",
            "token": "secret",
            "expires_at": "2099-01-01T00:00:00Z",
            "transports": [entries[name] for name in self.behaviour.offers],
        }
        return web.json_response(document)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        self.seen.sockets.append(request)
        if self.behaviour.websocket_refusal is not None:
            return web.Response(status=self.behaviour.websocket_refusal)
        self.seen.authorizations.append(request.query.get("token"))
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        if self.behaviour.closes_at_once is not None:
            now, why = self.behaviour.closes_at_once
            await socket.close(code=now, message=why)
            return socket
        if self.behaviour.sends is not None:
            await socket.send_bytes(self.behaviour.sends)

        async def send_audio(pcm: bytes) -> None:
            frame = Frame()
            frame.audio.audio = pcm
            frame.audio.sample_rate = RATE
            frame.audio.num_channels = 1
            await socket.send_bytes(frame.SerializeToString())

        async def send_message(message: dict[str, Any]) -> None:
            frame = Frame()
            frame.message.data = json.dumps(message)
            await socket.send_bytes(frame.SerializeToString())

        async def interrupt() -> None:
            frame = Frame()
            frame.interruption.name = "interruption"
            await socket.send_bytes(frame.SerializeToString())

        async def hang_up() -> None:
            code, reason = self.behaviour.closes_with
            await socket.close(code=code, message=reason)

        bot = ScriptedBot(self.behaviour.script, send_audio, send_message, interrupt, hang_up)
        self.seen.bots.append(bot)
        self.seen.first_bot.set()
        code: int | None = None
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.CLOSE:
                code = message.data
            if message.type is not WSMsgType.BINARY:
                break
            frame = Frame.FromString(message.data)
            if frame.WhichOneof("frame") == "audio":
                assert (frame.audio.sample_rate, frame.audio.num_channels) == (16000, 1)
                await bot.hear(np.frombuffer(frame.audio.audio, np.int16))
            else:
                await bot.take_message(frame.message.data)
        await bot.close()
        self.seen.close_codes.put_nowait(code)
        return socket

    async def _offer(self, request: web.Request) -> web.Response:
        self.seen.authorizations.append(request.headers.get("Authorization"))
        if self.behaviour.offer_refusal is not None:
            status, document = self.behaviour.offer_refusal
            return web.json_response(document, status=status)
        offer = await request.json()
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.seen.peers.append(peer)
        self._prepare_peer(peer)
        await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await peer.setLocalDescription(await peer.createAnswer())
        answer = peer.localDescription
        return web.json_response({"sdp": answer.sdp, "type": answer.type, "pc_id": "pc1"})

    def _prepare_peer(self, peer: RTCPeerConnection) -> None:
        speaker = SpeakerTrack()
        peer.addTrack(speaker)

        @peer.on("datachannel")
        def on_channel(channel: Any) -> None:
            async def send_audio(pcm: bytes) -> None:
                samples = np.frombuffer(pcm, np.int16)
                blocks = np.array_split(samples, max(1, len(samples) // (RATE // 50)))
                speaker.pending.extend(blocks)

            async def send_message(message: dict[str, Any]) -> None:
                channel.send(json.dumps(message))

            async def interrupt() -> None:
                speaker.pending.clear()

            async def hang_up() -> None:
                left = {"type": "signalling", "message": {"type": "peerLeft"}}
                channel.send(json.dumps(left))

            bot = ScriptedBot(self.behaviour.script, send_audio, send_message, interrupt, hang_up)
            self.seen.bots.append(bot)

            async def on_message(message: str) -> None:
                self.seen.pings += message.startswith("ping: ")
                await bot.take_message(message)

            channel.on("message", on_message)
            channel.on("close", lambda: self.seen.close_codes.put_nowait(None))

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            task = asyncio.create_task(self._listen(track))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            if self.seen.bots:
                await self.seen.bots[-1].hear(frame.to_ndarray().reshape(-1))
