"""One leg's conversation with a helper process."""

import asyncio
from collections import deque
from typing import Final, Protocol, Self

from voice_agent.services.embedded.helper_errors import (
    HelperError,
    HelperOverflowError,
    HelperRequestError,
    HelperStreamClosedError,
    HelperTimeoutError,
)
from voice_agent.services.embedded.helper_protocol import CLOSE, ERROR, Message

INBOX_BYTES: Final = 8 * 1024 * 1024
INBOX_MESSAGES: Final = 8192
"""What may lie unread in one stream (8 MiB are three minutes of 22 kHz speech) before it fails."""


class Connection(Protocol):
    """What a stream needs of the running child behind it."""

    async def write(self, message: Message) -> None:
        """Send `message`, waiting while the child's buffer is full."""

    def write_soon(self, message: Message) -> None:
        """Send a small message without waiting."""

    def forget(self, stream: int) -> None:
        """Drop whatever else the child says on `stream`."""

    def last_heard(self) -> float:
        """Return the loop time of the child's last message, on any stream."""

    def kill(self, reason: str) -> None:
        """End the child; every stream of it fails with `reason`."""


class HelperStream:
    """A numbered stream of messages to and from one helper process, for one leg.

    It lives no longer than the child it was opened on: when that dies, whoever waits here gets
    `HelperDiedError` at once, and so does every later call. Use it as a context manager, or call
    `close`. One task may send while another receives.
    """

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number
        self._inbox: deque[Message] = deque()
        self._inbox_bytes = 0
        self._arrived = asyncio.Event()
        self._failure: HelperError | None = None

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the stream."""
        self.close()

    @property
    def usable(self) -> bool:
        """Whether the stream can still be used."""
        return self._failure is None

    async def send(self, kind: int, payload: bytes = b"") -> None:
        """Send one message, waiting while the child is behind.

        Raises:
            HelperDiedError: The child ended, or was ended because it stopped reading.
            HelperStreamClosedError: The stream was closed.
        """
        self._raise_failure()
        await self._connection.write(Message(kind, self._number, payload))
        self._raise_failure()

    async def receive(self, *, timeout_s: float | None) -> Message:
        """Return the next message, waiting at most `timeout_s` seconds.

        Call it when an answer is due: on time running out the stream is closed, and the child,
        if it said nothing on any stream all the while, is taken for hanging and ended. None
        waits for as long as the stream lives, for helpers that speak unasked.

        Raises:
            HelperTimeoutError: Nothing came in time.
            HelperRequestError: The child reports that the request failed. The stream goes on.
            HelperOverflowError: The child sent more than was read.
            HelperDiedError: The child ended.
            HelperStreamClosedError: The stream was closed.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                while not self._inbox:
                    self._raise_failure()
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            reason = f"no answer within {timeout_s} s"
            hangs = self._connection.last_heard() < began
            self._end(HelperTimeoutError(reason))
            if hangs:
                self._connection.kill(f"it hung: {reason}")
            raise HelperTimeoutError(reason) from None
        message = self._inbox.popleft()
        self._inbox_bytes -= len(message.payload)
        if message.kind == ERROR:
            raise HelperRequestError(message.payload.decode(errors="replace"))
        return message

    async def request(self, kind: int, payload: bytes = b"", *, timeout_s: float) -> Message:
        """Send one message and return the next that comes; raises as `send` and `receive` do."""
        await self.send(kind, payload)
        return await self.receive(timeout_s=timeout_s)

    def close(self) -> None:
        """End the stream: the child stops its work on it. Calling it again does nothing."""
        if self._failure is None:
            self._end(HelperStreamClosedError("the stream was closed"))

    def deliver(self, message: Message) -> None:
        """Take a message of the child; for the connection."""
        full = len(self._inbox) >= INBOX_MESSAGES
        if full or self._inbox_bytes + len(message.payload) > INBOX_BYTES:
            self._end(HelperOverflowError(f"{self._inbox_bytes} bytes lay unread"))
            return
        self._inbox.append(message)
        self._inbox_bytes += len(message.payload)
        self._arrived.set()

    def fail(self, failure: HelperError) -> None:
        """Fail whoever waits, now and later; for the connection. The child is not told."""
        if self._failure is None:
            self._failure = failure
            self._inbox.clear()
            self._inbox_bytes = 0
            self._arrived.set()

    def _end(self, failure: HelperError) -> None:
        self.fail(failure)
        self._connection.forget(self._number)
        self._connection.write_soon(Message(CLOSE, self._number))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))
