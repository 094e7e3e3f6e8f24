import asyncio

import pytest
from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame

from voice_agent.testing.audible_text import WordReader, is_loud, spoken
from voice_agent.testing.memory_client import MemoryClient
from voice_agent.testing.memory_connection import PACKETS_LIMIT
from voice_agent.transports.base import (
    AUDIO_OUT_RATE,
    CloseReason,
    ConnectionEnd,
    ConnectionGoneError,
    TransportKind,
)

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def client() -> MemoryClient:
    return MemoryClient()


async def received(client: MemoryClient, count: int) -> list[InputAudioRawFrame]:
    frames = [await client.connection.receive() for _ in range(count)]
    assert all(isinstance(frame, InputAudioRawFrame) for frame in frames)
    return [frame for frame in frames if isinstance(frame, InputAudioRawFrame)]


async def test_speech_takes_its_time_and_carries_its_words(client: MemoryClient) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client.say("Are you open?")
    assert loop.time() - began == pytest.approx(0.84, abs=0.1)
    packets = await received(client, 21)
    assert {(packet.sample_rate, packet.num_channels) for packet in packets} == {(16_000, 1)}
    reader = WordReader()
    words = [word for packet in packets for word in reader.read(packet.audio)]
    assert words == ["Are", "you", "open?"]
    await client.leave()


async def test_after_speech_the_microphone_stays_open_for_a_while(client: MemoryClient) -> None:
    await client.make_noise(0.2)
    await received(client, 5)
    await asyncio.sleep(60)
    tail = await received(client, 60)
    assert not any(is_loud(packet.audio) for packet in tail)
    assert sum(len(packet.audio) for packet in tail) == 6 * 2 * 16_000


async def test_a_connection_carries_from_the_first_packet(client: MemoryClient) -> None:
    with pytest.raises(ConnectionGoneError):
        await client.connection.wait_carrying(timeout_s=5)
    client.open_microphone()
    await client.connection.wait_carrying(timeout_s=5)


async def test_typed_text_is_an_rtvi_message(client: MemoryClient) -> None:
    client.type("Hello?")
    frame = await client.connection.receive()
    assert isinstance(frame, InputTransportMessageFrame)
    assert frame.message["type"] == "send-text"
    assert frame.message["data"]["content"] == "Hello?"
    assert frame.message["label"] == "rtvi-ai"


@pytest.mark.parametrize(
    ("how", "end"), [("leave", ConnectionEnd.LEFT), ("vanish", ConnectionEnd.LOST)]
)
async def test_leaving_and_vanishing_are_told_apart(
    client: MemoryClient, how: str, end: ConnectionEnd
) -> None:
    await getattr(client, how)()
    assert await client.connection.wait_ended() is end
    await client.connection.close(CloseReason.NORMAL)
    assert client.close_reason is None


async def test_a_close_is_told_once_with_its_reason(client: MemoryClient) -> None:
    await client.connection.close(CloseReason.IDLE)
    await client.connection.close(CloseReason.NORMAL)
    assert await client.closed_by_server() is CloseReason.IDLE
    assert await client.connection.wait_ended() is ConnectionEnd.CLOSED


async def test_nothing_is_sent_or_heard_after_the_end(client: MemoryClient) -> None:
    await client.connection.close(CloseReason.NORMAL)
    client.open_microphone()
    client.connection.play(spoken("Hello?", AUDIO_OUT_RATE))
    client.connection.deliver({"type": "bot-ready"})
    client.connection.stop_playing()
    await asyncio.sleep(5)
    assert (client.played, client.words, client.messages, client.interruptions) == ([], [], [], [])


async def test_what_nobody_reads_does_not_grow_without_bound(client: MemoryClient) -> None:
    for number in range(PACKETS_LIMIT + 10):
        client.send("dtmf", {"button": number})
    frame = await client.connection.receive()
    assert isinstance(frame, InputTransportMessageFrame)
    assert frame.message["data"] == {"button": 10}


async def test_words_are_heard_when_they_end(client: MemoryClient) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    client.connection.play(spoken("Hello", AUDIO_OUT_RATE))
    assert client.heard == ""
    await client.agent_says("hello")
    assert loop.time() - began == pytest.approx(0.36)
    assert client.words[0].at == pytest.approx(client.quiet_since)


async def test_what_was_waited_for_before_does_not_count_again(client: MemoryClient) -> None:
    client.connection.play(spoken("One, two. One!", AUDIO_OUT_RATE))
    await client.agent_says("one two")
    await client.agent_says("One")
    with pytest.raises(AssertionError, match=r"agent to say 'one'.*'One, two\. One!'"):
        await client.agent_says("one", within_s=5)


async def test_parts_of_words_do_not_count(client: MemoryClient) -> None:
    client.connection.play(spoken("Someone", AUDIO_OUT_RATE))
    with pytest.raises(AssertionError):
        await client.agent_says("one", within_s=5)


async def test_messages_are_kept_by_type(client: MemoryClient) -> None:
    waiting = asyncio.create_task(client.message("error"))
    await asyncio.sleep(0)
    client.connection.deliver({"type": "bot-ready"})
    client.connection.deliver({"type": "error", "data": {"error": "no"}})
    assert (await waiting)["data"] == {"error": "no"}
    assert len(client.messages) == 2


async def test_it_can_be_of_any_kind() -> None:
    assert MemoryClient(kind=TransportKind.WEBRTC).connection.kind is TransportKind.WEBRTC
    assert MemoryClient().connection.id != MemoryClient().connection.id
