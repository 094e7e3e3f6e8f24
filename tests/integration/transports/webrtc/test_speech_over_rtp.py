"""What a real peer receives of the bot's voice."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import RtpPacket

from voice_agent.bench.callers import spoken
from voice_agent.client.opus import OPUS_RATE, OpusDecoder
from voice_agent.client.speech import resample
from voice_agent.transports.webrtc.speech_track import SpeechTrack

Samples = npt.NDArray[np.int16]
RATE = 24_000
CHUNK_BYTES = RATE * 40 // 1000 * 2
WITHIN_S = 10.0


@dataclass
class Receiver:
    """An aiortc peer that notes the packets it gets, and lets aiortc have them too."""

    track: SpeechTrack
    packets: list[RtpPacket] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def attach(self, receiver: Any) -> None:
        handle = receiver._handle_rtp_packet

        async def noted(packet: RtpPacket, arrival_time_ms: int) -> None:
            self.packets.append(packet)
            self._came.set()
            await handle(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = noted

    async def pause(self, count: int = 2) -> None:
        """Wait until that many packets have said that there is silence."""
        seen = len(self.packets)
        async with asyncio.timeout(WITHIN_S):
            while sum(len(packet.payload) == 1 for packet in self.packets[seen:]) < count:
                self._came.clear()
                await self._came.wait()

    async def speak(self, samples: Samples) -> None:
        pcm = samples.tobytes()
        for at in range(0, len(pcm), CHUNK_BYTES):
            assert await self.track.write(pcm[at : at + CHUNK_BYTES])

    def steps(self) -> list[int]:
        times = [packet.timestamp for packet in self.packets]
        return [(late - early) % (1 << 32) for early, late in itertools.pairwise(times)]

    def heard(self) -> Samples:
        """Everything decoded, at 48 kHz, where its timestamp says."""
        decoder, first = OpusDecoder(), self.packets[0].timestamp
        length = (self.packets[-1].timestamp - first) % (1 << 32) + OPUS_RATE
        timeline = np.zeros(length, np.int16)
        for packet in self.packets:
            samples = decoder.decode(packet.payload)
            at = (packet.timestamp - first) % (1 << 32)
            timeline[at : at + len(samples)] = samples
        return timeline


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The receiver of a track, connected and past the first quiet."""
    sending, receiving = RTCPeerConnection(), RTCPeerConnection()
    peer = Receiver(SpeechTrack(RATE))
    sending.addTrack(peer.track)
    await sending.setLocalDescription(await sending.createOffer())
    await receiving.setRemoteDescription(sending.localDescription)
    peer.attach(receiving.getReceivers()[0])
    await receiving.setLocalDescription(await receiving.createAnswer())
    await sending.setRemoteDescription(receiving.localDescription)
    await peer.pause(1)
    peer.packets.clear()
    yield peer
    await sending.close()
    await receiving.close()
    peer.track.stop()


def at_clock_rate(samples: Samples) -> npt.NDArray[np.float64]:
    positions = np.arange(len(samples) * 2) / 2
    return np.interp(positions, np.arange(len(samples)), samples)


def places(heard: Samples, spoken_at_clock_rate: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Return where in `heard` the speech is, and how like it is: 1 for the same."""
    size = 1 << (len(heard) + len(spoken_at_clock_rate)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(spoken_at_clock_rate, size))
    at = int(np.fft.irfft(product, size).argmax())
    found = heard[at : at + len(spoken_at_clock_rate)]
    return at, float(np.corrcoef(found, spoken_at_clock_rate[: len(found)])[0, 1])


async def test_what_is_spoken_between_pauses_is_heard_whole(receiver: Receiver) -> None:
    speech = spoken("What are your opening hours on Saturday?")
    voice = resample(speech.samples, speech.sample_rate, RATE)
    await receiver.pause()
    await receiver.speak(voice)
    await receiver.pause(3)
    await receiver.speak(voice)
    await receiver.pause(1)
    heard, sent = receiver.heard(), at_clock_rate(voice)
    first, likeness = places(heard[: len(heard) // 2], sent)
    assert likeness > 0.9
    second, likeness = places(heard[first + len(sent) :], sent)
    assert likeness > 0.9
    between = heard[first + len(sent) + 960 : first + len(sent) + second - 960]
    assert len(between) > 0.9 * OPUS_RATE, "the pause is in the timeline"
    assert np.abs(between.astype(int)).max() < 20, "and is silent"
    talking = [step for step in receiver.steps() if step < 2 * 960]
    assert talking.count(960) >= 2 * len(sent) // 960
    assert min(receiver.steps()) == 960, "no packet overlaps another"


async def test_an_interruption_is_silence_a_packet_later(receiver: Receiver) -> None:
    noise = np.random.default_rng(1).integers(-8000, 8000, RATE * 5).astype(np.int16)
    speaking = asyncio.create_task(receiver.track.write(noise.tobytes()))
    async with asyncio.timeout(WITHIN_S):
        while len(receiver.packets) < 20:
            receiver._came.clear()
            await receiver._came.wait()
    receiver.track.drop()
    interrupted_at = len(receiver.packets)
    await speaking
    await receiver.pause(1)
    heard = receiver.heard()
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    start = (receiver.packets[interrupted_at].timestamp - receiver.packets[0].timestamp) % (1 << 32)
    assert loud[-1] - start < OPUS_RATE * 0.06
