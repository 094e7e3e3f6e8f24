import httpx2
import pytest

from tests.unit.api.conftest import ClientMaker
from voice_agent.api.knock import KnockRules

SHOP = "https://shop.example.com"


@pytest.fixture
def shop_client(client_of: ClientMaker) -> httpx2.AsyncClient:
    rules = KnockRules(bound_host="127.0.0.1", allowed_origins=[SHOP])
    return client_of(knock_rules=rules)


async def test_an_address_of_nothing_is_a_problem_document(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/start", "/v1/sessions/abc/offer", "/api/offer"])
async def test_a_wrong_method_is_a_problem_document_that_names_the_right_ones(
    client: httpx2.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert response.json()["code"] == "method_not_allowed"


async def test_a_failure_nobody_thought_of_is_a_problem_document_without_the_inside(
    client_of: ClientMaker,
) -> None:
    def fail() -> str:
        raise RuntimeError("hunter2")

    response = await client_of(unready=fail).get("/readyz")
    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    assert "hunter2" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_another_host_is_refused_before_anything_else(client_of: ClientMaker) -> None:
    response = await client_of(base_url="http://attacker.example:7860").get("/v1/agents")
    assert response.status_code == 403
    assert response.json()["code"] == "host_refused"


async def test_a_page_of_another_site_is_refused_and_may_not_read_why(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get("/v1/agents", headers={"Origin": "https://attacker.example"})
    assert response.status_code == 403
    assert "VOICE_AGENT_ALLOWED_ORIGINS" in response.json()["detail"]
    assert "access-control-allow-origin" not in response.headers


async def test_a_preflight_of_another_site_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.options(
        "/start",
        headers={"Origin": "https://attacker.example", "Access-Control-Request-Method": "POST"},
    )
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


async def test_a_preflight_of_an_allowed_site_is_answered(shop_client: httpx2.AsyncClient) -> None:
    response = await shop_client.options(
        "/start",
        headers={
            "Origin": SHOP,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type,x-tenant",
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == SHOP
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "x-tenant" in response.headers["access-control-allow-headers"]


async def test_an_allowed_site_may_read_answers_and_refusals(
    shop_client: httpx2.AsyncClient,
) -> None:
    for path, status in (("/v1/agents", 200), ("/v1/agents/nobody", 404)):
        response = await shop_client.get(path, headers={"Origin": SHOP})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == SHOP


async def test_an_allowed_site_may_read_an_internal_error_and_a_too_long_body(
    client_of: ClientMaker,
) -> None:
    def fail() -> str:
        raise RuntimeError

    rules = KnockRules(bound_host="127.0.0.1", allowed_origins=[SHOP])
    client = client_of(knock_rules=rules, unready=fail)
    failed = await client.get("/readyz", headers={"Origin": SHOP})
    refused = await client.post("/start", headers={"Origin": SHOP}, json={"agent": "a" * 1_000_000})
    assert (failed.status_code, refused.status_code) == (500, 413)
    assert failed.headers["access-control-allow-origin"] == SHOP
    assert refused.headers["access-control-allow-origin"] == SHOP


async def test_the_description_covers_every_route_and_its_refusals(
    client: httpx2.AsyncClient,
) -> None:
    description = (await client.get("/openapi.json")).json()
    operations = {
        (method, path): operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert {
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("post", "/v1/sessions"),
        ("get", "/v1/sessions"),
        ("get", "/v1/sessions/{session_id}"),
        ("delete", "/v1/sessions/{session_id}"),
        ("post", "/v1/sessions/{session_id}/offer"),
        ("patch", "/v1/sessions/{session_id}/offer"),
        ("get", "/v1/agents"),
        ("get", "/v1/agents/{agent_id}"),
        ("get", "/v1/pool"),
        ("post", "/start"),
        ("post", "/sessions/{token}/api/offer"),
        ("patch", "/sessions/{token}/api/offer"),
        ("post", "/api/offer"),
        ("patch", "/api/offer"),
    } <= operations.keys()
    for operation in operations.values():
        assert operation["summary"]
        assert operation["description"]
        assert "application/problem+json" in operation["responses"]["422"]["content"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
