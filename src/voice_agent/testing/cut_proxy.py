"""A TCP proxy that can be cut, refuse or fall silent: a bad network on this machine.

with cut_proxy(server.port) as proxy:
...  # connect to proxy.port; proxy.cut(), proxy.refuse(), proxy.mute(), proxy.mend()
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

_CHUNK = 1 << 16
_START_TIMEOUT_S = 10.0


class CutProxy:
    """Passes connections on to a port of this machine, from a thread of its own.

    Attributes:
        port: Where it listens.
        taken: How many connections it was asked for so far, those it refused too.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cut proxy")
        self._flows = asyncio.Event()
        self._refuses = False
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._stopping = asyncio.Event()
        self.port = 0
        self.taken = 0

    def cut(self) -> None:
        """Resets all connections, as a process that is killed does. New ones are taken."""
        self._call(self._cut)

    def refuse(self) -> None:
        """Resets all connections, and each new one at once."""
        self._refuses = True
        self._call(self._cut)

    def mute(self) -> None:
        """Passes nothing on any more and says nothing, as a lost network; takes connections."""
        self._call(self._flows.clear)

    def mend(self) -> None:
        """Works again; what was held back by `mute` is passed on."""
        self._refuses = False
        self._call(self._flows.set)

    def target(self, port: int) -> None:
        """Passes new connections on to that port."""
        self._target_port = port

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise TimeoutError("the proxy did not begin to listen")

    def stop(self) -> None:
        """Ends it; nothing of it is left."""
        self._call(self._stopping.set)
        self._thread.join()

    def _call(self, work: Callable[[], None]) -> None:
        """Does it in the proxy's thread, and returns when it is done."""
        finished = threading.Event()

        def run() -> None:
            work()
            finished.set()

        self._loop.call_soon_threadsafe(run)
        if not finished.wait(_START_TIMEOUT_S):
            raise TimeoutError("the proxy is stuck")

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._flows.set()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._started.set()
        await self._stopping.wait()
        server.close()
        self._cut()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        if self._refuses:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(back)
        pipes = [
            asyncio.create_task(self._pass_on(reader, back)),
            asyncio.create_task(self._pass_on(there, writer)),
        ]
        self._pipes.update(pipes)
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, back):
                end.close()
                self._writers.discard(end)
            for pipe in pipes:
                pipe.cancel()
                self._pipes.discard(pipe)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()


@contextlib.contextmanager
def cut_proxy(target_port: int) -> Iterator[CutProxy]:
    """Runs a proxy to that port of this machine on any free port, for the length of the block."""
    proxy = CutProxy(target_port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
