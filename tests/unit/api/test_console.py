from pathlib import Path

import httpx2
import pytest

from tests.unit.api.conftest import ClientMaker


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Talk</title>")
    (tmp_path / "assets" / "index-4f2a.js").write_text("talk()")
    (tmp_path / "icon.svg").write_text("<svg/>")
    return tmp_path


@pytest.fixture
def client(client_of: ClientMaker, built: Path) -> httpx2.AsyncClient:
    return client_of(console=built)


async def test_the_page_is_at_the_root_and_asked_for_each_time(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert "Talk" in response.text
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-cache"
    again = await client.get("/", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


async def test_hashed_files_are_kept_for_ever_and_others_are_not(
    client: httpx2.AsyncClient,
) -> None:
    hashed = await client.get("/assets/index-4f2a.js")
    assert hashed.text == "talk()"
    assert "immutable" in hashed.headers["cache-control"]
    assert (await client.get("/icon.svg")).headers["cache-control"] == "no-cache"


async def test_the_page_may_use_the_microphone_and_this_server_only(
    client_of: ClientMaker, built: Path
) -> None:
    client = client_of(console=built, public_url="https://voice.example.com")
    headers = (await client.get("/")).headers
    policy = dict(
        directive.partition(" ")[::2]
        for directive in headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://localhost:7860 wss://voice.example.com"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert "blob:" in policy["worker-src"]
    assert headers["permissions-policy"].startswith("microphone=(self)")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


async def test_an_unknown_file_is_a_problem_document(client: httpx2.AsyncClient) -> None:
    for path in ("/nothing.js", "/assets/", "/assets/nothing.js", "/" + "a" * 5000, "/%00"):
        response = await client.get(path)
        assert response.status_code == 404, path
        assert response.headers["content-type"] == "application/problem+json"


async def test_files_outside_are_not_served(client: httpx2.AsyncClient, built: Path) -> None:
    outside = built.parent / "outside.txt"
    outside.write_text("hunter2")
    (built / "link.txt").symlink_to(outside)
    for path in ("/..%2Foutside.txt", "/assets/..%2F..%2Foutside.txt", "/link.txt", f"/{outside}"):
        response = await client.get(path)
        assert response.status_code == 404
        assert "hunter2" not in response.text


async def test_nothing_is_posted_to_a_file(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/icon.svg")).status_code == 404


@pytest.mark.parametrize("kind", ["none", "missing", "empty"])
async def test_a_page_that_is_not_built_says_how_to_build_it(
    client_of: ClientMaker, tmp_path: Path, kind: str
) -> None:
    console = {"none": None, "missing": tmp_path / "missing", "empty": tmp_path}[kind]
    client = client_of(console=console)
    response = await client.get("/")
    assert response.status_code == 503
    assert "dev.sh" in response.text
    assert response.headers["content-type"].startswith("text/html")
    assert (await client.get("/assets/index.js")).status_code == 404
    assert (await client.get("/healthz")).status_code == 200


async def test_the_page_may_be_built_while_the_server_runs(
    client_of: ClientMaker, tmp_path: Path
) -> None:
    client = client_of(console=tmp_path)
    assert (await client.get("/")).status_code == 503
    (tmp_path / "index.html").write_text("built")
    assert (await client.get("/")).text == "built"
