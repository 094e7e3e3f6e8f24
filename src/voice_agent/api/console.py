"""The console's files at `/`, and a page that says how to build them when they are not there."""

import os
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from voice_agent.api.addresses import Addresses
from voice_agent.api.security_headers import PERMISSIONS_POLICY, content_policy

HASHED_FILES = "assets"
"""Vite puts files here whose names change with their content."""
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Voice Agent: the page is not built yet</title>
<h1>The server runs, its page is not built yet</h1>
<p>Build it once, in the project's folder, and load this page again:</p>
<pre>./scripts/dev.sh setup</pre>
<p>Until then you can talk to the agent from a terminal:</p>
<pre>voice-agent call</pre>
<p><a href="openapi.json">openapi.json</a> describes the API.</p>
</html>
"""


class Console(StaticFiles):
    """Serves what no route answers: the built page, from `directory`.

    Looks at each request, so the page may be built while the server runs.
    """

    def __init__(self, directory: Path | None, public_url: str | None) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self._root = directory
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file, the page that explains, or a 404."""
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not is_read:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if self._root is None or not (self._root / "index.html").is_file():
            if self.get_path(scope) != ".":
                raise HTTPException(HTTPStatus.NOT_FOUND)
            page = self._page(HTMLResponse(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE), scope)
            await page(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file with what the browser may do with it and how long it may keep it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = Path(self.get_path(scope)).parts[0:1] == (HASHED_FILES,)
        response.headers["Cache-Control"] = _FOR_EVER if hashed else _ASK_EACH_TIME
        if Path(full_path).suffix == ".html":
            self._page(response, scope)
        return response

    def _page(self, response: Response, scope: Scope) -> Response:
        connection = HTTPConnection(scope)
        origins = {
            Addresses.of(connection, url).websocket_origin for url in (None, self._public_url)
        }
        response.headers["Content-Security-Policy"] = content_policy(tuple(sorted(origins)))
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        response.headers.setdefault("Cache-Control", _ASK_EACH_TIME)
        response.headers.add_vary_header("Host")
        return response
