"""Which servers share the sessions, and where each is reached."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from voice_agent.core.errors import StorageUnavailableError
from voice_agent.storage.server_rows import KnownServer

BEAT_EVERY_S: Final = 2.0
DEAD_AFTER_S: Final = 6.0
"""A server that has said nothing for so long has lost its calls."""
FORGOTTEN_AFTER_S: Final = 3600.0
LOOK_AT_MOST_EVERY_S: Final = 0.5
"""So often a name that nobody knows is looked up: ids may come from anybody."""


class Rows(Protocol):
    """Where servers tell of themselves; see `storage.server_rows.ServerRows`."""

    async def beat(self, name: str, server: KnownServer) -> Mapping[str, KnownServer]:
        """Keep what one server says; return what all had said before."""

    async def all(self) -> Mapping[str, KnownServer]:
        """Return what all have said."""

    async def remove(self, name: str, beat_at: float | None = None) -> None:
        """Forget a server."""


@dataclass
class _Seen:
    server: KnownServer
    changed_at: float
    """When it was seen to have said something new, by this process's own clock."""


class ServerDirectory:
    """Says that this server lives, and knows who else does.

    Whether a server lives is seen by its words changing, so clocks need not agree. While the
    database is away nobody is taken for dead: his address stays as it was.

    Args:
        rows: Where servers tell of themselves.
        name: This server's.
        url: Where the others reach it.
        wall_time: Returns seconds since the Unix epoch.
        monotonic: Returns seconds.
    """

    def __init__(
        self,
        rows: Rows,
        name: str,
        url: str,
        wall_time: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._name = name
        self._url = url
        self._wall_time = wall_time
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}
        self._tried_at = self._read_at = float("-inf")
        self._has_told = False
        self._namesake: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say that this server lives, and go on saying it.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        await self._beat()
        self._task = asyncio.create_task(self._beat_on(), name="server directory")

    async def stop(self) -> None:
        """Say no more, and that nobody need forward anything here."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        with contextlib.suppress(StorageUnavailableError):
            await self._rows.remove(self._name)

    async def address_of(self, name: str) -> str | None:
        """Return where the server of that name is reached, None when there is none that lives."""
        if name == self._name:
            return self._url
        if name not in self._seen and self._monotonic() - self._tried_at >= LOOK_AT_MOST_EVERY_S:
            self._tried_at = self._monotonic()
            with contextlib.suppress(StorageUnavailableError):
                self._take_in(await self._rows.all())
        seen = self._seen.get(name)
        return seen.server.url if seen is not None and self._lives(seen) else None

    def _lives(self, seen: _Seen) -> bool:
        return self._read_at - seen.changed_at <= DEAD_AFTER_S

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            try:
                await self._beat()
            except StorageUnavailableError as error:
                logger.warning("other servers cannot be told that this one lives: {}", error)

    async def _beat(self) -> None:
        said = await self._rows.beat(self._name, KnownServer(self._url, self._wall_time()))
        self._take_in(said)
        self._complain_of_a_namesake(said.get(self._name))
        self._has_told = True
        for name, seen in list(self._seen.items()):
            if self._read_at - seen.changed_at > FORGOTTEN_AFTER_S:
                await self._rows.remove(name, seen.server.beat_at)

    def _complain_of_a_namesake(self, last: KnownServer | None) -> None:
        """Say it when another server has spoken under this one's name since this one did.

        The processes of one server speak for it in turn, all with its address.
        """
        namesake = last.url if last and self._has_told and last.url != self._url else None
        if namesake and not self._namesake:
            logger.error(
                "the server at {} is named '{}' as well, so requests find the wrong one; give each "
                "server a VOICE_AGENT_SERVER_NAME of its own",
                namesake,
                self._name,
            )
        self._namesake = namesake

    def _take_in(self, said: Mapping[str, KnownServer]) -> None:
        self._read_at = now = self._monotonic()
        for name in self._seen.keys() - said.keys():
            del self._seen[name]
        for name, server in said.items():
            if name == self._name:
                continue
            seen = self._seen.get(name)
            if seen is None or seen.server != server:
                self._seen[name] = _Seen(server, now)
