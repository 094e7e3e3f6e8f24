"""One peer connection of one client, as a connection that carries a leg."""

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType

from aiortc import RTCDataChannel
from aiortc.mediastreams import MediaStreamError
from loguru import logger
from pipecat.processors.frameworks.rtvi import models as rtvi
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.webrtc.closing import CLOSE_TIMEOUT_S, begin_closing, wait_closed
from voice_agent.transports.webrtc.prompt_transport import PromptWebRTCTransport

LIVENESS_INTERVAL_S = 1.0
VANISHED_AFTER_S = 6.0
"""Seconds without a sign of life, on top of Pipecat's own 3, after which a client is lost."""

CLOSE_WORDS: Mapping[CloseReason, str] = MappingProxyType(
    {
        CloseReason.SERVER_STOPPING: "the server is stopping, connect again",
        CloseReason.TRY_AGAIN_LATER: "no capacity for this call, try again later",
        CloseReason.FAILED: "the call failed, connect again",
        CloseReason.DISPLACED: "a newer connection took the session over",
        CloseReason.LOST_RACE: "another connection of this attempt carries the call",
        CloseReason.SILENT: "nothing arrived on this connection",
        CloseReason.IDLE: "the session was idle for too long",
        CloseReason.MAX_DURATION: "the session reached its longest duration",
    }
)
"""What the client is told over the data channel; after a normal end nothing needs saying."""

MAX_MESSAGE_LENGTH = 256 * 1024
"""Characters or bytes of one message; as long as on WebSocket."""


def is_ping(message: str | bytes) -> bool:
    """Return whether it is what Pipecat's clients send each second to show that they live."""
    return isinstance(message, str) and message.startswith("ping")


def message_fault(message: str | bytes) -> str | None:
    """Return why a message of the data channel cannot be read, or None when it can."""
    if len(message) > MAX_MESSAGE_LENGTH:
        return f"a message has at most {MAX_MESSAGE_LENGTH} bytes, this has {len(message)}"
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return "a message is JSON"
    if not isinstance(content, dict):
        return "a message is a JSON object"
    return None if isinstance(content.get("type"), str) else "a message needs a type"


class WebRTCConnection(ConnectionState):
    """Implements `Connection` on a peer connection that has its answer."""

    def __init__(
        self, peer: SmallWebRTCConnection, *, session_id: str, attempt: Attempt | None
    ) -> None:
        super().__init__(TransportKind.WEBRTC, attempt)
        self.session_id = session_id
        self._peer = peer
        self._log = logger.bind(session_id=session_id, connection_id=self.id)
        self._transport: PromptWebRTCTransport | None = None
        self._closing: asyncio.Task[None] | None = None
        self._has_warned = False
        peer.add_event_handler("closed", self._on_closed)
        peer.add_event_handler("failed", self._on_failed)
        peer.pc.on("datachannel", self._on_data_channel)
        self._watch = asyncio.create_task(self._watch_peer(), name=f"{self.id} watch")

    @property
    def peer(self) -> SmallWebRTCConnection:
        """Pipecat's connection underneath."""
        return self._peer

    def transport(self) -> PromptWebRTCTransport:
        """Return Pipecat's transport for this peer."""
        if self._transport is None:
            self._transport = PromptWebRTCTransport(
                webrtc_connection=self._peer,
                params=TransportParams(audio_in_enabled=True, audio_out_enabled=True),
            )
        return self._transport

    def reaches_client(self) -> bool:
        """Return whether the peer is connected; before the transport starts it cannot be told."""
        if self._transport is None:
            return super().reaches_client()
        return super().reaches_client() and self._peer.is_connected()

    async def close(self, reason: CloseReason) -> None:
        """Tell the client why and close the peer connection; closing again waits for the same."""
        self.note_ended(ConnectionEnd.CLOSED)
        self._watch.cancel()
        if self._closing is None:
            self._say(reason)
            self._closing = begin_closing(self._peer)
        if not await wait_closed(self._closing):
            self._log.warning("the peer connection did not close in {} s", CLOSE_TIMEOUT_S)
        await asyncio.gather(self._watch, return_exceptions=True)

    def _say(self, reason: CloseReason) -> None:
        words = CLOSE_WORDS.get(reason)
        if words is not None:
            error = rtvi.Error(data=rtvi.ErrorData(error=words, fatal=True))
            self._peer.send_app_message(error.model_dump(exclude_none=True))

    async def _on_closed(self, _: SmallWebRTCConnection) -> None:
        self.note_ended(ConnectionEnd.LEFT)

    async def _on_failed(self, _: SmallWebRTCConnection) -> None:
        self.note_ended(ConnectionEnd.LOST)

    def _on_data_channel(self, channel: RTCDataChannel) -> None:
        """Stand before Pipecat's reader, which logs what it cannot read, whole and each time."""
        readers = channel.listeners("message")
        channel.remove_all_listeners("message")

        async def on_message(message: str | bytes) -> None:
            if not is_ping(message):
                self.note_carrying()
                fault = message_fault(message)
                if fault is not None:
                    self._refuse_message(fault)
                    return
            for read in readers:
                await read(message)

        channel.on("message", on_message)

    def _refuse_message(self, fault: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._log.warning("refused from the client: {}", fault)
        error = rtvi.ErrorResponse(id="", data=rtvi.ErrorResponseData(error=fault))
        self._peer.send_app_message(error.model_dump(exclude_none=True))

    async def _watch_peer(self) -> None:
        """Note the first audio, then look for signs of life until there are none."""
        first_audio = asyncio.create_task(self._first_audio(), name=f"{self.id} first audio")
        try:
            await self._carrying.wait()
        finally:
            first_audio.cancel()
        loop = asyncio.get_running_loop()
        alive_at = loop.time()
        while loop.time() - alive_at < VANISHED_AFTER_S:
            await asyncio.sleep(LIVENESS_INTERVAL_S)
            if self._peer.is_connected() or self._transport is None:
                alive_at = loop.time()
        self.note_ended(ConnectionEnd.LOST)

    async def _first_audio(self) -> None:
        track = self._peer.audio_input_track()
        if track is None:
            return
        try:
            await track.recv()
        except MediaStreamError:
            return
        self.note_carrying()
