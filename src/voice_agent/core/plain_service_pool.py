"""A plain service pool: shared resources are built once, exclusive ones for each lease."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass
class _Shelf:
    """What the pool holds for one key."""

    resource: Resource[Any]
    building: asyncio.Lock = field(default_factory=asyncio.Lock)
    shared: Any = None
    is_built: bool = False
    in_use: int = 0
    created: int = 0
    failures: int = 0


class _Lease:
    """Implements `Lease` for the plain pool."""

    def __init__(self, pool: "PlainServicePool") -> None:
        self._pool = pool
        self._held: dict[ResourceKey, Any] = {}

    def get(self, resource: Resource[ResourceT]) -> ResourceT:
        """Return what was leased; raise KeyError when it was not, or is given back."""
        held: ResourceT = self._held[resource.key]
        return held

    async def take(self, resource: Resource[Any]) -> None:
        """Add one resource; whatever it raises, nothing was added."""
        if resource.key not in self._held:
            self._held[resource.key] = await self._pool.take(resource)

    async def release(self) -> None:
        """Give everything back, once."""
        held, self._held = self._held, {}
        for key, thing in held.items():
            await self._pool.give_back(key, thing)


class PlainServicePool:
    """Implements `ServicePool` without sizes or warm spares."""

    def __init__(self, *, idle_versions_limit: int = IDLE_VERSIONS_LIMIT) -> None:
        self._idle_versions_limit = idle_versions_limit
        self._shelves: dict[ResourceKey, _Shelf] = {}
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
        """Unmake every shared resource and refuse further leases."""
        self._is_closed = True
        shelves, self._shelves = self._shelves, {}
        for shelf in shelves.values():
            if shelf.is_built:
                await self._unmake(shelf.resource, shelf.shared)

    async def take(self, resource: Resource[Any]) -> Any:
        """Return one thing of `resource`, counted as in use.

        Raises:
            PoolRefusedError: It cannot be built, or the pool is closed.
        """
        if self._is_closed:
            raise PoolRefusedError("the service pool is closed; the server is stopping")
        shelf = self._shelves.setdefault(resource.key, _Shelf(resource))
        if resource.key.kind is ResourceKind.EXCLUSIVE:
            thing = await self._build(shelf)
        else:
            async with shelf.building:
                if not shelf.is_built:
                    shelf.shared = await self._build(shelf)
                    shelf.is_built = True
            thing = shelf.shared
        shelf.in_use += 1
        return thing

    async def give_back(self, key: ResourceKey, thing: Any) -> None:
        """Count `thing` as free again; an exclusive one is unmade."""
        shelf = self._shelves.get(key)
        if shelf is None:
            return
        shelf.in_use -= 1
        if key.kind is ResourceKind.EXCLUSIVE:
            await self._unmake(shelf.resource, thing)
        elif key.agent_version is not None:
            await self._forget_old_versions()

    async def _build(self, shelf: _Shelf) -> Any:
        try:
            thing = await shelf.resource.create()
        except asyncio.CancelledError:
            raise
        except VoiceAgentError as error:
            shelf.failures += 1
            raise PoolRefusedError(str(error)) from error
        except Exception as error:
            shelf.failures += 1
            key = shelf.resource.key
            logger.exception("cannot build {} '{}'", key.purpose, key.provider)
            raise PoolRefusedError(
                f"{key.purpose} provider '{key.provider}' is not ready: {error}"
            ) from error
        shelf.created += 1
        return thing

    async def _forget_old_versions(self) -> None:
        idle = [
            key
            for key, shelf in self._shelves.items()
            if key.agent_version is not None and shelf.is_built and shelf.in_use == 0
        ]
        for key in idle[: max(0, len(idle) - self._idle_versions_limit)]:
            shelf = self._shelves.pop(key)
            await self._unmake(shelf.resource, shelf.shared)

    async def _unmake(self, resource: Resource[Any], thing: Any) -> None:
        try:
            await resource.close(thing)
        except Exception:  # noqa: BLE001 - one that cannot be closed must not keep the others
            logger.exception("closing {} '{}' failed", resource.key.purpose, resource.key.provider)
