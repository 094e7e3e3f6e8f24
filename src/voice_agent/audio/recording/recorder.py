"""Records calls: takes audio in on the event loop and leaves all the work to one thread."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from voice_agent.audio.recording.file_writer import NewFile, RecordingFileWriter
from voice_agent.audio.recording.mixer import Side
from voice_agent.audio.recording.writer_thread import BACKLOG_LIMIT_BYTES, WriterThread
from voice_agent.core.clock import Clock

TICK_S = 1.0
"""How often recordings move on in which nobody speaks."""


class RecordingListener(Protocol):
    """Who is told what becomes of a recording, on the event loop and perhaps after its end."""

    def recording_started(self, number: int) -> None:
        """The file is there, the session's `number`th."""

    def recording_failed(self) -> None:
        """Nothing more is recorded; what was written stays."""


class ActiveRecording:
    """The recording of one leg. Its methods take microseconds and raise nothing."""

    def __init__(
        self,
        writer: RecordingFileWriter,
        thread: WriterThread,
        began: float,
        now: Callable[[], float],
        on_finished: Callable[["ActiveRecording"], None],
    ) -> None:
        self._writer = writer
        self._thread = thread
        self._now = now
        self._on_finished = on_finished
        self._began = began
        self._is_over = False
        thread.do_now(writer.open)

    @property
    def duration_s(self) -> float:
        """How long it has run by now."""
        return self._now() - self._began

    def heard(self, pcm: bytes) -> None:
        """The caller said this until now: mono PCM16 of 16 kHz."""
        self._put(Side.CALLER, pcm)

    def played(self, pcm: bytes) -> None:
        """The agent said this until now: mono PCM16 of 24 kHz."""
        self._put(Side.AGENT, pcm)

    def interrupted(self) -> None:
        """The agent fell silent now, whatever it still had to say."""
        if not self._is_over:
            at_s, writer = self.duration_s, self._writer
            self._thread.do_soon(lambda: writer.interrupted(at_s), 0)

    def move_on(self) -> None:
        """Write what was said until now although nobody says more."""
        if not self._is_over:
            at_s, writer = self.duration_s, self._writer
            self._thread.do_soon(lambda: writer.advance(at_s), 0)

    def finish(self) -> None:
        """End it now; again it does nothing."""
        if not self._is_over:
            self._is_over = True
            at_s, writer = self.duration_s, self._writer
            self._thread.do_now(lambda: writer.finish(at_s))
            self._on_finished(self)

    def _put(self, side: Side, pcm: bytes) -> None:
        if not self._is_over:
            at_s, writer = self.duration_s, self._writer
            self._thread.do_soon(lambda: writer.put(side, at_s, pcm), len(pcm))


class Recorder:
    """All recordings of a process. To be used on one event loop.

    Args:
        new_file: Makes a session's next file; called in the recorder's thread.
        clock: Tells when audio came.
        backlog_limit: Bytes of audio that may wait for the thread; more is not recorded.
    """

    def __init__(
        self, new_file: NewFile, clock: Clock, *, backlog_limit: int = BACKLOG_LIMIT_BYTES
    ) -> None:
        self._new_file = new_file
        self._clock = clock
        self._thread = WriterThread(backlog_limit)
        self._active: set[ActiveRecording] = set()
        self._ticking: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def dropped_bytes(self) -> int:
        """How much audio is missing because disk or CPU did not keep up."""
        return self._thread.dropped_bytes

    def start(
        self, session_id: str, listener: RecordingListener, *, began_s_ago: float = 0.0
    ) -> ActiveRecording | None:
        """Begin to record; return None when the recorder is closed.

        Args:
            session_id: Whose leg it is.
            listener: Who is told what becomes of it.
            began_s_ago: How long the first audio lasts that will be given.
        """
        if self._is_closed:
            return None
        loop = asyncio.get_running_loop()
        writer = RecordingFileWriter(
            session_id,
            self._clock.wall() - began_s_ago,
            self._new_file,
            on_started=lambda number: _call(loop, listener.recording_started, number),
            on_failed=lambda: _call(loop, listener.recording_failed),
        )
        recording = ActiveRecording(
            writer,
            self._thread,
            self._clock.monotonic() - began_s_ago,
            self._clock.monotonic,
            self._recording_finished,
        )
        self._active.add(recording)
        self._thread.poll(wanted=True)
        if self._ticking is None:
            self._ticking = loop.call_later(TICK_S, self._tick)
        return recording

    async def catch_up(self) -> None:
        """Return when all that was said until now has been worked on, as tests want it."""
        await self._thread.catch_up()

    async def close(self) -> None:
        """Finish what runs, and return when all is written; again it does nothing."""
        if not self._is_closed:
            self._is_closed = True
            for recording in tuple(self._active):
                recording.finish()
            await self._thread.close()

    def _tick(self) -> None:
        for recording in self._active:
            recording.move_on()
        self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _recording_finished(self, recording: ActiveRecording) -> None:
        self._active.discard(recording)
        if not self._active:
            self._thread.poll(wanted=False)
            if self._ticking is not None:
                self._ticking.cancel()
                self._ticking = None


def _call(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    # A loop that is closed has nobody left who could be told.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
