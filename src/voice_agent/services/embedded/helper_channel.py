"""The child's side of a helper process: messages in, messages out, and an end with its parent.

A helper's module looks like this, and imports as little as it can:

    def main() -> None:
        channel = HelperChannel.take_over()
        engine = load()                      # or: channel.fail("libfoo is not installed")
        channel.ready()
        for message in channel:              # blocks; ends never: the process ends with its parent
            if message.kind == SPEAK: ...    # channel.send(Message(AUDIO, message.stream, pcm))
            elif message.kind == CLOSE: ...  # forget what was kept for message.stream
"""

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final, NoReturn

from voice_agent.services.embedded.helper_protocol import (
    CLOSE,
    ERROR,
    FATAL,
    HEADER_SIZE,
    READY,
    WHOLE_HELPER,
    GarbageError,
    Message,
    decode_header,
    encode,
)

INBOX_BYTES: Final = 4 * 1024 * 1024
"""Bytes that wait in the child before it stops reading, which makes the parent wait in turn."""
_PARENT_CHECK_S: Final = 0.5
EXIT_CANNOT_SERVE: Final = 3
_EXIT_PROTOCOL: Final = 4


class HelperChannel:
    """The one connection of a helper process to its parent; safe to use from any thread.

    A thread of its own reads, so `is_open` turns false the moment the parent closes a stream, while
    the worker is still busy with it, and the process ends when the parent does, whatever it was
    doing.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._source = os.fdopen(fd, "rb", buffering=65536, closefd=False)
        self._send_lock = threading.Lock()
        self._changed = threading.Condition()
        self._inbox: deque[Message] = deque()
        self._inbox_bytes = 0
        self._open: set[int] = set()

    @classmethod
    def take_over(cls) -> "HelperChannel":
        """Return the channel on standard input and begin to read it.

        Standard input is replaced by nothing, so that no library reads our messages from it.
        """
        fd = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        channel = cls(fd)
        threading.Thread(target=channel._read_forever, name="helper-channel", daemon=True).start()
        return channel

    def ready(self, payload: bytes = b"") -> None:
        """Tell the parent that work may come."""
        self._write(Message(READY, WHOLE_HELPER, payload))

    def fail(self, reason: str) -> NoReturn:
        """Tell the parent why this helper cannot work, and end the process."""
        self._write(Message(FATAL, WHOLE_HELPER, reason.encode()))
        sys.stderr.flush()
        os._exit(EXIT_CANNOT_SERVE)

    def is_open(self, stream: int) -> bool:
        """Return whether the parent still wants to hear of `stream`."""
        return stream in self._open

    def send(self, message: Message) -> bool:
        """Send `message` unless its stream is closed; return whether it was sent."""
        if not self.is_open(message.stream):
            return False
        self._write(message)
        return True

    def send_error(self, stream: int, reason: str) -> None:
        """Tell the parent that the request on `stream` failed, and why."""
        self.send(Message(ERROR, stream, reason.encode()))

    def waiting(self) -> int:
        """Return how many messages wait to be received."""
        with self._changed:
            return len(self._inbox)

    def receive(self) -> Message:
        """Return the next message of the parent, in order, waiting for it."""
        with self._changed:
            while not self._inbox:
                self._changed.wait()
            message = self._inbox.popleft()
            self._inbox_bytes -= len(message.payload)
            self._changed.notify_all()
            return message

    def __iter__(self) -> Iterator[Message]:
        """Yield each message of the parent, in order, for ever."""
        while True:
            yield self.receive()

    def _write(self, message: Message) -> None:
        rest = memoryview(encode(message))
        with self._send_lock:
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except (BrokenPipeError, ConnectionResetError):
                    os._exit(0)

    def _read_forever(self) -> None:
        try:
            while True:
                header = self._source.read(HEADER_SIZE)
                if len(header) < HEADER_SIZE:
                    break
                kind, stream, size = decode_header(header)
                payload = self._source.read(size)
                if len(payload) < size:
                    break
                self._accept(Message(kind, stream, payload))
        except GarbageError as error:
            sys.stderr.write(f"helper: the parent wrote garbage: {error}\n")
            sys.stderr.flush()
            os._exit(_EXIT_PROTOCOL)
        except OSError:
            pass
        os._exit(0)

    def _accept(self, message: Message) -> None:
        with self._changed:
            if message.kind == CLOSE:
                self._open.discard(message.stream)
                kept = [waiting for waiting in self._inbox if waiting.stream != message.stream]
                self._inbox = deque(kept)
                self._inbox_bytes = sum(len(waiting.payload) for waiting in kept)
            else:
                self._open.add(message.stream)
                while self._inbox and self._inbox_bytes + len(message.payload) > INBOX_BYTES:
                    if not self._changed.wait(_PARENT_CHECK_S) and self._parent_is_gone():
                        os._exit(0)
            self._inbox.append(message)
            self._inbox_bytes += len(message.payload)
            self._changed.notify_all()

    def _parent_is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
