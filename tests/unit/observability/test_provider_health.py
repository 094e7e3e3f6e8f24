"""Providers are as healthy as the calls found them."""

from dataclasses import replace

from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    AnswerWritten,
    Event,
    EventPayload,
    ProviderFailed,
    SpeakingStarted,
    TranscriptReceived,
)
from voice_agent.observability.provider_health import ProviderHealth, ProviderStates, together

PROVIDERS = {"stt": ("deepgram", "nova-3"), "llm": ("openai", None), "tts": ("cartesia", None)}


def told(*payloads: EventPayload) -> dict[str, ProviderHealth]:
    """Return the states after `payloads`, one a second from 1 on."""
    states = ProviderStates(PROVIDERS, ["sk-secret"])
    for number, payload in enumerate(payloads, 1):
        states(Event("s", number, float(number), float(number), payload))
    return {state.stage: state for state in states.states()}


def failed(stage: str | None, message: str = "away") -> ProviderFailed:
    return ProviderFailed("Service#1", message, permanent=False, stage=stage)


def test_nobody_asked_for_anything_yet() -> None:
    states = told()
    assert states["stt"] == ProviderHealth("stt", "deepgram", "nova-3")


def test_a_conversation_shows_that_all_three_work() -> None:
    states = told(
        TranscriptReceived("open", final=False),
        TranscriptReceived("open?", final=True),
        AnswerWritten("Yes."),
        SpeakingStarted(Speaker.AGENT),
    )
    assert [state.worked_at for state in states.values()] == [2.0, 3.0, 4.0]


def test_a_greeting_does_not_show_that_the_language_model_works() -> None:
    assert told(AnswerWritten("Hello.", prompted=True))["llm"].worked_at is None


def test_one_fails_from_its_first_failure_until_it_works_again() -> None:
    failing = told(AnswerWritten("Yes."), failed("llm"), failed("llm", "still away"))["llm"]
    assert (failing.failing_since, failing.failed_at, failing.error) == (2.0, 3.0, "still away")
    assert (failing.worked_at, failing.failures) == (1.0, 2)
    works = told(failed("llm"), AnswerWritten("Yes."))["llm"]
    assert (works.failing_since, works.error, works.failures) == (None, "away", 1)


def test_failures_of_nothing_that_is_configured_count_for_no_provider() -> None:
    assert told(failed(None)) == told()


def test_no_secret_is_kept_of_an_error() -> None:
    error = told(failed("llm", "https://me:pass@host said sk-secret is wrong"))["llm"].error
    assert error == "https://***@host said *** is wrong"


def test_what_failed_in_one_process_works_when_it_later_did_in_another() -> None:
    row = ProviderHealth("llm", "openai", None)
    failing = replace(row, failing_since=5.0, failed_at=8.0, error="away", failures=2)
    later = replace(row, worked_at=9.0)
    earlier = replace(row, worked_at=7.0, failures=1, failed_at=6.0, error="slow")
    for order in ((failing, later), (later, failing)):
        (both,) = together(order)
        assert (both.failing_since, both.worked_at, both.error) == (None, 9.0, "away")
    (both,) = together((failing, earlier))
    assert (both.failing_since, both.failures, both.error) == (5.0, 3, "away")


def test_different_models_are_different_providers() -> None:
    rows = [ProviderHealth("llm", "openai", model) for model in ("a", "b")]
    assert list(together(rows)) == rows
