"""What the pool lends to one leg at a time: how many, how old, how healthy, and who waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.unit.core.pool.workshop import Workshop
from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import (
    Lease,
    PoolLimits,
    PoolSizes,
    Resource,
    ResourceStatistics,
    TimeLimits,
    slots,
)

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
async def pool(workshop: Workshop) -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    for gate in (workshop.gate, workshop.closing_gate, workshop.check_gate, workshop.reset_gate):
        gate.set()
    await pool.close()


def row(pool: WarmServicePool) -> ResourceStatistics:
    (only,) = pool.statistics()
    return only


async def settle(seconds: float = 0.1) -> None:
    """Let everything happen that can happen now; the clock is virtual."""
    await asyncio.sleep(seconds)


async def leased(pool: WarmServicePool, resource: Resource[int], count: int) -> list[Lease]:
    return [await pool.lease([resource], timeout_s=1) for _ in range(count)]


async def returned(pool: WarmServicePool, resource: Resource[int], count: int) -> None:
    """Let so many have been built and come back."""
    for lease in await leased(pool, resource, count):
        await lease.release()
    await settle()


async def test_what_comes_back_is_reset_and_lent_again(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits())
    await returned(pool, resource, 1)
    lease = await pool.lease([resource], timeout_s=1)
    assert (lease.get(resource), workshop.reset_things) == (1, [1])
    assert (row(pool).created, row(pool).reused) == (1, 1)


async def test_what_a_refused_lease_gives_back_is_not_reset(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource, slow = workshop.tended(PoolLimits()), Workshop()
    slow.gate.clear()
    with pytest.raises(PoolRefusedError, match="tts provider 'scripted' was not ready within 1 s"):
        await pool.lease([resource, slow.resource(purpose="tts")], timeout_s=1)
    assert (workshop.reset_things, pool.statistics()[0].idle) == ([], 1)


async def test_the_maximum_is_never_exceeded_and_who_waits_is_served_in_turn(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(maximum=2))
    held = await leased(pool, resource, 2)
    order: list[int] = []

    async def call(number: int) -> None:
        lease = await pool.lease([resource], timeout_s=10)
        order.append(number)
        await asyncio.sleep(1)
        await lease.release()

    callers = [asyncio.create_task(call(number)) for number in range(5)]
    await settle()
    assert (row(pool).size, row(pool).waiting) == (2, 5)
    for lease in held:
        await lease.release()
    await asyncio.gather(*callers)
    assert (order, workshop.begun) == ([0, 1, 2, 3, 4], 2)
    assert row(pool).waits == 5 + 2  # the first two waited for the builder
    assert row(pool).wait_longest_s == pytest.approx(2.1)


async def test_more_than_may_wait_are_refused_at_once(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(maximum=1, waiters=2))
    await leased(pool, resource, 1)
    waiting = [asyncio.create_task(pool.lease([resource], timeout_s=10)) for _ in range(2)]
    await settle()
    with pytest.raises(PoolRefusedError, match="2 already wait"):
        await pool.lease([resource, workshop.resource(purpose="tts")], timeout_s=10)
    assert [each.in_use for each in pool.statistics()] == [1, 0]
    for each in waiting:
        each.cancel()


async def test_a_thousand_who_wait_are_all_answered_within_their_bound(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(maximum=10))
    now = asyncio.get_running_loop().time

    async def call() -> tuple[bool, float]:
        began = now()
        try:
            lease = await pool.lease([resource], timeout_s=10)
        except PoolRefusedError:
            return False, now() - began
        waited_s = now() - began
        await asyncio.sleep(1)
        await lease.release()
        return True, waited_s

    answers = await asyncio.gather(*(call() for _ in range(1000)))
    # Ten at once, each for a second, for the ten seconds that the last ones wait.
    assert sum(served for served, _ in answers) in (100, 110)
    assert max(waited_s for _, waited_s in answers) == pytest.approx(10, abs=0.01)
    assert (workshop.begun, row(pool).in_use, row(pool).waiting) == (10, 0, 0)


async def test_the_minimum_is_kept_and_what_is_more_is_retired_after_a_while(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(minimum=1, idle_s=60))
    await returned(pool, resource, 3)
    await settle(59)
    assert row(pool).size == 3
    await settle(2)
    assert (row(pool).size, row(pool).retired) == (1, 2)


async def test_one_that_is_too_old_is_replaced_but_not_while_it_is_lent(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(minimum=1, max_age_s=100))
    lease = await pool.lease([resource], timeout_s=1)
    await settle(150)
    assert workshop.closed == []
    await lease.release()
    await settle()
    assert (workshop.closed, workshop.existing) == ([1], {2})
    await settle(101)
    assert (workshop.closed, workshop.existing) == ([1, 2], {3})


async def test_where_nobody_calls_for_long_even_the_minimum_rests(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(minimum=2, rest_s=900))
    await pool.warm_up([resource])
    await settle(899)
    assert workshop.existing == {1, 2}
    await settle(2)
    assert workshop.existing == set()
    lease = await pool.lease([resource], timeout_s=1)
    await settle()
    assert len(workshop.existing) == 2
    await lease.release()


async def test_one_that_cannot_be_reset_is_quarantined_and_replaced(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(minimum=1))
    workshop.spoilt = {1}
    await returned(pool, resource, 1)
    assert (workshop.closed, workshop.existing, row(pool).quarantined) == ([1], {2}, 1)


async def test_one_that_died_while_lent_is_quarantined_on_return(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits())
    lease = await pool.lease([resource], timeout_s=1)
    workshop.sick = {1}
    await lease.release()
    await settle()
    assert (workshop.closed, row(pool).quarantined, row(pool).size) == ([1], 1, 0)


async def test_one_that_died_while_idle_is_not_lent(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits())
    await returned(pool, resource, 1)
    workshop.sick = {1}
    lease = await pool.lease([resource], timeout_s=1)
    assert (lease.get(resource), row(pool).quarantined) == (2, 1)


@pytest.mark.parametrize("gate", ["reset_gate", "check_gate"])
async def test_a_reset_or_check_that_hangs_ends_in_quarantine(
    pool: WarmServicePool, workshop: Workshop, gate: str
) -> None:
    resource = workshop.tended(PoolLimits(maximum=1))
    lease = await pool.lease([resource], timeout_s=1)
    getattr(workshop, gate).clear()
    await lease.release()
    waiting = asyncio.create_task(pool.lease([resource], timeout_s=10))
    await settle(6)
    assert (await waiting).get(resource) == 2
    assert row(pool).quarantined == 1


async def test_one_in_quarantine_counts_until_it_is_closed(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(maximum=1))
    workshop.spoilt = {1}
    workshop.closing_gate.clear()
    await returned(pool, resource, 1)
    with pytest.raises(PoolRefusedError, match="not ready"):
        await pool.lease([resource], timeout_s=1)
    assert (row(pool).size, workshop.begun) == (1, 1)
    workshop.closing_gate.set()
    assert (await pool.lease([resource], timeout_s=1)).get(resource) == 2


async def test_a_build_that_hangs_is_cut_off(pool: WarmServicePool, workshop: Workshop) -> None:
    workshop.gate.clear()
    resource = replace(workshop.tended(PoolLimits(maximum=1)), times=TimeLimits(create_s=5))
    with pytest.raises(PoolRefusedError, match="building stt provider 'scripted' took longer than"):
        await pool.lease([resource], timeout_s=10)
    assert (row(pool).failures, row(pool).building) == (1, 0)


async def test_the_minimum_is_tried_again_with_growing_pauses(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(minimum=1))
    workshop.fault = PoolRefusedError("the server is away")
    with pytest.raises(PoolRefusedError, match="the server is away"):
        await pool.lease([resource], timeout_s=1)
    await settle(60)
    # After 0.5, 1, 2, 4, 8 and then every 15 s.
    assert workshop.begun == 8
    workshop.fault = None
    await settle(15)
    assert (workshop.existing, row(pool).failures) == ({1}, 8)


async def test_while_another_is_lent_a_failed_build_refuses_nobody_and_is_tried_again(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    resource = workshop.tended(PoolLimits(maximum=2))
    await leased(pool, resource, 1)
    workshop.fault = OSError("busy")
    waiting = asyncio.create_task(pool.lease([resource], timeout_s=10))
    await settle()
    assert not waiting.done()
    workshop.fault = None
    await settle(1)
    assert (await waiting).get(resource) == 2


async def test_slots_bound_how_many_hold_one(pool: WarmServicePool, workshop: Workshop) -> None:
    streams, engine = slots("tts", "scripted", 2), workshop.resource()
    first, _ = [await pool.lease([streams, engine], timeout_s=1) for _ in range(2)]
    waiting = asyncio.create_task(pool.lease([engine, streams], timeout_s=10))
    await settle()
    assert (pool.statistics()[0].in_use, pool.statistics()[0].waiting) == (2, 1)
    await first.release()
    lease = await waiting
    lease.get(streams)
    assert pool.statistics()[0].in_use == 2
    with pytest.raises(PoolRefusedError, match="all 2 of tts provider 'scripted' are busy"):
        await pool.lease([streams], timeout_s=1)


async def test_an_operator_sizes_what_serves_a_purpose(workshop: Workshop) -> None:
    pool = WarmServicePool({"stt": PoolSizes(minimum=2, maximum=2)})
    resource = workshop.tended(PoolLimits(maximum=1))
    await pool.warm_up([resource])
    held = await leased(pool, resource, 2)
    with pytest.raises(PoolRefusedError):
        await pool.lease([resource], timeout_s=1)
    assert len(held) == row(pool).size == 2
    await pool.close()


@pytest.mark.parametrize(
    ("sizes", "bounds"),
    [
        (PoolSizes(), (1, 4)),
        (PoolSizes(minimum=6), (6, 6)),
        (PoolSizes(maximum=8), (1, 8)),
        (PoolSizes(minimum=0, maximum=1), (0, 1)),
    ],
)
async def test_a_bound_that_was_not_said_gives_way(
    sizes: PoolSizes, bounds: tuple[int, int]
) -> None:
    limits = sizes.over(PoolLimits(minimum=1, maximum=4, idle_s=7))
    assert (limits.minimum, limits.maximum, limits.idle_s) == (*bounds, 7)


async def test_leases_that_want_the_same_in_another_order_do_not_lock_each_other(
    pool: WarmServicePool, workshop: Workshop
) -> None:
    limits = PoolLimits(maximum=1)
    first, second = workshop.tended(limits), workshop.tended(limits, "tts")

    async def call(order: list[Resource[int]]) -> None:
        lease = await pool.lease(order, timeout_s=100)
        await asyncio.sleep(1)
        await lease.release()

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(call([first, second] if number % 2 else [second, first]) for number in range(20))
        )
