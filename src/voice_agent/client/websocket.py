"""A call over WebSocket: Pipecat's protobuf frames, 16 kHz in, 24 kHz out."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from pipecat.frames.protobufs import frames_pb2

from voice_agent.client.errors import CallRefusedError, ServerUnreachableError
from voice_agent.client.losses import ABNORMAL_CLOSURE, LOSING_CODES
from voice_agent.client.media import MediaListener
from voice_agent.client.microphone import Pace
from voice_agent.client.signalling import (
    TransportName,
    connection_fault,
    problem_text,
    websocket_url,
)
from voice_agent.client.speech import PCM_RATE

PLAYER_RATE = 24000
"""The rate at which Pipecat's own clients play what arrives, in Hz."""

_CLOSE_TIMEOUT_S = 2.0
_Frame = frames_pb2.Frame  # type: ignore[attr-defined]


def audio_frame(pcm: bytes, sample_rate: int = PCM_RATE, channels: int = 1) -> bytes:
    """Returns PCM16 as a protobuf frame."""
    frame = _Frame()
    frame.audio.audio = pcm
    frame.audio.sample_rate = sample_rate
    frame.audio.num_channels = channels
    return bytes(frame.SerializeToString())


def message_frame(message: Mapping[str, Any]) -> bytes:
    """Returns a JSON message as a protobuf frame."""
    frame = _Frame()
    frame.message.data = json.dumps(message)
    return bytes(frame.SerializeToString())


class WebSocketMedia:
    """One WebSocket.

    Args:
        url: The socket's address, with its token.
        http: The HTTP client; whoever made it closes it.
        listener: The call.
        timeout_s: For connecting, in seconds.
        clock: Monotonic seconds.
        compress: The window, in bits, of the compression that is offered; 0 offers none.
        silence_s: Seconds without a sign of life after which the server is asked for one; when
            none comes in half that time, the connection counts as lost. None never asks.
    """

    name = TransportName.WEBSOCKET
    sample_rate = PLAYER_RATE
    is_buffered = True

    def __init__(
        self,
        url: str,
        http: aiohttp.ClientSession,
        listener: MediaListener,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        compress: int = 0,
        silence_s: float | None = None,
    ) -> None:
        self._compress = compress
        self._silence_s = silence_s
        self._url = websocket_url(url)
        self._http = http
        self._listener = listener
        self._timeout_s = timeout_s
        self._clock = clock
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Opens the socket.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: The connection could not be made.
        """
        place = self._url.partition("?")[0]
        try:
            async with asyncio.timeout(self._timeout_s):
                self._socket = await self._http.ws_connect(
                    self._url,
                    compress=self._compress,
                    heartbeat=self._silence_s,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            words = problem_text(error.status, "")
            raise CallRefusedError(f"the WebSocket was refused: {words}", error.status) from error
        except TimeoutError as error:
            raise ServerUnreachableError(
                f"{place} did not open within {self._timeout_s:g} s"
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ServerUnreachableError(
                f"{place} cannot be reached: {connection_fault(error)}"
            ) from error

    async def start(self, microphone: bool) -> None:
        """Begins to receive, and to send what the microphone gives."""
        assert self._socket is not None, "connect comes first"
        self._begin(self._receive(self._socket))
        if microphone:
            self._begin(self._send_microphone(self._socket))

    async def send_message(self, message: Mapping[str, Any]) -> None:
        """Sends a JSON message."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    await self._socket.send_bytes(message_frame(message))

    async def close(self) -> None:
        """Closes the socket with a close frame."""
        await self._stop_tasks()
        if self._socket is not None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.close()
            self._socket = None

    async def abort(self, *, silently: bool) -> None:
        """Cuts the TCP connection without a close frame, or leaves it hanging."""
        await self._stop_tasks()
        if self._socket is not None and not silently:
            connection = self._socket.get_extra_info("socket")
            if connection is not None:
                # A duplicate, for the one that uvloop gives cannot be shut down.
                with (
                    contextlib.suppress(OSError),
                    socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
                ):
                    duplicate.shutdown(socket.SHUT_RDWR)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._notice)
        self._tasks.append(task)

    def _notice(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._listener.connection_ended(self._clock(), f"the client failed: {fault!r}", None)

    async def _stop_tasks(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_microphone(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        clock = self._clock
        pace = Pace(clock())
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while not connection.closed:
                # The receiver notices and tells the end of the connection.
                await asyncio.sleep(pace.wait_s(clock()))
                packet = self._listener.microphone_packet(clock())
                await connection.send_bytes(audio_frame(packet.pcm))

    async def _receive(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            received = await connection.receive()
            at = self._clock()
            if received.type is aiohttp.WSMsgType.BINARY:
                self._read(received.data, at)
            elif received.type is not aiohttp.WSMsgType.TEXT:
                break
        if received.type is not aiohttp.WSMsgType.CLOSE:
            reason = "the connection was lost"
            self._listener.connection_ended(at, reason, ABNORMAL_CLOSURE, lost=True)
            return
        words = f": {received.extra}" if received.extra else ""
        reason = f"the server closed the connection with code {received.data}{words}"
        self._listener.connection_ended(
            at, reason, received.data, lost=received.data in LOSING_CODES
        )

    def _read(self, data: bytes, at: float) -> None:
        try:
            frame = _Frame.FromString(data)
            which = frame.WhichOneof("frame")
            if which == "audio":
                self._listener.audio_arrived(at, _samples(frame.audio), None)
            elif which == "message":
                self._listener.message_arrived(at, json.loads(frame.message.data))
            elif which == "interruption":
                self._listener.interruption_arrived(at)
        except (DecodeError, ValueError) as error:
            reason = f"the server sent something unreadable: {error}"
            self._listener.connection_ended(at, reason, None)


def _samples(audio: Any) -> npt.NDArray[np.int16]:
    """Returns a frame's samples, for a player that knows one rate only, as the official one."""
    if (audio.sample_rate, audio.num_channels) != (PLAYER_RATE, 1):
        raise ValueError(f"audio that is not mono at {PLAYER_RATE} Hz")
    return np.frombuffer(audio.audio, np.int16)
