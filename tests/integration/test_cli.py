"""The command as a person runs it: real processes, real ports, real signals."""

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
NOWHERE = "http://127.0.0.1:9/v1"
QUICK_PROVIDERS = {
    "VOICE_AGENT_STT_PROVIDER": "openai",
    "VOICE_AGENT_STT_BASE_URL": NOWHERE,
    "VOICE_AGENT_LLM_PROVIDER": "openai",
    "VOICE_AGENT_LLM_BASE_URL": NOWHERE,
    "VOICE_AGENT_LLM_MODEL": "none",
    "VOICE_AGENT_TTS_PROVIDER": "openai",
    "VOICE_AGENT_TTS_BASE_URL": NOWHERE,
}
"""Providers that have nothing to load; no call is made here."""


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings and no others."""
    usual = ("VOICE_AGENT_", "OPENAI_", "DEEPGRAM_", "CARTESIA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(usual)}
    defaults = {
        "VOICE_AGENT_ENV_FILE": "",
        "VOICE_AGENT_AGENTS_DIR": str(ROOT / "agents"),
        "VOICE_AGENT_DATA_DIR": str(directory / "data"),
        "VOICE_AGENT_PORT": "0",
    }
    return kept | defaults | QUICK_PROVIDERS | settings


@asynccontextmanager
async def started(
    *arguments: str, env: Mapping[str, str], cwd: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `voice-agent`; it is gone when this ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voice_agent", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(
    *arguments: str, env: Mapping[str, str], cwd: Path
) -> tuple[int | None, str, str]:
    """Run `voice-agent` to its end; return exit code, standard output and standard error."""
    async with started(*arguments, env=env, cwd=cwd) as process, asyncio.timeout(START_TIMEOUT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def address_of(process: asyncio.subprocess.Process) -> str:
    """Return the address that the server says to open."""
    assert process.stderr is not None
    seen = []
    async with asyncio.timeout(START_TIMEOUT_S):
        async for line in process.stderr:
            seen.append(line.decode())
            _, found, address = seen[-1].partition("ready: open ")
            if found:
                return address.strip()
    raise AssertionError("".join(seen))


def group_is_empty(group: int) -> bool:
    """Return whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("number", "scheme", "tls"),
    [(signal.SIGINT, "http", ""), (signal.SIGTERM, "https", "self-signed")],
)
async def test_serve_says_what_it_is_answers_and_ends_on_a_signal(
    tmp_path: Path, number: signal.Signals, scheme: str, tls: str
) -> None:
    env = environment(tmp_path, VOICE_AGENT_TLS=tls)
    async with started("serve", env=env, cwd=tmp_path) as process:
        address = await address_of(process)
        assert address.startswith(f"{scheme}://localhost:")
        certificate = tmp_path / "data" / "self-signed.pem"
        trusted = ssl.create_default_context(cafile=str(certificate)) if tls else None

        def ask() -> int:
            with urllib.request.urlopen(f"{address}/healthz", timeout=10, context=trusted) as got:
                return int(got.status)

        assert await asyncio.to_thread(ask) == 200
        process.send_signal(number)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().startswith("Voice Agent Backend 0.1.0, profile embedded: stt openai, llm")
    assert b"Traceback" not in err
    assert group_is_empty(process.pid)
    key = tmp_path / "data" / "secret_key"
    assert key.stat().st_mode & 0o777 == 0o600


async def test_a_signal_during_the_start_ends_it_too(tmp_path: Path) -> None:
    async with started("serve", env=environment(tmp_path), cwd=tmp_path) as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            while b"Starting" not in await process.stdout.readline():
                pass
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            _, err = await process.communicate()
    assert b"Traceback" not in err
    assert group_is_empty(process.pid)


