import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.unit.core.pool.workshop import Workshop
from voice_agent.core.errors import AgentInvalidError, PoolRefusedError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import PoolLimits, Resource, ResourceKey, ResourceKind


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


async def test_a_shared_resource_is_made_once_for_all(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    first, second = await asyncio.gather(
        pool.lease([shared], timeout_s=1), pool.lease([shared], timeout_s=1)
    )
    assert first.get(shared) == second.get(shared) == 1
    (row,) = pool.statistics()
    assert (row.size, row.in_use, row.created) == (1, 2, 1)


async def test_a_shared_resource_outlives_its_leases(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    await (await pool.lease([shared], timeout_s=1)).release()
    lease = await pool.lease([shared], timeout_s=1)
    assert lease.get(shared) == 1
    assert workshop.closed == []


async def test_an_exclusive_resource_is_each_leases_own(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    exclusive = workshop.resource(ResourceKind.EXCLUSIVE)
    first = await pool.lease([exclusive], timeout_s=1)
    second = await pool.lease([exclusive], timeout_s=1)
    assert (first.get(exclusive), second.get(exclusive)) == (1, 2)
    await first.release()
    (row,) = pool.statistics()
    assert (row.size, row.in_use, row.idle, row.created) == (2, 1, 1, 2)


async def test_a_lease_gives_only_what_was_asked_for_and_only_until_released(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    asked, other = workshop.resource(), workshop.resource(ResourceKind.EXCLUSIVE)
    lease = await pool.lease([asked], timeout_s=1)
    with pytest.raises(KeyError):
        lease.get(other)
    await lease.release()
    await lease.release()
    with pytest.raises(KeyError):
        lease.get(asked)
    assert pool.statistics()[0].in_use == 0


async def test_asking_twice_for_one_thing_counts_once(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    exclusive = workshop.resource(ResourceKind.EXCLUSIVE)
    lease = await pool.lease([exclusive, exclusive], timeout_s=1)
    assert pool.statistics()[0].in_use == 1
    await lease.release()
    assert (pool.statistics()[0].in_use, workshop.begun) == (0, 1)


@pytest.mark.virtual_time
async def test_what_is_not_ready_in_time_is_refused_and_nothing_is_held(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    slow = Workshop()
    slow.gate.clear()
    ready = workshop.resource(ResourceKind.EXCLUSIVE)
    with pytest.raises(PoolRefusedError, match="not ready within 10 s"):
        await pool.lease([ready, slow.resource(purpose="tts")], timeout_s=10)
    assert all(row.in_use == 0 for row in pool.statistics())


async def test_what_cannot_be_made_is_refused_and_nothing_is_held(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    broken = Workshop()
    broken.fault = OSError("no such device")
    ready = workshop.resource(ResourceKind.EXCLUSIVE)
    with pytest.raises(PoolRefusedError, match=r"stt provider 'scripted'.*no such device"):
        await pool.lease([ready, broken.resource()], timeout_s=1)
    assert [(row.failures, row.in_use) for row in pool.statistics()] == [(0, 0), (1, 0)]


async def test_an_error_that_explains_itself_is_passed_on_in_its_words(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    workshop.fault = AgentInvalidError("knowledge: nothing to build a language model from")
    with pytest.raises(PoolRefusedError, match="nothing to build a language model from"):
        await pool.lease([workshop.resource()], timeout_s=1)


async def test_a_shared_resource_that_failed_is_tried_again(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    workshop.fault = OSError("busy")
    with pytest.raises(PoolRefusedError):
        await pool.lease([shared], timeout_s=1)
    workshop.fault = None
    assert (await pool.lease([shared], timeout_s=1)).get(shared) == 1


async def test_who_gives_up_waiting_leaves_nothing_held(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    slow = Workshop()
    slow.gate.clear()
    ready = workshop.resource(ResourceKind.EXCLUSIVE)
    waiting = asyncio.create_task(pool.lease([ready, slow.resource()], timeout_s=60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [row.in_use for row in pool.statistics()] == [0, 0]


async def test_warming_up_builds_what_is_shared_and_the_minimum_of_what_is_lent(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    lent = replace(workshop.resource(ResourceKind.EXCLUSIVE), limits=PoolLimits(minimum=3))
    unneeded = workshop.resource(ResourceKind.EXCLUSIVE, purpose="tts")
    await pool.warm_up([workshop.resource(), lent, unneeded])
    assert [(row.created, row.in_use) for row in pool.statistics()] == [(1, 0), (3, 0), (0, 0)]


async def test_of_agent_versions_only_the_last_idle_ones_are_kept(workshop: Workshop) -> None:
    pool = WarmServicePool(idle_versions_limit=2)
    for version in ("v1", "v2", "v3"):
        lease = await pool.lease([workshop.resource(version=version)], timeout_s=1)
        await lease.release()
    await workshop.has_closed(1)
    assert workshop.closed == [1]
    assert [row.key.agent_version for row in pool.statistics()] == ["v2", "v3"]


async def test_a_version_that_is_in_use_is_kept(workshop: Workshop) -> None:
    pool = WarmServicePool(idle_versions_limit=0)
    running = await pool.lease([workshop.resource(version="v1")], timeout_s=1)
    await (await pool.lease([workshop.resource(version="v2")], timeout_s=1)).release()
    await workshop.has_closed(1)
    assert workshop.closed == [2]
    assert running.get(workshop.resource(version="v1")) == 1


async def test_closing_unmakes_everything_and_refuses_further_leases(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    shared = workshop.resource()
    lease = await pool.lease([shared], timeout_s=1)
    await pool.close()
    await lease.release()
    assert workshop.closed == [1]
    with pytest.raises(PoolRefusedError, match="stopping"):
        await pool.lease([shared], timeout_s=1)


async def test_one_that_cannot_be_closed_does_not_keep_the_others(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    async def fail(_: int) -> None:
        raise OSError("stuck")

    stuck = Resource(ResourceKey(ResourceKind.SHARED, "tts", "stuck"), workshop.create, fail)
    await pool.lease([stuck, workshop.resource()], timeout_s=1)
    await pool.close()
    assert workshop.closed == [2]
