"""Leases over several resources, without deadlock and without half of one.

A lease asks on all its shelves in one step, so the order of any two leases is the same in every
line: the one that came first is never behind the other, so it never waits for it, and no circle of
leases that wait for each other can form.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.pool.exclusive_shelf import ExclusiveShelf
from voice_agent.core.pool.jobs import Jobs
from voice_agent.core.pool.shared_shelf import SharedShelf
from voice_agent.core.pool.shelf import STOPPING, Shelf
from voice_agent.core.pool.slot_shelf import SlotShelf
from voice_agent.core.service_pool import (
    Lease,
    PoolSizes,
    Resource,
    ResourceKey,
    ResourceKind,
    ResourceStatistics,
    ResourceT,
)

IDLE_VERSIONS_LIMIT = 8
"""How many resources of an agent's version stay when no leg uses them any more."""
WARM_UP_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 15.0
"""How long closing waits for what is unmade, before it is left behind and logged."""


class _Request:
    """Tickets from all the shelves that a lease needs, answered or not, until given back."""

    def __init__(self, shelves: Iterable[Shelf]) -> None:
        self._tickets = [(shelf, shelf.ask()) for shelf in shelves]

    def thing(self, key: ResourceKey) -> Any:
        """Return what the ticket for `key` got; raise KeyError when there is none."""
        for shelf, ticket in self._tickets:
            if shelf.resource.key == key:
                return ticket.answer.result().thing
        raise KeyError(key)

    async def answered(self, timeout_s: float) -> None:
        """Wait until every ticket has got something.

        Raises:
            PoolRefusedError: One of them was refused, or got nothing within `timeout_s` seconds.
        """
        tickets = tuple(self._tickets)
        waiting = [ticket.answer for _, ticket in tickets if not ticket.answer.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_EXCEPTION)
        for _, ticket in tickets:
            if ticket.answer.done():
                ticket.answer.result()
        for shelf, ticket in tickets:
            if not ticket.answer.done():
                raise PoolRefusedError(shelf.late(timeout_s))

    def give_back(self, *, used: bool) -> None:
        """Give everything back, and every place in a line; once."""
        tickets, self._tickets = self._tickets, []
        for shelf, ticket in tickets:
            shelf.take_back(ticket, used=used)


class _Lease:
    """Implements `Lease`."""

    def __init__(self, pool: "WarmServicePool", request: _Request) -> None:
        self._pool = pool
        self._request = request

    def get(self, resource: Resource[ResourceT]) -> ResourceT:
        """Return what was leased; raise KeyError when it was not, or is given back."""
        thing: ResourceT = self._request.thing(resource.key)
        return thing

    async def release(self) -> None:
        """Give everything back, once; when the pool is closed, wait until it is unmade."""
        self._request.give_back(used=True)
        await self._pool.released()


class WarmServicePool:
    """Implements `ServicePool`.

    Args:
        sizes: What the operator says of exclusive resources, by their purpose.
        idle_versions_limit: How many resources of agents' versions are kept while unused.
    """

    def __init__(
        self,
        sizes: Mapping[str, PoolSizes] = MappingProxyType({}),
        *,
        idle_versions_limit: int = IDLE_VERSIONS_LIMIT,
    ) -> None:
        self._sizes = sizes
        self._idle_versions_limit = idle_versions_limit
        self._jobs = Jobs()
        self._shelves: dict[ResourceKey, Shelf] = {}
        self._incomplete: set[_Request] = set()
        self._is_closed = False

    async def warm_up(self, resources: Sequence[Resource[Any]]) -> None:
        """Build what is shared, and the minimum of the others; raise PoolRefusedError if not."""
        self._require_open()
        shelves = map(self._shelf, resources)
        request = await self._answered(
            [
                shelf
                for shelf in shelves
                for _ in range(1 if isinstance(shelf, SharedShelf) else shelf.limits.minimum)
            ],
            WARM_UP_TIMEOUT_S,
        )
        request.give_back(used=False)

    async def lease(self, resources: Sequence[Resource[Any]], *, timeout_s: float) -> Lease:
        """Return a lease of all of `resources`, or raise PoolRefusedError holding nothing."""
        self._require_open()
        shelves = {resource.key: self._shelf(resource) for resource in resources}
        for shelf in shelves.values():
            shelf.require_room()
        return _Lease(self, await self._answered(shelves.values(), timeout_s))

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of every resource, and of what shared ones lend by themselves."""
        rows: list[ResourceStatistics] = []
        for shelf in self._shelves.values():
            rows.append(shelf.statistics())
            if isinstance(shelf, SharedShelf):
                rows.extend(shelf.lent_by_it())
        return tuple(rows)

    async def close(self) -> None:
        """Unmake what is shared or idle, refuse who waits for anything, and who comes.

        What is lent to one leg is unmade when that gives it back.
        """
        self._is_closed = True
        for shelf in self._shelves.values():
            shelf.close()
        for request in tuple(self._incomplete):
            request.give_back(used=False)
        self._shelves = {}
        await self._jobs.all_over(CLOSE_TIMEOUT_S)

    async def released(self) -> None:
        """See to what has become free: forget old versions; when closed, wait for its end."""
        if self._is_closed:
            await self._jobs.all_over(CLOSE_TIMEOUT_S)
            return
        quiet = [
            key for key, shelf in self._shelves.items() if key.agent_version and shelf.is_quiet
        ]
        quiet.sort(key=lambda key: self._shelves[key].last_used)
        for key in quiet[: max(0, len(quiet) - self._idle_versions_limit)]:
            self._shelves.pop(key).close()

    async def _answered(self, shelves: Iterable[Shelf], timeout_s: float) -> _Request:
        request = _Request(shelves)
        self._incomplete.add(request)
        try:
            await request.answered(timeout_s)
            self._require_open()
        except BaseException:
            request.give_back(used=False)
            raise
        finally:
            self._incomplete.discard(request)
        return request

    def _require_open(self) -> None:
        if self._is_closed:
            raise PoolRefusedError(STOPPING)

    def _shelf(self, resource: Resource[Any]) -> Shelf:
        shelf = self._shelves.get(resource.key)
        if shelf is None:
            shelf = self._shelves[resource.key] = self._new_shelf(resource)
        return shelf

    def _new_shelf(self, resource: Resource[Any]) -> Shelf:
        match resource.key.kind:
            case ResourceKind.SHARED:
                return SharedShelf(resource, resource.limits, self._jobs)
            case ResourceKind.SLOTS:
                return SlotShelf(resource, resource.limits, self._jobs)
            case ResourceKind.EXCLUSIVE:
                sizes = self._sizes.get(resource.key.purpose, PoolSizes())
                return ExclusiveShelf(resource, sizes.over(resource.limits), self._jobs)
