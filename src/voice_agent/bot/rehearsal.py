"""Does once, with nobody listening, what the first caller would have to wait for.

Pipecat's services import much when they are built: the first call held the event loop for 700 ms
of imports (measured with Pipecat 1.14), which every other call would have heard.
"""

import asyncio

from loguru import logger
from pipecat.frames.frames import EndFrame, ErrorFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.utils.string import resolve_sentence_tokenizer_language
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat.workers.runner import WorkerRunner

from voice_agent.bot.pipeline_factory import PipelineFactory
from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, Session
from voice_agent.services.provider import Provider
from voice_agent.transports.base import AUDIO_OUT_RATE

LEASE_TIMEOUT_S = 10.0
GREETING_TIMEOUT_S = 20.0
"""How long a voice may take for a greeting; later it is made in the first call, as any text."""
STOP_TIMEOUT_S = 3.0


class _Nowhere(BaseTransport):
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self._params = TransportParams()

    def input(self) -> FrameProcessor:
        return BaseInputTransport(self._params)

    def output(self) -> FrameProcessor:
        return BaseOutputTransport(self._params)


async def rehearse(
    agent: Agent, pool: ServicePool, pipelines: PipelineFactory, clock: Clock
) -> None:
    """Build a pipeline of `agent` from the pool and drop it.

    Raises:
        PoolRefusedError: What it needs cannot be had.
    """
    session = Session(Checkpoint("rehearsal", agent, created_at=clock.wall()), clock.wall)
    lease = await pool.lease(pipelines.resources(agent), timeout_s=LEASE_TIMEOUT_S)
    try:
        pipelines.build(session, _Nowhere(), lease, lambda _: None, lambda: True)
    finally:
        await lease.release()


async def rehearse_greeting(agent: Agent, pool: ServicePool, voice: Provider) -> None:
    """Have the greeting of `agent` said by `voice`, which keeps what it sounds like.

    A voice that fails is only logged: the first call then finds out for itself.

    Raises:
        PoolRefusedError: What the voice needs cannot be had.
    """
    if agent.greeting is None:
        return
    lease = await pool.lease(voice.resources(agent), timeout_s=LEASE_TIMEOUT_S)
    try:
        sentences = await _sentences(agent.greeting, agent.language)
        await _say(sentences, voice.build(agent, lease))
    finally:
        await lease.release()


async def _sentences(text: str, language: str) -> list[str]:
    """Return the pieces in which a voice will get `text`."""
    aggregator = SimpleTextAggregator(language=resolve_sentence_tokenizer_language(language))
    pieces = [piece async for piece in aggregator.aggregate(text)]
    rest = await aggregator.flush()
    return [piece.text for piece in (*pieces, *([rest] if rest else []))]


async def _say(sentences: list[str], voice: FrameProcessor) -> None:
    worker = PipelineWorker(
        Pipeline([voice]),
        params=PipelineParams(audio_out_sample_rate=AUDIO_OUT_RATE),
        observers=[],
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
        cancel_timeout_secs=STOP_TIMEOUT_S,
    )

    async def on_pipeline_error(_: object, frame: ErrorFrame) -> None:
        logger.warning("the greeting could not be made ahead: {}", frame.error)

    worker.add_event_handler("on_pipeline_error", on_pipeline_error)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await worker.queue_frames([*map(TTSSpeakFrame, sentences), EndFrame()])
    running = asyncio.create_task(runner.run(), name="rehearsal of the greeting")
    try:
        await asyncio.wait({running}, timeout=GREETING_TIMEOUT_S)
        if not running.done():
            logger.warning("the greeting could not be made ahead in {} s", GREETING_TIMEOUT_S)
            await worker.cancel()
            await asyncio.wait({running}, timeout=STOP_TIMEOUT_S)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
