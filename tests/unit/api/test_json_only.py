import httpx2
import pytest

PATHS = ["/v1/sessions", "/start", "/api/offer"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_declared_as_json_is_refused(
    client: httpx2.AsyncClient, path: str, media_type: str
) -> None:
    response = await client.post(path, content=b"{}", headers={"Content-Type": media_type})
    assert response.status_code == 415
    assert response.json()["code"] == "media_type_unsupported"


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_is_json_however_it_is_written(
    client: httpx2.AsyncClient, media_type: str
) -> None:
    response = await client.post(
        "/v1/sessions", content=b"{}", headers={"Content-Type": media_type}
    )
    assert response.status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe\x00",
        b'{"agent": ' + b"[" * 50_000,
        b'{"agent": ' + b"9" * 10_000 + b"}",
        b"not json",
        b'{"agent": "\\ud800"}',
    ],
)
async def test_garbage_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/v1/sessions", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [[], "text", 5, {"agent": {"a": 1}}])
async def test_json_of_another_shape_is_refused(client: httpx2.AsyncClient, body: object) -> None:
    response = await client.post("/v1/sessions", json=body)
    assert response.status_code == 422
    assert response.json()["code"] == "request_invalid"


@pytest.mark.parametrize("path", ["/v1/sessions", "/start"])
async def test_no_body_means_the_defaults(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.post(path)).is_success
