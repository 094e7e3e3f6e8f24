"""How well the embedded profile hears: `python -m voice_agent.bench.speech_accuracy`.

Twelve questions that the front desk can answer and eight that it cannot, spoken by four voices,
clean, with noise, quietly and through a browser's gain control that has just begun, go through the
real path: voice activity detection, the recogniser service in a Pipecat pipeline, the knowledge
index. Audio is streamed in 32 ms frames, in real time where times are measured.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from voice_agent.bench.speech_corpus import (
    FLITE_VOICES,
    QUESTIONS,
    SAMPLE_RATE,
    Condition,
    Speakers,
    SpokenQuestion,
    as_heard,
)
from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.knowledge import KnowledgeIndex
from voice_agent.services.embedded.pocketsphinx_service import PocketSphinxSTTService
from voice_agent.services.embedded.recognisers import Recognisers

_FRAME_S: Final = 0.032
_START_TIMEOUT_S: Final = 10.0
_TRANSCRIPT_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True)
class Trial:
    """One question, spoken once."""

    voice: str
    condition: Condition
    question: str
    expected: str | None
    heard: str
    answered: str | None
    score: float
    latency_s: float | None
    audio_s: float
    cpu_s: float
    memory_bytes: int

    @property
    def is_right(self) -> bool:
        """Whether the right entry was answered, or an outside question refused."""
        return self.answered == self.expected


class _Listener(FrameProcessor):
    """Notes when speech ended and what was transcribed."""

    def __init__(self) -> None:
        super().__init__()
        self.transcripts: list[TranscriptionFrame] = []
        self.latencies: list[float] = []
        self.open_utterances = 0
        self.started = asyncio.Event()
        self.changed = asyncio.Event()
        self._stopped_at = 0.0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self.open_utterances += 1
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._stopped_at = time.monotonic()
        elif isinstance(frame, TranscriptionFrame):
            self.open_utterances -= 1
            self.transcripts.append(frame)
            self.latencies.append(time.monotonic() - self._stopped_at)
        self.changed.set()
        await self.push_frame(frame, direction)


async def hear(recognisers: Recognisers, agent: Agent, pcm: bytes, *, real_time: bool) -> _Listener:
    """Return what one new caller was heard to say, `pcm` being 16 kHz mono."""
    listener = _Listener()
    turn = agent.turn
    vad = SileroVADAnalyzer(
        params=VADParams(confidence=turn.confidence, start_secs=turn.start_s, stop_secs=turn.stop_s)
    )
    service = PocketSphinxSTTService(recognisers, start_s=turn.start_s, stop_s=turn.stop_s)
    worker = PipelineWorker(
        Pipeline([VADProcessor(vad_analyzer=vad), service, listener]),
        params=PipelineParams(audio_in_sample_rate=SAMPLE_RATE),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            await listener.started.wait()
        await _stream(worker, pcm, real_time=real_time)
        try:
            async with asyncio.timeout(_TRANSCRIPT_TIMEOUT_S):
                while not listener.transcripts or listener.open_utterances > 0:
                    listener.changed.clear()
                    await listener.changed.wait()
        except TimeoutError:
            logger.debug("nothing was heard")
    finally:
        await worker.cancel()
        await running
    return listener


async def _stream(worker: PipelineWorker, pcm: bytes, *, real_time: bool) -> None:
    size = 2 * int(SAMPLE_RATE * _FRAME_S)
    began = time.monotonic()
    for number, start in enumerate(range(0, len(pcm), size), start=1):
        await worker.queue_frame(InputAudioRawFrame(pcm[start : start + size], SAMPLE_RATE, 1))
        if real_time:
            await asyncio.sleep(max(0.0, began + number * _FRAME_S - time.monotonic()))
        else:
            # Twenty times as fast as speech: as fast as the recogniser without a queue.
            await asyncio.sleep(_FRAME_S / 20)


def judge(
    question: SpokenQuestion,
    voice: str,
    condition: Condition,
    listener: _Listener,
    index: KnowledgeIndex,
) -> Trial:
    """Return the trial: what was understood of what was heard."""
    heard = " ".join(frame.text for frame in listener.transcripts)
    match = index.best(heard)
    nearest = index.nearest(heard)
    recognitions: list[Any] = [frame.result for frame in listener.transcripts]
    return Trial(
        voice=voice,
        condition=condition,
        question=question.text,
        expected=question.entry,
        heard=heard,
        answered=match.entry.questions[0] if match else None,
        score=round(nearest.score, 3) if nearest else 0.0,
        latency_s=listener.latencies[-1] if listener.latencies else None,
        audio_s=sum(one.audio_s for one in recognitions),
        cpu_s=sum(one.cpu_s for one in recognitions),
        memory_bytes=max((one.peak_memory_bytes for one in recognitions), default=0),
    )


def _rate(trials: Sequence[Trial], chosen: Callable[[Trial], bool]) -> float:
    among = [trial for trial in trials if chosen(trial)]
    return sum(trial.is_right for trial in among) / len(among) if among else float("nan")


def summarise(trials: Sequence[Trial], *, real_time: bool) -> dict[str, Any]:
    """Return the figures: rates by voice and condition, times, cost."""
    rows = []
    for condition in Condition:
        for voice in dict.fromkeys(trial.voice for trial in trials):
            of_row = [one for one in trials if one.voice == voice and one.condition == condition]
            if of_row:
                rows.append(
                    {
                        "voice": voice,
                        "condition": condition.value,
                        "right_answers": _rate(of_row, lambda one: one.expected is not None),
                        "refusals": _rate(of_row, lambda one: one.expected is None),
                    }
                )
    latencies = [one.latency_s for one in trials if one.latency_s is not None]
    audio_s = sum(one.audio_s for one in trials)
    summary: dict[str, Any] = {
        "rows": rows,
        "flite": {
            condition.value: {
                "right_answers": _rate(among, lambda one: one.expected is not None),
                "refusals": _rate(among, lambda one: one.expected is None),
            }
            for condition in Condition
            if (
                among := [t for t in trials if t.voice in FLITE_VOICES and t.condition == condition]
            )
        },
        "real_time_factor": sum(one.cpu_s for one in trials) / audio_s if audio_s else None,
        "helper_memory_mib": max(one.memory_bytes for one in trials) / 2**20,
        "trials": [asdict(one) for one in trials],
    }
    if real_time and len(latencies) > 1:
        summary["transcript_after_speech_median_s"] = statistics.median(latencies)
        summary["transcript_after_speech_p95_s"] = statistics.quantiles(latencies, n=20)[-1]
    return summary


def table(summary: dict[str, Any]) -> str:
    """Return the summary for people."""
    lines = ["voice    condition    right answers  refusals of the rest"]
    lines += [
        f"{row['voice']:8} {row['condition']:12} {row['right_answers']:13.0%}  "
        f"{row['refusals']:.0%}"
        for row in summary["rows"]
    ]
    lines += [
        f"flite, {condition}: {rates['right_answers']:.1%} right, {rates['refusals']:.1%} refused"
        for condition, rates in summary["flite"].items()
    ]
    if "transcript_after_speech_median_s" in summary:
        lines.append(
            f"end of speech noticed -> transcript: median "
            f"{summary['transcript_after_speech_median_s'] * 1000:.0f} ms, 95th percentile "
            f"{summary['transcript_after_speech_p95_s'] * 1000:.0f} ms"
        )
    if summary["real_time_factor"] is not None:
        lines.append(
            f"real-time factor {summary['real_time_factor']:.3f}, "
            f"a helper's memory {summary['helper_memory_mib']:.0f} MiB"
        )
    return "\n".join(lines)


async def measure(
    agent: Agent, voices: Sequence[str], conditions: Sequence[Condition], *, real_time: bool
) -> dict[str, Any]:
    """Ask everything in every voice, under every condition, and return the figures."""
    index = KnowledgeIndex(agent)
    trials = []
    speakers = await Speakers.start()
    try:
        questions = [question for entry in agent.knowledge for question in entry.questions]
        recognisers = await Recognisers.start(questions)
        try:
            for voice in voices:
                for number, question in enumerate(QUESTIONS):
                    speech = await speakers.speak(voice, question.text)
                    for condition in conditions:
                        pcm = as_heard(speech, condition, seed=number)
                        listener = await hear(recognisers, agent, pcm, real_time=real_time)
                        trials.append(judge(question, voice, condition, listener, index))
        finally:
            await recognisers.close()
    finally:
        await speakers.close()
    return summarise(trials, real_time=real_time)


def main() -> None:
    """Measure, print the table and, when asked, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agent", type=Path, default=Path("agents/frontdesk.yaml"))
    parser.add_argument("--voices", nargs="+", default=[*FLITE_VOICES, "espeak"])
    parser.add_argument(
        "--conditions", nargs="+", type=Condition, choices=list(Condition), default=list(Condition)
    )
    parser.add_argument("--fast", action="store_true", help="faster than real time, no latency")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    agent = AGENT_ADAPTER.validate_python(yaml.safe_load(options.agent.read_text()))
    summary = asyncio.run(
        measure(agent, options.voices, options.conditions, real_time=not options.fast)
    )
    sys.stdout.write(table(summary) + "\n")
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
