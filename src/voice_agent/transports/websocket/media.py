"""The two ends of a pipeline on one WebSocket: Pipecat's, with what each of ours adds."""

from collections.abc import Awaitable, Callable

from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketCallbacks,
    FastAPIWebsocketClient,
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
)
from starlette.websockets import WebSocket

from voice_agent.transports.base_input import HearingInput
from voice_agent.transports.base_output import SpeakingOutput


class WebSocketInput(HearingInput, FastAPIWebsocketInputTransport):
    """Takes in what the client sends."""


class WebSocketOutput(SpeakingOutput, FastAPIWebsocketOutputTransport):
    """Sends what the agent says."""


class WebSocketMedia(BaseTransport):
    """Both directions. Who ends a connection hears of it from `ConnectionState`, not from here."""

    def __init__(self, websocket: WebSocket, params: FastAPIWebsocketParams) -> None:
        super().__init__()
        nothing: Callable[[WebSocket], Awaitable[None]] = _nothing
        callbacks = FastAPIWebsocketCallbacks(
            on_client_connected=nothing, on_client_disconnected=nothing, on_session_timeout=nothing
        )
        client = FastAPIWebsocketClient(
            websocket, callbacks, ws_close_timeout=params.ws_close_timeout
        )
        self._input = WebSocketInput(self, client, params)
        self._output = WebSocketOutput(self, client, params)

    def input(self) -> WebSocketInput:
        """Return the processor that receives."""
        return self._input

    def output(self) -> WebSocketOutput:
        """Return the processor that plays."""
        return self._output


async def _nothing(_: WebSocket) -> None:
    """Do nothing."""