WRONG = {
    "VOICE_AGENT_PROFILE=clouds": "VOICE_AGENT_PROFILE: there is no profile 'clouds'; choose one",
    "VOICE_AGENT_TTS_PROVIDER=flight": "VOICE_AGENT_TTS_PROVIDER: there is no provider 'flight'",
    "VOICE_AGENT_LLM_BASE_URL=": "OPENAI_API_KEY",
    "VOICE_AGENT_LLM_MODEL=": "VOICE_AGENT_LLM_MODEL is not set",
    "VOICE_AGENT_PROT=1": "VOICE_AGENT_PROT: there is no such setting; did you mean VOICE_AGENT_",
    "VOICE_AGENT_PORT=http": "VOICE_AGENT_PORT: 'http' is not a whole number; for example 7860",
    "VOICE_AGENT_HOST=0.0.0.0": "VOICE_AGENT_HOST: '0.0.0.0' can be reached from other machines",
    "VOICE_AGENT_AUTH=on": "VOICE_AGENT_AUTH: 'on' is not known; choose 'off' or 'required'",
    "VOICE_AGENT_TLS=cert.pem": "VOICE_AGENT_TLS: 'cert.pem' cannot be read (No such file",
    "VOICE_AGENT_AGENTS_DIR=gone": "VOICE_AGENT_AGENTS_DIR: 'gone' cannot be read (No such file",
    "VOICE_AGENT_DEFAULT_AGENT=no": "VOICE_AGENT_DEFAULT_AGENT: There is no agent 'no'",
    "VOICE_AGENT_DATA_DIR=/dev/null": "VOICE_AGENT_DATA_DIR: '/dev/null/secret_key' cannot be",
    "VOICE_AGENT_ENV_FILE=gone": "VOICE_AGENT_ENV_FILE: there is no file 'gone'",
    "VOICE_AGENT_PORT={taken}": "VOICE_AGENT_PORT: port {taken} is in use; stop what listens",
    "VOICE_AGENT_DEVICE_PORT={taken}": "VOICE_AGENT_DEVICE_PORT: port {taken} is in use; stop",
}
"""A setting that is wrong, and what is said about it. `{taken}` is a port in use."""

SERVE_EACH = """
import contextlib, io, json, os, sys
from voice_agent.cli import main

sys.argv = ["voice-agent", "serve"]
before, answers = dict(os.environ), {}
for setting in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(before)
    name, _, value = setting.partition("=")
    os.environ[name] = value
    with contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as end:
            answers[setting] = end.code, err.getvalue()
json.dump(answers, sys.__stdout__)
"""
"""Serves with one wrong setting after the other in one process: starting it takes seconds."""


async def test_what_is_wrong_stops_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        wrong = {setting.format(taken=taken): line for setting, line in WRONG.items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SERVE_EACH),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment(tmp_path),
            cwd=tmp_path,
        )
        settings = json.dumps(list(wrong)).encode()
        out, _ = await asyncio.wait_for(process.communicate(settings), START_TIMEOUT_S)
    answers = json.loads(out.decode().splitlines()[-1])
    assert set(answers) == set(wrong)
    for setting, (code, err) in answers.items():
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (code, len(errors)) == (2, 1), (setting, err)
        assert wrong[setting].format(taken=taken) in errors[0]
        assert "Traceback" not in err


async def test_a_wrong_option_stops_a_real_start(tmp_path: Path) -> None:
    env = environment(tmp_path)
    code, out, err = await finished("serve", "--port", "http", env=env, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err == "error: --port: 'http' is not a whole number; for example 7860\n"


async def test_doctor_reports_what_it_found_to_machines(tmp_path: Path) -> None:
    env = environment(tmp_path, VOICE_AGENT_TTS_API_KEY="very-secret")
    code, out, err = await finished("doctor", "--json", env=env, cwd=tmp_path)
    report = json.loads(out)
    assert (code, report["ok"]) == (0, True), out + err
    assert err == ""
    assert "very-secret" not in out
    found = {check["name"]: check["status"] for check in report["checks"]}
    assert found["Language model"] == found["Default agent"] == "ok"
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a look, no work


async def test_help_and_bad_settings_do_not_wait_for_pipecat(tmp_path: Path) -> None:
    program = (
        "import sys; from voice_agent.cli import main; sys.argv[0] = 'voice-agent'\n"
        "try: main()\n"
        "finally: print('pipecat' in sys.modules, file=sys.stderr)"
    )
    env = environment(tmp_path)
    for arguments in (["--help"], ["agents", "check"], ["serve", "--port", "x"]):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            cwd=tmp_path,
        )
        begin = time.monotonic()
        _, err = await asyncio.wait_for(process.communicate(), START_TIMEOUT_S)
        assert err.decode().splitlines()[-1] == "False", (arguments, err.decode())
        assert time.monotonic() - begin < 10
