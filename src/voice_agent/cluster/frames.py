"""Frames in a stream of bytes: four bytes of length, then the content. Pure."""

import struct
from collections.abc import Iterator
from typing import Final

MAX_FRAME_BYTES: Final = 32 * 1024 * 1024
LENGTH: Final = struct.Struct(">I")


class FrameError(Exception):
    """The stream holds what is no frame."""


def frame(content: bytes) -> bytes:
    """Return `content` as a frame."""
    return LENGTH.pack(len(content)) + content


class FrameReader:
    """Cuts a stream into the contents of its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the content of each frame that is complete with `data`.

        Raises:
            FrameError: A frame says that it is longer than any of ours.
        """
        self._buffer += data
        while len(self._buffer) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes; at most {MAX_FRAME_BYTES}")
            end = LENGTH.size + length
            if len(self._buffer) < end:
                return
            content = bytes(self._buffer[LENGTH.size : end])
            del self._buffer[:end]
            yield content
