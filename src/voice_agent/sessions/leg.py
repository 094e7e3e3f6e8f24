"""A leg: one run of one pipeline on one connection, with one lease, ended for certain."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, Protocol

from loguru import logger
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from voice_agent.bot.dismantling import dismantle
from voice_agent.core.agent import Agent
from voice_agent.core.errors import PoolRefusedError, SessionNotConnectedError
from voice_agent.core.events import ErrorOccurred, EventSink, LegEnded, LegStarted
from voice_agent.core.service_pool import Lease, Resource, ServicePool
from voice_agent.core.session import Session
from voice_agent.transports.base import CloseReason, Connection, ConnectionEnd

LEASE_TIMEOUT_S = 10.0
"""How long a leg waits for what it needs of the pool."""
CANCEL_TIMEOUT_S = 3.0
"""How long a pipeline may take to stop before its task is cancelled outright."""
LAST_TIMEOUT_S = 10.0
"""How long it may take then, before it is given up and logged as left behind."""

NOBODY_THERE = "nobody is connected to this session; try again when its client is there"


class LegEnd(StrEnum):
    """Why a leg ended."""

    CLIENT_LEFT = "client_left"
    CONNECTION_LOST = "connection_lost"
    DISPLACED = "displaced"
    SESSION_ENDED = "session_ended"
    SERVER_STOPPED = "server_stopped"
    IDLE = "idle"
    MAX_DURATION = "max_duration"
    REFUSED = "refused"
    FAILED = "failed"


CLOSE_REASONS = {
    LegEnd.CLIENT_LEFT: CloseReason.NORMAL,
    LegEnd.CONNECTION_LOST: CloseReason.NORMAL,
    LegEnd.DISPLACED: CloseReason.DISPLACED,
    LegEnd.SESSION_ENDED: CloseReason.NORMAL,
    LegEnd.SERVER_STOPPED: CloseReason.SERVER_STOPPING,
    LegEnd.IDLE: CloseReason.IDLE,
    LegEnd.MAX_DURATION: CloseReason.MAX_DURATION,
    LegEnd.REFUSED: CloseReason.TRY_AGAIN_LATER,
    LegEnd.FAILED: CloseReason.FAILED,
}
"""What the client is told when a leg ends."""

CONNECTION_ENDS = {
    ConnectionEnd.LEFT: LegEnd.CLIENT_LEFT,
    ConnectionEnd.LOST: LegEnd.CONNECTION_LOST,
    ConnectionEnd.CLOSED: LegEnd.FAILED,
}
"""What a connection's end means for its leg. Closed by this side: it broke the rules."""


