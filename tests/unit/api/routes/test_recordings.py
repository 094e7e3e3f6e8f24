import asyncio
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message

from tests.unit.api.conftest import ClientMaker
from voice_agent.api.routes.recordings import RecordingResponse
from voice_agent.core.recording import RecordingFacts
from voice_agent.storage.recordings import RecordingFiles
from voice_agent.testing.harness import ConversationHarness

SOUND = bytes(range(256)) * 1_000


@pytest.fixture
def files(tmp_path: Path) -> RecordingFiles:
    return RecordingFiles(tmp_path, lambda _: RecordingFacts(1_893_456_000.0, 2.50049))


@pytest.fixture
def api(client_of: ClientMaker, files: RecordingFiles) -> httpx2.AsyncClient:
    return client_of(recordings=files)


@pytest.fixture
async def session_id(harness: ConversationHarness, files: RecordingFiles) -> str:
    """A session with two recordings."""
    session_id = await harness.create()
    for _ in range(2):
        _, file = files.create(session_id)
        with file:
            file.write(SOUND)
    return session_id


def _problem(response: httpx2.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    return str(response.json()["detail"])


async def test_recordings_are_listed_also_with_their_session(
    api: httpx2.AsyncClient, session_id: str
) -> None:
    expected = [
        {
            "number": number,
            "started_at": "2030-01-01T00:00:00Z",
            "duration_s": 2.5,
            "bytes": len(SOUND),
        }
        for number in (1, 2)
    ]
    listed = await api.get(f"/v1/sessions/{session_id}/recordings")
    assert listed.json() == {"recordings": expected}
    assert (await api.get(f"/v1/sessions/{session_id}")).json()["recordings"] == expected


async def test_a_session_without_recordings_has_an_empty_list(
    api: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    session_id = await harness.create()
    listed = await api.get(f"/v1/sessions/{session_id}/recordings")
    assert (listed.status_code, listed.json()) == (200, {"recordings": []})


async def test_a_recording_is_sent_whole_or_in_parts(
    api: httpx2.AsyncClient, session_id: str
) -> None:
    url = f"/v1/sessions/{session_id}/recordings/2"
    whole = await api.get(url)
    assert (whole.status_code, whole.content) == (200, SOUND)
    assert whole.headers["content-type"] == "audio/ogg"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"] == "no-store"
    assert f'filename="{session_id}-2.ogg"' in whole.headers["content-disposition"]
    part = await api.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, SOUND[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(SOUND)}"


@pytest.mark.parametrize("part", [f"bytes={len(SOUND)}-", "bytes=9-1", "bytes", "lines=1-2"])
async def test_a_part_that_is_not_there_is_a_problem_that_says_what_is(
    api: httpx2.AsyncClient, session_id: str, part: str
) -> None:
    refused = await api.get(f"/v1/sessions/{session_id}/recordings/2", headers={"Range": part})
    assert refused.status_code == 416
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["content-range"] == f"bytes */{len(SOUND)}"
    assert refused.json()["code"] == "range_invalid"
    assert str(len(SOUND)) in refused.json()["detail"]


async def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "1.ogg"
    await asyncio.to_thread(path.write_bytes, SOUND)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        if not sent:
            await asyncio.to_thread(path.write_bytes, SOUND * 3)
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}
    await RecordingResponse(path)(scope, receive, send)
    assert b"".join(message["body"] for message in sent[1:]) == SOUND


async def test_removed_recordings_are_gone(api: httpx2.AsyncClient, session_id: str) -> None:
    url = f"/v1/sessions/{session_id}/recordings"
    assert (await api.delete(url)).status_code == 204
    assert (await api.delete(url)).status_code == 204
    assert (await api.get(url)).json() == {"recordings": []}
    _problem(await api.get(f"{url}/1"), 404, "recording_not_found")


@pytest.mark.parametrize("number", [0, 3, 99999999999999999999])
async def test_a_number_that_is_not_there_is_not_found(
    api: httpx2.AsyncClient, session_id: str, number: int
) -> None:
    response = await api.get(f"/v1/sessions/{session_id}/recordings/{number}")
    assert str(number) in _problem(response, 404, "recording_not_found")


@pytest.mark.parametrize("session_id", ["nobody", "%2e%2e", "..%2f..", "a%00b"])
async def test_a_session_that_is_not_there_has_none(
    api: httpx2.AsyncClient, session_id: str
) -> None:
    url = f"/v1/sessions/{session_id}/recordings"
    for response in (await api.get(url), await api.get(f"{url}/1"), await api.delete(url)):
        assert response.status_code == 404, response.text
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_number_that_is_none_is_refused(api: httpx2.AsyncClient, session_id: str) -> None:
    response = await api.get(f"/v1/sessions/{session_id}/recordings/first")
    _problem(response, 422, "request_invalid")


async def test_nobody_gets_in_without_a_credential_where_access_is_not_open(
    client_of: ClientMaker, files: RecordingFiles, session_id: str
) -> None:
    client = client_of(recordings=files, open_access=False)
    url = f"/v1/sessions/{session_id}/recordings"
    for response in (
        await client.get(url),
        await client.get(f"{url}/1"),
        await client.delete(url),
    ):
        _problem(response, 401, "access_refused")
    assert len(files.list(session_id)) == 2
