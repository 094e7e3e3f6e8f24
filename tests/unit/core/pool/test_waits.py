"""The service pool when its callers give up, or it closes, before a thing is made."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.unit.core.pool.workshop import Workshop
from voice_agent.core.errors import AgentInvalidError, PoolRefusedError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.pool.warm_service_pool import CLOSE_TIMEOUT_S
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def workshop() -> Workshop:
    """A workshop that makes nothing until its gate opens."""
    workshop = Workshop()
    workshop.gate.clear()
    return workshop


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


async def settle() -> None:
    """Let everything happen that can happen now; the clock is virtual."""
    await asyncio.sleep(1)


async def open_gate(workshop: Workshop) -> None:
    """Let what is being made be made."""
    workshop.gate.set()
    await settle()


async def test_what_takes_longer_than_its_callers_wait_gets_made(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    for _ in range(3):
        with pytest.raises(PoolRefusedError, match="not ready within 10 s"):
            await pool.lease([shared], timeout_s=10)
    await open_gate(workshop)
    assert (await pool.lease([shared], timeout_s=10)).get(shared) == 1
    assert workshop.begun == 1


async def test_who_hangs_up_does_not_stop_what_others_wait_for(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    first, second = (asyncio.create_task(pool.lease([shared], timeout_s=10)) for _ in range(2))
    await settle()
    first.cancel()
    await open_gate(workshop)
    assert (await second).get(shared) == 1
    assert (workshop.begun, first.cancelled()) == (1, True)
    assert pool.statistics()[0].in_use == 1


async def test_a_failure_that_nobody_waited_for_is_logged_and_tried_again(
    pool: WarmServicePool, workshop: Workshop, warnings: list[str]
) -> None:
    workshop.fault = AgentInvalidError("nothing to build a language model from")
    shared = workshop.resource()
    with pytest.raises(PoolRefusedError, match="not ready"):
        await pool.lease([shared], timeout_s=10)
    await open_gate(workshop)
    assert "nothing to build a language model from" in "".join(warnings)
    workshop.fault = None
    assert (await pool.lease([shared], timeout_s=10)).get(shared) == 1


async def test_all_who_wait_for_what_fails_are_told_why(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    workshop.fault = OSError("no such device")
    waiting = [
        asyncio.create_task(pool.lease([workshop.resource()], timeout_s=10)) for _ in range(3)
    ]
    await settle()
    await open_gate(workshop)
    for each in waiting:
        with pytest.raises(PoolRefusedError, match="no such device"):
            await each
    assert (workshop.begun, pool.statistics()[0].in_use) == (1, 0)


@pytest.mark.parametrize("kind", [ResourceKind.SHARED, ResourceKind.EXCLUSIVE])
async def test_closing_refuses_who_still_waits(
    pool: WarmServicePool, workshop: Workshop, kind: ResourceKind
) -> None:
    waiting = asyncio.create_task(pool.lease([workshop.resource(kind)], timeout_s=60))
    await settle()
    async with asyncio.timeout(1):
        await pool.close()
        with pytest.raises(PoolRefusedError, match="stopping"):
            await waiting
    assert (workshop.begun, workshop.closed) == (1, [])


async def test_closing_ends_what_nobody_waits_for(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(PoolRefusedError, match="not ready"):
        await pool.lease([workshop.resource()], timeout_s=10)
    await pool.close()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("kind", [ResourceKind.SHARED, ResourceKind.EXCLUSIVE])
async def test_what_is_made_in_the_moment_of_closing_is_unmade(
    pool: WarmServicePool, workshop: Workshop, kind: ResourceKind
) -> None:
    waiting = asyncio.create_task(pool.lease([workshop.resource(kind)], timeout_s=10))
    await settle()
    workshop.gate.set()
    await workshop.made.wait()
    await pool.close()
    with pytest.raises(PoolRefusedError, match="stopping"):
        await waiting
    assert workshop.closed == [1]


async def test_what_resists_being_unmade_is_left_behind_after_a_while(
    pool: WarmServicePool, workshop: Workshop, warnings: list[str]
) -> None:
    await open_gate(workshop)
    resource = workshop.resource(ResourceKind.EXCLUSIVE)
    await (await pool.lease([resource], timeout_s=10)).release()
    workshop.closing_gate.clear()
    async with asyncio.timeout(resource.times.close_s + 1):
        await pool.close()
    assert "closing stt provider 'scripted' failed" in "".join(warnings)


async def test_what_is_lent_while_the_pool_closes_is_unmade_when_it_is_given_back(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    exclusive = workshop.resource(ResourceKind.EXCLUSIVE)
    leasing = asyncio.create_task(pool.lease([exclusive], timeout_s=10))
    await settle()
    await open_gate(workshop)
    lease = await leasing
    await pool.close()
    assert lease.get(exclusive) == 1
    await lease.release()
    assert workshop.closed == [1]


async def test_a_version_that_is_asked_for_while_old_ones_are_unmade_is_not_unmade(
    workshop: Workshop,
) -> None:
    pool = WarmServicePool(idle_versions_limit=0)
    idle = [workshop.resource(version=version) for version in ("v1", "v2")]
    for each in idle:
        with pytest.raises(PoolRefusedError, match="not ready"):
            await pool.lease([each], timeout_s=10)
    await open_gate(workshop)
    last = await pool.lease([workshop.resource(version="v3")], timeout_s=10)
    workshop.closing_gate.clear()
    releasing = asyncio.create_task(last.release())
    await settle()
    lease = await pool.lease([idle[1]], timeout_s=10)
    workshop.closing_gate.set()
    await releasing
    assert lease.get(idle[1]) not in workshop.closed
    await lease.release()
    await pool.close()


async def test_a_builder_that_does_not_stop_when_told_does_not_keep_the_pool_open(
    pool: WarmServicePool, warnings: list[str]
) -> None:
    released = asyncio.Event()

    async def create() -> int:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()
        return 1

    closed: list[int] = []

    async def close(thing: int) -> None:
        closed.append(thing)

    stubborn = Resource(ResourceKey(ResourceKind.EXCLUSIVE, "stt", "stubborn"), create, close)
    with pytest.raises(PoolRefusedError, match="not ready within 1 s"):
        await pool.lease([stubborn], timeout_s=1)
    async with asyncio.timeout(CLOSE_TIMEOUT_S + 1):
        await pool.close()
    assert "left behind: building stt provider 'stubborn'" in "".join(warnings)
    released.set()
    await settle()
    assert closed == [1]
