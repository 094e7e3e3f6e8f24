"""What is told arrives as it was."""

import pytest

from voice_agent.cluster.messages import (
    Answer,
    Answered,
    Asked,
    Failed,
    Message,
    Question,
    Report,
    Stop,
    decode,
    encode,
)
from voice_agent.cluster.parcel import Parcel, Secured, pack, unpack


@pytest.mark.parametrize(
    "message",
    [
        Failed("VOICE_AGENT_PORT: taken"),
        Report(3, 1, 25, is_ready=True, settled=(4, 5)),
        Asked(7, "metrics", [["a", 1.5]]),
        Answered(7, ({"a": 1}, [2]), 2, 3),
        Question(8, "pool"),
        Answer(8, {"rows": []}),
        Stop(at_once=True),
    ],
)
def test_a_message_arrives(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("content", [b"", b"{}", b'["Nothing", {}]', b'["Stop", {"x": 1}]'])
def test_what_is_none_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(content)


@pytest.mark.parametrize(
    "parcel",
    [
        Parcel(1, b""),
        Parcel(2**40, b"GET / HTTP/1.1\r\n\r\n\x00\xff", begins_session=True),
        Parcel(3, b"x" * 100_000, secured=Secured(("::1", 5), ("::1", 7860))),
    ],
)
def test_a_parcel_arrives(parcel: Parcel) -> None:
    assert unpack(pack(parcel)) == parcel
