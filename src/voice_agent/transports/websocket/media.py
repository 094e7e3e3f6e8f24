"""The two ends of a pipeline on one WebSocket."""

from collections.abc import Awaitable, Callable
from typing import cast

from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketCallbacks,
    FastAPIWebsocketClient,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
)
from starlette.websockets import WebSocket

from voice_agent.transports.base_output import SpeakingOutput
from voice_agent.transports.receiving_input import ReceivingInput
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer
from voice_agent.transports.websocket.watched import WatchedWebSocket

CLOSE_TIMEOUT_S = 1.0
"""How long the closing handshake may take."""


class WebSocketInput(ReceivingInput):
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

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Get ready; the client counts who has to let go of it."""
        await super().setup(setup)
        await self._client.setup(setup)

    async def receive(self) -> None:
        """Take in audio and messages."""
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

    async def let_go(self) -> None:
        """Receive no more, and let go of the client."""
        await super().let_go()
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
