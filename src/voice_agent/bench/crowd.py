"""Many calls at once: how long is the event loop held, and how long does everybody wait?"""

from collections.abc import Sequence
from dataclasses import dataclass

from voice_agent.bench.answers import BOTH, Answers, Caller, ask_questions
from voice_agent.bench.callers import FLITE_VOICES, QUESTIONS
from voice_agent.bench.churn import Server
from voice_agent.testing.loop_watchdog import HoldReport

SPREAD_S = 5.0


@dataclass(frozen=True)
class Crowd:
    """What was measured while all called at once."""

    answers: Answers
    held: HoldReport


async def call_together(
    server: Server,
    callers: int,
    *,
    questions: Sequence[str] = QUESTIONS[:3],
    spread_s: float = SPREAD_S,
) -> Crowd:
    """Let `callers` call at once, over both transports and with every voice, and ask `questions`.

    They begin within `spread_s` seconds: people do not all stop speaking in the same moment.

    The first calls of a process load much that later ones do not; whoever wants those out of the
    figures makes a call over each transport before.
    """
    crowd = [
        Caller(BOTH[number % 2], FLITE_VOICES[number % len(FLITE_VOICES)], questions)
        for number in range(callers)
    ]
    await server.probe.watch()
    answers = await ask_questions(server.url, crowd, at_once=callers, apart_s=spread_s / callers)
    return Crowd(answers, await server.probe.held())
