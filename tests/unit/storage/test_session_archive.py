import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
from sqlalchemy import func, select, text

from tests.databases import RedisServer
from tests.unit.storage.session_store_contract import TALKED, checkpoint
from voice_agent.core.conversation import Conversation
from voice_agent.core.errors import (
    CursorInvalidError,
    KeyLimitError,
    SessionNotFoundError,
    StorageUnavailableError,
)
from voice_agent.core.events import (
    Event,
    EventPayload,
    LatencyMeasured,
    SentenceHeard,
    SessionStateChanged,
)
from voice_agent.core.session import Checkpoint, EndReason, KeyLimits, SessionState
from voice_agent.storage.archive_writer import ArchiveWriter
from voice_agent.storage.database import Database
from voice_agent.storage.session_archive import SessionArchive, SessionFilter
from voice_agent.storage.tables import EventRow, TurnRow

ALL = SessionFilter("default")
NO_LIMITS = KeyLimits()


def event(number: int, payload: EventPayload | None = None, session_id: str = "s1") -> Event:
    payload = payload or SentenceHeard(f"sentence {number}")
    return Event(session_id, number, 100.0 + number, float(number), payload)


@pytest.fixture
def archive(database: Database) -> SessionArchive:
    return SessionArchive(database, lambda: 1000.0)


@pytest.fixture
def writer(archive: SessionArchive) -> ArchiveWriter:
    return ArchiveWriter(archive)


async def begin(archive: SessionArchive, *ids: str, key_id: str | None = None) -> None:
    for number, session_id in enumerate(ids):
        new = replace(checkpoint(session_id, 10.0 + number), key_id=key_id)
        await archive.begin(new, 1, NO_LIMITS)


async def test_a_session_is_remembered_with_its_turns_and_events(
    archive: SessionArchive, writer: ArchiveWriter
) -> None:
    await archive.begin(replace(checkpoint(), metadata={"order": 7}), 1, NO_LIMITS)
    talked = replace(
        checkpoint(), state=SessionState.CONNECTED, conversation=TALKED, legs=1, connected_at=11.0
    )
    writer.note(talked, 1, event(1))
    writer.note(talked, 1, event(2, LatencyMeasured(0.7, 0.3, 0.2, 0.2)))
    await writer.flush()
    session, turns = await archive.read("s1")
    assert (session.state, session.legs, session.turns) == ("connected", 1, 3)
    assert session.metadata == {"order": 7}
    assert [turn.text for turn in turns] == ["Grüß Gott.", "Ist offen? 🙂", "Ja."]
    assert [turn.state for turn in turns] == ["interrupted", "complete", "open"]
    (latency,) = await archive.events("s1", type_="latency_measured")
    assert latency.data == asdict(LatencyMeasured(0.7, 0.3, 0.2, 0.2))
    assert [each.number for each in await archive.events("s1", after=1)] == [2]


async def test_a_turn_that_goes_on_is_replaced(
    archive: SessionArchive, writer: ArchiveWriter
) -> None:
    await begin(archive, "s1")
    said = Conversation().agent_heard("One.", 1.0)
    writer.note(replace(checkpoint(), conversation=said), 1, event(1))
    await writer.flush()
    more = said.agent_heard("Two.", 2.0).agent_finished(interrupted=False)
    writer.note(replace(checkpoint(), conversation=more), 1, event(2))
    await writer.flush()
    _, turns = await archive.read("s1")
    assert [(turn.text, turn.state) for turn in turns] == [("One. Two.", "complete")]


async def test_an_owner_of_an_older_epoch_writes_nothing_more(
    archive: SessionArchive, database: Database
) -> None:
    await begin(archive, "s1")
    paused, later = ArchiveWriter(archive), ArchiveWriter(archive)
    later.note(replace(checkpoint(), legs=2, conversation=TALKED), 2, event(1))
    await later.flush()
    over = replace(checkpoint(), state=SessionState.ENDED, end_reason=EndReason.FAILED)
    paused.note(over, 1, event(1, SessionStateChanged(SessionState.ENDED)))
    paused.note(over, 1, event(2))
    await paused.flush()
    session, turns = await archive.read("s1")
    assert (session.state, session.legs, len(turns)) == ("created", 2, 3)
    assert [each.type for each in await archive.events("s1")] == ["sentence_heard"]


async def test_writing_the_same_twice_changes_nothing(
    archive: SessionArchive, database: Database
) -> None:
    await begin(archive, "s1")
    for _ in range(2):
        writer = ArchiveWriter(archive)
        writer.note(replace(checkpoint(), conversation=TALKED), 1, event(1))
        await writer.flush()
    assert len(await archive.events("s1")) == 1


async def test_words_stay_out_when_they_are_not_to_be_kept(archive: SessionArchive) -> None:
    await begin(archive, "s1")
    writer = ArchiveWriter(archive, keeps_words=False)
    writer.note(replace(checkpoint(), conversation=TALKED), 1, event(1, SentenceHeard("secret")))
    await writer.flush()
    _, turns = await archive.read("s1")
    assert [(turn.speaker, turn.text) for turn in turns] == [
        ("agent", None),
        ("user", None),
        ("agent", None),
    ]
    assert [each.data for each in await archive.events("s1")] == [{"text": ""}]


