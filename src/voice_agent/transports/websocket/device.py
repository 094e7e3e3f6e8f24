"""One device on a port of its own, without HTTP, through Pipecat's single-client server."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)

from voice_agent.transports.base import CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.websocket.close_frame import GOODBYES, close_frame
from voice_agent.transports.websocket.media import CLOSE_TIMEOUT_S
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer

NO_BROWSERS = cast("list[str]", [None])
"""Only clients that send no Origin: a web page must not reach the device's port."""


LISTEN_TIMEOUT_S = 5.0
"""How long opening the port may take once the pipeline is being built."""


class DeviceConnection(ConnectionState):
    """Implements `Connection` for the device that connects next to `port`.

    The port listens while the leg runs, so it counts as carrying from the start.
    """

    def __init__(self, host: str, port: int, *, session_id: str, now: Callable[[], float]) -> None:
        super().__init__(TransportKind.DEVICE, None, session_id=session_id)
        self._socket: Any = None
        self._opening: asyncio.TimerHandle | None = None
        params = SingleClientWebsocketServerParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=CheckedProtobufSerializer(now, self.note_violation),
        )
        params.allowed_origins = NO_BROWSERS
        self._transport = SingleClientWebsocketServerTransport(params, host=host, port=port)
        self._transport.add_event_handler("on_websocket_ready", self._on_listening)
        self._transport.add_event_handler("on_client_connected", self._on_connected)
        self._transport.add_event_handler("on_client_disconnected", self._on_disconnected)
        self.note_carrying()

    def transport(self) -> SingleClientWebsocketServerTransport:
        """Return Pipecat's transport that listens on the port, soon or it counts as lost."""
        if self._opening is None:
            self._opening = self._loop.call_later(LISTEN_TIMEOUT_S, self._not_listening)
            self.when_ended(self._opening.cancel)
        return self._transport

    async def close(self, reason: CloseReason) -> None:
        """Send the device the close frame for `reason`; the port closes with the pipeline."""
        self.note_ended(ConnectionEnd.CLOSED)
        if self._socket is None:
            return
        socket, self._socket = self._socket, None
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.close(*close_frame(reason, self.violation))
        except (TimeoutError, OSError) as error:
            self._log.debug("closing the socket: {!r}", error)

    def _not_listening(self) -> None:
        self._log.warning("the device's port did not open in {} s", LISTEN_TIMEOUT_S)
        self.note_ended(ConnectionEnd.LOST)

    async def _on_listening(self, _: object) -> None:
        if self._opening is not None:
            self._opening.cancel()

    async def _on_connected(self, _: object, socket: Any) -> None:
        if self.has_ended:
            # Between two devices: the pipeline is going, and the port with it.
            await socket.close(*close_frame(CloseReason.TRY_AGAIN_LATER, None))
            return
        self._socket = socket

    async def _on_disconnected(self, _: object, socket: Any) -> None:
        left = socket.close_code in GOODBYES
        self.note_ended(ConnectionEnd.LEFT if left else ConnectionEnd.LOST)
