from collections.abc import AsyncIterator

import httpx2
import pytest

from voice_agent.core.wire_limits import MAX_BODY_BYTES

JSON = {"Content-Type": "application/json"}


async def _chunks(total: int) -> AsyncIterator[bytes]:
    yield b'{"agent": "'
    for _ in range(total // 1000):
        yield b"a" * 1000
    yield b'"}'


async def test_a_body_that_says_it_is_too_long_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post("/start", content=b"x" * (MAX_BODY_BYTES + 1), headers=JSON)
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"
    assert str(MAX_BODY_BYTES) in response.json()["detail"]
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["9" * 30, "9" * 5000])
async def test_an_absurd_length_is_refused(client: httpx2.AsyncClient, length: str) -> None:
    response = await client.post("/start", content=b"", headers=JSON | {"Content-Length": length})
    assert response.status_code == 413


async def test_a_body_that_turns_out_too_long_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post("/start", content=_chunks(MAX_BODY_BYTES + 1000), headers=JSON)
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"
    assert response.headers["connection"] == "close"


async def test_a_body_without_a_length_is_read_as_long_as_it_is_short(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post("/v1/sessions", content=_chunks(2000), headers=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "agent"
