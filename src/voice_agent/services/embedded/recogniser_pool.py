"""Recogniser helpers, lent for one utterance each: few kept warm, more while many people speak."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from loguru import logger

from voice_agent.core.errors import VoiceAgentError
from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.helper_process import HelperProcess, helper_command
from voice_agent.services.embedded.helper_stream import HelperStream
from voice_agent.services.embedded.recognition_protocol import MODEL

_MODULE: Final = "voice_agent.services.embedded.recogniser_helper"
_LOAD_TIMEOUT_S: Final = 10.0
_RESTART_TIMEOUT_S: Final = 3.0


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


class _Recogniser:
    """One helper and whether the child that runs in it now has its model."""

    def __init__(self, number: int, model: bytes) -> None:
        self._helper = HelperProcess(f"recogniser-{number}", helper_command(_MODULE))
        self._model = model
        self._loaded_start = 0
        self.idle_since = 0.0

    @property
    def pid(self) -> int | None:
        return self._helper.pid

    async def start(self) -> None:
        await self._helper.start()

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

    async def close(self) -> None:
        await self._helper.close()


class RecogniserPool:
    """Lends recognisers that have loaded `model`."""

    def __init__(self, model: bytes, limits: RecogniserLimits) -> None:
        self._model = model
        self._limits = limits
        self._idle: deque[_Recogniser] = deque()
        self._all: set[_Recogniser] = set()
        self._changed = asyncio.Condition()
        self._housekeeper: asyncio.Task[None] | None = None
        self._last_used = 0.0
        self._started = 0
        self._closed = False

    @property
    def size(self) -> int:
        """How many recognisers there are."""
        return len(self._all)

    @property
    def in_use(self) -> int:
        """How many are lent."""
        return len(self._all) - len(self._idle)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return sorted(one.pid for one in self._all if one.pid is not None)

    async def start(self) -> None:
        """Start the recognisers that are kept warm, models loaded.

        Raises:
            HelperError: One of them does not start; nothing is left running.
        """
        self._last_used = asyncio.get_running_loop().time()
        try:
            for _ in range(self._limits.warm):
                recogniser = await self._start_one()
                (await recogniser.open_stream()).close()
                await self._give_back(recogniser, healthy=True)
        except BaseException:
            await self.close()
            raise
        self._housekeeper = asyncio.create_task(
            self._retire_forever(), name="recogniser-housekeeper"
        )

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[HelperStream, None]:
        """Lend a recogniser: a stream to one that has its model.

        Raises:
            RecognitionError: All are busy for too long, or the pool is closed.
            HelperError: The recogniser cannot be started.
        """
        recogniser = await self._take()
        healthy = False
        try:
            with await recogniser.open_stream() as stream:
                yield stream
            healthy = True
        finally:
            await self._give_back(recogniser, healthy=healthy)

    async def close(self) -> None:
        """End all recognisers; utterances still running fail. Closing again does nothing."""
        self._closed = True
        if self._housekeeper is not None:
            self._housekeeper.cancel()
            await asyncio.wait([self._housekeeper])
        async with self._changed:
            self._changed.notify_all()
        self._idle.clear()
        ending, self._all = self._all, set()
        await asyncio.gather(*(recogniser.close() for recogniser in ending))

    async def _take(self) -> _Recogniser:
        self._last_used = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.wait_s), self._changed:
                await self._changed.wait_for(
                    lambda: self._closed or self._idle or len(self._all) < self._limits.maximum
                )
                self._check_open()
                if self._idle:
                    return self._idle.pop()
                recogniser = self._add()
        except TimeoutError:
            raise RecognitionError(
                f"all {self._limits.maximum} recognisers are busy for {self._limits.wait_s} s"
            ) from None
        return await self._begin(recogniser)

    async def _start_one(self) -> _Recogniser:
        return await self._begin(self._add())

    def _check_open(self) -> None:
        if self._closed:
            raise RecognitionError("the recognisers were closed")

    def _add(self) -> _Recogniser:
        self._started += 1
        recogniser = _Recogniser(self._started, self._model)
        self._all.add(recogniser)
        return recogniser

    async def _begin(self, recogniser: _Recogniser) -> _Recogniser:
        try:
            await recogniser.start()
            self._check_open()
        except BaseException:
            self._all.discard(recogniser)
            await recogniser.close()
            async with self._changed:
                self._changed.notify()
            raise
        return recogniser

    async def _give_back(self, recogniser: _Recogniser, *, healthy: bool) -> None:
        recogniser.idle_since = self._last_used = asyncio.get_running_loop().time()
        if recogniser not in self._all:
            return
        # The next utterance takes from the right: one that just failed is the last to be tried.
        if healthy:
            self._idle.append(recogniser)
        else:
            self._idle.appendleft(recogniser)
        async with self._changed:
            self._changed.notify()

    async def _retire_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.idle_s / 2)
            for recogniser in self._due(loop.time()):
                try:
                    await recogniser.close()
                except HelperError as error:
                    logger.warning("a recogniser did not end cleanly: {}", error)

    def _due(self, now: float) -> list[_Recogniser]:
        """Take those out of the pool that have been idle for too long; return them."""
        unused = now - self._last_used >= self._limits.last_idle_s
        keep = 0 if unused else self._limits.warm
        due = []
        for recogniser in list(self._idle):
            if len(self._all) <= keep:
                break
            if unused or now - recogniser.idle_since >= self._limits.idle_s:
                self._idle.remove(recogniser)
                self._all.discard(recogniser)
                due.append(recogniser)
        return due
