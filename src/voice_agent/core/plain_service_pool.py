"""A plain service pool: shared resources are built once, exclusive ones for each lease.

Building and unmaking are tasks of the pool's own: who waits for one may give up, or be cancelled,
without harm to it or to the others who wait.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loguru import logger

from voice_agent.core.errors import PoolRefusedError, VoiceAgentError
from voice_agent.core.service_pool import (
    Lease,
    Resource,
    ResourceKey,
    ResourceKind,
    ResourceStatistics,
    ResourceT,
)

IDLE_VERSIONS_LIMIT = 8
"""How many shared resources of an agent's version stay when no leg uses them any more."""
UNMAKE_TIMEOUT_S = 10.0
"""How long a resource may take to be unmade, before it is left behind and logged."""


@dataclass
class _Shelf:
    """What the pool holds for one key."""

    resource: Resource[Any]
    shared: asyncio.Task[Any] | None = None
    """Builds the one thing of a shared resource, and keeps it."""
    in_use: int = 0
    created: int = 0
    failures: int = 0

    @property
    def is_built(self) -> bool:
        """Whether the shared thing is there."""
        return self.shared is not None and _is_made(self.shared)


@dataclass(frozen=True)
class _Hold:
    """One thing that a lease holds, or waits for."""

    shelf: _Shelf
    making: asyncio.Task[Any]


class _Lease:
    """Implements `Lease` for the plain pool."""

    def __init__(self, pool: "PlainServicePool") -> None:
        self._pool = pool
        self._held: dict[ResourceKey, _Hold] = {}

    def get(self, resource: Resource[ResourceT]) -> ResourceT:
        """Return what was leased; raise KeyError when it was not, or is given back."""
        held: ResourceT = self._held[resource.key].making.result()
        return held

    async def take(self, resource: Resource[Any]) -> None:
        """Add one resource; what is not there yet is held, too, until `release`."""
        if resource.key not in self._held:
            hold = self._held[resource.key] = self._pool.hold(resource)
            await self._pool.made(hold)

    async def release(self) -> None:
        """Give everything back, once."""
        held, self._held = self._held, {}
        await self._pool.give_back(held.values())


