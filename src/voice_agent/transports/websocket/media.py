"""The two ends of a pipeline on one WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from pipecat.frames.frames import (
    CancelFrame,
    ClientConnectedFrame,
    EndFrame,
    InputTransportMessageFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketCallbacks,
    FastAPIWebsocketClient,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
)
from starlette.websockets import WebSocket

from voice_agent.transports.base_input import HearingInput
from voice_agent.transports.base_output import SpeakingOutput
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer
from voice_agent.transports.websocket.watched import WatchedWebSocket

CLOSE_TIMEOUT_S = 1.0
"""How long the closing handshake may take."""


class WebSocketInput(HearingInput):
    """Takes in what the client sends: Pipecat's input, without a frame for every message."""

    def __init__(
        self,
        websocket: WatchedWebSocket,
        client: FastAPIWebsocketClient,
        params: FastAPIWebsocketParams,
        serializer: CheckedProtobufSerializer,
    ) -> None:
        super().__init__(params)
        self._websocket = websocket
        self._client = client
        self._serializer = serializer
        self._receiving: asyncio.Task[None] | None = None

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Get ready; the client counts who has to let go of it."""
        await super().setup(setup)
        await self._client.setup(setup)

    async def start(self, frame: StartFrame) -> None:
        """Begin to receive."""
        await super().start(frame)
        await self.push_frame(ClientConnectedFrame())
        await self.set_transport_ready(frame)
        if self._receiving is None:
            self._receiving = self.create_task(self.keep_hearing(self._receive()))

    async def stop(self, frame: EndFrame) -> None:
        """Receive no more."""
        await super().stop(frame)
        await self._let_go()

    async def cancel(self, frame: CancelFrame) -> None:
        """Receive no more."""
        await super().cancel(frame)
        await self._let_go()

    async def cleanup(self) -> None:
        """Leave nothing behind."""
        await super().cleanup()
        await self._let_go()

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            taken = self._serializer.take(message["text"] if data is None else data)
            if isinstance(taken, bytes):
                await self.hear(taken)
            elif taken is not None:
                await self.broadcast_frame(InputTransportMessageFrame, message=taken.message)

    async def _let_go(self) -> None:
        if self._receiving is not None:
            await self.cancel_task(self._receiving)
            self._receiving = None
        await self._client.disconnect()


class WebSocketOutput(SpeakingOutput, FastAPIWebsocketOutputTransport):
    """Sends what the agent says."""


class WebSocketMedia(BaseTransport):
    """Both directions. Who ends a connection hears of it from `ConnectionState`, not from here."""

    def __init__(self, websocket: WatchedWebSocket, serializer: CheckedProtobufSerializer) -> None:
        super().__init__()
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=serializer,
            allowed_origins=[],
            ws_close_timeout=CLOSE_TIMEOUT_S,
        )
        nothing: Callable[[WebSocket], Awaitable[None]] = _nothing
        callbacks = FastAPIWebsocketCallbacks(
            on_client_connected=nothing, on_client_disconnected=nothing, on_session_timeout=nothing
        )
        client = FastAPIWebsocketClient(
            cast("WebSocket", websocket), callbacks, ws_close_timeout=CLOSE_TIMEOUT_S
        )
        self._input = WebSocketInput(websocket, client, params, serializer)
        self._output = WebSocketOutput(self, client, params)

    def input(self) -> WebSocketInput:
        """Return the processor that receives."""
        return self._input

    def output(self) -> WebSocketOutput:
        """Return the processor that plays."""
        return self._output


async def _nothing(_: WebSocket) -> None:
    """Do nothing."""
