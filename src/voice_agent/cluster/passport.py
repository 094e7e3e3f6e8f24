"""What a forwarded request carries.

With it the request is carried out where it comes to, and no client can pretend to have been
forwarded.
"""

from collections.abc import Callable
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from voice_agent.core.errors import ForwardingRefusedError

VALID_S: Final = 60.0
"""For how long, and so much may the clocks of two servers differ."""
_SALT: Final = "voice-agent.forwarded.v1"


class Passports:
    """Makes and checks them with the secret that the servers share.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, secret: str, wall_time: Callable[[], float]) -> None:
        self._secret = secret
        self._wall_time = wall_time

    def issue(self, process: str, method: str, target: str) -> str:
        """Return a passport to `process`, for this method and target (path and query) alone.

        Its first part says the process readably: see `routing`.
        """
        signed = self._serializer(method, target).dumps([process, round(self._wall_time(), 3)])
        return signed if isinstance(signed, str) else signed.decode()

    def check(self, passport: str, method: str, target: str) -> None:
        """Do nothing when it is valid.

        Raises:
            ForwardingRefusedError: It was not made with our secret, for another request, or is old.
        """
        try:
            _, issued_at = self._serializer(method, target).loads(passport)
            is_valid = abs(self._wall_time() - issued_at) <= VALID_S
        except (BadSignature, ValueError, TypeError):
            is_valid = False
        if not is_valid:
            raise ForwardingRefusedError(
                "this request was not forwarded by a server that knows this one: servers behind "
                "one address share VOICE_AGENT_SECRET_KEY, and their clocks agree within "
                f"{VALID_S:g} s"
            )

    def _serializer(self, method: str, target: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._secret, salt=f"{_SALT} {method} {target}")
