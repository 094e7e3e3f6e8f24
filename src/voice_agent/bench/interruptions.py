"""How fast the agent falls silent when it is spoken over."""

import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from voice_agent.bench.callers import INTERRUPTION, STORY_QUESTION, speeches
from voice_agent.bench.figures import Distribution
from voice_agent.client import (
    BargeIn,
    Call,
    CallTimeoutError,
    TransportName,
    barge_in,
    bot_finished,
    greeting,
)

AGENT = "storyteller"
AUDIBLE_S = 0.05
"""A barge-in that met less of the agent's voice than this hit a pause, and says nothing."""
ANSWER_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Interruptions:
    """What was measured over one transport, times in seconds.

    Attributes:
        transport: How the caller was connected.
        measured: Each barge-in that counts.
        in_pauses: How many met a pause of the agent and were left out.
    """

    transport: TransportName
    measured: tuple[BargeIn, ...]
    in_pauses: int

    def distribution(self) -> Distribution:
        """Return the distribution of the times from the user's onset to silence."""
        return Distribution.of([each.latency_s for each in self.measured])


async def interrupt(
    url: str,
    transport: TransportName,
    *,
    times: int,
    voices: Sequence[str] = ("awb",),
    seed: int = 0,
) -> Interruptions:
    """Call the storyteller at `url` and speak over it until `times` barge-ins count.

    Raises:
        CallError: The call failed.
        RuntimeError: The agent pauses all the time.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret depends on it
    said = [(await speeches([INTERRUPTION], voice))[0] for voice in voices]
    measured: list[BargeIn] = []
    in_pauses = 0
    async with Call(url, transport=transport, agent=AGENT, keep_samples=False) as call:
        await greeting(call, within_s=15)
        while len(measured) < times:
            if in_pauses > times:
                raise RuntimeError("the agent pauses all the time, nothing can be measured")
            typed_at = await call.type_text(STORY_QUESTION)
            began = await _onset(call, typed_at)
            # At any moment of a word, some seconds into the story.
            await _wait_until(call, began + chance.uniform(1.0, 3.0))
            got = await barge_in(call, said[len(measured) % len(said)])
            if got.bot_audible_s < AUDIBLE_S:
                in_pauses += 1
            else:
                measured.append(got)
            await _hear_reply(call, got.silent_at)
    return Interruptions(transport, tuple(measured), in_pauses)


async def _hear_reply(call: Call, after: float) -> None:
    """Listen to the agent's answer to the interruption, when there is one."""
    with contextlib.suppress(CallTimeoutError):
        await bot_finished(call, await _onset(call, after))


async def _onset(call: Call, after: float) -> float:
    return await call.until(lambda: call.heard.onset_after(after), ANSWER_TIMEOUT_S, "the voice")


async def _wait_until(call: Call, moment: float) -> None:
    await call.until(lambda: True if call.horizon >= moment else None, 60.0, "the moment to speak")
