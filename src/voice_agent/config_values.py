"""How the text of a setting becomes its value, and what is said when it cannot. Pure."""

import json
from ipaddress import ip_address
from math import isfinite
from urllib.parse import urlsplit

from voice_agent.core.service_pool import PoolLimits, PoolSizes
from voice_agent.transports.webrtc.ice_url import parse_ice_url
from voice_agent.transports.webrtc.udp_ports import parse_port_range

_SIZES = ("minimum", "maximum", "idle_s", "max_age_s", "waiters")
_LEAST = {"minimum": 0, "maximum": 1, "waiters": 1, "idle_s": 0, "max_age_s": 1}


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


def parse_pool_sizes(value: object) -> object:
    """Return the sizes of a pool from text such as `minimum=1,maximum=8,idle_s=60`.

    Raises:
        ValueError: A name is not known or there twice, or a number is none or out of range.
    """
    if not isinstance(value, str):
        return value
    said: dict[str, float] = {}
    for part in filter(None, map(str.strip, value.split(","))):
        name, _, text = (piece.strip() for piece in part.partition("="))
        if name not in _SIZES or name in said:
            raise ValueError(
                f"'{part}' is not one of {', '.join(_SIZES)}, each once and with '=' and a number"
            )
        said[name] = _size(name, text)
    sizes = PoolSizes(**said)  # type: ignore[arg-type]  # whole where they must be
    try:
        sizes.over(PoolLimits())
    except ValueError as error:
        raise ValueError(f"minimum={sizes.minimum},maximum={sizes.maximum}: {error}") from None
    return sizes


def _size(name: str, text: str) -> float:
    is_time = name.endswith("_s")
    try:
        number = float(text) if is_time else int(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or number < _LEAST[name]:
        unit = "number of seconds" if is_time else "whole number"
        raise ValueError(f"{name}: '{text}' is not a {unit} of at least {_LEAST[name]}")
    return number


def show_pool_sizes(sizes: PoolSizes) -> str:
    """Return sizes as they can be typed."""
    said = ((name, getattr(sizes, name)) for name in _SIZES)
    return ",".join(f"{name}={number:g}" for name, number in said if number is not None)


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
    parse_ice_url(value)
    return value


def check_turn_url(value: str) -> str:
    """Return the URL of a TURN server.

    Raises:
        ValueError: It is none.
    """
    if not parse_ice_url(value).is_turn:
        raise ValueError(
            f"'{value}' is no TURN server, which begins with turn: or turns:; "
            "STUN servers go into VOICE_AGENT_ICE_SERVERS"
        )
    return value


def read_port_range(value: object) -> object:
    """Return a range of ports from text such as `40000-40100`.

    Raises:
        ValueError: It is none.
    """
    return parse_port_range(value) if isinstance(value, str) else value


def check_announced_address(value: str) -> str:
    """Return an IP address that others may be told.

    Raises:
        ValueError: It is none, or nobody can send anything there.
    """
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(f"'{value}' is not an IP address such as 203.0.113.5") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(
            f"'{value}' is nobody's address; give the one under which clients reach this machine"
        )
    return str(address)
