"""The engines themselves: speech from real helper processes, many at a time."""

import array
import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from tests.programs import stop_child
from voice_agent.services.embedded.espeak import ESPEAK, EspeakProvider
from voice_agent.services.embedded.flite import FLITE, FliteProvider
from voice_agent.services.embedded.helper_errors import HelperDiedError, HelperRequestError
from voice_agent.services.embedded.synthesis_protocol import Voice
from voice_agent.services.embedded.synthesizer import Synthesizer

TWELVE_WORDS = "We are open from nine to six on every day except Sunday."
LONG = "This sentence is one of many that nobody will ever hear to its end. " * 40

needs_flite = pytest.mark.skipif(not FliteProvider.present(), reason="flite is not installed")
needs_espeak = pytest.mark.skipif(not EspeakProvider.present(), reason="no espeak-ng here")


def loudness(audio: bytes) -> float:
    samples = array.array("h", audio)
    return sum(abs(sample) for sample in samples) / max(1, len(samples))


async def collect(synthesizer: Synthesizer, text: str, voice: Voice, speed: float = 1.0) -> bytes:
    return b"".join([chunk async for chunk in synthesizer.speak(text, voice, speed)])


@pytest.fixture
async def flite() -> AsyncIterator[Synthesizer]:
    synthesizer = await FLITE.create()
    yield synthesizer
    await synthesizer.close()


@pytest.fixture
async def espeak() -> AsyncIterator[Synthesizer]:
    synthesizer = await ESPEAK.create()
    yield synthesizer
    await synthesizer.close()


@needs_flite
@pytest.mark.parametrize("name", ["slt", "rms", "awb", "kal16"])
async def test_every_flite_voice_speaks(flite: Synthesizer, name: str) -> None:
    voice = next((voice for voice in flite.voices if voice.name == name), None)
    if voice is None:
        pytest.skip(f"flite's voice {name} is not installed")
    assert loudness(await collect(flite, TWELVE_WORDS, voice)) > 300


@needs_flite
@pytest.mark.parametrize("name", ["slt", "kal16"])
async def test_speeches_at_the_same_time_are_the_same_as_one_after_another(
    flite: Synthesizer, name: str
) -> None:
    voice = next((voice for voice in flite.voices if voice.name == name), None)
    if voice is None:
        pytest.skip(f"flite's voice {name} is not installed")
    texts = [f"Number {count} of {count * 7} comes before lunch." for count in range(12)]
    speeds = [1.0 + 0.05 * count for count in range(12)]
    jobs = [(text, voice, speed) for text, speed in zip(texts, speeds, strict=True)]
    alone = [await collect(flite, *job) for job in jobs]
    together = await asyncio.gather(*(collect(flite, *job) for job in jobs))
    if name == "kal16":  # The others breathe random noise.
        assert together == alone
    assert [len(speech) for speech in together] == [len(speech) for speech in alone]
    assert flite.helper.starts == 1


@needs_flite
async def test_nobody_waits_for_the_end_of_anothers_sentence(flite: Synthesizer) -> None:
    finished: list[str] = []

    async def speak(name: str, text: str) -> None:
        await collect(flite, text, flite.voices[0])
        finished.append(name)

    long = asyncio.create_task(speak("long", LONG[:290]))
    await asyncio.sleep(0)
    await speak("short", "Yes, we do.")
    await long
    assert finished == ["short", "long"]


@needs_flite
async def test_typographic_marks_and_accents_are_spoken(flite: Synthesizer) -> None:
    plain = await collect(flite, "It's a cafe", flite.voices[0])
    marked = await collect(flite, "It’s a café", flite.voices[0])
    assert len(marked) == len(plain)


@needs_espeak
async def test_speed_makes_speech_shorter(espeak: Synthesizer) -> None:
    voice = next(voice for voice in espeak.voices if voice.name == "en-us")
    normal = await collect(espeak, TWELVE_WORDS, voice)
    fast = await collect(espeak, TWELVE_WORDS, voice, 1.6)
    again = await collect(espeak, TWELVE_WORDS, voice)
    assert len(fast) < 0.75 * len(normal)
    assert abs(len(again) - len(normal)) < 0.02 * len(normal)


@needs_espeak
async def test_a_voice_that_the_engine_refuses_is_an_error_and_the_next_request_works(
    espeak: Synthesizer,
) -> None:
    with pytest.raises(HelperRequestError, match="no voice 'nobody'"):
        await collect(espeak, "Hello", Voice("nobody", "xx", 22_050))
    assert await collect(espeak, "Hello", espeak.voices[0])


@needs_flite
async def test_a_text_is_asked_for_again_when_the_helper_dies_before_it_speaks(
    flite: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = flite.helper.pid
    assert pid is not None
    await asyncio.to_thread(stop_child, pid)  # It cannot answer before it dies.
    speech = asyncio.create_task(collect(flite, "Hello", flite.voices[0]))
    async with asyncio.timeout(5):
        while flite.helper.stream_count == 0:  # noqa: ASYNC110 - it opens in a few turns
            await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    assert await speech
    assert flite.helper.starts == 2


@needs_flite
async def test_a_speech_cut_in_the_middle_is_an_error(flite: Synthesizer) -> None:
    speech = flite.speak(LONG[:290], flite.voices[0])
    await anext(speech)
    assert flite.helper.pid is not None
    os.kill(flite.helper.pid, signal.SIGKILL)
    with pytest.raises(HelperDiedError):
        async for _ in speech:
            pass
