"""Opus in Ogg (RFC 7845 in RFC 3533): pages written one after the other, and the facts of a file.

A page is whole in itself, so a file can be played up to its last page, whatever became of who
wrote it.
"""

import os
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO

from voice_agent.core.recording import RecordingFacts

GRANULE_RATE = 48_000
"""Positions in an Ogg Opus file count samples of this rate in Hz, whatever was encoded."""
MAX_SEGMENTS = 255
"""What a page may hold, each of 255 bytes at most."""
MAX_PAGE_BYTES = 27 + MAX_SEGMENTS + MAX_SEGMENTS * 255
DATE_TAG = "DATE"
VENDOR = b"voice-agent-backend"

_HEADER = struct.Struct("<4sBBqIIIB")
_CAPTURE = b"OggS"
_BEGIN, _END = 0x02, 0x04
_CHECKSUM_AT = 22
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_INVERTED = 0xFFFF_FFFF


def checksum(page: bytes) -> int:
    """Return Ogg's CRC-32 of `page`: zlib's polynomial from the other end, in nobody's loop."""
    mirrored = zlib.crc32(page.translate(_REVERSED), _INVERTED) ^ _INVERTED
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


class OggOpusWriter:
    """Puts Opus packets into pages of at least `page_s` seconds; pure but for `write`.

    Args:
        write: Takes each page, whole.
        opus_head: The stream's header (RFC 7845, section 5.1).
        started_at: When the recording began, in seconds of wall time.
        serial: The stream's number, any.
        page_s: Seconds of audio that make a page.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        opus_head: bytes,
        started_at: float,
        *,
        serial: int,
        page_s: float = 0.5,
    ) -> None:
        self._write = write
        self._serial = serial
        self._page_ticks = round(page_s * GRANULE_RATE)
        self._pages = 0
        self._position = 0
        self._packets: list[bytes] = []
        self._segments = 0
        self._waiting_ticks = 0
        self._put_page([opus_head], flags=_BEGIN, position=0)
        self._put_page([_comments(started_at)], flags=0, position=0)

    def write(self, packet: bytes, ticks: int) -> None:
        """Add a packet that lasts `ticks` at `GRANULE_RATE`."""
        # Not before the next packet is there: the last page must have the last one.
        segments = len(packet) // 255 + 1
        if self._waiting_ticks >= self._page_ticks or self._segments + segments > MAX_SEGMENTS:
            self._finish_page(flags=0, position=self._position + self._waiting_ticks)
        self._packets.append(packet)
        self._segments += segments
        self._waiting_ticks += ticks

    def close(self, ticks: int) -> None:
        """Write the last page; of the whole stream `ticks` are to be played, its skip included."""
        self._finish_page(flags=_END, position=min(ticks, self._position + self._waiting_ticks))

    def _finish_page(self, *, flags: int, position: int) -> None:
        packets, self._packets = self._packets, []
        self._position += self._waiting_ticks
        self._waiting_ticks = self._segments = 0
        self._put_page(packets, flags=flags, position=position)

    def _put_page(self, packets: list[bytes], *, flags: int, position: int) -> None:
        lacing = b"".join(
            b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets
        )
        header = _HEADER.pack(
            _CAPTURE, 0, flags, position, self._serial, self._pages, 0, len(lacing)
        )
        page = b"".join((header, lacing, *packets))
        self._pages += 1
        self._write(
            page[:_CHECKSUM_AT] + checksum(page).to_bytes(4, "little") + page[_CHECKSUM_AT + 4 :]
        )


def read_facts(file: BinaryIO) -> RecordingFacts:
    """Return what a file that `OggOpusWriter` wrote says of itself, finished or not.

    What it does not say is None and 0: of a file that was given up before its header was there.
    """
    head = file.read(1024)
    skip_at = head.find(b"OpusHead") + 10
    if skip_at < 10 or len(head) < skip_at + 2:
        return RecordingFacts(started_at=None, duration_s=0.0)
    (skip,) = struct.unpack_from("<H", head, skip_at)
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 2 * MAX_PAGE_BYTES))
    played = _last_position(file.read()) - skip
    return RecordingFacts(started_at=_date(head), duration_s=max(0, played) / GRANULE_RATE)


def _comments(started_at: float) -> bytes:
    date = f"{DATE_TAG}={datetime.fromtimestamp(started_at, UTC).isoformat()}".encode()
    return b"".join(
        (
            b"OpusTags",
            struct.pack("<I", len(VENDOR)) + VENDOR,
            struct.pack("<I", 1),
            struct.pack("<I", len(date)) + date,
        )
    )


def _date(head: bytes) -> float | None:
    at = head.find(f"{DATE_TAG}=".encode())
    if at < 0:
        return None
    (length,) = struct.unpack_from("<I", head, at - 4)
    text = head[at + len(DATE_TAG) + 1 : at + length].decode("ascii", errors="replace")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _last_position(tail: bytes) -> int:
    """Return the position at the end of the last page that is whole, 0 when none is."""
    at = tail.rfind(_CAPTURE)
    while at >= 0:
        page = tail[at:]
        if len(page) >= _HEADER.size:
            position, segments = _HEADER.unpack_from(page)[3], page[_HEADER.size - 1]
            length = _HEADER.size + segments
            length += sum(page[_HEADER.size : length])
            if len(page) >= length and _is_whole(page[:length]):
                return int(position)
        at = tail.rfind(_CAPTURE, 0, at)
    return 0


def _is_whole(page: bytes) -> bool:
    blank = page[:_CHECKSUM_AT] + bytes(4) + page[_CHECKSUM_AT + 4 :]
    return checksum(blank).to_bytes(4, "little") == page[_CHECKSUM_AT : _CHECKSUM_AT + 4]
