"""One running child of a helper process: its socket, its log, its streams, its end."""

import asyncio
import os
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Final

from loguru import logger

from voice_agent.services.embedded.helper_errors import (
    HelperDiedError,
    HelperUnavailableError,
)
from voice_agent.services.embedded.helper_protocol import (
    CLOSE,
    FATAL,
    HEADER_SIZE,
    READY,
    WHOLE_HELPER,
    GarbageError,
    Message,
    decode_header,
    encode,
)
from voice_agent.services.embedded.helper_stream import HelperStream

_LOG_LINE_BYTES: Final = 8192
_WRITE_TIMEOUT_S: Final = 5.0
_EXIT_TIMEOUT_S: Final = 1.0
_LAST_LINES_S: Final = 0.5
_DIED: Final = "it died"
_INHERITED: Final = re.compile(
    r"PATH|HOME|LANG|LC_.*|LD_.*|DYLD_.*|PYTHON.*|TMPDIR|TZ|VIRTUAL_ENV|ESPEAK_.*|COVERAGE_.*"
)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of `environment` a helper gets: what it needs to start, and no secrets."""
    return {name: value for name, value in environment.items() if _INHERITED.fullmatch(name)}


class HelperConnection:
    """A child from its start to its end; it is never started again.

    `closed` is set once the child is gone and all that belonged to it has been given back;
    `reason` then says why it ended.
    """

    def __init__(self, name: str) -> None:
        self.closed = asyncio.Event()
        self.reason = ""
        self.ready_payload = b""
        self._name = name
        self._log = logger.bind(helper=name)
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._settled = asyncio.Event()
        self._streams: dict[int, HelperStream] = {}
        self._last_number = 0
        self._last_heard = self._loop.time()

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and not self.closed.is_set() else None

    @property
    def alive(self) -> bool:
        """Whether the child is ready and nothing has ended it."""
        return self._ready and not self.reason

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    async def start(self, command: Sequence[str], *, timeout_s: float) -> None:
        """Start the child and wait until it says that it is ready, at most `timeout_s` seconds.

        Raises:
            HelperUnavailableError: It could not be started or did not become ready; it is gone.
        """
        ours, its = socket.socketpair()
        ours.setblocking(False)
        try:
            # In a thread: starting a process holds its caller for milliseconds.
            self._process = await asyncio.to_thread(_spawn, command, its)
        except BaseException as error:
            ours.close()
            self._fail(f"cannot run {command[0]}: {error}")
            self._set_closed()
            if isinstance(error, OSError):
                raise HelperUnavailableError(self.reason) from error
            raise
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
            output = self._process.stdout
            assert output is not None
            self._tasks = [
                asyncio.create_task(self._log_output(output), name=f"{self._name}-helper-log"),
                asyncio.create_task(self._run(), name=f"{self._name}-helper"),
            ]
            if self.reason:  # It was killed while it was being started.
                self._process.kill()
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            self.kill(f"it was not ready within {timeout_s} s")
        except BaseException:
            self.kill("its start was given up")
            raise
        if self.reason:
            await self.closed.wait()
            raise HelperUnavailableError(self.reason)

    def open_stream(self) -> HelperStream:
        """Return a new stream to the child."""
        self._last_number += 1
        stream = HelperStream(self, self._last_number)
        if self.reason:
            stream.fail(HelperDiedError(self._why()))
        else:
            self._streams[self._last_number] = stream
        return stream

    async def write(self, message: Message) -> None:
        """Send `message`; a child that takes nothing for seconds is ended.

        Raises:
            HelperDiedError: The child ended.
        """
        writer = self._writer
        if self.reason or writer is None:
            raise HelperDiedError(self._why())
        writer.write(encode(message))
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                await writer.drain()
        except TimeoutError:
            self.kill(f"it hung: it read nothing for {_WRITE_TIMEOUT_S} s")
            raise HelperDiedError(self._why()) from None
        except OSError as error:
            raise HelperDiedError(self._why()) from error

    def write_soon(self, message: Message) -> None:
        """Send a small message without waiting; nothing happens when the child is gone."""
        if not self.reason and self._writer is not None:
            self._writer.write(encode(message))

    def forget(self, stream: int) -> None:
        """Drop whatever else the child says on `stream`."""
        self._streams.pop(stream, None)

    def last_heard(self) -> float:
        """Return the loop time of the child's last message, on any stream."""
        return self._last_heard

    def kill(self, reason: str) -> None:
        """End the child at once; every stream of it fails with `reason`."""
        self._fail(reason)
        if self._process is not None:
            self._process.kill()

    async def close(self) -> None:
        """End the child in order, or by force when it does not end; return when it is gone."""
        self._fail("it was stopped")
        if self._writer is not None:
            # The child ends when it reads the end of its input.
            self._writer.close()
        try:
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                await self.closed.wait()
        except TimeoutError:
            self.kill("it was stopped")
            await self.closed.wait()

    def _why(self) -> str:
        return f"the {self._name} helper ended: {self.reason or 'it was not started'}"

    def _fail(self, reason: str) -> None:
        if self.reason:
            return
        self.reason = reason
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(HelperDiedError(self._why()))

    def _set_closed(self) -> None:
        self.closed.set()
        self._settled.set()

    async def _run(self) -> None:
        process = self._process
        assert process is not None
        try:
            self._fail(await self._read_messages())
        except GarbageError as error:
            self._fail(f"it wrote garbage: {error}")
        finally:
            self._fail("it was given up")
            if self._writer is not None:
                self._writer.close()
            status = await asyncio.shield(asyncio.to_thread(_reap, process))
            if self.reason == _DIED:
                self.reason = f"{_DIED} with {_describe(status)}"
            await asyncio.wait(self._tasks[:1], timeout=_LAST_LINES_S)
            self._tasks[0].cancel()
            self._set_closed()

    async def _read_messages(self) -> str:
        """Read until the child ends; return why it did."""
        reader = self._reader
        assert reader is not None
        last_words = _DIED
        try:
            while True:
                kind, number, size = decode_header(await reader.readexactly(HEADER_SIZE))
                payload = await reader.readexactly(size) if size else b""
                self._last_heard = self._loop.time()
                if number == WHOLE_HELPER:
                    last_words = self._take_whole(kind, payload) or last_words
                elif number > self._last_number or kind == CLOSE:
                    raise GarbageError(f"message {kind} on stream {number}, which is not open")
                elif stream := self._streams.get(number):
                    stream.deliver(Message(kind, number, payload))
        except (asyncio.IncompleteReadError, OSError):
            return last_words

    def _take_whole(self, kind: int, payload: bytes) -> str | None:
        if kind == READY:
            self.ready_payload = payload
            self._ready = True
            self._settled.set()
            return None
        if kind == FATAL:
            return payload.decode(errors="replace")
        raise GarbageError(f"message {kind} for the whole helper")

    async def _log_output(self, output: IO[bytes]) -> None:
        """Write what the child prints to our log, line by line; long lines come in pieces."""
        reader = asyncio.StreamReader(limit=_LOG_LINE_BYTES)
        transport, _ = await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), output
        )
        try:
            while True:
                try:
                    line = await reader.readuntil()
                except asyncio.LimitOverrunError:
                    line = await reader.read(_LOG_LINE_BYTES)
                except asyncio.IncompleteReadError as end:
                    line = end.partial
                    if not line:
                        return
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._log.warning("{} helper: {}", self._name, text)
        finally:
            transport.close()


def _spawn(command: Sequence[str], child_end: socket.socket) -> subprocess.Popen[bytes]:
    # A process group of its own keeps the terminal's Ctrl-C from reaching it before we end it.
    with child_end:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            list(command),
            stdin=child_end.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            env=child_environment(os.environ),
            process_group=0,
        )


def _reap(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(_EXIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _describe(status: int) -> str:
    return f"exit code {status}" if status >= 0 else f"signal {-status}"
