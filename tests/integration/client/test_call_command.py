"""What `voice-agent call` prints, writes and exits with."""

import asyncio
import io
import json
import wave
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client.bot_script import Script
from tests.integration.client.conftest import Serve
from tests.integration.client.wire_server import Behaviour
from voice_agent.client.call import CallRequest, ExitCode, TransportName, place_call, run_call
from voice_agent.client.websocket import message_frame

BOTH = pytest.mark.parametrize("transport", list(TransportName))


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        read = json.loads(self.out)
        assert isinstance(read, dict)
        return read


Run = Callable[..., Coroutine[Any, Any, Outcome]]


@pytest.fixture
def run() -> Run:
    """Runs the command as a process would, in a thread with its own event loop."""

    async def call(request: CallRequest, *, as_json: bool = False) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        code = await asyncio.to_thread(run_call, request, as_json=as_json, out=out, err=err)
        return Outcome(code, out.getvalue(), err.getvalue())

    return call


@BOTH
async def test_the_transcript_is_printed_as_it_comes(
    serve: Serve, run: Run, question_wav: Path, transport: TransportName, tmp_path: Path
) -> None:
    server = await serve()
    request = CallRequest(
        server.url,
        transport,
        wavs=(question_wav, question_wav),
        texts=("bye",),
        out=tmp_path / "out.wav",
        both=tmp_path / "both.wav",
    )

    outcome = await run(request)

    assert outcome.code == ExitCode.ANSWERED
    assert outcome.out.splitlines() == [
        "bot: Hello.",
        "you: what",
        "bot: Yes.",
        "you: what",
        "bot: Yes.",
        "you: bye",
        "bot: You wrote.",
    ]
    assert outcome.err.startswith(f"[{transport} · connected in 0.")
    assert outcome.err.count("\n") == 1
    for name, channels in (("out.wav", 1), ("both.wav", 2)):
        with wave.open(str(tmp_path / name)) as file:
            assert file.getnchannels() == channels
            assert file.getnframes() / file.getframerate() > 2.0


@BOTH
async def test_a_machine_gets_one_document(
    serve: Serve, run: Run, question_wav: Path, transport: TransportName
) -> None:
    server = await serve()

    outcome = await run(CallRequest(server.url, transport, wavs=(question_wav,)), as_json=True)

    document = outcome.document
    assert (outcome.code, outcome.err) == (0, "")
    assert (document["ok"], document["exit_code"], document["error"]) == (True, 0, None)
    assert (document["session_id"], document["transport"]) == ("s1", transport)
    assert 0 < document["connect_s"] <= document["ready_s"] <= document["first_word_s"] < 10
    assert document["received_audio_s"] > 0.6
    (turn,) = document["turns"]
    assert (turn["said"], turn["understood"], turn["answer"]) == (str(question_wav), "what", "Yes.")
    assert 0.18 < turn["end_of_speech_to_first_audio_s"] < 8
    assert 0.1 < turn["answer_s"] < 8
    lines = [(line["speaker"], line["text"]) for line in document["transcript"]]
    assert lines == [("bot", "Hello."), ("user", "what"), ("bot", "Yes.")]


async def test_a_greeting_is_answer_enough_for_a_health_check(serve: Serve, run: Run) -> None:
    server = await serve()

    outcome = await run(CallRequest(server.url, TransportName.WEBSOCKET))

    assert (outcome.code, outcome.out) == (0, "bot: Hello.\n")


@pytest.mark.parametrize(
    ("behaviour", "code", "error", "words"),
    [
        (
            Behaviour(Script(answers=False)),
            ExitCode.NO_ANSWER,
            "no_answer",
            "no answer came within 0.6 s",
        ),
        (
            Behaviour(refusal=(503, {"detail": "12 of 12 calls run"})),
            ExitCode.REFUSED,
            "call_refused",
            "12 of 12 calls run",
        ),
        (
            Behaviour(refusal=(200, {})),
            ExitCode.UNREACHABLE,
            "server_unreachable",
            "not as a voice agent server does",
        ),
        (
            Behaviour(Script(drops_after_s=0.0)),
            ExitCode.DROPPED,
            "call_dropped",
            "the server closed the connection with code 1001",
        ),
    ],
)
async def test_each_failure_has_its_code_and_one_line(
    serve: Serve,
    run: Run,
    question_wav: Path,
    behaviour: Behaviour,
    code: ExitCode,
    error: str,
    words: str,
) -> None:
    server = await serve(behaviour)
    request = CallRequest(
        server.url,
        TransportName.WEBSOCKET,
        wavs=(question_wav,),
        timeout_s=0.6,
        reconnect_s=0,
    )

    outcome = await run(request, as_json=True)

    assert outcome.code == code
    assert outcome.document["error"]["code"] == error
    assert words in outcome.err
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


async def test_a_bot_that_says_nothing_is_no_answer(serve: Serve, run: Run) -> None:
    server = await serve(Behaviour(Script(greeting_s=0.0)))

    outcome = await run(CallRequest(server.url, TransportName.WEBSOCKET))

    assert outcome.code == ExitCode.NO_ANSWER
    assert outcome.err == "error: the bot said nothing, and there was nothing to say to it\n"


async def test_an_unreadable_wav_calls_nobody(serve: Serve, run: Run, tmp_path: Path) -> None:
    server = await serve()
    missing = tmp_path / "missing.wav"

    outcome = await run(CallRequest(server.url, wavs=(missing,)))

    assert (outcome.code, outcome.err) == (
        ExitCode.INPUT_UNREADABLE,
        f"error: {missing} is not a file\n",
    )
    assert server.seen.wishes == []


async def test_a_recording_that_cannot_be_written_is_told_after_the_call(
    serve: Serve, run: Run, tmp_path: Path
) -> None:
    server = await serve()
    nowhere = tmp_path / "no" / "out.wav"

    outcome = await run(CallRequest(server.url, TransportName.WEBSOCKET, out=nowhere))

    assert outcome.code == ExitCode.OUTPUT_UNWRITABLE
    assert outcome.out == "bot: Hello.\n"
    assert outcome.err == f"error: {nowhere} cannot be written: No such file or directory\n"


async def test_a_report_tells_what_the_server_complained_of(serve: Serve) -> None:
    complaint = {"label": "rtvi-ai", "type": "error", "data": {"error": "the voice is gone"}}
    server = await serve(Behaviour(sends=message_frame(complaint)))

    report = await place_call(CallRequest(server.url, TransportName.WEBSOCKET))

    assert report.server_errors == ["the voice is gone"]
    assert report.exit_code is ExitCode.ANSWERED


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_call_that_was_cut_goes_on_and_says_so(
    serve: Serve, run: Run, as_json: bool
) -> None:
    server = await serve(Behaviour(Script(drops_after_s=0.0)))
    request = CallRequest(server.url, TransportName.WEBSOCKET, texts=("bye",))

    calling = asyncio.create_task(run(request, as_json=as_json))
    await server.seen.first_bot.wait()
    server.behaviour.script = Script()
    outcome = await calling

    assert outcome.code == ExitCode.ANSWERED
    assert len(server.seen.wishes) == 1, "it is the same session"
    if as_json:
        assert (outcome.document["losses"], outcome.document["reconnections"]) == (1, 1)
        assert 0 < outcome.document["lost_s"] < 5
        assert outcome.err == ""
    else:
        lost, back, closing = outcome.err.splitlines()
        assert lost.startswith("[connection lost, coming back: the server closed the connection")
        assert back.startswith("[back over websocket in 0.")
        assert "lost 1x, back 1x in 0." in closing
