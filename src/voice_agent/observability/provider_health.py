"""Whether providers work, as the calls find out: a listener of events."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    AnswerWritten,
    Event,
    ProviderFailed,
    SpeakingStarted,
    TranscriptReceived,
)

MAX_ERROR_LENGTH: Final = 500
_MASK: Final = "***"
_PASSWORD_IN_ADDRESS: Final = re.compile(r"(?<=//)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class ProviderHealth:
    """What is known of one provider; times are wall time in seconds.

    `model` is the configured one, None for the provider's own default. `failing_since` is when it
    first failed since it last worked, None when it works, or was not asked for anything yet.
    """

    stage: str
    name: str
    model: str | None
    worked_at: float | None = None
    failing_since: float | None = None
    failed_at: float | None = None
    error: str | None = None
    failures: int = 0


class ProviderStates:
    """The health of the providers of this process. Called with an event, it takes it in.

    Args:
        providers: Name and configured model of the provider of each stage.
        secrets: What is never shown, should an error repeat it.
    """

    def __init__(
        self, providers: Mapping[str, tuple[str, str | None]], secrets: Collection[str]
    ) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._states = {
            stage: ProviderHealth(stage, name, model) for stage, (name, model) in providers.items()
        }

    def states(self) -> Sequence[ProviderHealth]:
        """Return what is known now, a row for each stage."""
        return tuple(self._states.values())

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event.payload:
            case TranscriptReceived(final=True):
                self._worked("stt", event.wall_time)
            case AnswerWritten(prompted=False):
                self._worked("llm", event.wall_time)
            case SpeakingStarted(speaker=Speaker.AGENT):
                self._worked("tts", event.wall_time)
            case ProviderFailed(stage=stage, message=message) if stage is not None:
                self._failed(stage, message, event.wall_time)
            case _:
                pass

    def _worked(self, stage: str, at: float) -> None:
        if (state := self._states.get(stage)) is not None:
            self._states[stage] = replace(state, worked_at=at, failing_since=None)

    def _failed(self, stage: str, message: str, at: float) -> None:
        if (state := self._states.get(stage)) is not None:
            self._states[stage] = replace(
                state,
                failing_since=state.failing_since or at,
                failed_at=at,
                error=self._without_secrets(message)[:MAX_ERROR_LENGTH],
                failures=state.failures + 1,
            )

    def _without_secrets(self, message: str) -> str:
        for secret in self._secrets:
            message = message.replace(secret, _MASK)
        return _PASSWORD_IN_ADDRESS.sub(_MASK, message)


def together(rows: Iterable[ProviderHealth]) -> Sequence[ProviderHealth]:
    """Return what several processes know of the same providers, a row for each of them. Pure.

    One works when it worked somewhere after it last failed anywhere.
    """
    known: dict[tuple[str, str, str | None], ProviderHealth] = {}
    for row in rows:
        key = (row.stage, row.name, row.model)
        known[key] = _merged(known[key], row) if key in known else row
    return tuple(known.values())


def _merged(one: ProviderHealth, other: ProviderHealth) -> ProviderHealth:
    last = max(one, other, key=lambda each: each.failed_at or 0)
    worked_at = max(filter(None, (one.worked_at, other.worked_at)), default=None)
    since = [
        at
        for at in (one.failing_since, other.failing_since)
        if at is not None and (last.failed_at or at) > (worked_at or 0)
    ]
    return replace(
        last,
        worked_at=worked_at,
        failing_since=min(since, default=None),
        failures=one.failures + other.failures,
    )
