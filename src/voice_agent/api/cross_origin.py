"""Middleware that lets browsers show our answers to pages of other sites that may use us (CORS)."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from voice_agent.api.knock import KnockRules


class CrossOrigin(CORSMiddleware):
    """Starlette's, but which sites may is asked of `rules` each time: keys come and go."""

    def __init__(self, app: ASGIApp, rules: KnockRules) -> None:
        super().__init__(
            app,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["ETag", "Idempotency-Replayed", "Retry-After"],
        )
        self._rules = rules

    def is_allowed_origin(self, origin: str) -> bool:
        """Return whether pages of `origin` may see our answers."""
        return self._rules.knows_site(origin)
