"""Frames survive being cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.cluster.frames import MAX_FRAME_BYTES, FrameError, FrameReader, frame


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
def test_contents_arrive_whole_and_in_order(contents: list[bytes], step: int) -> None:
    stream, reader = b"".join(map(frame, contents)), FrameReader()
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [content for piece in pieces for content in reader.feed(piece)] == contents


def test_a_length_that_cannot_be_is_refused() -> None:
    with pytest.raises(FrameError):
        list(FrameReader().feed((MAX_FRAME_BYTES + 1).to_bytes(4)))
