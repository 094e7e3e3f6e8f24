"""A web site of its own, on another origin than the server, with a page of the stock clients."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from build_console import SOURCE, find_node


@dataclass(frozen=True)
class StockSite:
    """A site that serves what is in a folder."""

    origin: str
    folder: Path

    def build(self) -> None:
        """Put the page into the folder: official client and transports, nothing of ours."""
        node = find_node()
        node.run(
            "vite build of the page with the stock clients",
            "see console/stock/",
            *(str(node.program), str(SOURCE / "node_modules" / "vite" / "bin" / "vite.js")),
            *("build", "--config", "stock/vite.config.ts", "--outDir", str(self.folder)),
        )


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        """Write nothing."""


@contextlib.contextmanager
def serving_stock_site(folder: Path) -> Iterator[StockSite]:
    """Serve `folder` on any free port until the block ends."""
    handler = functools.partial(_QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever, name="stock site")
        thread.start()
        try:
            yield StockSite(f"http://localhost:{site.server_port}", folder)
        finally:
            site.shutdown()
            thread.join()
