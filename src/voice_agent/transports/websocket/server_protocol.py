"""uvicorn's WebSocket protocol, set for media.

The one file that knows the insides of uvicorn's protocol: its queue, its reading pause and its
parser. Its tests fail when they change.
"""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - websockets without its extension
    from websockets.utils import apply_mask

WHOLE_BINARY_MESSAGE: Final = 0x82
"""First byte of a binary message in one frame (RFC 6455, 5.2)."""
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_FIRST_CONTROL_FRAME: Final = 0x8
_MASK_BYTES: Final = 4
MAX_WAITING: Final = 8
"""Messages that may wait for the application until nothing more is read from the client."""


class MediaWebSocketProtocol(WebSocketsSansIOProtocol):
    """Tells a client that vanished from one that said goodbye, and reads audio at little cost.

    uvicorn reports 1005, a goodbye without a code, whenever a connection is over; without a close
    frame of the client it is 1006 (RFC 6455, 7.1.5), and the session waits for him to come back.

    A binary message in one frame, which is what audio comes in, is read here, in a fifth of the
    time that the parser takes. All else is cut into whole frames and goes to the parser, which so
    is never inside a frame; and once anything is unusual, everything goes to the parser for good.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._handshakes = 0
        self._only_parser = False
        self._begun = bytearray()
        self._begun_needs = 0
        self._inside_message = False
        self._max_bytes = self.config.ws_max_size

    def connection_lost(self, exc: Exception | None) -> None:
        """Report 1006 first when the client has sent no close frame."""
        if self.handshake_complete and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._only_parser:
            super().data_received(data)
        elif not self.handshake_complete:
            self._handshakes += 1
            # More than the request, before it was answered: the parser may be inside a frame.
            self._only_parser = self._handshakes > 1
            super().data_received(data)
        elif self._begun:
            self._begun += data
            if len(self._begun) >= self._begun_needs:
                begun, self._begun = bytes(self._begun), bytearray()
                self._read_frames(begun)
        else:
            self._read_frames(data)

    def _read_frames(self, data: bytes) -> None:
        begin, size = 0, len(data)
        while begin < size:
            end = self._end_of_frame(data, begin)
            if end is None or self.conn.state is not State.OPEN:
                self._only_parser = True
                super().data_received(data[begin:])
                return
            if end > size:
                self._begun += data[begin:]
                self._begun_needs = end - begin
                return
            self._read_frame(data[begin:end])
            begin = end

    def _read_frame(self, frame: bytes) -> None:
        first, length = frame[0], frame[1] & ~_MASKED
        if first == WHOLE_BINARY_MESSAGE and not self._inside_message:
            payload = 2 + _MASK_BYTES + (0 if length < 126 else 2 if length == 126 else 8)
            message = apply_mask(frame[payload:], frame[payload - _MASK_BYTES : payload])
            self.queue.put_nowait({"type": "websocket.receive", "bytes": message})
            if not self.read_paused and self.queue.qsize() >= MAX_WAITING:
                self.read_paused = True
                self.transport.pause_reading()
            return
        if first & 0x0F < _FIRST_CONTROL_FRAME:
            self._inside_message = not first & _FINAL
        super().data_received(frame)

    def _end_of_frame(self, data: bytes, begin: int) -> int | None:
        """Return where the frame ends that begins at `begin`, as far as can be said yet.

        None when it is one for the parser to refuse.
        """
        header = 2 + _MASK_BYTES
        if len(data) - begin < 2:
            return begin + header
        second = data[begin + 1]
        length = second & ~_MASKED
        if length >= 126:
            extra = 2 if length == 126 else 8
            header += extra
            if len(data) - begin < 2 + extra:
                return begin + header
            length = int.from_bytes(data[begin + 2 : begin + 2 + extra])
        if not second & _MASKED or length > self._max_bytes:
            return None
        return begin + header + length
