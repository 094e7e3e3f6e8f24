"""Builds a leg's pipeline round the transport it is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger
from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import (
    PipelineParams,
    PipelineWorker,
    ProcessorUnusablePolicy,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMUserAggregatorParams,
    UserTurnMessageAddedMessage,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_transport import BaseTransport

from voice_agent.audio.recording.recorder import Recorder
from voice_agent.bot.client_gate import ClientGate
from voice_agent.bot.client_protocol import ClientProtocol
from voice_agent.bot.conversation_recorder import (
    ConversationRecorder,
    FirstWordsTimer,
)
from voice_agent.bot.keypad import Keypad
from voice_agent.bot.opening import opening_of
from voice_agent.bot.prompter import Prompter, SayFrame
from voice_agent.bot.prompts import context_messages
from voice_agent.bot.recording_tap import CallerListener, RecordingTap
from voice_agent.bot.turn_stopwatch import TurnStopwatch
from voice_agent.bot.turn_taking import user_turn_strategies
from voice_agent.bot.user_aggregator import UserAggregator
from voice_agent.core.agent import Agent, TurnSettings
from voice_agent.core.clock import Clock
from voice_agent.core.events import EventSink, ProviderFailed, UserTurnEnded
from voice_agent.core.knowledge_resource import knowledge_resource
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.core.session import Session
from voice_agent.services.provider import Provider, Stage
from voice_agent.transports.base import AUDIO_IN_RATE, AUDIO_OUT_RATE
from voice_agent.transports.base_input import HearingInput

CANCEL_TIMEOUT_S = 2.0
"""How long a cancelled pipeline may take to come to its end; Pipecat's own 20 s would keep a leg
that is over, and its lease, for as long."""
STOP_WATCHDOG_S = 2.0
"""Seconds after the agent's own longest wait at which an open turn is ended in any case."""


class VoiceActivity(Protocol):
    """What the pool lends for hearing speech."""

    def analyzer(self, turn: TurnSettings) -> VADAnalyzer:
        """Return a fresh analyzer for one leg."""


class TurnCompletion(Protocol):
    """What the pool lends for judging whether a turn is over."""

    def analyzer(self, turn: TurnSettings) -> BaseTurnAnalyzer:
        """Return a fresh analyzer for one leg."""


@dataclass(frozen=True)
class Engines:
    """What every leg hears with, whatever its providers."""

    voice_activity: Resource[Any]
    """Lends a `VoiceActivity`."""
    turn_completion: Resource[Any]
    """Lends a `TurnCompletion`."""


