"""Slots: nothing is built, only counted."""

from voice_agent.core.pool.shelf import Shelf
from voice_agent.core.pool.waiting_line import Item
from voice_agent.core.service_pool import ResourceStatistics


class SlotShelf(Shelf):
    """Lends at most `limits.maximum` slots at once."""

    _lent = 0

    @property
    def is_quiet(self) -> bool:
        """Whether nobody holds or awaits a slot."""
        return self._lent == 0 and not self._line

    def statistics(self) -> ResourceStatistics:
        """Return its counts; its size is how many slots there are."""
        size = self._lent if self.limits.maximum is None else self.limits.maximum
        return self._counts(size=size, in_use=self._lent, idle=size - self._lent)

    def _serve(self) -> None:
        maximum = self.limits.maximum
        while self._line and (maximum is None or self._lent < maximum):
            self._lent += 1
            now = self._jobs.now()
            self._lend(Item(None, now, now))

    def _return(self, item: Item, *, used: bool) -> None:
        del item, used
        self._lent -= 1
        if not self._is_closed:
            self._serve()
