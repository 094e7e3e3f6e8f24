"""One device on a port of its own, without HTTP, through Pipecat's single-client server."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from loguru import logger
from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)

from voice_agent.transports.base import CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.websocket.connection import (
    CLOSE_CODES,
    CLOSE_TIMEOUT_S,
    GOODBYES,
)
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer

NO_BROWSERS = cast("list[str]", [None])
"""Only clients that send no Origin: a web page must not reach the device's port."""


class DeviceConnection(ConnectionState):
    """Implements `Connection` for the device that connects next to `port`.

    The port listens while the leg runs, so it counts as carrying from the start.
    """

    def __init__(self, host: str, port: int, *, session_id: str, now: Callable[[], float]) -> None:
        super().__init__(TransportKind.DEVICE, None)
        self._log = logger.bind(session_id=session_id, connection_id=self.id)
        self._socket: Any = None
        self._close_as: tuple[int, str] | None = None
        params = SingleClientWebsocketServerParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=CheckedProtobufSerializer(now, self._on_violation),
        )
        params.allowed_origins = NO_BROWSERS
        self._transport = SingleClientWebsocketServerTransport(params, host=host, port=port)
        self._transport.add_event_handler("on_client_connected", self._on_connected)
        self._transport.add_event_handler("on_client_disconnected", self._on_disconnected)
        self.note_carrying()

    def transport(self) -> SingleClientWebsocketServerTransport:
        """Return Pipecat's transport that listens on the port."""
        return self._transport

    async def close(self, reason: CloseReason) -> None:
        """Send the device the close frame for `reason`; the port closes with the pipeline."""
        self.note_ended(ConnectionEnd.CLOSED)
        if self._socket is None:
            return
        socket, self._socket = self._socket, None
        code, words = self._close_as or CLOSE_CODES[reason]
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await socket.close(code, words)
        except (TimeoutError, OSError) as error:
            self._log.debug("closing the socket: {!r}", error)

    async def _on_connected(self, _: object, socket: Any) -> None:
        self._socket = socket

    async def _on_disconnected(self, _: object, socket: Any) -> None:
        left = socket.close_code in GOODBYES
        self.note_ended(ConnectionEnd.LEFT if left else ConnectionEnd.LOST)

    def _on_violation(self, reason: CloseReason, detail: str) -> None:
        if self._close_as is None:
            self._log.warning("closing the connection: {}", detail)
            self._close_as = (CLOSE_CODES[reason][0], detail)
        self.note_ended(ConnectionEnd.CLOSED)
