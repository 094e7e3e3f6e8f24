"""How long after the end of speech a recogniser's final transcript is there."""

from typing import Final

from voice_agent.core.agent import Agent

MEASURED_STOP_S: Final = 0.2
"""Seconds of silence that ended speech when Pipecat's figures were measured (`stt_latency.py`)."""


def transcript_latency_s(agent: Agent, measured_s: float) -> float:
    """Return the 99th percentile, in seconds, for the silence that `agent` waits for.

    The recogniser is told of the end of speech only after that silence. Were it left out, an agent
    that waits long would take the turn for over before its last words have arrived.

    Args:
        agent: Who listens.
        measured_s: What Pipecat measured for the recogniser.
    """
    return measured_s - MEASURED_STOP_S + agent.turn.stop_s
