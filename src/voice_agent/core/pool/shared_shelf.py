"""A shared resource: built once, used by all legs at once."""

from voice_agent.core.pool.built_shelf import BuiltShelf
from voice_agent.core.pool.waiting_line import Item
from voice_agent.core.service_pool import ResourceStatistics


class SharedShelf(BuiltShelf):
    """Holds the one thing. A build that failed is tried again for who asks next."""

    _item: Item | None = None
    _in_use = 0

    @property
    def is_quiet(self) -> bool:
        """Whether nobody uses or awaits it and it is not being built."""
        return self._in_use == 0 and self._is_still

    def statistics(self) -> ResourceStatistics:
        """Return its counts."""
        size = int(self._item is not None) + self._closing
        return self._counts(size=size, in_use=self._in_use, building=len(self._builds))

    def lent_by_it(self) -> tuple[ResourceStatistics, ...]:
        """Return the counts of what the thing lends by itself."""
        if self._item is None or self.resource.statistics is None:
            return ()
        return tuple(self.resource.statistics(self._item.thing))

    def close(self) -> None:
        """Refuse who waits, end the build, and begin to close the thing, used or not."""
        super().close()
        item, self._item = self._item, None
        if item is not None:
            self._begin_close(item)

    def _serve(self) -> None:
        if self._item is not None:
            while self._line:
                self._in_use += 1
                self._lend(self._item)
        elif self._line and not self._builds:
            self._begin_build()

    def _take_new(self, item: Item) -> None:
        self._item = item
        self._serve()

    def _not_built(self, reason: str) -> None:
        self._line.refuse_all(reason, self._jobs.now())

    def _return(self, item: Item, *, used: bool) -> None:
        del item, used
        self._in_use -= 1
