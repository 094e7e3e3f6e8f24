"""Middleware that turns away who may not knock, for HTTP and for WebSocket handshakes."""

from loguru import logger
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from voice_agent.api.errors import HostRefusedError, OriginRefusedError
from voice_agent.api.knock import KnockRules
from voice_agent.api.problems import problem_of
from voice_agent.api.refusal import refuse


class Doorkeeper:
    """Refuses by Host and Origin, before anything of the request is looked at."""

    def __init__(self, app: ASGIApp, rules: KnockRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with a 403 and say which setting would allow it."""
        if scope["type"] != "lifespan":
            headers = Headers(scope=scope)
            try:
                self._rules.check(headers.get("host"), headers.get("origin"))
            except (HostRefusedError, OriginRefusedError) as error:
                # A page of another site cannot read the answer: the log has to say it.
                logger.warning("refused a request: {}", error)
                scope.setdefault("state", {})["problem"] = error.code
                await refuse(problem_of(error), scope, receive, send)
                return
        await self._app(scope, receive, send)
