import httpx2

from tests.unit.api.conftest import ClientMaker


async def test_alive_and_ready(client: httpx2.AsyncClient) -> None:
    for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
        response = await client.get(path)
        assert response.status_code == 200
        assert response.json() == {"status": status}
        assert (await client.head(path)).status_code == 200


async def test_not_ready_says_why_and_stays_alive(client_of: ClientMaker) -> None:
    client = client_of(unready=lambda: "the engines are being loaded")
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["detail"] == "the engines are being loaded"
    assert (await client.get("/healthz")).status_code == 200
