"""A shelf whose things are built and closed, by jobs of the pool."""

import asyncio
from abc import abstractmethod
from functools import partial
from typing import Any

from loguru import logger

from voice_agent.core.errors import VoiceAgentError
from voice_agent.core.pool.jobs import Jobs
from voice_agent.core.pool.shelf import Shelf
from voice_agent.core.pool.waiting_line import Item
from voice_agent.core.service_pool import PoolLimits, Resource


class BuiltShelf(Shelf):
    """Builds and closes; what is done with what was built is its kind's own."""

    def __init__(self, resource: Resource[Any], limits: PoolLimits, jobs: Jobs) -> None:
        super().__init__(resource, limits, jobs)
        self._builds: set[asyncio.Task[Any]] = set()
        self._closing = 0

    @property
    def _is_still(self) -> bool:
        return not (self._line or self._builds or self._closing)

    def close(self) -> None:
        """Refuse who waits and end what is being built."""
        super().close()
        for build in self._builds:
            build.cancel()

    @abstractmethod
    def _take_new(self, item: Item) -> None:
        """Take what was built, while the shelf is open."""

    @abstractmethod
    def _not_built(self, reason: str) -> None:
        """A build failed, for a reason in words for the caller; the shelf is open."""

    def _begin_build(self) -> None:
        build = self._jobs.begin(
            self.resource.create,
            name=f"building {self.name}",
            limit_s=self.resource.times.create_s,
            then=self._build_is_over,
        )
        self._builds.add(build)

    def _build_is_over(self, build: asyncio.Task[Any]) -> None:
        self._builds.discard(build)
        if not build.cancelled() and build.exception() is None:
            self._created += 1
            now = self._jobs.now()
            item = Item(build.result(), made_at=now, idle_since=now)
            if self._is_closed:
                self._begin_close(item)
            else:
                self._take_new(item)
        elif not self._is_closed:
            self._failures += 1
            self._last_failure = self._explain(None if build.cancelled() else build.exception())
            self._not_built(self._last_failure)

    def _explain(self, error: BaseException | None) -> str:
        """Return why a build failed, in the builder's own words where it has some; and log it."""
        if error is None:
            reason = f"{self.name} is not ready; try again"
        elif isinstance(error, VoiceAgentError):
            reason = str(error)
        else:
            reason = f"{self.name} is not ready: {error}"
            logger.opt(exception=error).error("cannot build {}", self.name)
            return reason
        if not self._line:
            logger.warning("cannot build {}: {}", self.name, reason)
        return reason

    def _begin_close(self, item: Item) -> None:
        self._closing += 1
        self._jobs.begin(
            partial(self.resource.close, item.thing),
            name=f"closing {self.name}",
            limit_s=self.resource.times.close_s,
            then=self._close_is_over,
        )

    def _close_is_over(self, closing: asyncio.Task[None]) -> None:
        self._closing -= 1
        if closing.cancelled() or closing.exception() is not None:
            # It is left behind: nobody knows how much of it still is there.
            error = None if closing.cancelled() else closing.exception()
            logger.opt(exception=error).error("closing {} failed", self.name)
        if not self._is_closed:
            self._serve()
