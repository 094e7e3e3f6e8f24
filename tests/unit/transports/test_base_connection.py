import asyncio

import pytest

from voice_agent.transports.base import (
    CloseReason,
    ConnectionEnd,
    ConnectionGoneError,
    TransportKind,
)
from voice_agent.transports.base_connection import READY_GRACE_S, ConnectionState, Violation


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


def rtvi(kind: object) -> dict[str, object]:
    return {"label": "rtvi-ai", "type": kind, "id": "1", "data": {}}


async def test_typed_words_carry_at_once() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    state.note_message(rtvi("send-text"))
    assert state.is_carrying


@pytest.mark.virtual_time
async def test_a_client_that_is_ready_and_sends_no_audio_carries_after_a_while() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    state.note_message(rtvi("client-ready"))
    with pytest.raises(ConnectionGoneError):
        await state.wait_carrying(timeout_s=READY_GRACE_S / 2)
    await state.wait_carrying(timeout_s=READY_GRACE_S)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "message",
    [rtvi("client-message"), rtvi(5), {"type": "send-text"}, {"label": "rtvi-ai"}, {}],
    ids=["another type", "no type", "no label", "nothing else", "empty"],
)
async def test_other_messages_carry_nothing(message: object) -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    state.note_message(message)
    with pytest.raises(ConnectionGoneError):
        await state.wait_carrying(timeout_s=5)
    assert state.violation is None


async def test_what_is_no_message_ends_a_connection_that_carries_nothing_yet() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    state.note_message(["garbage"])
    state.note_violation(CloseReason.FLOODING, "and more of it")
    assert state.has_ended
    assert not state.is_carrying
    assert state.violation == Violation(CloseReason.INVALID_PAYLOAD, "a message is a JSON object")


async def test_a_connection_that_carries_is_not_judged_by_its_messages() -> None:
    state = ConnectionState(TransportKind.WEBSOCKET, None)
    state.note_carrying()
    state.note_message(["garbage"])
    assert not state.has_ended
