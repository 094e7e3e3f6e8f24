"""What the speech benchmark asks, and how it sounds: synthesised voices, under four conditions.

The questions were chosen before anything was tuned and nothing was tuned on them: settings were
chosen on other questions.
"""

from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from voice_agent.services.embedded.synthesizer import Synthesizer

SAMPLE_RATE: Final = 16_000
LEAD_IN_S: Final = 0.6
LEAD_OUT_S: Final = 1.2
_ROOM_TONE: Final = 3e-4
"""Amplitude of the noise under "clean" speech: no microphone gives digital silence."""
NOISE_SNR_DB: Final = 15.0
"""How far speech lies above white noise, where there is noise."""
_QUIET_DB: Final = -20.0
_BROWSER_FIRST_DB: Final = 15.0
_BROWSER_FALL_DB_PER_S: Final = 6.0
"""How WebRTC's adaptive digital gain begins, and how fast it may change
(`AudioProcessing::Config::GainController2::AdaptiveDigital`). Chromium has it on by default."""

FLITE_VOICES: Final = ("awb", "rms", "slt")
ESPEAK_VOICE: Final = "en-us"


@dataclass(frozen=True)
class SpokenQuestion:
    """What is asked, and the first question of the entry that answers it; None: nothing does."""

    text: str
    entry: str | None


QUESTIONS: Final = (
    SpokenQuestion("When are you open?", "When are you open?"),
    SpokenQuestion("What are your opening hours on Saturday?", "When are you open?"),
    SpokenQuestion("Is there a place where I can leave my car?", "Where can I park?"),
    SpokenQuestion("How much is a day pass?", "What does it cost?"),
    SpokenQuestion("Can I pay with a credit card?", "How can I pay?"),
    SpokenQuestion("What is the password for the wifi?", "Do you have wifi?"),
    SpokenQuestion("I would like to make an appointment.", "How do I make an appointment?"),
    SpokenQuestion("Could you tell me your address please?", "Where are you?"),
    SpokenQuestion("Are you closed on Christmas?", "Are you open on public holidays?"),
    SpokenQuestion("How can I connect a language model?", "How do I give you a language model?"),
    SpokenQuestion("Is this software open source?", "Is this open source?"),
    SpokenQuestion("How do I build my own agent?", "How do I make my own agent?"),
    SpokenQuestion("What is the capital of France?", None),
    SpokenQuestion("Who won the football game last night?", None),
    SpokenQuestion("Can you tell me a joke?", None),
    SpokenQuestion("What will the weather be like tomorrow?", None),
    SpokenQuestion("How tall is the Eiffel tower?", None),
    SpokenQuestion("Please play some jazz music.", None),
    SpokenQuestion("What is the square root of sixteen?", None),
    SpokenQuestion("I want to order a pizza with mushrooms.", None),
)

Samples = NDArray[np.float32]


class Condition(StrEnum):
    """Under what speech is heard: a quiet room or noise, a far microphone, a new gain control."""

    CLEAN = "clean"
    NOISE = "noise"
    QUIET = "quiet"
    BROWSER_GAIN = "browser-gain"


class Speakers:
    """The voices that ask: flite's and espeak-ng's, each in its helper process."""

    def __init__(self, flite: Synthesizer, espeak: Synthesizer) -> None:
        self._flite = flite
        self._espeak = espeak

    @classmethod
    async def start(cls) -> "Speakers":
        """Return them, ready.

        Raises:
            HelperUnavailableError: flite or espeak-ng is not installed.
        """
        flite = await Synthesizer.start("flite", "voice_agent.services.embedded.flite_helper")
        try:
            espeak = await Synthesizer.start(
                "espeak", "voice_agent.services.embedded.espeak_helper"
            )
        except BaseException:
            await flite.close()
            raise
        return cls(flite, espeak)

    async def close(self) -> None:
        """End them."""
        await self._flite.close()
        await self._espeak.close()

    async def speak(self, voice: str, text: str) -> Samples:
        """Return `text` as `voice` says it: mono samples in -1 to 1 at 16 kHz.

        Raises:
            ValueError: There is no such voice.
        """
        engine = self._flite if voice in FLITE_VOICES else self._espeak
        name = voice if voice in FLITE_VOICES else ESPEAK_VOICE
        found = next((one for one in engine.voices if one.name == name), None)
        if found is None:
            raise ValueError(f"the voice '{name}' is not installed")
        async with aclosing(engine.speak(text, found)) as chunks:
            pcm = b"".join([chunk async for chunk in chunks])
        speech = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
        if found.sample_rate != SAMPLE_RATE:
            speech = soxr.resample(speech, found.sample_rate, SAMPLE_RATE)
        return speech.astype(np.float32)


def as_heard(speech: Samples, condition: Condition, seed: int) -> bytes:
    """Return 16-bit PCM of `speech` with silence around it, as it is heard under `condition`."""
    generator = np.random.default_rng(seed)
    silence_in = np.zeros(int(LEAD_IN_S * SAMPLE_RATE), np.float32)
    silence_out = np.zeros(int(LEAD_OUT_S * SAMPLE_RATE), np.float32)
    audio = np.concatenate([silence_in, speech, silence_out])
    if condition == Condition.QUIET:
        audio = audio * 10 ** (_QUIET_DB / 20)
    power = float(np.mean(speech**2))
    with_noise = condition == Condition.NOISE
    amplitude = (power / 10 ** (NOISE_SNR_DB / 10)) ** 0.5 if with_noise else _ROOM_TONE
    audio = audio + generator.normal(0.0, amplitude, len(audio))
    if condition == Condition.BROWSER_GAIN:
        audio = with_browser_gain(audio, len(speech))
    pcm: bytes = (np.clip(audio, -1, 1) * 32767).astype(np.int16).tobytes()
    return pcm


def with_browser_gain(audio: NDArray[Any], speech_samples: int) -> NDArray[Any]:
    """Return `audio` as a gain control makes it that has heard nothing of this caller yet.

    The gain is too high at first and falls while he speaks. What that carries over full scale is
    left so, to be cut off: harder than by Chromium's limiter.
    """
    spoken_s = (np.arange(len(audio)) - int(LEAD_IN_S * SAMPLE_RATE)) / SAMPLE_RATE
    spoken_s = np.clip(spoken_s, 0, speech_samples / SAMPLE_RATE)
    gain_db = _BROWSER_FIRST_DB - _BROWSER_FALL_DB_PER_S * spoken_s
    return audio * 10 ** (gain_db / 20)