async def ids_by_page(
    archive: SessionArchive, wanted: SessionFilter, limit: int
) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor = None
    while True:
        page = await archive.list(wanted, cursor, limit)
        pages.append([session.id for session in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return pages


async def test_a_list_comes_in_pages_newest_first(archive: SessionArchive) -> None:
    for session_id, created_at in (("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0), ("e", 3.5)):
        await archive.begin(checkpoint(session_id, created_at), 1, NO_LIMITS)
    assert await ids_by_page(archive, ALL, 2) == [["e", "d"], ["c", "b"], ["a"]]
    assert await ids_by_page(archive, ALL, 5) == [["e", "d", "c", "b", "a"]]
    assert await ids_by_page(archive, replace(ALL, created_from=2.0, created_before=3.5), 9) == [
        ["d", "c", "b"]
    ]
    assert await ids_by_page(archive, SessionFilter("other"), 9) == [[]]
    assert await ids_by_page(archive, replace(ALL, agent_id="nobody"), 9) == [[]]
    assert await ids_by_page(archive, replace(ALL, state=SessionState.ENDED), 9) == [[]]
    with pytest.raises(CursorInvalidError):
        await archive.list(ALL, "nonsense", 2)


async def test_a_key_has_as_many_sessions_as_it_may(archive: SessionArchive) -> None:
    async def at_once(number: int, limits: KeyLimits) -> None:
        new = replace(checkpoint(f"s{number}", created_at=990.0), key_id="k1")
        await archive.begin(new, 1, limits)

    for limits in (KeyLimits(at_once=3), KeyLimits(a_minute=3)):
        tries = await asyncio.gather(
            *(at_once(number, limits) for number in range(8)), return_exceptions=True
        )
        refused = [each for each in tries if each is not None]
        assert len(refused) == 5
        assert all(isinstance(each, KeyLimitError) for each in refused)
        for number in range(8):
            await archive.erase(f"s{number}")


async def test_an_erased_session_leaves_nothing_and_is_not_written_again(
    archive: SessionArchive, writer: ArchiveWriter, database: Database
) -> None:
    await begin(archive, "s1")
    writer.note(replace(checkpoint(), conversation=TALKED), 1, event(1))
    await writer.flush()
    writer.note(checkpoint(), 1, event(2))
    await writer.erase("s1")
    writer.note(checkpoint(), 1, event(3))
    await writer.flush()
    with pytest.raises(SessionNotFoundError):
        await archive.read("s1")
    async with database.reading() as session:
        for table in (EventRow, TurnRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
    assert writer.statistics.waiting == 0


async def test_what_ended_long_ago_is_named(archive: SessionArchive) -> None:
    await begin(archive, "old", "young", "running")
    writer = ArchiveWriter(archive)
    for session_id, ended_at in (("old", 50.0), ("young", 90.0)):
        over = replace(checkpoint(session_id), state=SessionState.ENDED, ended_at=ended_at)
        writer.note(over, 1, event(1, session_id=session_id))
    await writer.flush()
    assert await archive.ended_before(80.0) == ["old"]


async def test_a_session_goes_on_numbering_where_its_last_owner_stopped(
    archive: SessionArchive, writer: ArchiveWriter
) -> None:
    await begin(archive, "s1")
    assert await writer.last_number("s1") == 0
    writer.note(checkpoint(), 1, event(7))
    assert await writer.last_number("s1") == 7
    await writer.flush()
    assert await ArchiveWriter(archive).last_number("s1") == 7


async def test_what_waits_is_written_at_the_end(archive: SessionArchive) -> None:
    await begin(archive, "s1")
    writer = ArchiveWriter(archive)
    writer.start()
    writer.note(checkpoint(), 1, event(1))
    await writer.close()
    assert len(await archive.events("s1")) == 1


class BrokenArchive(SessionArchive):
    """One whose database comes and goes."""

    is_broken = False

    async def write(self, entries: Sequence[object]) -> None:
        if self.is_broken:
            raise StorageUnavailableError("the disk is full")
        await super().write(entries)  # type: ignore[arg-type]


async def test_what_a_broken_database_did_not_take_is_written_when_it_is_back(
    database: Database,
) -> None:
    archive = BrokenArchive(database)
    await begin(archive, "s1")
    writer = ArchiveWriter(archive, events_limit=3)
    archive.is_broken = True
    for number in (1, 2):
        writer.note(checkpoint(), 1, event(number))
    await writer.flush()
    talked: Checkpoint = replace(checkpoint(), conversation=TALKED)
    for number in (3, 4, 5):
        writer.note(talked, 1, event(number))
    assert (writer.statistics.waiting, writer.statistics.dropped) == (3, 2)
    archive.is_broken = False
    await writer.flush()
    assert [each.number for each in await archive.events("s1")] == [1, 2, 3]
    _, turns = await archive.read("s1")
    assert len(turns) == 3
    assert (writer.statistics.waiting, writer.statistics.failures) == (0, 1)


async def test_a_sqlite_that_another_program_holds_is_waited_for(
    database: Database, archive: SessionArchive
) -> None:
    if not database.is_sqlite:
        return
    await begin(archive, "s1")
    writer = ArchiveWriter(archive)
    writer.note(checkpoint(), 1, event(1))
    async with database.writing() as holding:
        await holding.execute(text("SELECT 1"))
        flushing = asyncio.create_task(writer.flush())
        await asyncio.sleep(0.1)
        assert not flushing.done()
    await flushing
    assert len(await archive.events("s1")) == 1


async def test_a_database_that_is_gone_is_said_to_be(redis_server: RedisServer) -> None:
    from voice_agent.storage.database import database_url

    redis_server.kill()
    gone = Database(database_url(f"postgresql://u@127.0.0.1:{redis_server.port}/d"))
    with pytest.raises(StorageUnavailableError):
        await SessionArchive(gone).read("s1")
    await gone.close()
