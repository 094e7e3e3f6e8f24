"""The service pool when whoever leases or releases is cancelled, at any point."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import pytest

from tests.unit.core.pool.workshop import Workshop
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import Resource, ResourceKind

pytestmark = [
    pytest.mark.virtual_time,
    pytest.mark.parametrize("steps", range(51)),
    pytest.mark.parametrize("times", [1, 2]),
]


@pytest.fixture
def workshop() -> Workshop:
    return Workshop(steps=3)


@pytest.fixture
def exclusive(workshop: Workshop) -> Sequence[Resource[int]]:
    return [
        workshop.resource(ResourceKind.EXCLUSIVE, purpose=purpose) for purpose in ("stt", "tts")
    ]


async def cancelled(work: Awaitable[object], steps: int, times: int) -> None:
    """Run `work` for so many steps of the event loop, then cancel it so many times."""
    task = asyncio.ensure_future(work)
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_while_he_leases_holds_nothing(
    workshop: Workshop, exclusive: Sequence[Resource[int]], steps: int, times: int
) -> None:
    pool = WarmServicePool()

    async def lease_and_release() -> None:
        lease = await pool.lease([exclusive[0], shared, exclusive[1]], timeout_s=10)
        await lease.release()

    shared = workshop.resource()
    await cancelled(lease_and_release(), steps, times)
    await asyncio.sleep(1)
    assert {row.in_use for row in pool.statistics()} <= {0}
    assert len(workshop.existing) == sum(row.size for row in pool.statistics())
    await pool.close()
    assert workshop.existing == set()


async def test_who_is_cancelled_while_he_releases_holds_nothing_once_he_has_called_again(
    workshop: Workshop, exclusive: Sequence[Resource[int]], steps: int, times: int
) -> None:
    pool = WarmServicePool()
    lease = await pool.lease([*exclusive, workshop.resource()], timeout_s=10)
    await cancelled(lease.release(), steps, times)
    await lease.release()
    assert {row.in_use for row in pool.statistics()} == {0}
    await pool.close()
    assert workshop.existing == set()
