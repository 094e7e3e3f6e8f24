"""Who calls in a benchmark: what they say, with which voice, and the agent that they talk to."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from voice_agent.client import Speech

FLITE_VOICES = ("awb", "rms", "slt")
"""Flite's better voices; the fourth, kal16, is for machines too slow for them."""

QUESTIONS = (
    "What are your opening hours on Saturday?",
    "Are you open on Sunday?",
    "Where can I park?",
    "What is your address?",
    "Can I book a meeting room?",
    "Do you have wifi?",
)
"""What the shipped agent knows, in the words of its file."""
INTERRUPTION = "Excuse me, I would like to ask something else"
STORY_QUESTION = "Tell me a long story"

STORYTELLER = """\
id: storyteller
name: Storyteller
greeting: I am listening.
knowledge:
  - questions: [Tell me a long story, Go on with the story]
    answer: >-
      {story}
  - questions: [Excuse me I would like to ask something else]
    answer: Of course.
"""
_SENTENCE = (
    "Once upon a time a ship with many brave sailors left the old harbour and sailed over the "
    "wide blue sea for many long days and nights looking for an island full of silver and gold. "
)


def write_storyteller(agents: Path) -> None:
    """Write an agent into the folder `agents` whose answer lasts for a minute."""
    story = _SENTENCE * 6
    (agents / "storyteller.yaml").write_text(STORYTELLER.format(story=story.strip()))


@lru_cache(maxsize=256)
def spoken(text: str, voice: str = "awb") -> Speech:
    """Return `text` as Flite's `voice` says it, synthesised once; it blocks for a moment.

    Raises:
        RuntimeError: There is no flite command.
    """
    flite = shutil.which("flite")
    if flite is None:
        raise RuntimeError("the callers of a benchmark need the flite command; install flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = [flite, "-voice", voice, "-t", text, "-o", str(path)]
        subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own command
        return Speech.from_file(path)


async def speeches(texts: Sequence[str], voice: str = "awb") -> list[Speech]:
    """Return the speeches of `texts`, packed for both transports, away from the event loop."""

    def prepare() -> list[Speech]:
        made = [spoken(text, voice) for text in texts]
        for speech in made:
            _ = speech.pcm_packets, speech.opus_packets
        return made

    return await asyncio.to_thread(prepare)
