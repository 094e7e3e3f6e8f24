"""No token gets into any log, whatever the server's loggers are set to."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger
from websockets.exceptions import InvalidStatus

from tests.integration.api.conftest import Site

SERVER_LOGGERS = ("uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class _Keeper(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__()
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record.getMessage())


@pytest.fixture
def log_lines(site: Site) -> Iterator[list[str]]:
    """Every line of every logger, as talkative as they get."""
    kept: list[str] = []
    handler = _Keeper(kept)

    def keep(message: Any) -> None:
        kept.append(str(message))

    sink = logger.add(keep, level="TRACE", diagnose=False)
    loggers = [logging.getLogger(name) for name in SERVER_LOGGERS]
    levels = [each.level for each in loggers]
    site.config.access_log = True
    for each in loggers:
        each.setLevel(logging.DEBUG)
        each.addHandler(handler)
    yield kept
    logger.remove(sink)
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)
        each.removeHandler(handler)


async def test_no_token_is_logged(site: Site, log_lines: list[str]) -> None:
    created = (await site.http.post("/v1/sessions")).json()
    token, session_id = created["token"], created["session_id"]
    headers = {"Authorization": f"Bearer {token}"}
    await site.http.get(f"/v1/sessions/{session_id}", headers=headers)
    offer = {"sdp": "garbage", "type": "offer"}
    await site.http.post(f"/sessions/{token}/api/offer", json=offer)
    await site.http.post(f"/api/offer?token={token}", json=offer)
    async with site.connect(f"/v1/sessions/{session_id}/ws?token={token}"):
        pass
    async with site.connect("/ws-client", additional_headers=headers):
        pass
    await site.harness.sessions.end(session_id)
    with pytest.raises(InvalidStatus):
        async with site.connect(f"/ws?token={token}"):
            pass
    assert any("/ws?token=***" in line for line in log_lines), "uvicorn was to log this"
    assert any(line == "< authorization: Bearer ***" for line in log_lines)
    assert not [line for line in log_lines if "without completing handshake" in line]
    signature = token.rpartition(".")[2]
    assert not [line for line in log_lines if token in line or signature in line]
