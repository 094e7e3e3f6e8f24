import asyncio

import pytest

from voice_agent.transports.base import ConnectionEnd, ConnectionGoneError, TransportKind
from voice_agent.transports.base_connection import ConnectionState


async def test_waiting_ends_with_the_first_sign_of_the_client() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    waiting = asyncio.create_task(state.wait_carrying(timeout_s=5))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.note_carrying()
    await waiting


@pytest.mark.virtual_time
async def test_a_connection_that_says_nothing_is_given_up() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    with pytest.raises(ConnectionGoneError) as gone:
        await state.wait_carrying(timeout_s=15)
    assert gone.value.end is ConnectionEnd.CLOSED


async def test_a_connection_that_ends_first_says_how() -> None:
    state = ConnectionState(TransportKind.WEBRTC, None)
    state.note_ended(ConnectionEnd.LOST)
    state.note_ended(ConnectionEnd.LEFT)
    with pytest.raises(ConnectionGoneError) as gone:
        await state.wait_carrying(timeout_s=5)
    assert gone.value.end is ConnectionEnd.LOST
    assert await state.wait_ended() is ConnectionEnd.LOST


async def test_who_asked_to_know_is_told_of_the_end_once() -> None:
    state = ConnectionState(TransportKind.WEBRTC, None)
    told: list[str] = []
    state.when_ended(lambda: told.append("over"))
    state.note_ended(ConnectionEnd.LEFT)
    state.note_ended(ConnectionEnd.LEFT)
    await state.wait_ended()
    await asyncio.sleep(0)
    assert told == ["over"]


async def test_each_connection_has_an_id_of_its_own() -> None:
    states = [ConnectionState(TransportKind.WEBSOCKET, None) for _ in range(3)]
    assert len({state.id for state in states}) == 3


async def test_what_is_sent_arrives_until_the_end() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    assert state.reaches_client()
    state.note_ended(ConnectionEnd.LOST)
    assert not state.reaches_client()
