"""A server that asks for credentials, from the first start to a call; real processes."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.few_words import agents_in
from voice_agent.client import Call, TransportName, greeting
from voice_agent.client.errors import CallRefusedError
from voice_agent.core.process_ids import process_of
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 20.0
REVOKED_WITHIN_S = 5.0
PASSWORD = "correct horse battery"
LINK = re.compile(r"make the first administrator: (\S+)/#setup=(\S+)")


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    return {
        "VOICE_AGENT_AGENTS_DIR": str(agents_in(tmp_path)),
        "VOICE_AGENT_DATA_DIR": str(tmp_path),
        "VOICE_AGENT_AUTH": "required",
    }


@pytest.fixture(params=["1", "2"], ids=["one process", "two processes"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, environment: Mapping[str, str]
) -> Iterator[RunningServer]:
    with serving(tmp_path, "--workers", request.param, environment=environment) as running:
        yield running


@asynccontextmanager
async def visiting(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(server.url, timeout=timeout) as http:
        yield http


def shows(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


async def answer(
    http: aiohttp.ClientSession, method: str, path: str, credential: str = "", body: Any = None
) -> tuple[int, Any]:
    headers = shows(credential) if credential else {}
    async with http.request(method, path, headers=headers, json=body) as response:
        return response.status, await response.json() if response.status != 204 else None


def run_command(
    folder: Path, environment: Mapping[str, str], *arguments: str, said: str = ""
) -> str:
    """Run `voice-agent` with `said` on its standard input; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "voice_agent", *arguments],
        input=said,
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def setup_token(server: RunningServer) -> str:
    server.wait_for_log(lambda: LINK.search(server.log) is not None, "the link", PATIENCE_S)
    address, token = LINK.findall(server.log)[0]
    assert address == server.url
    return str(token)


async def test_from_the_first_start_to_a_call_and_a_revoked_key(server: RunningServer) -> None:
    async with visiting(server) as http:
        assert (await answer(http, "GET", "/healthz"))[0] == 200
        for path in ("/v1/agents", "/metrics", "/v1/users"):
            assert (await answer(http, "GET", path))[0] == 401
        async with http.get("/") as page:
            assert page.status in (200, 503)  # 503: it is not built here
            assert page.content_type == "text/html"

        ann = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
        body = {**ann, "token": setup_token(server)}
        status, made = await answer(http, "POST", "/v1/auth/setup", body=body)
        assert status == 201, made
        assert (await answer(http, "POST", "/v1/auth/setup", body=body))[0] == 409
        del body["token"], body["name"]
        status, signed_in = await answer(http, "POST", "/v1/auth/sign-in", body=body)
        assert status == 200, signed_in
        admin = signed_in["access_token"]
        wish = {"name": "caller", "scopes": ["sessions:create"]}
        status, key = await answer(http, "POST", "/v1/keys", admin, wish)
        assert status == 201, key

        for transport in TransportName:
            async with Call(server.url, transport=transport, key=key["key"]) as call:
                assert await greeting(call, within_s=PATIENCE_S) is not None
        for wrong in (None, key["key"][:-4] + "0000", "x"):
            with pytest.raises(CallRefusedError) as refused:
                await Call(server.url, key=wrong).connect()
            assert refused.value.status == 401
        async with http.ws_connect("/ws", headers=shows(key["key"])):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as turned_away:
            await http.ws_connect("/ws")
        assert turned_away.value.status == 401
        assert (await answer(http, "GET", "/metrics", key["key"]))[0] == 403
        async with http.get("/metrics", headers=shows(admin)) as metrics:
            assert metrics.status == 200

        assert (await answer(http, "DELETE", f"/v1/keys/{key['id']}", admin))[0] == 204
        revoked_at = time.monotonic()
        in_a_row = 0
        while in_a_row < 6:  # whichever process is asked
            status, _ = await answer(http, "POST", "/v1/sessions", key["key"])
            in_a_row = in_a_row + 1 if status == 401 else 0
            assert time.monotonic() - revoked_at < REVOKED_WITHIN_S
    for secret in (key["key"], admin, PASSWORD, signed_in["refresh_token"]):
        assert secret not in server.log


async def test_the_link_is_printed_once_while_there_is_no_user(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    with serving(tmp_path, "--workers", "2", environment=environment) as server:
        token = setup_token(server)
        assert len(LINK.findall(server.log)) == 1
    # The link outlives the processes: their key is the same.
    person = ("--email", "bob@example.com", "--name", "Bob", "--password-stdin")
    run_command(tmp_path, environment, "users", "create", *person, said=PASSWORD + "\n")
    with serving(tmp_path, environment=environment) as server:
        async with visiting(server) as http:
            body = {"email": "x@example.com", "name": "X", "password": PASSWORD, "token": token}
            assert (await answer(http, "POST", "/v1/auth/setup", body=body))[0] == 409
            body = {"email": "bob@example.com", "password": PASSWORD}
            status, signed_in = await answer(http, "POST", "/v1/auth/sign-in", body=body)
            assert status == 200, signed_in
        assert LINK.search(server.log) is None


async def test_sessions_of_keys_spread_over_the_processes(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    wish = ("--name", "load", "--scope", "sessions:create")
    key = run_command(tmp_path, environment, "keys", "create", *wish).strip()
    with serving(tmp_path, "--workers", "2", environment=environment) as server:
        async with visiting(server) as http:
            sockets = [await http.ws_connect("/ws", headers=shows(key)) for _ in range(4)]
            begun = [await answer(http, "POST", "/start", key, {}) for _ in range(4)]
            assert {status for status, _ in begun} == {200}
            names = set()
            for _ in range(2):
                status, created = await answer(http, "POST", "/v1/sessions", key)
                assert status == 201
                names.add(process_of(created["session_id"]))
            assert names == {"p0", "p1"}
            for socket in sockets:
                await socket.close()
