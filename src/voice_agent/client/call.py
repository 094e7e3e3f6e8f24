"""`voice-agent call`: a whole call from beginning to end, and what is printed of it."""

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from loguru import logger

from voice_agent.client.errors import CallError, NoAnswerError
from voice_agent.client.events import ConnectionLost, Reconnected, Speaker, Transcript
from voice_agent.client.live_call import Call
from voice_agent.client.report import CallReport, ExitCode, TurnReport
from voice_agent.client.signalling import TransportName
from voice_agent.client.speech import Speech
from voice_agent.client.turns import Answer, ask, ask_in_writing, greeting

__all__ = ["CallReport", "CallRequest", "ExitCode", "TransportName", "place_call", "run_call"]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What to call, and what to say.

    Each of `wavs`, then each of `texts`, is one turn, said when the bot has finished. With none
    of both the greeting is the answer that is waited for.

    Attributes:
        url: The server's address.
        transport: None tries what the server offers.
        agent: None for the server's default agent.
        key: What the server asks for, if it does.
        wavs: Sound files of any rate, with one or more channels.
        texts: Turns to type.
        out: Where to write what was heard of the bot.
        both: Where to write both sides, the caller left and the bot right.
        timeout_s: For each step of connecting, and for an answer to begin.
        verify_tls: False to accept any certificate.
        reconnect_s: How long to try to come back when the connection is lost, in seconds.
    """

    url: str = "http://127.0.0.1:7860"
    transport: TransportName | None = None
    agent: str | None = None
    key: str | None = None
    wavs: tuple[Path, ...] = ()
    texts: tuple[str, ...] = ()
    out: Path | None = None
    both: Path | None = None
    timeout_s: float = 15.0
    verify_tls: bool = True
    reconnect_s: float = 60.0


Listener = Callable[[Transcript | ConnectionLost | Reconnected], None]


async def place_call(request: CallRequest, heard: Listener = lambda _: None) -> CallReport:
    """Makes a call, says all there is to say, listens and hangs up.

    Args:
        request: The call.
        heard: Told each line of the transcript as it comes, and when the connection is lost and
            back.

    Returns:
        The report; errors are in it, not raised.
    """
    report = CallReport()
    call = Call(
        request.url,
        transport=request.transport,
        agent=request.agent,
        key=request.key,
        timeout_s=request.timeout_s,
        verify_tls=request.verify_tls,
        reconnect_s=request.reconnect_s,
    )
    try:
        speeches = [await asyncio.to_thread(Speech.from_file, path) for path in request.wavs]
        await _converse(call, request, speeches, report, heard)
    except CallError as error:
        report.note_error(error)
    report.note_call(call)
    try:
        await asyncio.to_thread(_write, request, call)
    except OSError as error:
        message = f"{error.filename} cannot be written: {error.strerror}"
        report.note_failure(ExitCode.OUTPUT_UNWRITABLE, "output_unwritable", message)
    return report


def run_call(
    request: CallRequest,
    *,
    as_json: bool = False,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Makes a call and prints it; what `voice-agent call` does.

    Args:
        request: The call.
        as_json: One JSON document when it is over, instead of the transcript as it comes.
        out: For the transcript or the document; standard output when None.
        err: For the closing line or the error; standard error when None.

    Returns:
        The code to exit with.
    """
    out = sys.stdout if out is None else out
    err = sys.stderr if err is None else err
    logger.disable("pipecat")  # its banner is not ours to print

    def show(line: Transcript | ConnectionLost | Reconnected) -> None:
        if isinstance(line, ConnectionLost):
            print(f"[connection lost, coming back: {line.reason}]", file=err, flush=True)
            return
        if isinstance(line, Reconnected):
            print(f"[back over {line.transport} in {line.after_s:.2f} s]", file=err, flush=True)
            return
        who = "you" if line.speaker is Speaker.USER else "bot"
        print(f"{who}: {line.text}", file=out, flush=True)

    try:
        report = asyncio.run(place_call(request, (lambda _: None) if as_json else show))
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    if as_json:
        print(report.to_json(), file=out, flush=True)
    if report.error is not None:
        print(f"error: {report.error['message']}", file=err, flush=True)
    elif not as_json:
        print(report.closing_line(), file=err, flush=True)
    return int(report.exit_code)


async def _converse(
    call: Call,
    request: CallRequest,
    speeches: list[Speech],
    report: CallReport,
    heard: Listener,
) -> None:
    reader = asyncio.create_task(_read(call, heard))
    try:
        async with call:
            first = await greeting(call)
            if first is None and not speeches and not request.texts:
                raise NoAnswerError("the bot said nothing, and there was nothing to say to it")
            for speech in speeches:
                await _take_turn(report, speech.name, ask(call, speech, request.timeout_s))
            for text in request.texts:
                await _take_turn(report, text, ask_in_writing(call, text, request.timeout_s))
    finally:
        await reader


async def _take_turn(report: CallReport, said: str, turn: Awaitable[Answer]) -> None:
    report.turns.append(TurnReport(said))
    got = await turn
    report.turns[-1] = TurnReport(
        said,
        understood=got.user_text,
        answer=got.text,
        end_of_speech_to_first_audio_s=got.latency_s,
        answer_s=got.ended_at - got.first_audio_at,
    )


async def _read(call: Call, heard: Listener) -> None:
    async for event in call.events():
        if isinstance(event, ConnectionLost | Reconnected) or (
            isinstance(event, Transcript) and event.final
        ):
            heard(event)


def _write(request: CallRequest, call: Call) -> None:
    if math.isnan(call.connected_at):
        return
    if request.out is not None:
        call.write_bot(request.out)
    if request.both is not None:
        call.write_both(request.both)
