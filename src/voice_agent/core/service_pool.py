"""The service pool: what lies under a leg's processors and is shared or lent.

A leg asks once for all it needs and gets a `Lease`, or a refusal; it never holds part of one.
`core.pool` has the pool itself.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

ResourceT = TypeVar("ResourceT")


class ResourceKind(StrEnum):
    """How a resource is handed out."""

    SHARED = "shared"
    """One in a process, used by all legs at once."""
    EXCLUSIVE = "exclusive"
    """Lent to one leg at a time."""
    SLOTS = "slots"
    """A number of permits, such as the streams that a provider's account allows at once."""


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


@dataclass(frozen=True)
class PoolLimits:
    """How many of an exclusive resource there may be, or how many slots; times in seconds.

    A shared resource has only `waiters`, slots have only that and `maximum`.
    """

    minimum: int = 0
    """How many are kept, built ahead."""
    maximum: int | None = None
    """How many there may be, those that are being built or closed counted; None: no limit."""
    idle_s: float = 60.0
    """After how long unused those above the minimum are closed."""
    max_age_s: float | None = None
    """How old one may become; an older one is closed when nobody holds it."""
    rest_s: float | None = None
    """After how long without any lease the minimum is closed too, until the next lease."""
    waiters: int = 1000
    """How many may wait at once; further ones are refused without waiting."""

    def __post_init__(self) -> None:
        """Raise ValueError when they contradict each other."""
        if self.minimum < 0 or (self.maximum is not None and self.maximum < max(1, self.minimum)):
            raise ValueError("the maximum must be at least 1 and not below the minimum")


@dataclass(frozen=True)
class PoolSizes:
    """What an operator says about `PoolLimits`; None leaves a limit as the resource declares it."""

    minimum: int | None = None
    maximum: int | None = None
    idle_s: float | None = None
    max_age_s: float | None = None
    waiters: int | None = None

    def over(self, limits: PoolLimits) -> PoolLimits:
        """Return `limits` with what is said here; a bound that was not said gives way."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        said = {name: value for name, value in said.items() if value is not None}
        if "maximum" not in said and limits.maximum is not None:
            said["maximum"] = max(limits.maximum, said.get("minimum", 0))
        elif "minimum" not in said and "maximum" in said:
            said["minimum"] = min(limits.minimum, said["maximum"])
        return replace(limits, **said)


@dataclass(frozen=True)
class TimeLimits:
    """How long each thing that is done to a resource may take, in seconds."""

    create_s: float = 90.0
    reset_s: float = 5.0
    check_s: float = 2.0
    close_s: float = 10.0


async def _nothing_to_create() -> None:
    return None


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
    reset: Callable[[ResourceT], Awaitable[None]] | None = None
    """Makes an exclusive one as good as new, when it comes back; without, it is so anyhow."""
    is_healthy: Callable[[ResourceT], Awaitable[bool]] | None = None
    """Whether an exclusive one still works, asked when it comes back and before it is lent."""
    limits: PoolLimits = PoolLimits()
    """Of exclusive ones an operator may override them."""
    times: TimeLimits = TimeLimits()
    statistics: "Callable[[ResourceT], Sequence[ResourceStatistics]] | None" = None
    """The counts of what a shared one lends by itself."""


def slots(purpose: str, provider: str, count: int) -> Resource[None]:
    """Return `count` slots; there is nothing in them, holding one is all."""
    key = ResourceKey(ResourceKind.SLOTS, purpose, provider, "streams")
    return Resource(key, _nothing_to_create, limits=PoolLimits(maximum=count))


class Lease(Protocol):
    """What one leg holds of the pool, until `release`."""

    def get(self, resource: Resource[ResourceT]) -> ResourceT:
        """Return what was leased for `resource`.

        Raises:
            KeyError: `resource` was not part of the request, or the lease was released.
        """

    async def release(self) -> None:
        """Give everything back, even when the caller is cancelled meanwhile.

        Calling it again does nothing. What comes back is reset and checked afterwards, by the pool.
        """


@dataclass(frozen=True)
class ResourceStatistics:
    """Plain counts of one resource; others collect them."""

    key: ResourceKey
    size: int
    """How many exist: built and not closed. Of slots, how many there are."""
    in_use: int
    """How many leases hold one."""
    idle: int = 0
    """How many of an exclusive resource, or slots, could be lent at once."""
    building: int = 0
    waiting: int = 0
    """How many leases wait for one now."""
    waits: int = 0
    """How many leases had to wait and do so no more, whatever they got."""
    wait_total_s: float = 0.0
    wait_longest_s: float = 0.0
    created: int = 0
    reused: int = 0
    """How often a lease was given what another one had had before."""
    failures: int = 0
    """How many builds failed."""
    quarantined: int = 0
    """How many were taken out because their reset or health check failed."""
    retired: int = 0
    """How many were closed because of their age, or because nobody needed them."""


class ServicePool(Protocol):
    """Hands out leases."""

    async def warm_up(self, resources: Sequence[Resource[Any]]) -> None:
        """Build what is shared of `resources`, and the minimum of what is lent.

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
        """Unmake what is shared or idle, and refuse who waits and who comes.

        What is lent to one leg is unmade when that gives it back.
        """
