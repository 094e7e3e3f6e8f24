"""A dependency that refuses bodies that are not declared as JSON."""

from fastapi import Depends, Request

from voice_agent.api.errors import MediaTypeError


async def _require_json(request: Request) -> None:
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if has_body and not is_json:
        raise MediaTypeError("send the body with 'Content-Type: application/json'")


JSON_ONLY = Depends(_require_json)
"""For routes that read a body; one without a body needs no type."""