class PipelineFactory:
    """Knows the providers and engines, and how a pipeline is put together from them.

    With a `recorder` it records the calls of agents that say so.
    """

    def __init__(
        self,
        providers: dict[Stage, Provider],
        engines: Engines,
        clock: Clock,
        recorder: Recorder | None = None,
    ) -> None:
        self._providers = providers
        self._engines = engines
        self._clock = clock
        self._recorder = recorder
        self._not_recorded: set[str] = set()

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return all that a leg of `agent` needs from the pool."""
        needed: list[Resource[Any]] = [
            self._engines.voice_activity,
            self._engines.turn_completion,
            knowledge_resource(agent),
        ]
        for provider in self._providers.values():
            needed.extend(provider.resources(agent))
        return needed

    def build(
        self,
        session: Session,
        transport: BaseTransport,
        lease: Lease,
        sink: EventSink,
        reaches_client: Callable[[], bool],
    ) -> PipelineWorker:
        """Return a worker that runs the next leg of `session` on `transport`.

        It greets when nobody has said anything yet, else it goes on where it was cut off.
        What happens in it is told to `sink`; what the agent says counts as heard only while
        `reaches_client` returns True.
        """
        agent = session.agent
        voice_activity: VoiceActivity = lease.get(self._engines.voice_activity)
        turn_completion: TurnCompletion = lease.get(self._engines.turn_completion)
        vad = voice_activity.analyzer(agent.turn)
        turn = turn_completion.analyzer(agent.turn)
        stt, llm, tts = (
            self._providers[stage].build(agent, lease)
            for stage in (Stage.STT, Stage.LLM, Stage.TTS)
        )
        stages = {stt: Stage.STT, llm: Stage.LLM, tts: Stage.TTS}
        protocol = ClientProtocol(interruptible=agent.turn.interruptible, stages=stages)
        recording = self._recording(session, sink, protocol)
        microphone = transport.input()
        listeners: list[FrameProcessor] = []
        if isinstance(microphone, HearingInput):
            microphone.hear_with(vad)
            if recording is not None:
                microphone.let_listen(recording.heard)
        elif recording is not None:
            listeners.append(CallerListener(recording))
        context = LLMContext(
            messages=list(context_messages(session.briefed_agent, session.conversation))
        )
        stopwatch = TurnStopwatch()
        now = self._clock.wall
        user = UserAggregator(
            context,
            params=LLMUserAggregatorParams(
                vad_analyzer=None if isinstance(microphone, HearingInput) else vad,
                user_turn_strategies=user_turn_strategies(
                    agent, turn, lease.get(knowledge_resource(agent)), sink, stopwatch, now
                ),
                user_turn_stop_timeout=agent.turn.max_wait_s + STOP_WATCHDOG_S,
            ),
        )

        async def on_user_turn_message_added(
            _: object, message: UserTurnMessageAddedMessage
        ) -> None:
            sink(UserTurnEnded(message.content))

        user.add_event_handler("on_user_turn_message_added", on_user_turn_message_added)

        processors: list[FrameProcessor] = [
            ClientGate(agent.client, session.id, self._clock.monotonic),
            microphone,
            *listeners,
            *([Keypad(interruptible=agent.turn.interruptible)] if agent.client.dtmf else []),
            stt,
            user,
            llm,
            FirstWordsTimer(stopwatch, now),
            Prompter(opening_of(session), sink),
            tts,
            transport.output(),
            ConversationRecorder(sink, stopwatch, now, reaches_client, tts.name, recording),
            LLMAssistantAggregator(context),
        ]
        worker = PipelineWorker(
            Pipeline(processors),
            params=PipelineParams(
                audio_in_sample_rate=AUDIO_IN_RATE,
                audio_out_sample_rate=AUDIO_OUT_RATE,
                enable_metrics=True,
            ),
            observers=[],
            rtvi_processor=protocol,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            cancel_timeout_secs=CANCEL_TIMEOUT_S,
            conversation_id=session.id,
            processor_unusable_policy=ProcessorUnusablePolicy.CANCEL,
        )
        self._report_errors(worker, sink, stages)
        return worker

    async def say(self, worker: PipelineWorker, text: str) -> None:
        """Let the agent say `text`, when it has said what it is saying."""
        await worker.queue_frame(SayFrame(text))

    async def take_text(self, worker: PipelineWorker, text: str) -> None:
        """Take `text` as a turn of the user, as if he had typed it."""
        protocol = worker.rtvi
        assert isinstance(protocol, ClientProtocol)
        await protocol.take_text(text)

    def _recording(
        self, session: Session, sink: EventSink, protocol: ClientProtocol
    ) -> RecordingTap | None:
        agent = session.agent
        if agent.recording and self._recorder is not None:
            return RecordingTap(self._recorder, session.id, sink, protocol.tell)
        if agent.recording and agent.version not in self._not_recorded:
            self._not_recorded.add(agent.version)
            logger.warning(
                "calls of the agent '{}' are not recorded although it says so; "
                "VOICE_AGENT_RECORDINGS=allowed lets it",
                agent.id,
            )
        return None

    def _report_errors(
        self, worker: PipelineWorker, sink: EventSink, stages: Mapping[FrameProcessor, Stage]
    ) -> None:
        async def on_pipeline_error(_: object, frame: ErrorFrame) -> None:
            sink(
                ProviderFailed(
                    provider=frame.processor.name if frame.processor else "pipeline",
                    message=frame.error,
                    permanent=bool(frame.processor and not frame.processor.is_usable),
                    stage=stages.get(frame.processor) if frame.processor else None,
                )
            )

        worker.add_event_handler("on_pipeline_error", on_pipeline_error)
