"""Builds a pipeline that nobody hears, so that the first caller does not wait for what it imports.

Pipecat's services import much when they are built: the first call held the event loop for 700 ms
of imports (measured with Pipecat 1.14), which every other call would have heard.
"""

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from voice_agent.bot.pipeline_factory import PipelineFactory
from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, Session

LEASE_TIMEOUT_S = 10.0


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
