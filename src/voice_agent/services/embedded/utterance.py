"""One utterance on its way through a recogniser: fed while it is spoken, known when it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.helper_stream import HelperStream
from voice_agent.services.embedded.recogniser_pool import RecogniserPool, RecognitionError
from voice_agent.services.embedded.recognition_protocol import (
    AUDIO,
    BEGIN,
    BYTES_PER_SECOND,
    FINISH,
    PARTIAL,
    RESULT,
    Recognition,
)

LONGEST_UTTERANCE_S: Final = 30.0
"""Seconds of audio that one utterance takes; more is refused."""
_PARCEL_BYTES: Final = BYTES_PER_SECOND // 10
_RESULT_TIMEOUT_S: Final = 10.0

PartialHandler = Callable[[str], Awaitable[None]]


class Utterance:
    """Audio in, a `Recognition` out. It takes a recogniser when it is created, in its own task.

    Call `finish` or `abandon`; then await `result`. All audio is 16-bit mono at 16 kHz.
    """

    def __init__(self, pool: RecogniserPool, mean: str, on_partial: PartialHandler) -> None:
        self._pool = pool
        self._mean = mean
        self._on_partial = on_partial
        self._audio = bytearray()
        self._taken_bytes = 0
        self._finished = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._recognise(), name="utterance")

    @property
    def duration_s(self) -> float:
        """Seconds of audio it was fed."""
        return self._taken_bytes / BYTES_PER_SECOND

    @property
    def is_full(self) -> bool:
        """Whether it takes no more audio."""
        return self.duration_s >= LONGEST_UTTERANCE_S

    def feed(self, pcm: bytes) -> None:
        """Add audio. Once finished, failed or full, it is dropped."""
        if self._finished or self._task.done() or self.is_full:
            return
        self._audio += pcm
        self._taken_bytes += len(pcm)
        if len(self._audio) >= _PARCEL_BYTES:
            self._changed.set()

    def finish(self) -> None:
        """Say that no more audio comes."""
        self._finished = True
        self._changed.set()

    def abandon(self) -> None:
        """Stop the work; `result` raises. Calling it again does nothing."""
        self._task.cancel()

    async def result(self) -> Recognition:
        """Return what was heard, once it is known.

        Raises:
            RecognitionError: The recogniser failed, was busy, or the utterance was abandoned.
        """
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise RecognitionError("the utterance was abandoned")
        try:
            return self._task.result()
        except HelperError as error:
            raise RecognitionError(f"the recogniser failed: {error}") from error

    async def _recognise(self) -> Recognition:
        async with self._pool.lend() as stream:
            await stream.send(BEGIN, self._mean.encode())
            reader = asyncio.create_task(self._read_partials(stream), name="utterance-partials")
            try:
                while audio := await self._next_parcel():
                    await stream.send(AUDIO, audio)
                await stream.send(FINISH)
            finally:
                reader.cancel()
                await asyncio.wait([reader])
            while True:
                message = await stream.receive(timeout_s=_RESULT_TIMEOUT_S)
                if message.kind == RESULT:
                    return self._decode(message.payload)

    async def _next_parcel(self) -> bytes:
        """Return the audio that waits, 100 ms or more of it unless it is the last; empty at end."""
        while not self._finished and len(self._audio) < _PARCEL_BYTES:
            self._changed.clear()
            await self._changed.wait()
        audio = bytes(self._audio)
        self._audio.clear()
        return audio

    async def _read_partials(self, stream: HelperStream) -> None:
        # A failure of the helper is met again by whoever sends.
        with suppress(HelperError):
            while True:
                message = await stream.receive(timeout_s=None)
                if message.kind == PARTIAL:
                    await self._on_partial(message.payload.decode(errors="replace"))

    @staticmethod
    def _decode(payload: bytes) -> Recognition:
        try:
            return Recognition.decode(payload)
        except ValueError as error:
            raise RecognitionError(f"the recogniser answered garbage: {error}") from error
