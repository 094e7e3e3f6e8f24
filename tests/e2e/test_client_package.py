"""The client as others get it: the promise of its build, the packed file in a project of theirs."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from build_console import CLIENT, SOURCE, Node, find_node
from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.stock_site import StockSite
from voice_agent.testing.running_server import RunningServer

INDEX = """<!doctype html><title>Theirs</title>
<div id="root"></div><script type="module" src="./main.tsx"></script>
"""
MAIN = """import { spokenText, VoiceAgentClient } from "@voice-agent/client";
import { useVoiceAgent } from "@voice-agent/client/react";
import { createRoot } from "react-dom/client";

const server = new URLSearchParams(location.search).get("server") ?? "";

function Talk() {
  const agent = useVoiceAgent({ server });
  const client: VoiceAgentClient = agent.client;
  return (
    <>
      <button onClick={() => void agent.connect()}>Talk</button>
      <button onClick={() => void client.disconnect()}>Hang up</button>
      <p id="over">{agent.connectedOver}</p>
      <ol id="said">
        {agent.transcript.map((entry) => (
          <li key={entry.key} data-who={entry.kind}>{spokenText(entry)}</li>
        ))}
      </ol>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Talk />);
"""
COMPILER = {
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "jsx": "react-jsx",
    "strict": True,
    "noEmit": True,
}
PROJECT = {
    "package.json": json.dumps({"name": "theirs", "private": True, "type": "module"}),
    "tsconfig.json": json.dumps({"compilerOptions": COMPILER, "files": ["main.tsx"]}),
    "index.html": INDEX,
    "main.tsx": MAIN,
}
THEIRS = ("vite", "typescript", "react", "react-dom", "@types/react", "@types/react-dom")
"""What they have beside the client, in the console's versions."""


def npm(node: Node, *arguments: str, folder: Path) -> None:
    command = (*node.npm, *arguments, "--no-audit", "--no-fund", "--loglevel=error")
    node.run(f"npm {arguments[0]}", "see clients/js", *command, folder=folder)


@pytest.fixture(scope="module")
def node(built_console: Path) -> Node:
    """The Node that everything is built with."""
    return find_node()


def test_the_library_builds_and_is_as_small_as_it_promises(node: Node) -> None:
    npm(node, "run", "build", folder=CLIENT)
    assert (CLIENT / "dist" / "index.d.ts").is_file()


@pytest.mark.soak
@pytest.mark.real_time
def test_a_packed_file_installs_into_an_empty_project_and_talks(
    node: Node,
    chromium: Chromium,
    server: RunningServer,
    speech: Speech,
    stock_site: StockSite,
    tmp_path: Path,
) -> None:
    npm(node, "run", "build", folder=CLIENT)
    npm(node, "pack", "--pack-destination", str(tmp_path), folder=CLIENT)
    (packed,) = tmp_path.glob("*.tgz")
    project = tmp_path / "theirs"
    project.mkdir()
    for name, text in PROJECT.items():
        (project / name).write_text(text)
    console = json.loads((SOURCE / "package.json").read_text())
    versions = console["dependencies"] | console["devDependencies"]
    theirs = [f"{name}@{versions[name]}" for name in THEIRS]
    npm(node, "install", str(packed), *theirs, folder=project)
    modules = project / "node_modules"
    built = str(stock_site.folder / "theirs")
    for program, *arguments in (
        ("typescript/bin/tsc",),
        ("vite/bin/vite.js", "build", "--base=./", "--outDir", built),
    ):
        command = (str(node.program), str(modules / program), *arguments)
        node.run(program, "see above", *command, folder=project)

    question = speech("What are your opening hours on Saturday?", before_s=8, after_s=30)
    page = open_page(chromium.with_microphone(question))
    page.goto(f"{stock_site.origin}/theirs/?server={server.url}")
    page.get_by_role("button", name="Talk").click()
    said = page.locator("#said")
    greeting = said.locator("[data-who=agent]", has_text="How can I help?")
    expect(greeting).to_be_visible(timeout=20_000)
    expect(page.locator("#over")).to_have_text("webrtc")
    # The page shows what was said to its end, so what is heard from here on is the answer.
    caller = Caller(page, server.url)
    greeted = caller.now()
    answer = said.locator("[data-who=agent]", has_text="from nine to six")
    expect(answer).to_be_visible(timeout=20_000)
    assert caller.energy_since(greeted) > 0
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator("#over")).to_have_text("")
