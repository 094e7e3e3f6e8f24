"""`serve --device-port`: one device after the other, on a port of its own, without HTTP."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from pipecat.frames.protobufs import frames_pb2

from voice_agent.bench.callers import spoken
from voice_agent.client import Speech
from voice_agent.client.microphone import Pace
from voice_agent.client.websocket import audio_frame
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 30.0
SILENCE = bytes(640)
AUDIBLE = 500
TRY_AGAIN_LATER = 1013
SERVICE_UNAVAILABLE = 503
Frame: Any = frames_pb2.Frame  # type: ignore[attr-defined] # made at run time


@pytest.fixture(scope="module")
def device_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, int]]:
    """A server with a device port, and that port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(tmp_path_factory.mktemp("server"), "--device-port", str(port)) as server:
        yield server, port


class ClosedError(Exception):
    """The server closed the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class _Device:
    """Speaks and listens as a device does: audio, no RTVI."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection
        self.words: list[str] = []
        self.loudness = 0

    async def talk(self, speech: Speech | None, until: str) -> None:
        """Send `speech`, then silence, until the agent has said `until` or said anything aloud."""
        sending = asyncio.create_task(self._send(speech))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (until in " ".join(self.words) and self.loudness > AUDIBLE):
                    self._hear(await self.connection.receive())
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _hear(self, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.CLOSE:
            raise ClosedError(message.data)
        frame = Frame.FromString(message.data)
        if frame.WhichOneof("frame") == "audio":
            samples = np.frombuffer(frame.audio.audio, np.int16)
            self.loudness = max(self.loudness, int(np.abs(samples.astype(int)).max(initial=0)))
        elif frame.WhichOneof("frame") == "message":
            told = json.loads(frame.message.data)
            if told.get("type") in ("bot-transcription", "bot-output"):
                self.words.append(str(told["data"]["text"]))

    async def _send(self, speech: Speech | None) -> None:
        packets = list(speech.pcm_packets) if speech else []
        loop = asyncio.get_running_loop()
        pace = Pace(loop.time())
        while True:
            await asyncio.sleep(pace.wait_s(loop.time()))
            await self.connection.send_bytes(audio_frame(packets.pop(0) if packets else SILENCE))


async def _greeted(http: aiohttp.ClientSession, port: int, **options: Any) -> _Device:
    """Connect and be greeted, again and again while the port is between two devices."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                device = _Device(await http.ws_connect(_url(port), compress=0, **options))
                await device.talk(None, until="front desk")
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
            except aiohttp.WSServerHandshakeError as refused:
                # The port is just being closed behind the device before.
                if refused.status != SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(0.1)
            except ClosedError as closed:
                if closed.code != TRY_AGAIN_LATER:
                    raise
                await asyncio.sleep(0.1)
            else:
                return device


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def test_one_device_after_the_other_is_greeted_and_answered(
    device_server: tuple[RunningServer, int],
) -> None:
    _, port = device_server
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            device = await _greeted(http, port)
            await device.talk(spoken("What are your opening hours on Saturday?"), "nine to six")
            await device.connection.close()


async def test_a_second_device_is_told_to_come_later(
    device_server: tuple[RunningServer, int],
) -> None:
    _, port = device_server
    async with aiohttp.ClientSession() as http:
        first = await _greeted(http, port)
        second = await http.ws_connect(_url(port), compress=0)
        async with asyncio.timeout(PATIENCE_S):
            message = await second.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, TRY_AGAIN_LATER)
        await first.talk(spoken("Where can I park?"), until="garage")
        await first.connection.close()


async def test_a_web_page_does_not_reach_the_device_port(
    device_server: tuple[RunningServer, int],
) -> None:
    _, port = device_server
    async with aiohttp.ClientSession() as http:
        device = await _greeted(http, port)
        await device.connection.close()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await _greeted(http, port, headers={"Origin": "https://attacker.example"})
    assert caught.value.status == 403
