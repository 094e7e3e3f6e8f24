"""One peer connection of one client, as a connection that carries a leg."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiortc import RTCDataChannel
from aiortc.mediastreams import MediaStreamError
from loguru import logger
from pipecat.processors.frameworks.rtvi import models as rtvi
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.webrtc.prompt_transport import PromptWebRTCTransport

LIVENESS_INTERVAL_S = 1.0
VANISHED_AFTER_S = 6.0
"""Seconds without a sign of life, on top of Pipecat's own 3, after which a client is lost."""
CLOSE_TIMEOUT_S = 3.0
"""How long closing the peer connection may take."""

CLOSE_WORDS: Mapping[CloseReason, str] = MappingProxyType(
    {
        CloseReason.SERVER_STOPPING: "the server is stopping, connect again",
        CloseReason.TRY_AGAIN_LATER: "no capacity for this call, try again later",
        CloseReason.FAILED: "the call failed, connect again",
        CloseReason.DISPLACED: "a newer connection took the session over",
        CloseReason.LOST_RACE: "another connection of this attempt carries the call",
        CloseReason.IDLE: "the session was idle for too long",
        CloseReason.MAX_DURATION: "the session reached its longest duration",
    }
)
"""What the client is told over the data channel; after a normal end nothing needs saying."""


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
        self._is_closing = False
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
        """Tell the client why and close the peer connection; closing again does nothing."""
        self.note_ended(ConnectionEnd.CLOSED)
        if self._is_closing:
            return
        self._is_closing = True
        self._watch.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                self._say(reason)
                await self._peer.disconnect()
        except TimeoutError:
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
        def on_message(message: Any) -> None:
            if not (isinstance(message, str) and message.startswith("ping")):
                self.note_carrying()

        channel.on("message", on_message)

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
