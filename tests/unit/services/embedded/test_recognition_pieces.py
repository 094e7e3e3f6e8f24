import array

import pytest

from voice_agent.services.embedded.noise import NoiseConditioner, with_room_tone
from voice_agent.services.embedded.pocketsphinx_service import PreRoll
from voice_agent.services.embedded.recognition_protocol import (
    Recognition,
    decode_model,
    encode_model,
)


def test_a_recognition_survives_the_pipe() -> None:
    recognition = Recognition("when are you open", "40,3,-1", 1.5, 0.05, 50_000_000)
    assert Recognition.decode(recognition.encode()) == recognition


@pytest.mark.parametrize("payload", [b"", b"{}", b"garbage", b'{"text": "a", "b": 1}', b"[1]"])
def test_what_is_no_recognition_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Recognition.decode(payload)


def test_a_model_survives_the_pipe() -> None:
    assert decode_model(encode_model("arpa\n", "cafe K AH F EY\n")) == (
        b"arpa\n",
        b"cafe K AH F EY\n",
    )


def test_the_pre_roll_keeps_the_last_of_the_audio() -> None:
    pre_roll = PreRoll(0.1)
    for number in range(10):
        pre_roll.add(bytes([number]) * 640)
    assert pre_roll.take() == b"".join(bytes([number]) * 640 for number in range(5, 10))
    assert pre_roll.take() == b""


def test_the_pre_roll_cuts_a_parcel_that_is_longer_than_it() -> None:
    pre_roll = PreRoll(0.01)
    pre_roll.add(bytes(range(250)) * 4)
    assert pre_roll.take() == (bytes(range(250)) * 4)[-320:]


def test_room_tone_is_quiet_and_never_overflows() -> None:
    silence = array.array("h", with_room_tone(bytes(32_000)))
    assert 0 < max(silence) <= 200
    loud = array.array("h", [32_767, -32_768] * 8_000)
    assert len(with_room_tone(loud.tobytes())) == 32_000
    assert with_room_tone(b"") == b""


def test_the_conditioner_returns_all_but_the_last_ten_milliseconds() -> None:
    conditioner = NoiseConditioner()
    assert len(conditioner.add(bytes(1000))) == 960
    assert len(conditioner.add(bytes(280))) == 320
    assert conditioner.add(b"") == b""
