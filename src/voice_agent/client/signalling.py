"""How a call is asked for: the HTTP requests that come before the media."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import aiohttp

from voice_agent.client.errors import CallRefusedError, ServerUnreachableError

_MAX_ANSWER_BYTES = 1 << 20


class TransportName(StrEnum):
    """The ways a call's audio can travel."""

    WEBRTC = "webrtc"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class TransportOffer:
    """One way to connect, as the server offers it.

    Attributes:
        type: Which transport.
        url: Where: the offer's address for WebRTC, the socket's (with its token) for WebSocket.
        ice_servers: `RTCIceServer` dictionaries, for WebRTC.
        relay_only: Whether WebRTC may go through TURN servers only.
        reason: Why the server offers it, or offers it at this place.
    """

    type: TransportName
    url: str
    ice_servers: tuple[Mapping[str, Any], ...] = ()
    relay_only: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a server answers to the wish for a session.

    Attributes:
        session_id: The session's id.
        token: What proves the right to connect to it.
        transports: What to try, in order.
    """

    session_id: str
    token: str
    transports: tuple[TransportOffer, ...]


def normal_url(url: str) -> str:
    """Returns a server's address with its scheme and without a trailing slash.

    Raises:
        ServerUnreachableError: It is no HTTP address.
    """
    full = url if "://" in url else f"http://{url}"
    parts = urlsplit(full)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ServerUnreachableError(f"{url} is no server address; http://127.0.0.1:7860 is one")
    return full.rstrip("/")


def problem_text(status: int, body: str) -> str:
    """Returns a refusal's own words: a problem document's detail, else its title or the status."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if isinstance(document, Mapping):
        for key in ("detail", "info", "title", "message"):
            if isinstance(text := document.get(key), str) and text.strip():
                return text.strip()
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "refused"
    return f"{status} {phrase}"


def read_invitation(document: Any, base_url: str) -> Invitation:
    """Reads the answer to `POST /v1/sessions`.

    Args:
        document: The decoded JSON.
        base_url: What relative addresses in it are relative to.

    Returns:
        The invitation; transports that this client does not know are left out.

    Raises:
        ServerUnreachableError: It is no such answer.
    """
    try:
        transports = []
        for entry in document["transports"]:
            if entry["type"] == TransportName.WEBRTC:
                address, ice_servers = entry["offer_url"], tuple(entry.get("ice_servers") or ())
            elif entry["type"] == TransportName.WEBSOCKET:
                address, ice_servers = entry["url"], ()
            else:
                continue
            offer = TransportOffer(
                type=TransportName(entry["type"]),
                url=urljoin(base_url + "/", address),
                ice_servers=ice_servers,
                relay_only=entry.get("ice_transport_policy") == "relay",
                reason=str(entry.get("reason") or ""),
            )
            transports.append(offer)
        return Invitation(str(document["session_id"]), str(document["token"]), tuple(transports))
    except (KeyError, TypeError, AttributeError) as error:
        raise ServerUnreachableError(
            f"{base_url} answered, but not as a voice agent server does"
        ) from error


def websocket_url(url: str) -> str:
    """Returns the address with the scheme of a WebSocket."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit(parts._replace(scheme=scheme))


def with_attempt(url: str, attempt: str) -> str:
    """Returns a WebSocket's address with the id of the connection attempt."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode({'attempt': attempt})}"


class Signalling:
    """The HTTP side of one call.

    Args:
        base_url: The server's address, as `normal_url` gives it.
        http: The HTTP client; whoever made it closes it.
        timeout_s: For each request, in seconds.
    """

    def __init__(self, base_url: str, http: aiohttp.ClientSession, timeout_s: float) -> None:
        self._base_url = base_url
        self._http = http
        self.timeout_s = timeout_s

    async def create_session(
        self, agent: str | None, transport: TransportName | None, key: str | None = None
    ) -> Invitation:
        """Asks for a session.

        Args:
            agent: The agent's id; None for the server's default.
            transport: The one transport to be offered; None for all.
            key: A key that may start sessions; None shows nothing.

        Returns:
            How to connect to it.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: It did not answer, or not as a voice agent server does.
        """
        wish: dict[str, Any] = {
            "transport": transport or "auto",
            "client": {"webrtc": True, "websocket": True},
        }
        if agent is not None:
            wish["agent"] = agent
        document = await self._post(f"{self._base_url}/v1/sessions", wish, key, is_first=True)
        return read_invitation(document, self._base_url)

    async def offer(self, url: str, token: str, sdp: str, attempt: str | None = None) -> str:
        """Sends a WebRTC offer.

        Args:
            url: Where the server takes it.
            token: The session's token.
            sdp: The offer.
            attempt: The id of the connection attempt; None for one that is newer than all before.

        Returns:
            The SDP of the answer.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: It did not answer, or not with an SDP.
        """
        offer = {"sdp": sdp, "type": "offer"}
        if attempt is not None:
            offer["attempt"] = attempt
        answer = await self._post(url, offer, token)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("sdp"), str):
            raise ServerUnreachableError(f"{url} answered the WebRTC offer without an SDP")
        return str(answer["sdp"])

    async def _post(
        self, url: str, body: Mapping[str, Any], credential: str | None, *, is_first: bool = False
    ) -> Any:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        try:
            async with asyncio.timeout(self.timeout_s):
                async with self._http.post(url, json=body, headers=headers) as response:
                    text = (await response.content.read(_MAX_ANSWER_BYTES)).decode(errors="replace")
                    status = response.status
        except TimeoutError as error:
            raise ServerUnreachableError(
                f"{self._base_url} did not answer within {self.timeout_s:g} s"
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ServerUnreachableError(
                f"{self._base_url} cannot be reached: {connection_fault(error)}"
            ) from error
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and is_first:
            raise _not_ours(self._base_url, status, text)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise CallRefusedError(problem_text(status, text), status)
        try:
            return json.loads(text)
        except ValueError as error:
            raise ServerUnreachableError(
                f"{self._base_url} answered, but not as a voice agent server does"
            ) from error


def _not_ours(base_url: str, status: int, text: str) -> CallRefusedError | ServerUnreachableError:
    """Tells "no such agent" from an address where no voice agent server is."""
    words = problem_text(status, text)
    plain = words in {f"{status} {HTTPStatus(status).phrase}", HTTPStatus(status).phrase}
    if plain:
        return ServerUnreachableError(f"{base_url} is no voice agent server ({words})")
    return CallRefusedError(words, status)


def connection_fault(error: BaseException) -> str:
    """Returns why a connection failed, in a few words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its TLS certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(error) or type(error).__name__
