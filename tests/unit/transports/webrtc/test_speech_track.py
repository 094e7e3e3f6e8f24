import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from voice_agent.audio.opus import PACKET_TICKS
from voice_agent.transports.webrtc.speech_packets import HANGOVER_PACKETS, REPEAT_TICKS
from voice_agent.transports.webrtc.speech_track import SpeechTrack

pytestmark = pytest.mark.virtual_time

SPEECH_40_MS = np.tile(np.array([4000, -4000], np.int16), 480).tobytes()
FIRST_QUIET_S = HANGOVER_PACKETS * 0.02 + 0.1


class Listener:
    """Takes packets as aiortc's sender does, and notes when each came and what it was."""

    def __init__(self, track: SpeechTrack) -> None:
        self._track = track
        self.times: list[float] = []
        self.ticks: list[int] = []
        self.sizes: list[int] = []

    async def listen(self) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                packet: Any = await self._track.recv()
                self.times.append(asyncio.get_running_loop().time())
                self.ticks.append(packet.pts)
                self.sizes.append(packet.size)

    def forget(self) -> None:
        for noted in (self.times, self.ticks, self.sizes):
            noted.clear()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[SpeechTrack, Listener]]:
    """A track, and somebody who has listened to it through the quiet at the beginning."""
    track = SpeechTrack(24_000)
    listener = Listener(track)
    task = asyncio.create_task(listener.listen())
    await asyncio.sleep(FIRST_QUIET_S)
    listener.forget()
    try:
        yield track, listener
    finally:
        track.stop()
        await asyncio.wait_for(task, timeout=1)


async def test_writing_takes_as_long_as_speaking_and_packets_come_each_20_ms() -> None:
    async with listening() as (track, listener):
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(25):
            assert await track.write(SPEECH_40_MS)
        assert loop.time() - start == pytest.approx(0.98, abs=0.001), "all but the last packet"
        assert np.diff(listener.times) == pytest.approx(0.02, abs=0.001)
        assert set(np.diff(listener.ticks)) == {PACKET_TICKS}


async def test_speech_that_ends_a_pause_goes_at_once_with_a_time_that_fits() -> None:
    async with listening() as (track, listener):
        await asyncio.sleep(1.2345)
        listener.forget()
        start = asyncio.get_running_loop().time()
        await track.write(SPEECH_40_MS)
        assert listener.times[0] == pytest.approx(start, abs=0.001)
        first = listener.ticks[0]
        await asyncio.sleep(2)
        elapsed = np.array(listener.times) - listener.times[0]
        sent_as = (np.array(listener.ticks) - first) / 48_000
        assert sent_as == pytest.approx(elapsed, abs=0.012), "but for the grace"


async def test_in_silence_one_packet_comes_each_400_ms() -> None:
    async with listening() as (_track, listener):
        await asyncio.sleep(4)
        assert len(listener.sizes) == 10
        assert set(listener.sizes) == {1}
        assert np.diff(listener.ticks) == pytest.approx(REPEAT_TICKS, abs=48)


async def test_speech_that_is_a_little_late_is_waited_for() -> None:
    async with listening() as (track, listener):
        await track.write(SPEECH_40_MS)
        await asyncio.sleep(0.025)
        await track.write(SPEECH_40_MS)
        assert np.diff(listener.times) == pytest.approx([0.02, 0.025, 0.015], abs=0.001)
        assert set(np.diff(listener.ticks)) == {PACKET_TICKS}


async def test_dropping_lets_the_writer_go_and_what_follows_is_quiet() -> None:
    async with listening() as (track, listener):
        writing = asyncio.create_task(track.write(SPEECH_40_MS * 50))
        await asyncio.sleep(0.1)
        track.drop()
        assert await asyncio.wait_for(writing, timeout=0.001)
        listener.forget()
        await asyncio.sleep(1)
        assert len(listener.sizes) <= HANGOVER_PACKETS + 3


async def test_a_track_that_has_ended_keeps_nobody_waiting() -> None:
    async with listening() as (track, _listener):
        writing = asyncio.create_task(track.write(SPEECH_40_MS * 50))
        await asyncio.sleep(0.1)
        track.stop()
        assert await asyncio.wait_for(writing, timeout=0.001) is False
        assert await track.write(SPEECH_40_MS) is False
        with pytest.raises(MediaStreamError):
            await track.recv()


async def test_after_a_stall_speech_catches_up_or_is_spoken_later() -> None:
    async with listening() as (track, listener):
        await track.write(SPEECH_40_MS)
        listener.forget()
        writing = asyncio.create_task(track.write(SPEECH_40_MS * 10))
        await asyncio.sleep(0)
        asyncio.get_running_loop().advance(0.1)  # type: ignore[attr-defined]
        await writing
        assert set(np.diff(listener.ticks)) == {PACKET_TICKS}, "100 ms are caught up"
        listener.forget()
        writing = asyncio.create_task(track.write(SPEECH_40_MS * 10))
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().advance(1.0)  # type: ignore[attr-defined]
        await writing
        assert max(np.diff(listener.ticks)) > 0.9 * 48_000, "a second is not"
