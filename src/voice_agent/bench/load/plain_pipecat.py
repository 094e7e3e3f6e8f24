"""A plain Pipecat server, as Pipecat's documentation would have it: what ours is compared with.

`python -m voice_agent.bench.load.plain_pipecat BASE_URL`: one FastAPI process, one pipeline a
connection, everything built inside it. It is the quickstart's bot behind the two endpoints that
Pipecat's clients call. Nothing of this project is in it, and nothing is made worse than it need
be: it logs no more than warnings, on uvicorn with uvloop and httptools, as uvicorn chooses.
"""

import socket
import sys
from typing import Any

import uvicorn
from fastapi import BackgroundTasks, FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner

API_KEY = "none"
INSTRUCTIONS = "You are friendly and brief."


async def run_bot(transport: BaseTransport, base_url: str, greeting: str) -> None:
    """Run one call's pipeline until the client is gone."""
    stt = OpenAISTTService(
        api_key=API_KEY, base_url=base_url, settings=OpenAISTTService.Settings(model="whisper-1")
    )
    llm = OpenAILLMService(
        api_key=API_KEY,
        base_url=base_url,
        settings=OpenAILLMService.Settings(model="test", system_instruction=INSTRUCTIONS),
    )
    tts = OpenAITTSService(
        api_key=API_KEY,
        base_url=base_url,
        settings=OpenAITTSService.Settings(model="tts-1", voice="alloy"),
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [
            transport.input(),
            stt,
            aggregators.user(),
            llm,
            tts,
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(
        pipeline, params=PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    )

    @transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]
    async def on_client_connected(_: Any, __: Any) -> None:
        if greeting:
            await worker.queue_frames([TTSSpeakFrame(greeting)])

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def on_client_disconnected(_: Any, __: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def plain_app(base_url: str, greeting: str) -> FastAPI:
    """Return the server's application, with the providers at `base_url`."""
    app = FastAPI()
    webrtc = SmallWebRTCRequestHandler()

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        transport = FastAPIWebsocketTransport(
            websocket=websocket,
            params=FastAPIWebsocketParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                serializer=ProtobufFrameSerializer(),
            ),
        )
        await run_bot(transport, base_url, greeting)

    @app.post("/api/offer")
    async def offer(request: SmallWebRTCRequest, tasks: BackgroundTasks) -> Any:
        async def connected(connection: SmallWebRTCConnection) -> None:
            transport = SmallWebRTCTransport(
                webrtc_connection=connection,
                params=TransportParams(audio_in_enabled=True, audio_out_enabled=True),
            )
            tasks.add_task(run_bot, transport, base_url, greeting)

        return await webrtc.handle_web_request(request, connected)

    @app.patch("/api/offer")
    async def candidates(request: SmallWebRTCPatchRequest) -> dict[str, str]:
        await webrtc.handle_patch_request(request)
        return {"status": "success"}

    return app


def main(base_url: str, greeting: str) -> None:
    """Serve on any free port of this machine until SIGTERM."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    listening = socket.create_server(("127.0.0.1", 0))
    app = plain_app(base_url, greeting)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    print(f"ready: http://127.0.0.1:{listening.getsockname()[1]}", flush=True)  # noqa: T201
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