class PipelineBuilder(Protocol):
    """What builds pipelines; `bot.pipeline_factory` does."""

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what a leg of `agent` needs from the pool."""

    def build(
        self,
        session: Session,
        transport: BaseTransport,
        lease: Lease,
        sink: EventSink,
        reaches_client: Callable[[], bool],
    ) -> PipelineWorker:
        """Return a worker for the next leg of `session`."""

    async def say(self, worker: PipelineWorker, text: str) -> None:
        """Let the agent say `text`."""

    async def take_text(self, worker: PipelineWorker, text: str) -> None:
        """Take `text` as a turn of the user."""


class Leg:
    """Runs once."""

    def __init__(
        self,
        leg_id: str,
        session: Session,
        connection: Connection,
        pool: ServicePool,
        pipelines: PipelineBuilder,
        sink: EventSink,
    ) -> None:
        self.id = leg_id
        self.connection = connection
        self._session = session
        self._pool = pool
        self._pipelines = pipelines
        self._sink = sink
        self._worker: PipelineWorker | None = None
        self._stopped: asyncio.Future[LegEnd] = asyncio.get_running_loop().create_future()
        self._log = logger.bind(session_id=session.id, leg_id=leg_id)

    def stop(self, end: LegEnd) -> None:
        """Ask it to end, and why. The first reason counts."""
        if not self._stopped.done():
            self._stopped.set_result(end)

    async def say(self, text: str) -> None:
        """Let the agent say `text`, when it has said what it is saying.

        Raises:
            SessionNotConnectedError: The pipeline does not run yet, or no more.
        """
        await self._pipelines.say(self._require_worker(), text)

    async def take_text(self, text: str) -> None:
        """Take `text` as a turn of the user.

        Raises:
            SessionNotConnectedError: The pipeline does not run yet, or no more.
        """
        await self._pipelines.take_text(self._require_worker(), text)

    def _require_worker(self) -> PipelineWorker:
        if self._worker is None or self._stopped.done():
            raise SessionNotConnectedError(NOBODY_THERE)
        return self._worker

    async def run(self) -> LegEnd:
        """Run until the leg has ended, and return why. Nothing of it is left afterwards."""
        watching = asyncio.create_task(self._watch_connection(), name=f"leg {self.id} connection")
        self._sink(LegStarted(self.id, self.connection.kind))
        end = LegEnd.SERVER_STOPPED
        try:
            end = await self._run_with_lease()
        except PoolRefusedError as error:
            end = LegEnd.REFUSED
            self._log.warning("no leg: {}", error)
            self._sink(ErrorOccurred(error.code, str(error)))
        except Exception as error:  # noqa: BLE001 - one leg's fault is nobody else's
            end = LegEnd.FAILED
            self._log.exception("the leg failed")
            self._sink(ErrorOccurred("leg_failed", str(error)))
        finally:
            watching.cancel()
            try:
                await _to_its_end(self.connection.close(CLOSE_REASONS[end]))
            finally:
                self._sink(LegEnded(self.id, end))
        return end

    async def _run_with_lease(self) -> LegEnd:
        lease = await self._lease()
        if lease is None:
            return self._stopped.result()
        try:
            return await self._run_pipeline(lease)
        finally:
            await _to_its_end(lease.release())

    async def _watch_connection(self) -> None:
        self.stop(CONNECTION_ENDS[await self.connection.wait_ended()])

    async def _lease(self) -> Lease | None:
        """Return the lease, or None when the leg must end while it waits for it."""
        resources = self._pipelines.resources(self._session.agent)
        leasing = asyncio.create_task(self._pool.lease(resources, timeout_s=LEASE_TIMEOUT_S))
        first: set[asyncio.Future[Any]] = {leasing, self._stopped}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _to_its_end(_give_up(leasing))
            raise
        if leasing.done():
            return leasing.result()
        await _to_its_end(_give_up(leasing))
        return None

    async def _run_pipeline(self, lease: Lease) -> LegEnd:
        worker = self._build(lease)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run(), name=f"leg {self.id}")
        self._worker = worker
        end = LegEnd.SERVER_STOPPED
        try:
            first: set[asyncio.Future[Any]] = {running, self._stopped}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            end = self._end_of(worker, running)
            return end
        finally:
            self._worker = None
            await _to_its_end(self._wind_up(worker, running, end))

    def _build(self, lease: Lease) -> PipelineWorker:
        return self._pipelines.build(
            self._session,
            self.connection.transport(),
            lease,
            self._sink,
            self.connection.reaches_client,
        )

    def _end_of(self, worker: PipelineWorker, running: asyncio.Task[None]) -> LegEnd:
        if self._stopped.done():
            return self._stopped.result()
        running.result()
        # It ended by itself: the client asked it to, or a provider is of no more use.
        return LegEnd.FAILED if _is_unusable(worker.pipeline) else LegEnd.CLIENT_LEFT

    async def _wind_up(
        self, worker: PipelineWorker, running: asyncio.Task[None], end: LegEnd
    ) -> None:
        """Close the connection with the reason, and see the runner's task to its end."""
        # Before the pipeline: its transport would close the connection without a reason.
        await self.connection.close(CLOSE_REASONS[end])
        if not running.done():
            await worker.cancel()
            await asyncio.wait({running}, timeout=CANCEL_TIMEOUT_S)
        if not running.done():
            self._log.error("the pipeline did not stop in {} s, cancelling it", CANCEL_TIMEOUT_S)
            running.cancel()
            await asyncio.wait({running}, timeout=LAST_TIMEOUT_S)
        if not running.done():
            self._log.error("the pipeline still runs; its processors do not stop when told")
            return
        if not running.cancelled() and running.exception() is not None:
            self._log.opt(exception=running.exception()).error("the pipeline failed")
        dismantle(worker)


async def _give_up(leasing: asyncio.Task[Lease]) -> None:
    """Take back a request for a lease, and the lease if it came all the same."""
    leasing.cancel()
    [got] = await asyncio.gather(leasing, return_exceptions=True)
    if not isinstance(got, BaseException):
        await got.release()


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end even when this task is cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def _is_unusable(processor: FrameProcessor) -> bool:
    """Return whether it, or any processor inside it, can no longer do its job."""
    return not processor.is_usable or any(map(_is_unusable, processor.processors))
