"""Runs one Pipecat service in a real pipeline, feeds it frames and keeps what it pushes."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from pipecat.frames.frames import Frame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

FrameT = TypeVar("FrameT", bound=Frame)


class _Ear(FrameProcessor):
    """Keeps the frames that go in one direction and passes them on."""

    def __init__(self, direction: FrameDirection, run: "ServiceRun") -> None:
        super().__init__()
        self._heard = direction
        self._run = run

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Keep `frame` when it goes the right way, and pass it on."""
        await super().process_frame(frame, direction)
        if direction is self._heard:
            self._run.note(frame)
        await self.push_frame(frame, direction)


class ServiceRun:
    """A pipeline of one service, running while it is entered; `frames` is what came out of it.

    Audio is `audio_in_sample_rate` Hz in and 24 kHz out.
    """

    def __init__(self, service: FrameProcessor, *, audio_in_sample_rate: int = 16_000) -> None:
        self.frames: list[Frame] = []
        self._changed = asyncio.Event()
        self._worker = PipelineWorker(
            Pipeline(
                [
                    _Ear(FrameDirection.UPSTREAM, self),
                    service,
                    _Ear(FrameDirection.DOWNSTREAM, self),
                ]
            ),
            params=PipelineParams(
                audio_in_sample_rate=audio_in_sample_rate, audio_out_sample_rate=24_000
            ),
            cancel_on_idle_timeout=False,
            enable_rtvi=False,
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the pipeline and wait until it runs."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        self._task = asyncio.create_task(runner.run())
        await self.wait_for(StartFrame)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel the pipeline and wait for its end."""
        await self._worker.cancel()
        assert self._task is not None
        async with asyncio.timeout(10):
            await self._task

    async def send(self, *frames: Frame) -> None:
        """Send `frames` into the pipeline, downstream."""
        await self._worker.queue_frames(frames)

    def note(self, frame: Frame) -> None:
        """Keep `frame`; for the ears."""
        self.frames.append(frame)
        self._changed.set()

    def of(self, kind: type[FrameT]) -> list[FrameT]:
        """Return the frames of `kind` that came out so far, in order."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def wait_for(
        self, kind: type[FrameT], *, count: int = 1, timeout_s: float = 10
    ) -> FrameT:
        """Return the `count`-th frame of `kind` once it has come out.

        Raises:
            TimeoutError: It did not within `timeout_s` seconds.
        """
        await self.wait_until(lambda: len(self.of(kind)) >= count, timeout_s=timeout_s)
        return self.of(kind)[count - 1]

    async def wait_until(self, condition: Callable[[], bool], *, timeout_s: float = 10) -> None:
        """Wait until `condition` holds; it is asked whenever a frame came out.

        Raises:
            TimeoutError: It did not hold within `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
