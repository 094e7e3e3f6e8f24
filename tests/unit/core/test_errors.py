from collections.abc import Iterator

from voice_agent.core import errors
from voice_agent.core.errors import IllegalTransitionError, VoiceAgentError


def all_of(kind: type[VoiceAgentError]) -> Iterator[type[VoiceAgentError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from all_of(child)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in all_of(VoiceAgentError)]
    assert len(codes) > 10
    assert len(set(codes)) == len(codes)
    assert "internal" not in codes


def test_an_illegal_transition_says_both_states() -> None:
    error = IllegalTransitionError("session s1", "ended", "connected")
    assert str(error) == "session s1 cannot go from 'ended' to 'connected'"
