"""A leg that is cancelled, at whatever step: nothing is lent, open or half alive afterwards."""

import asyncio

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.events import LegEnded, LegStarted
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind
from voice_agent.core.session import SessionState
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.memory_client import MemoryClient
from voice_agent.testing.scripted_stt import ScriptedSTT

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
POLICY = SessionPolicy(default_agent=AGENT.id, max_sessions=10)


class Lending:
    """An exclusive resource that counts what it has lent."""

    def __init__(self) -> None:
        self.lent = 0
        key = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "counted")
        self.resource = Resource(key, self._create, self._close)

    async def _create(self) -> object:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.lent += 1
        return object()

    async def _close(self, _: object) -> None:
        await asyncio.sleep(0)
        self.lent -= 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("steps", [*range(1, 40, 2), *range(40, 240, 25)])
async def test_a_leg_cancelled_at_any_step_leaves_nothing(steps: int, times: int) -> None:
    lending = Lending()
    stt = ScriptedSTT(needs=(lending.resource,))
    async with ConversationHarness(AGENT, stt=stt, policy=POLICY) as harness:
        session_id = await harness.create()
        client = MemoryClient()
        running = asyncio.create_task(harness.sessions.run_leg(session_id, client.connection))
        client.open_microphone()
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(times):
            running.cancel()
            for _ in range(3):
                await asyncio.sleep(0)
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(1)
        assert client.close_reason is not None
        assert len(harness.payloads(LegStarted)) == len(harness.payloads(LegEnded))
        assert (await harness.read(session_id)).state is not SessionState.CONNECTED
    assert lending.lent == 0
