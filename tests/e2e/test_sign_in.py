"""The page of a server that asks for credentials, import pytest
from its first start on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.caller import Caller
from tests.e2e.stock_site import StockSite
from voice_agent.testing.running_server import serving

pytestmark = pytest.mark.real_time

LINK = re.compile(r"make the first administrator: (\S+)")
PATIENCE_S = 20.0
PASSWORD = "correct horse battery"


def fill_in(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def test_from_the_link_in_the_log_to_a_call(
    page: Page, built_console: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, environment={"VOICE_AGENT_AUTH": "required"}) as server:
        server.wait_for_log(lambda: LINK.search(server.log) is not None, "the link", PATIENCE_S)
        page.goto(LINK.findall(server.log)[0])
        form = page.get_by_test_id("sign-in")
        talk = page.get_by_role("button", name="Talk", exact=True)
        expect(form).to_contain_text("Make the first administrator")
        fill_in(page, Name="Ann", Email="ann@example.com", Password=PASSWORD)
        page.get_by_role("button", name="Make me the administrator").click()
        expect(talk).to_be_visible()
        assert "setup" not in page.url

        page.reload()
        caller = Caller(page, server.url)
        caller.type("Where can I park?")
        caller.sees("garage under the house")
        page.get_by_role("button", name="Hang up").click()

        page.get_by_role("button", name="Sign out").click()
        expect(form).to_contain_text("Sign in")
        fill_in(page, Email="ann@example.com", Password="wrong password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("No user has this email and password")
        fill_in(page, Password=PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(talk).to_be_visible()

        page.goto(f"{server.url}/#/access/users")
        expect(page.get_by_role("row", name=re.compile("Ann you"))).to_be_visible()
        page.get_by_role("button", name="New user").click()
        fill_in(page, Name="Bo", Email="bo@example.com", Password=PASSWORD)
        page.get_by_role("button", name="Make the user").click()
        expect(page.get_by_role("row", name=re.compile("Bo bo@"))).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        fill_in(page, Email="bo@example.com", Password=PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("row", name=re.compile("Bo you"))).to_be_visible()
        expect(page.get_by_role("button", name="New user")).to_have_count(0)

        page.get_by_role("button", name="Password of Bo").click()
        fill_in(page, **{"Current password": "wrong password", "New password": "a" + PASSWORD})
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("alert")).to_contain_text("Email or password is wrong")
        fill_in(page, **{"Current password": PASSWORD})
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.reload()
        expect(page.get_by_role("row", name=re.compile("Bo you"))).to_be_visible()


START = """async ([server, key]) => {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  try {
    const request = { method: "POST", headers, body: "{}" };
    const answer = await fetch(`${server}/v1/sessions`, request);
    return answer.status;
  } catch (error) {
    return String(error);
  }
}"""


def test_a_page_of_another_site_starts_a_session_with_its_key(
    page: Page, stock_site: StockSite, tmp_path: Path
) -> None:
    settings = {"VOICE_AGENT_AUTH": "required", "VOICE_AGENT_DATA_DIR": str(tmp_path)}

    def make_key(origin: str) -> str:
        wish = ("--name", "page", "--publishable", "--origin", origin)
        return subprocess.run(
            [sys.executable, "-m", "voice_agent", "keys", "create", *wish],
            env=os.environ | settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    own, other = make_key(stock_site.origin), make_key("https://shop.example.com")
    with serving(tmp_path, environment=settings) as server:
        page.goto(stock_site.origin)
        assert page.evaluate(START, [server.url, own]) == 201
        assert page.evaluate(START, [server.url, other]) == 403
        assert page.evaluate(START, [server.url, "vak_public_x"]) == 401
    without_keys = tmp_path / "without keys"
    without_keys.mkdir()
    with serving(without_keys, "--auth", "required") as server:
        assert "Failed to fetch" in page.evaluate(START, [server.url, own])
