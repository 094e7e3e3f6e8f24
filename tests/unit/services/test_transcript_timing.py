from dataclasses import replace

import pytest
from pipecat.services.stt_latency import OPENAI_TTFS_P99

from voice_agent.core.agent import Agent, TurnSettings
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.openai import OpenAISTTProvider
from voice_agent.services.openai_http import HTTP_CLIENT
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.transcript_timing import MEASURED_STOP_S, transcript_latency_s

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello")
PATIENT = replace(AGENT, turn=TurnSettings(stop_s=2.5))


def test_a_transcript_comes_after_the_silence_that_the_agent_waits_for() -> None:
    assert transcript_latency_s(PATIENT, 0.35) == pytest.approx(2.5 + 0.35 - MEASURED_STOP_S)
    assert transcript_latency_s(AGENT, 0.35) == pytest.approx(0.35)


@pytest.mark.parametrize("agent", [AGENT, PATIENT])
async def test_the_turn_waits_for_a_recogniser_that_hears_whole_stretches(agent: Agent) -> None:
    pool = WarmServicePool()
    lease = await pool.lease([HTTP_CLIENT], timeout_s=10)
    try:
        service = OpenAISTTProvider(ProviderOptions(api_key="key")).build(agent, lease)
        latency_s = service.service_metadata_frame().ttfs_p99_latency
    finally:
        await lease.release()
        await pool.close()
    assert latency_s == pytest.approx(agent.turn.stop_s + OPENAI_TTFS_P99 - MEASURED_STOP_S)