class PlainServicePool:
    """Implements `ServicePool` without sizes or warm spares."""

    def __init__(self, *, idle_versions_limit: int = IDLE_VERSIONS_LIMIT) -> None:
        self._idle_versions_limit = idle_versions_limit
        self._shelves: dict[ResourceKey, _Shelf] = {}
        self._builds: set[asyncio.Task[Any]] = set()
        self._unmakings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def warm_up(self, resources: Sequence[Resource[Any]]) -> None:
        """Build the shared ones of `resources`; raise PoolRefusedError when one cannot be."""
        lease = await self.lease(
            [resource for resource in resources if resource.key.kind is ResourceKind.SHARED],
            timeout_s=60,
        )
        await lease.release()

    async def lease(self, resources: Sequence[Resource[Any]], *, timeout_s: float) -> Lease:
        """Return a lease of all of `resources`, or raise PoolRefusedError holding nothing."""
        lease = _Lease(self)
        try:
            async with asyncio.timeout(timeout_s):
                for resource in resources:
                    await lease.take(resource)
        except BaseException as error:
            await lease.release()
            if isinstance(error, TimeoutError):
                raise PoolRefusedError(
                    f"what the call needs was not ready within {timeout_s:g} s; try again"
                ) from error
            raise
        return lease

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of every resource seen so far."""
        return tuple(
            ResourceStatistics(
                key=key,
                size=shelf.in_use if key.kind is ResourceKind.EXCLUSIVE else int(shelf.is_built),
                in_use=shelf.in_use,
                created=shelf.created,
                failures=shelf.failures,
            )
            for key, shelf in self._shelves.items()
        )

    async def close(self) -> None:
        """Unmake every shared resource, refuse who waits for one, and refuse further leases.

        What is lent to one leg is unmade when that gives it back.
        """
        self._is_closed = True
        shelves, self._shelves = self._shelves, {}
        for build in self._builds:
            build.cancel()
        self._unmake(_Hold(shelf, shelf.shared) for shelf in shelves.values() if shelf.shared)
        while self._unmakings:
            await asyncio.wait(self._unmakings)

    def hold(self, resource: Resource[Any]) -> _Hold:
        """Return one thing of `resource`, counted as in use; `made` waits until it is there.

        Raises:
            PoolRefusedError: The pool is closed.
        """
        self._require_open()
        shelf = self._shelves.setdefault(resource.key, _Shelf(resource))
        shelf.in_use += 1
        if resource.key.kind is ResourceKind.EXCLUSIVE:
            return _Hold(shelf, self._begin_build(shelf))
        if shelf.shared is None or (shelf.shared.done() and not shelf.is_built):
            shelf.shared = self._begin_build(shelf)
        return _Hold(shelf, shelf.shared)

    async def made(self, hold: _Hold) -> None:
        """Wait until what is held is there.

        Raises:
            PoolRefusedError: It cannot be built, or the pool was closed.
        """
        await asyncio.wait([hold.making])
        self._require_open()
        if hold.making.cancelled():
            raise PoolRefusedError(f"{_name(hold.shelf.resource)} is not ready; try again")
        if error := hold.making.exception():
            raise PoolRefusedError(str(error)) from error

    async def give_back(self, holds: Iterable[_Hold]) -> None:
        """Count all of `holds` as free again, and wait until the exclusive ones are unmade.

        The counting is done at once, and the unmaking goes on when the caller is cancelled.
        """
        unwanted = []
        for hold in holds:
            hold.shelf.in_use -= 1
            if hold.shelf.resource.key.kind is ResourceKind.EXCLUSIVE:
                unwanted.append(hold)
        unmakings = self._unmake([*unwanted, *self._forget_old_versions()])
        if unmakings:
            await asyncio.wait(unmakings)

    def _require_open(self) -> None:
        if self._is_closed:
            raise PoolRefusedError("the service pool is closed; the server is stopping")

    def _begin_build(self, shelf: _Shelf) -> asyncio.Task[Any]:
        build = asyncio.create_task(self._build(shelf), name=f"building {_name(shelf.resource)}")
        self._builds.add(build)
        build.add_done_callback(self._build_is_over)
        return build

    def _build_is_over(self, build: asyncio.Task[Any]) -> None:
        self._builds.discard(build)
        if not build.cancelled():
            build.exception()  # or asyncio logs it when nobody waited

    async def _build(self, shelf: _Shelf) -> Any:
        name = _name(shelf.resource)
        try:
            thing = await shelf.resource.create()
        except VoiceAgentError as error:
            shelf.failures += 1
            if shelf.in_use == 0:
                logger.warning("cannot build {}: {}", name, error)
            raise PoolRefusedError(str(error)) from error
        except Exception as error:
            shelf.failures += 1
            logger.exception("cannot build {}", name)
            raise PoolRefusedError(f"{name} is not ready: {error}") from error
        shelf.created += 1
        return thing

    def _forget_old_versions(self) -> Sequence[_Hold]:
        """Take the idle versions above the limit off their shelves, and return them."""
        idle = [
            key
            for key, shelf in self._shelves.items()
            if key.agent_version is not None and shelf.is_built and shelf.in_use == 0
        ]
        shelves = map(self._shelves.pop, idle[: max(0, len(idle) - self._idle_versions_limit)])
        return [_Hold(shelf, shelf.shared) for shelf in shelves if shelf.shared]

    def _unmake(self, holds: Iterable[_Hold]) -> Sequence[asyncio.Task[None]]:
        """Begin to unmake what nobody holds any more, built or not; return the tasks."""
        unmakings = [
            asyncio.create_task(_unmake(hold), name=f"unmaking {_name(hold.shelf.resource)}")
            for hold in holds
        ]
        self._unmakings.update(unmakings)
        for unmaking in unmakings:
            unmaking.add_done_callback(self._unmakings.discard)
        return unmakings


def _is_made(making: asyncio.Task[Any]) -> bool:
    return making.done() and not making.cancelled() and making.exception() is None


def _name(resource: Resource[Any]) -> str:
    return f"{resource.key.purpose} provider '{resource.key.provider}'"


async def _unmake(hold: _Hold) -> None:
    resource = hold.shelf.resource
    hold.making.cancel()
    try:
        async with asyncio.timeout(UNMAKE_TIMEOUT_S):
            await asyncio.wait([hold.making])
            if _is_made(hold.making):
                await resource.close(hold.making.result())
    except Exception:  # noqa: BLE001 - one that cannot be closed must not keep the others
        logger.exception("closing {} failed", _name(resource))
