"""Recogniser helpers, lent for one utterance each: few kept warm, more while many people speak."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from voice_agent.core.errors import PoolRefusedError, VoiceAgentError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import (
    PoolLimits,
    PoolSizes,
    Resource,
    ResourceKey,
    ResourceKind,
    ResourceStatistics,
)
from voice_agent.services.embedded.helper_process import HelperProcess, helper_command
from voice_agent.services.embedded.helper_stream import HelperStream
from voice_agent.services.embedded.recognition_protocol import MODEL

_MODULE: Final = "voice_agent.services.embedded.recogniser_helper"
_LOAD_TIMEOUT_S: Final = 10.0
_RESTART_TIMEOUT_S: Final = 3.0
_KEY: Final = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "pocketsphinx", "recogniser")


class RecognitionError(VoiceAgentError):
    """An utterance could not be recognised; the message says why."""

    code = "recognition"


@dataclass(frozen=True)
class RecogniserLimits:
    """How many recognisers there may be, and how long idle ones are kept, in seconds.

    `warm` of them are kept for `last_idle_s` after the last utterance, the others for `idle_s`.
    An utterance waits at most `wait_s` for one while all `maximum` are busy.
    """

    warm: int = 2
    maximum: int = 12
    idle_s: float = 30.0
    last_idle_s: float = 900.0
    wait_s: float = 5.0

    @property
    def pool_limits(self) -> PoolLimits:
        """The same, as the service pool has it."""
        return PoolLimits(
            minimum=self.warm, maximum=self.maximum, idle_s=self.idle_s, rest_s=self.last_idle_s
        )


class _Recogniser:
    """One helper and whether the child that runs in it now has its model."""

    def __init__(self, number: int, model: bytes) -> None:
        self._helper = HelperProcess(f"recogniser-{number}", helper_command(_MODULE))
        self._model = model
        self._loaded_start = 0

    @property
    def pid(self) -> int | None:
        return self._helper.pid

    async def start(self) -> None:
        await self._helper.start()
        (await self.open_stream()).close()

    async def open_stream(self) -> HelperStream:
        stream = await self._helper.open_stream(timeout_s=_RESTART_TIMEOUT_S)
        start = self._helper.starts
        if start != self._loaded_start:
            try:
                await stream.request(MODEL, self._model, timeout_s=_LOAD_TIMEOUT_S)
            except BaseException:
                stream.close()
                raise
            self._loaded_start = start
        return stream

    async def is_healthy(self) -> bool:
        return self._helper.is_running

    async def close(self) -> None:
        await self._helper.close()


class RecogniserPool:
    """Lends recognisers that have loaded `model`, out of a service pool of their own.

    `sizes` is what the operator says instead of `limits`.
    """

    def __init__(
        self, model: bytes, limits: RecogniserLimits, sizes: PoolSizes | None = None
    ) -> None:
        self._model = model
        self._wait_s = limits.wait_s
        self._started = 0
        self._running: set[_Recogniser] = set()
        self._pool = WarmServicePool({_KEY.purpose: sizes} if sizes else {})
        self._recogniser = Resource(
            _KEY,
            self._start_one,
            self._end,
            is_healthy=_Recogniser.is_healthy,
            limits=limits.pool_limits,
        )

    @property
    def size(self) -> int:
        """How many recognisers there are."""
        return sum(row.size for row in self.statistics())

    @property
    def in_use(self) -> int:
        """How many are lent."""
        return sum(row.in_use for row in self.statistics())

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return sorted(one.pid for one in self._running if one.pid is not None)

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of the recognisers."""
        return self._pool.statistics()

    async def start(self) -> None:
        """Start the recognisers that are kept warm, models loaded.

        Raises:
            RecognitionError: One of them does not start; nothing is left running.
        """
        try:
            await self._pool.warm_up([self._recogniser])
        except BaseException as error:
            await self.close()
            if isinstance(error, PoolRefusedError):
                raise RecognitionError(str(error)) from error
            raise

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[HelperStream, None]:
        """Lend a recogniser: a stream to one that has its model.

        Raises:
            RecognitionError: All are busy for too long, none can be started, or they were closed.
            HelperError: The recogniser died.
        """
        try:
            lease = await self._pool.lease([self._recogniser], timeout_s=self._wait_s)
        except PoolRefusedError as error:
            raise RecognitionError(f"no recogniser: {error}") from error
        try:
            with await lease.get(self._recogniser).open_stream() as stream:
                yield stream
        finally:
            await lease.release()

    async def close(self) -> None:
        """End all recognisers; utterances still running fail. Closing again does nothing."""
        await asyncio.gather(
            self._pool.close(), *(recogniser.close() for recogniser in self._running)
        )

    async def _start_one(self) -> _Recogniser:
        self._started += 1
        recogniser = _Recogniser(self._started, self._model)
        self._running.add(recogniser)
        try:
            await recogniser.start()
        except BaseException:
            await self._end(recogniser)
            raise
        return recogniser

    async def _end(self, recogniser: _Recogniser) -> None:
        try:
            await recogniser.close()
        finally:
            self._running.discard(recogniser)
