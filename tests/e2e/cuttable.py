"""A way to the server over TCP that can be cut, as a cable can."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_CHUNK_BYTES = 65_536
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class CuttableWay:
    """Passes what comes to a port of its own on to the server's."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """Where a client finds it."""
        return f"http://localhost:{self._listener.getsockname()[1]}/"

    def cut(self) -> None:
        """Break every connection without a goodbye; new ones get through."""
        for end in self._open:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
                end.shutdown(socket.SHUT_RD)
            end.close()
        self._open.clear()

    def accept(self) -> None:
        """Pass connections on until it is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._open += [client, server]
            self._run(self._pump, client, server)
            self._run(self._pump, server, client)

    def close(self) -> None:
        """Cut it for good and wait until nothing runs."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def cuttable_way(server_port: int) -> Iterator[CuttableWay]:
    """Return a way to the server that can be cut, until the block ends."""
    way = CuttableWay(server_port)
    accepting = threading.Thread(target=way.accept, name="cuttable way")
    accepting.start()
    try:
        yield way
    finally:
        way.close()
        accepting.join()
