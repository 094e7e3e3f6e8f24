"""One recording's file: mixes, encodes and writes, and gives up at the first fault."""

import secrets
from collections.abc import Callable, Iterable
from typing import BinaryIO

from loguru import logger

from voice_agent.audio.recording.encoder import PACKET_SAMPLES, PACKET_TICKS, StereoOpusEncoder
from voice_agent.audio.recording.mixer import Side, StereoMixer
from voice_agent.audio.recording.ogg import GRANULE_RATE, OggOpusWriter

SILENCE = bytes(4 * PACKET_SAMPLES)
NewFile = Callable[[str], tuple[int, BinaryIO]]
"""Makes the next file of a session; returns its number, and the file, unbuffered."""


class RecordingFileWriter:
    """Everything of it runs in the recorder's thread. Times are seconds since the recording began.

    Args:
        session_id: Whose recording it is.
        started_at: When it began, in seconds of wall time.
        new_file: Makes its file.
        on_started: Called with the file's number.
        on_failed: Called at most once; nothing more is written then.
    """

    def __init__(
        self,
        session_id: str,
        started_at: float,
        new_file: NewFile,
        on_started: Callable[[int], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._started_at = started_at
        self._new_file = new_file
        self._on_started = on_started
        self._on_failed = on_failed
        self._open: _OpenFile | None = None

    def open(self) -> None:
        """Make the file, and what it takes to fill it, which takes a moment."""
        try:
            number, file = self._new_file(self._session_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the call goes on
            self._give_up(error)
            return
        try:
            self._open = _OpenFile(file, self._started_at)
        except Exception as error:  # noqa: BLE001
            self._give_up(error)
            file.close()
        else:
            self._on_started(number)

    def put(self, side: Side, at_s: float, pcm: bytes) -> None:
        """Add audio of a side that ended at `at_s`."""
        # First what is settled: a long silence would else be made in memory.
        self.advance(at_s)
        if self._open is not None:
            self._open.mixer.put(side, at_s, pcm)

    def interrupted(self, at_s: float) -> None:
        """Forget what the agent would have said after `at_s`."""
        if self._open is not None:
            self._open.mixer.interrupted(at_s)

    def advance(self, now_s: float) -> None:
        """Write what nothing can change any more."""
        if self._open is not None:
            try:
                self._open.advance(now_s)
            except Exception as error:  # noqa: BLE001
                self._give_up(error)

    def finish(self, now_s: float) -> None:
        """Write the rest and close the file."""
        if self._open is not None:
            try:
                self._open.finish(now_s)
            except Exception as error:  # noqa: BLE001
                self._give_up(error)
        self._close()

    def _give_up(self, error: Exception) -> None:
        logger.bind(session_id=self._session_id).error(
            "the call goes on, but it is not recorded any further: {}",
            (error.strerror or error) if isinstance(error, OSError) else repr(error),
        )
        self._close()
        self._on_failed()

    def _close(self) -> None:
        open_file, self._open = self._open, None
        if open_file is not None:
            try:
                open_file.file.close()
            except OSError as error:
                logger.bind(session_id=self._session_id).error("recording: {}", error)


class _OpenFile:
    """What a file is filled with; raises whatever goes wrong."""

    def __init__(self, file: BinaryIO, started_at: float) -> None:
        self.file = file
        self.mixer = StereoMixer()
        self._encoder = StereoOpusEncoder()
        self._ogg = OggOpusWriter(
            self._write, self._encoder.head, started_at, serial=secrets.randbits(32)
        )

    def advance(self, now_s: float) -> None:
        self._encode(self.mixer.mix(now_s))

    def finish(self, now_s: float) -> None:
        self._encode(self.mixer.finish(now_s))
        # What the encoder still holds comes with silence.
        self._encode([SILENCE])
        self._ogg.close(self._encoder.skip_ticks + round(self.mixer.end_s * GRANULE_RATE))

    def _encode(self, packets: Iterable[bytes]) -> None:
        for pcm in packets:
            self._ogg.write(self._encoder.encode(pcm), PACKET_TICKS)

    def _write(self, page: bytes) -> None:
        left = memoryview(page)
        while left:
            left = left[self.file.write(left) :]
