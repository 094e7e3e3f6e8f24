"""The origins of web sites, as browsers write them. Pure."""

from typing import Final
from urllib.parse import urlsplit

from voice_agent.core.account_errors import AccountInvalidError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def site_origin(text: str) -> str:
    """Return `text` as a browser sends it in `Origin`: lower case, without a default port.

    Raises:
        AccountInvalidError: It is no origin of a web site.
    """
    try:
        parts = urlsplit(text.strip().lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if (
        not host
        or parts.scheme not in _DEFAULT_PORTS
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or "*" in host
    ):
        raise AccountInvalidError(
            f"'{text[:100]}' is not an origin such as https://shop.example.com"
        )
    name = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{name}"
    return f"{parts.scheme}://{name}:{port}"
