"""Messages of a WebRTC client, checked before Pipecat reads them.

Pipecat logs what it cannot read, whole and every time, and keeps without a limit what comes before
the pipeline runs.
"""

from collections.abc import Mapping

from aiortc import RTCDataChannel
from loguru import logger
from pipecat.processors.frameworks.rtvi import models as rtvi
from pipecat.transports.smallwebrtc.connection import (
    SIGNALLING_TYPE,
    SignallingMessage,
    SmallWebRTCConnection,
)
from pydantic import TypeAdapter, ValidationError
from pyee.asyncio import AsyncIOEventEmitter

from voice_agent.transports.base import CloseReason
from voice_agent.transports.base_connection import MAX_WAITING_MESSAGES, ConnectionState
from voice_agent.transports.json_message import MessageRefusedError, read_message

SIGNALLING = TypeAdapter(SignallingMessage.Inbound)


def is_ping(data: str | bytes) -> bool:
    """Return whether it is what Pipecat's clients send each second to show that they live."""
    return isinstance(data, str) and data.startswith("ping")


class CheckedDataChannels:
    """Stands before Pipecat's readers of the data channels of one peer."""

    def __init__(
        self, peer: SmallWebRTCConnection, state: ConnectionState, *, session_id: str
    ) -> None:
        self._peer = peer
        self._state = state
        self._log = logger.bind(session_id=session_id, connection_id=state.id)
        self._waiting = 0
        self._has_warned = False
        peer.pc.on("datachannel", self._stand_before)

    def _stand_before(self, channel: RTCDataChannel) -> None:
        readers = AsyncIOEventEmitter()
        for reader in channel.listeners("message"):
            readers.on("message", reader)
        channel.remove_all_listeners("message")

        def on_message(data: str | bytes) -> None:
            if is_ping(data) or self._may_pass(data):
                readers.emit("message", data)

        channel.on("message", on_message)

    def _may_pass(self, data: str | bytes) -> bool:
        """Return whether Pipecat may read it; what breaks the rules ends the connection."""
        if self._state.has_ended:
            return False
        try:
            message = read_message(data)
        except MessageRefusedError as error:
            self._state.note_violation(CloseReason.INVALID_PAYLOAD, f"message whose {error}")
            return False
        if not isinstance(message, Mapping):
            self._state.note_violation(CloseReason.INVALID_PAYLOAD, "a message is a JSON object")
            return False
        if not isinstance(message.get("type"), str):
            self._refuse("a message needs a type")
            return False
        if message["type"] == SIGNALLING_TYPE:
            return self._is_signalling(message)
        if not self._has_room():
            return False
        self._state.note_message(message)
        return True

    def _is_signalling(self, message: Mapping[str, object]) -> bool:
        try:
            SIGNALLING.validate_python(message.get("message"))
        except ValidationError:
            self._refuse("this signalling message is not understood")
            return False
        return True

    def _has_room(self) -> bool:
        """Return whether Pipecat, that keeps messages while nothing runs, may keep another one."""
        if self._peer.is_connected():
            return True
        self._waiting += 1
        if self._waiting > MAX_WAITING_MESSAGES:
            self._state.note_violation(
                CloseReason.FLOODING,
                f"{MAX_WAITING_MESSAGES} messages before any audio; no more are kept",
            )
            return False
        return True

    def _refuse(self, fault: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._log.warning("refused from the client: {}", fault)
        error = rtvi.ErrorResponse(id="", data=rtvi.ErrorResponseData(error=fault))
        self._peer.send_app_message(error.model_dump(exclude_none=True))
