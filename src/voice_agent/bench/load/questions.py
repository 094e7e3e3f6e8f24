"""The questions that callers ask: real speech, made once."""

from dataclasses import replace
from typing import Final

from voice_agent.bench.callers import spoken
from voice_agent.client.speech import PACKET_S, Speech

ASKED: Final = (
    ("What are your opening hours on Saturday?", ("awb", "rms", "slt")),
    ("Where can I park my car?", ("rms",)),
    ("What is the address of your office?", ("rms", "slt")),
    ("How much does it cost?", ("rms",)),
    ("I have a question about my bill.", ("awb", "slt")),
    ("Please tell me your address.", ("rms", "slt")),
    ("Do you have a meeting room for six people?", ("rms", "slt")),
    ("What does a day pass cost?", ("awb", "rms")),
    ("I want to speak to somebody.", ("awb", "rms")),
)
"""What is asked, and in which of flite's voices: those in which smart-turn hears at once that the
question is over (with a probability over 0.9). Any other would be answered seconds later by every
server, which says nothing of the server."""


def questions() -> list[Speech]:
    """Return the questions, packed for both transports.

    It blocks for a second or two.

    Raises:
        RuntimeError: There is no flite command.
    """
    said = [until_silence(spoken(text, voice)) for text, voices in ASKED for voice in voices]
    for speech in said:
        _ = speech.pcm_packets, speech.opus_packets
    return said


def until_silence(speech: Speech) -> Speech:
    """Return `speech` cut at its last voiced sample, in whole packets of 20 ms.

    So the moment its last packet goes out is the moment the caller stops speaking.
    """
    packet = round(PACKET_S * speech.sample_rate)
    end = round(speech.end_s * speech.sample_rate)
    begin = end % packet
    return replace(
        speech,
        samples=speech.samples[begin:end],
        onset_s=max(0.0, speech.onset_s - begin / speech.sample_rate),
        end_s=(end - begin) / speech.sample_rate,
    )
