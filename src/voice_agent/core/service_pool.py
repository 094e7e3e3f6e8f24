"""The service pool: what lies under a leg's processors and is shared or lent.

A leg asks once for all it needs and gets a `Lease`, or a refusal; it never holds part of one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

ResourceT = TypeVar("ResourceT")


class ResourceKind(StrEnum):
    """How a resource is handed out."""

    SHARED = "shared"
    """One in a process, used by all legs at once."""
    EXCLUSIVE = "exclusive"
    """Lent to one leg at a time."""


@dataclass(frozen=True)
class ResourceKey:
    """What makes two requests mean the same resource.

    `purpose` says what it is for ("stt", "vad"), `configuration` is any string that differs where
    the resource must differ, `agent_version` is set only where the resource depends on the agent.
    """

    kind: ResourceKind
    purpose: str
    provider: str
    configuration: str = ""
    agent_version: str | None = None


async def _nothing_to_close(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Resource(Generic[ResourceT]):
    """A resource as its owner declares it: its key, and how to make and unmake one.

    `create` may take longer than any leg waits; it must not block the event loop, and must leave
    nothing behind when it is cancelled.
    """

    key: ResourceKey
    create: Callable[[], Awaitable[ResourceT]]
    close: Callable[[ResourceT], Awaitable[None]] = _nothing_to_close


class Lease(Protocol):
    """What one leg holds of the pool, until `release`."""

    def get(self, resource: Resource[ResourceT]) -> ResourceT:
        """Return what was leased for `resource`.

        Raises:
            KeyError: `resource` was not part of the request, or the lease was released.
        """

    async def release(self) -> None:
        """Give everything back, even when the caller is cancelled meanwhile.

        Calling it again does nothing.
        """


@dataclass(frozen=True)
class ResourceStatistics:
    """Plain counts of one resource; others collect them.

    `size` counts what is there (of exclusive resources also what is being made), `in_use` the
    leases that hold one or wait for it, `created` and `failures` the builds so far.
    """

    key: ResourceKey
    size: int
    in_use: int
    created: int
    failures: int


class ServicePool(Protocol):
    """Hands out leases."""

    async def warm_up(self, resources: Sequence[Resource[Any]]) -> None:
        """Build `resources` ahead of the first leg.

        Raises:
            PoolRefusedError: One of them cannot be built.
        """

    async def lease(self, resources: Sequence[Resource[Any]], *, timeout_s: float) -> Lease:
        """Return a lease of all of `resources`, waiting at most `timeout_s` seconds.

        Raises:
            PoolRefusedError: Not all could be had in time; nothing is held.
        """

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of every resource the pool knows."""

    async def close(self) -> None:
        """Unmake what is shared, and refuse who waits and who comes.

        What is lent to one leg is unmade when that gives it back.
        """
