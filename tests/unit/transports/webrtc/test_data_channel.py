import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from loguru import logger

from voice_agent.transports.base import CloseReason, Connection, ConnectionEnd
from voice_agent.transports.base_connection import MAX_WAITING_MESSAGES
from voice_agent.transports.json_message import MAX_MESSAGE_LENGTH
from voice_agent.transports.webrtc.connection import CLOSE_WORDS, WebRTCConnection
from voice_agent.transports.webrtc.manager import WebRTCManager
from voice_agent.transports.webrtc.signaling import Offer

TYPED = {"label": "rtvi-ai", "type": "send-text", "id": "1", "data": {"content": "Hello?"}}
PATIENCE_S = 10


class Caller:
    """The other side, which sends no audio, and what it got."""

    def __init__(self, connection: WebRTCConnection, channel: RTCDataChannel) -> None:
        self.connection = connection
        self.channel = channel
        self.errors: asyncio.Queue[str] = asyncio.Queue()
        channel.on("message", self._take)

    def send(self, message: object) -> None:
        self.channel.send(json.dumps(message))

    async def error(self) -> str:
        return await asyncio.wait_for(self.errors.get(), PATIENCE_S)

    def _take(self, data: str) -> None:
        message = json.loads(data)
        if message["type"].startswith("error"):
            self.errors.put_nowait(message["data"]["error"])


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    manager, peer = WebRTCManager(), RTCPeerConnection()
    started: list[Connection] = []
    peer.addTransceiver("audio")
    channel = peer.createDataChannel("chat")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    await peer.setLocalDescription(await peer.createOffer())
    answer = await manager.answer(
        Offer(peer.localDescription.sdp), session_id="session", start=started.append
    )
    await peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    await asyncio.wait_for(opened.wait(), PATIENCE_S)
    (connection,) = started
    assert isinstance(connection, WebRTCConnection)
    yield Caller(connection, channel)
    await connection.close(CloseReason.NORMAL)
    await peer.close()


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(
        lambda line: lines.append(str(line)), level="INFO", format="{extra} {message}"
    )
    yield lines
    logger.remove(sink)


async def test_typed_words_carry(caller: Caller) -> None:
    caller.send(TYPED)
    await caller.connection.wait_carrying(timeout_s=PATIENCE_S)


@pytest.mark.parametrize(
    "data",
    [
        "my secret\nforged line",
        b"\xff secret",
        "[1, 2]",
        '"secret"',
        "x" * MAX_MESSAGE_LENGTH + "x",
    ],
    ids=["words", "bytes", "list", "text", "length"],
)
async def test_garbage_closes_the_connection_and_is_logged_once_without_its_words(
    caller: Caller, log: list[str], data: str | bytes
) -> None:
    for _ in range(3):
        caller.channel.send(data)
    async with asyncio.timeout(PATIENCE_S):
        assert await caller.connection.wait_ended() is ConnectionEnd.CLOSED
    await caller.connection.close(CloseReason.FAILED)
    assert not caller.connection.is_carrying
    assert caller.connection.violation is not None
    assert await caller.error() == caller.connection.violation.detail
    (line,) = log
    assert "session" in line
    assert "secret" not in line


async def test_no_more_messages_are_kept_than_some(caller: Caller) -> None:
    for _ in range(MAX_WAITING_MESSAGES + 1):
        caller.send({"label": "rtvi-ai", "type": "client-message", "id": "1"})
    async with asyncio.timeout(PATIENCE_S):
        assert await caller.connection.wait_ended() is ConnectionEnd.CLOSED
    assert caller.connection.violation is not None
    assert caller.connection.violation.reason is CloseReason.FLOODING


@pytest.mark.parametrize(
    "message",
    [{}, {"type": 5}, {"type": "signalling", "message": {"type": "secret"}}],
    ids=["empty", "type", "signalling"],
)
async def test_an_object_that_is_no_message_is_answered(
    caller: Caller, log: list[str], message: object
) -> None:
    for _ in range(3):
        caller.send(message)
        assert await caller.error()
    caller.send(TYPED)
    await caller.connection.wait_carrying(timeout_s=PATIENCE_S)
    assert len(log) == 1
    assert "secret" not in log[0]


async def test_the_state_of_a_track_and_signs_of_life_are_no_messages_for_the_call(
    caller: Caller, log: list[str]
) -> None:
    status = {"type": "trackStatus", "receiver_index": 0, "enabled": True}
    for _ in range(MAX_WAITING_MESSAGES + 1):
        caller.channel.send("ping: 1")
        caller.send({"type": "signalling", "message": status})
    caller.send({})
    assert await caller.error()
    assert not caller.connection.has_ended
    assert not caller.connection.is_carrying


def test_every_end_that_is_not_normal_has_words() -> None:
    violations = {
        CloseReason.UNSUPPORTED_DATA,
        CloseReason.INVALID_PAYLOAD,
        CloseReason.FLOODING,
    }
    assert set(CloseReason) - violations - {CloseReason.NORMAL} == set(CLOSE_WORDS)
