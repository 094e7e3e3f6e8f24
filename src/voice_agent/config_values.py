"""How the text of a setting becomes its value, and what is said when it cannot. Pure."""

import json
from ipaddress import ip_address
from urllib.parse import urlsplit


def upper(value: object) -> object:
    """Return `value` in upper case if it is text."""
    return value.upper() if isinstance(value, str) else value


def split_list(value: object) -> object:
    """Return the entries of a comma-separated text, or `value` itself if it is no text."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def split_ice_servers(value: object) -> object:
    """Return ICE servers from JSON as browsers have it, or from a comma-separated list of URLs.

    Raises:
        ValueError: It looks like JSON and is none.
    """
    if not isinstance(value, str):
        return value
    if value.lstrip()[:1] in ("[", "{"):
        try:
            parsed = json.loads(value)
        except ValueError:
            raise ValueError("begins like JSON but cannot be parsed as it") from None
        return [parsed] if isinstance(parsed, dict) else parsed
    return tuple({"urls": url} for url in value.split(",") if url.strip())


def check_http_url(value: str) -> str:
    """Return an http or https URL without the slash at its end.

    Raises:
        ValueError: It is none, or has a query or a fragment.
    """
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "is not a URL such as https://voice.example.com or http://127.0.0.1:11434/v1"
        )
    if parts.query or parts.fragment:
        raise ValueError("must be a URL without '?' and '#'")
    return value.rstrip("/")


def check_origin(value: str) -> str:
    """Return an origin as browsers send it: scheme, host and port, nothing else.

    Raises:
        ValueError: It is none. A wildcard is none either.
    """
    origin = check_http_url(value).lower()
    if urlsplit(origin).path or "*" in origin or "@" in origin:
        raise ValueError(f"'{value}' is not an origin such as https://shop.example.com")
    return origin


def check_host_name(value: str) -> str:
    """Return a host name in lower case, or an IP address.

    Raises:
        ValueError: It has a scheme, a port, a path or a wildcard.
    """
    host = value.strip("[]").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        if not all(part.replace("-", "").replace("_", "").isalnum() for part in host.split(".")):
            raise ValueError(
                f"'{value}' is not a host name such as voice.example.com, without port and scheme"
            ) from None
        return host


def check_ice_url(value: str) -> str:
    """Return the URL of a STUN or TURN server.

    Raises:
        ValueError: It is none.
    """
    scheme, _, rest = value.partition(":")
    if scheme not in ("stun", "stuns", "turn", "turns") or not rest or "/" in rest:
        raise ValueError(f"'{value}' is not an address such as stun:stun.example.com:3478")
    return value
