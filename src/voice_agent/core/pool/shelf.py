"""What the pool holds for one key, and who waits for it. Three kinds build on this."""

from abc import ABC, abstractmethod
from typing import Any

from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.pool.jobs import Jobs
from voice_agent.core.pool.waiting_line import Item, Ticket, WaitingLine
from voice_agent.core.service_pool import PoolLimits, Resource, ResourceStatistics

STOPPING = "the service pool is closed; the server is stopping"


def name_of(resource: Resource[Any]) -> str:
    """Return what a resource is called in messages."""
    return f"{resource.key.purpose} provider '{resource.key.provider}'"


class Shelf(ABC):
    """Answers tickets with items, and takes these back. Nothing here waits: jobs do."""

    def __init__(self, resource: Resource[Any], limits: PoolLimits, jobs: Jobs) -> None:
        self.resource = resource
        self.limits = limits
        self.name = name_of(resource)
        self.last_used = 0.0
        self._jobs = jobs
        self._line = WaitingLine()
        self._is_closed = False
        self._created = 0
        self._reused = 0
        self._failures = 0
        self._last_failure = ""

    def require_room(self) -> None:
        """Raise PoolRefusedError when so many wait already that no other may."""
        if len(self._line) >= self.limits.waiters:
            raise PoolRefusedError(
                f"{self.name}: {len(self._line)} already wait for it; try again later"
            )

    def ask(self) -> Ticket:
        """Return a ticket; it is answered at once when there is something to lend."""
        self.last_used = self._jobs.now()
        ticket = self._line.join(self.last_used)
        self._serve()
        ticket.waits = not ticket.answer.done()
        return ticket

    def take_back(self, ticket: Ticket, *, used: bool) -> None:
        """Take back what the ticket got, or its place in the line.

        `used` says that a leg had it, so that it has to be made as new.
        """
        self.last_used = self._jobs.now()
        if not ticket.answer.done():
            self._line.leave(ticket, self.last_used)
        elif ticket.answer.exception() is None:
            self._return(ticket.answer.result(), used=used)

    def late(self, timeout_s: float) -> str:
        """Return why a ticket that was not answered in time gets nothing."""
        maximum = self.limits.maximum
        if maximum is not None and self.statistics().in_use >= maximum:
            return (
                f"all {maximum} of {self.name} are busy, and none came free within "
                f"{timeout_s:g} s; try again"
            )
        last = f" (the last attempt: {self._last_failure})" if self._last_failure else ""
        return f"{self.name} was not ready within {timeout_s:g} s{last}; try again"

    def close(self) -> None:
        """Refuse who waits, end what is being built, and begin to close what nobody holds."""
        self._is_closed = True
        self._line.refuse_all(STOPPING, self._jobs.now())

    @property
    @abstractmethod
    def is_quiet(self) -> bool:
        """Whether nobody holds or awaits anything of it and nothing is being done to it."""

    @abstractmethod
    def statistics(self) -> ResourceStatistics:
        """Return its counts."""

    @abstractmethod
    def _serve(self) -> None:
        """Answer who waits, as far as there is something to lend, and see to the rest."""

    @abstractmethod
    def _return(self, item: Item, *, used: bool) -> None:
        """Take an item back."""

    def _lend(self, item: Item) -> None:
        self._reused += item.lends > 0
        self._last_failure = ""
        self._line.serve(item, self._jobs.now())

    def _counts(self, *, size: int, in_use: int, **more: int) -> ResourceStatistics:
        return ResourceStatistics(
            key=self.resource.key,
            size=size,
            in_use=in_use,
            waiting=len(self._line),
            waits=self._line.waits,
            wait_total_s=self._line.wait_total_s,
            wait_longest_s=self._line.wait_longest_s,
            created=self._created,
            reused=self._reused,
            failures=self._failures,
            **more,
        )
