"""Messages of helper processes, and when a helper is started again."""

import pytest

from voice_agent.services.embedded.helper_connection import child_environment
from voice_agent.services.embedded.helper_process import RestartPolicy
from voice_agent.services.embedded.helper_protocol import (
    HEADER_SIZE,
    MAX_PAYLOAD,
    GarbageError,
    Message,
    decode_header,
    encode,
)


def test_a_message_survives_its_way() -> None:
    wire = encode(Message(16, 7, b"payload"))
    assert decode_header(wire[:HEADER_SIZE]) == (16, 7, 7)
    assert wire[HEADER_SIZE:] == b"payload"


def test_a_header_without_the_magic_is_garbage() -> None:
    with pytest.raises(GarbageError, match="no message header"):
        decode_header(b"hello world")


def test_a_length_over_the_limit_is_garbage() -> None:
    wire = bytearray(encode(Message(16, 1)))
    wire[7:11] = (MAX_PAYLOAD + 1).to_bytes(4, "big")
    with pytest.raises(GarbageError, match="over the limit"):
        decode_header(bytes(wire))


def test_a_payload_over_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        encode(Message(16, 1, bytes(MAX_PAYLOAD + 1)))


def test_pauses_between_starts_grow_to_a_limit() -> None:
    policy = RestartPolicy(first_pause_s=0.2, longest_pause_s=10)
    assert [policy.pause_s(failures) for failures in range(1, 10)] == [
        0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10,
    ]  # fmt: skip
    assert policy.pause_s(10_000) == 10


def test_a_child_inherits_paths_and_no_keys() -> None:
    environment = {"PATH": "/bin", "LC_ALL": "C", "OPENAI_API_KEY": "sk", "VOICE_AGENT_X": "1"}
    assert child_environment(environment) == {"PATH": "/bin", "LC_ALL": "C"}
