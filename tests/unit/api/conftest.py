"""The API in front of real sessions, without a network."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kept import KeptThings, kept_in
from tests.unit.api.api_doubles import AGENT, OTHER_AGENT, services_of
from voice_agent.api.app import create_api
from voice_agent.testing.harness import ConversationHarness

ClientMaker = Callable[..., httpx2.AsyncClient]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[KeptThings]:
    async with kept_in(tmp_path, AGENT, OTHER_AGENT) as kept:
        yield kept


@pytest.fixture
async def harness(kept: KeptThings) -> AsyncIterator[ConversationHarness]:
    async with ConversationHarness(AGENT, OTHER_AGENT, journal=kept.journal) as harness:
        yield harness


@pytest.fixture
async def client_of(harness: ConversationHarness, kept: KeptThings) -> AsyncIterator[ClientMaker]:
    """Makes HTTP clients of an API with the given changes to its services."""
    async with AsyncExitStack() as stack:

        def make(base_url: str = "http://localhost:7860", **changes: Any) -> httpx2.AsyncClient:
            api = create_api(services_of(harness, kept, **changes))
            client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=api), base_url=base_url)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def client(client_of: ClientMaker) -> httpx2.AsyncClient:
    return client_of()
