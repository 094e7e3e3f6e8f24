"""Turns of a call, and what is measured of them: greeting, answer, barge-in."""

from dataclasses import dataclass

from voice_agent.client.errors import CallTimeoutError, NoAnswerError
from voice_agent.client.events import Speaker
from voice_agent.client.live_call import Call
from voice_agent.client.speech import Speech

LONGEST_ANSWER_S = 120.0
"""How long a bot may speak in one turn before a call gives up listening."""

SETTLE_S = 0.8
"""How long a bot must be quiet until it is taken to have finished: sentences have pauses."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot said in one turn.

    Attributes:
        first_audio_at: Its first audible sample, in monotonic seconds.
        latency_s: From the end of the user's speech, or of typing, to that sample, in seconds.
        ended_at: Its last audible sample.
        text: Its words, as far as the server told them.
        user_text: What the server understood of the user's turn.
    """

    first_audio_at: float
    latency_s: float
    ended_at: float
    text: str
    user_text: str


@dataclass(frozen=True, slots=True)
class BargeIn:
    """How fast the bot fell silent when it was spoken over.

    Attributes:
        onset_at: The first voiced sample of the user, in monotonic seconds.
        silent_at: The end of the last audible sample of the bot that was played.
        latency_s: The time between, in seconds.
        bot_audible_s: How much of that time the bot was audible; near zero when it had just
            paused, and then the latency says nothing.
    """

    onset_at: float
    silent_at: float
    latency_s: float
    bot_audible_s: float


def words_between(call: Call, speaker: Speaker, start: float, end: float) -> str:
    """Returns what one side said between two monotonic times, as the server told it."""
    said = (line for line in call.transcript if line.speaker is speaker)
    return " ".join(line.text for line in said if start <= line.at <= end)


async def bot_finished(call: Call, after: float, timeout_s: float = LONGEST_ANSWER_S) -> float:
    """Waits until the bot has said all it has to say.

    Args:
        call: The call.
        after: From which monotonic time on, usually its first audible sample.
        timeout_s: In seconds.

    Returns:
        When its last audible sample ended.

    Raises:
        CallDroppedError: The call ended while it spoke.
        CallTimeoutError: It did not stop in time.
    """

    def finished() -> float | None:
        if call.bot_is_speaking or call.is_lost:
            return None
        # What a lost connection cut short is continued once the client is back.
        since = after if call.ended else max(after, call.back_since)
        return call.heard.quiet_from(since, call.horizon, SETTLE_S)

    return await call.until(finished, timeout_s, "the end of the bot's speech")


async def greeting(call: Call, within_s: float = 3.0) -> Answer | None:
    """Lets the bot say its greeting.

    Args:
        call: The call, just connected.
        within_s: How long to wait for it to begin, in seconds.

    Returns:
        The greeting; `latency_s` is that of the first word, from the call's very beginning.
        None when there is none.

    Raises:
        CallDroppedError: The call ended.
        CallTimeoutError: The greeting went on for two minutes.
    """
    try:
        onset = await call.until(
            lambda: call.heard.onset_after(call.started_at), within_s, "the greeting"
        )
    except CallTimeoutError:
        return None
    ended = await bot_finished(call, onset)
    text = words_between(call, Speaker.BOT, call.started_at, call.horizon)
    return Answer(onset, onset - call.started_at, ended, text, user_text="")


async def answer(call: Call, said_from: float, said_until: float, timeout_s: float) -> Answer:
    """Waits for the bot's answer and listens to its end.

    Args:
        call: The call.
        said_from: When the user's turn began, in monotonic seconds.
        said_until: When it ended: the last voiced sample, or the sending of the text.
        timeout_s: How long until it begins, in seconds.

    Returns:
        The answer. What the bot was saying already when the turn ended is none.

    Raises:
        CallDroppedError: The call ended.
        NoAnswerError: Nothing audible came in time.
        CallTimeoutError: It went on for two minutes.
    """
    try:
        onset = await call.until(
            lambda: call.heard.onset_after(said_until), timeout_s, "an audible answer"
        )
    except CallTimeoutError as error:
        raise NoAnswerError(f"no answer came within {timeout_s:g} s") from error
    ended = await bot_finished(call, onset)
    text = words_between(call, Speaker.BOT, said_until, call.horizon)
    user_text = words_between(call, Speaker.USER, said_from, call.horizon)
    return Answer(onset, onset - said_until, ended, text, user_text)


async def ask(call: Call, speech: Speech, timeout_s: float = 15.0) -> Answer:
    """Says something and listens to the answer.

    Returns:
        The answer.

    Raises:
        CallDroppedError: The call ended.
        NoAnswerError: Nothing audible came in time.
        CallTimeoutError: The answer went on for two minutes.
    """
    utterance = await call.speak(speech)
    assert utterance.started_at is not None
    assert utterance.ended_at is not None
    return await answer(call, utterance.started_at, utterance.ended_at, timeout_s)


async def ask_in_writing(call: Call, text: str, timeout_s: float = 15.0) -> Answer:
    """Types something and listens to the answer.

    Returns:
        The answer.

    Raises:
        CallDroppedError: The call ended.
        NoAnswerError: Nothing audible came in time.
        CallTimeoutError: The answer went on for two minutes.
    """
    typed_at = await call.type_text(text)
    return await answer(call, typed_at, typed_at, timeout_s)


async def barge_in(
    call: Call, speech: Speech, timeout_s: float = 10.0, gap_s: float = 0.4
) -> BargeIn:
    """Speaks over the bot, which should be audible, and measures until it is silent.

    Args:
        call: The call; the bot speaks, and goes on long enough to be interrupted.
        speech: What to say; it should last longer than `gap_s`, lest the answer to it begin.
        timeout_s: For the whole, in seconds.
        gap_s: The quiet that makes the silence, longer than the pauses of the bot's speech.

    Returns:
        The measurement.

    Raises:
        CallDroppedError: The call ended.
        CallTimeoutError: The bot did not fall silent in time.
    """
    utterance = await call.say(speech)
    onset = await call.until(lambda: utterance.onset_at, timeout_s, "the onset of speech")
    silent = await call.until(
        lambda: call.heard.quiet_from(onset, call.horizon, gap_s), timeout_s, "the bot's silence"
    )
    audible = call.heard.audible_between(onset, silent)
    return BargeIn(onset, silent, silent - onset, audible)
