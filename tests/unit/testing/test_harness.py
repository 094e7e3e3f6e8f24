import asyncio

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker
from voice_agent.core.events import LegStarted, SpeakingStarted
from voice_agent.core.session import SessionState
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.virtual_time import VirtualClock, run_in_virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")


@pytest.mark.virtual_time
async def test_what_the_documentation_shows_works() -> None:
    async with ConversationHarness(AGENT, replies={"open": "From nine to six."}) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        await call.say("When are you open?")
        await call.agent_says("From nine to six.")


@pytest.mark.virtual_time
async def test_a_wrong_expectation_fails_with_what_was_said() -> None:
    async with ConversationHarness(AGENT) as harness:
        call = await harness.call()
        with pytest.raises(AssertionError, match=r"'Goodbye'; the agent said 'Hello\.'"):
            await call.agent_says("Goodbye", within_s=10)
        with pytest.raises(AssertionError, match="the session to end; the last events were"):
            await harness.ended(within_s=10)


def test_it_runs_without_pytest() -> None:
    async def main() -> str:
        async with ConversationHarness(AGENT) as harness:
            call = await harness.call()
            await call.agent_says("Hello.")
            assert isinstance(harness.clock, VirtualClock)
            return call.heard

    assert run_in_virtual_time(main()) == "Hello."


async def test_it_runs_in_real_time_too() -> None:
    async with ConversationHarness(Agent(id="a", name="A", greeting="Hi.")) as harness:
        call = await harness.call()
        await call.agent_says("Hi.", within_s=10)
        assert not isinstance(harness.clock, VirtualClock)


@pytest.mark.virtual_time
async def test_leaving_ends_every_call() -> None:
    async with ConversationHarness(AGENT) as harness:
        sessions = [await harness.create() for _ in range(3)]
        calls = [await harness.call(session_id) for session_id in sessions]
        await calls[0].agent_says("Hello.")
    states = {(await harness.read(session_id)).state for session_id in sessions}
    assert states == {SessionState.ENDED}
    await harness.close()


@pytest.mark.virtual_time
async def test_a_task_that_is_left_over_fails_the_test_and_is_named() -> None:
    go_on = asyncio.Event()
    harness = ConversationHarness(AGENT)
    forgotten = asyncio.create_task(go_on.wait(), name="forgotten")
    with pytest.raises(AssertionError, match=r"1 tasks are left over:\n  forgotten"):
        await harness.close()
    go_on.set()
    await forgotten


@pytest.mark.virtual_time
async def test_an_error_in_the_test_is_not_hidden_by_what_is_left_over() -> None:
    go_on = asyncio.Event()

    async def fail() -> None:
        async with ConversationHarness(AGENT):
            tasks.append(asyncio.create_task(go_on.wait()))
            raise LookupError

    tasks: list[asyncio.Task[bool]] = []
    with pytest.raises(LookupError):
        await fail()
    go_on.set()
    await asyncio.gather(*tasks)


@pytest.mark.virtual_time
async def test_events_are_kept_by_kind() -> None:
    async with ConversationHarness(AGENT) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        assert len(harness.payloads(LegStarted)) == 1
        assert [said.speaker for said in harness.payloads(SpeakingStarted)] == [Speaker.AGENT]
        assert len(harness.events) > 2
