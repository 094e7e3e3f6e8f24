"""Who waits for a resource: first come, first served."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from voice_agent.core.errors import PoolRefusedError


@dataclass
class Item:
    """One thing that can be lent, with times by the loop's clock in seconds."""

    thing: Any
    made_at: float
    idle_since: float
    lends: int = 0


@dataclass(eq=False)
class Ticket:
    """One lease's place in the line, and what it got."""

    since: float
    answer: asyncio.Future[Item] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    waits: bool = False
    """Whether it had to wait at all."""


class WaitingLine:
    """Tickets in the order in which they came, and how long they waited, in seconds."""

    def __init__(self) -> None:
        self._tickets: dict[Ticket, None] = {}
        self.waits = 0
        self.wait_total_s = 0.0
        self.wait_longest_s = 0.0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._tickets)

    def join(self, now: float) -> Ticket:
        """Return a new ticket, the last in the line."""
        ticket = Ticket(now)
        self._tickets[ticket] = None
        return ticket

    def leave(self, ticket: Ticket, now: float) -> None:
        """Take a ticket out of the line; one that was answered is not there any more."""
        del self._tickets[ticket]
        self._note(ticket, now)

    def serve(self, item: Item, now: float) -> None:
        """Give `item` to the first in the line."""
        ticket = next(iter(self._tickets))
        self.leave(ticket, now)
        item.lends += 1
        ticket.answer.set_result(item)

    def refuse_all(self, reason: str, now: float) -> None:
        """Tell everybody in the line that they get nothing, and why."""
        for ticket in list(self._tickets):
            self.leave(ticket, now)
            ticket.answer.set_exception(PoolRefusedError(reason))
            ticket.answer.exception()  # or asyncio logs it when the lease had given up already

    def _note(self, ticket: Ticket, now: float) -> None:
        if ticket.waits:
            waited_s = now - ticket.since
            self.waits += 1
            self.wait_total_s += waited_s
            self.wait_longest_s = max(self.wait_longest_s, waited_s)
