"""Who lives is seen by his words changing; nobody is forgotten because the database is away."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from voice_agent.cluster.server_directory import (
    DEAD_AFTER_S,
    FORGOTTEN_AFTER_S,
    LOOK_AT_MOST_EVERY_S,
    ServerDirectory,
)
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.storage.database import Database
from voice_agent.storage.server_rows import KnownServer, ServerRows

BERLIN, PARIS = "http://10.0.0.1:7860", "http://10.0.0.2:7860"


class Rows:
    """Server rows in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, KnownServer] = {}
        self.is_away = False
        self.reads = 0

    async def beat(self, name: str, server: KnownServer) -> Mapping[str, KnownServer]:
        if self.is_away:
            raise StorageUnavailableError("away")
        before = dict(self.kept)
        self.kept[name] = server
        return before

    async def all(self) -> Mapping[str, KnownServer]:
        self.reads += 1
        if self.is_away:
            raise StorageUnavailableError("away")
        return dict(self.kept)

    async def remove(self, name: str, beat_at: float | None = None) -> None:
        if beat_at is None or self.kept[name].beat_at == beat_at:
            self.kept.pop(name, None)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_server_is_found_while_it_says_something_new() -> None:
    rows, time = Rows(), Time()
    directory = ServerDirectory(rows, "berlin", BERLIN, time, time)
    rows.kept["paris"] = KnownServer(PARIS, -5000.0)  # its clock is its own
    await directory._beat()
    assert await directory.address_of("paris") == PARIS
    assert await directory.address_of("berlin") == BERLIN
    time.now += DEAD_AFTER_S
    await directory._beat()
    assert await directory.address_of("paris") == PARIS
    time.now += 1
    await directory._beat()
    assert await directory.address_of("paris") is None
    rows.kept["paris"] = replace(rows.kept["paris"], beat_at=-4000.0)
    await directory._beat()
    assert await directory.address_of("paris") == PARIS


async def test_one_that_nobody_knows_is_looked_up_but_not_by_every_request() -> None:
    rows, time = Rows(), Time()
    directory = ServerDirectory(rows, "berlin", BERLIN, time, time)
    await directory._beat()
    for _ in range(5):
        assert await directory.address_of("made-up") is None
    assert rows.reads == 1
    rows.kept["paris"] = KnownServer(PARIS, 0.0)
    time.now += LOOK_AT_MOST_EVERY_S
    assert await directory.address_of("paris") == PARIS


async def test_while_the_database_is_away_everybody_lives() -> None:
    rows, time = Rows(), Time()
    directory = ServerDirectory(rows, "berlin", BERLIN, time, time)
    rows.kept["paris"] = KnownServer(PARIS, 0.0)
    await directory._beat()
    rows.is_away = True
    time.now += 10 * DEAD_AFTER_S
    with pytest.raises(StorageUnavailableError):
        await directory._beat()
    assert await directory.address_of("paris") == PARIS
    assert await directory.address_of("nobody") is None


async def test_one_that_was_silent_for_long_is_forgotten() -> None:
    rows, time = Rows(), Time()
    directory = ServerDirectory(rows, "berlin", BERLIN, time, time)
    rows.kept["paris"] = KnownServer(PARIS, 0.0)
    await directory._beat()
    time.now += FORGOTTEN_AFTER_S + 1
    await directory._beat()
    assert set(rows.kept) == {"berlin"}


async def test_two_of_one_name_are_told_to_part(warnings: list[str]) -> None:
    rows, time = Rows(), Time()
    rows.kept["berlin"] = KnownServer("http://10.0.0.9:7860", 0.0)  # its address of last week
    mine, sibling = (ServerDirectory(rows, "berlin", BERLIN, time, time) for _ in range(2))
    for each in (mine, sibling, mine, sibling):
        await each._beat()
    assert not warnings
    namesake = ServerDirectory(rows, "berlin", PARIS, time, time)
    for _ in range(3):
        await namesake._beat()
        await mine._beat()
    assert len(warnings) == 2
    assert f"the server at {PARIS} is named 'berlin' as well" in warnings[0]
    assert "VOICE_AGENT_SERVER_NAME" in warnings[0]
    assert BERLIN in warnings[1]


async def test_it_comes_and_goes_in_a_database(database: Database) -> None:
    rows, time = ServerRows(database), Time()
    berlin = ServerDirectory(rows, "berlin", BERLIN, time, time)
    paris = ServerDirectory(rows, "paris", PARIS, time, time)
    await berlin.start()
    await paris.start()
    assert await berlin.address_of("paris") == PARIS
    await paris.stop()
    await paris.stop()
    assert set(await rows.all()) == {"berlin"}
    await berlin._beat()
    assert await berlin.address_of("paris") is None
    await rows.remove("berlin", beat_at=5.0)
    assert set(await rows.all()) == {"berlin"}, "it has said something since"
    await berlin.stop()
    assert not await rows.all()
