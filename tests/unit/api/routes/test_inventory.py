import httpx2
import pytest

from tests.unit.api.api_doubles import AGENT
from tests.unit.api.conftest import ClientMaker


async def test_agents_are_listed(client: httpx2.AsyncClient) -> None:
    agents = (await client.get("/v1/agents")).json()["agents"]
    assert [agent["id"] for agent in agents] == ["frontdesk", "sales"]
    assert agents[0] == {
        "id": "frontdesk",
        "name": "Front desk",
        "language": "en-US",
        "version": AGENT.version,
        "origin": "file",
    }


async def test_an_agent_is_shown_as_its_author_wrote_it(client: httpx2.AsyncClient) -> None:
    agent = (await client.get("/v1/agents/frontdesk")).json()
    assert agent["greeting"] == "Hello."
    assert agent["turn"]["max_wait_s"] == AGENT.turn.max_wait_s
    assert agent["version"] == AGENT.version


async def test_an_unknown_agent_is_a_404(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/agents/nobody")
    assert (response.status_code, response.json()["code"]) == (404, "agent_not_found")


async def test_the_pool_is_shown_without_its_configuration(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/pool")
    assert response.json() == {
        "processes": 1,
        "resources": [
            {
                "kind": "shared",
                "purpose": "llm",
                "provider": "openai",
                "agent_version": "abc",
                "size": 1,
                "in_use": 2,
                "idle": 0,
                "building": 0,
                "waiting": 0,
                "waits": 0,
                "wait_total_s": 0.0,
                "wait_longest_s": 0.0,
                "created": 3,
                "reused": 0,
                "failures": 4,
                "quarantined": 0,
                "retired": 0,
            }
        ],
    }
    assert "sk-secret" not in response.text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("", "text/plain"), ("application/openmetrics-text", "application/openmetrics-text")],
)
async def test_metrics_are_text_in_the_format_that_is_asked_for(
    client: httpx2.AsyncClient, accept: str, media_type: str
) -> None:
    response = await client.get("/metrics", headers={"accept": accept})
    assert response.headers["content-type"].startswith(media_type)
    counted = 'voice_agent_pool_in_use{kind="shared",provider="openai",purpose="llm"} 2.0'
    assert counted in response.text
    assert "sk-secret" not in response.text


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/agents/frontdesk", "/v1/pool", "/metrics"])
async def test_nothing_is_shown_when_access_is_not_open(client_of: ClientMaker, path: str) -> None:
    response = await client_of(open_access=False).get(path)
    assert (response.status_code, response.json()["code"]) == (401, "access_refused")
