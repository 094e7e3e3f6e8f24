"""What each process gets of the host's limits."""

import pytest

from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolSizes
from voice_agent.shares import require_shareable, share


def shares(count: int, *, lends_hearing: bool = False, **given: object) -> list[Settings]:
    settings = Settings(**given)  # type: ignore[arg-type]
    return [share(settings, index, count, lends_hearing=lends_hearing) for index in range(count)]


def test_the_shares_add_up_to_the_whole() -> None:
    each = shares(3, max_sessions=50, stt_streams=10, tts_streams=3, phrase_cache_mb=64)
    assert [own.max_sessions for own in each] == [17, 17, 16]
    assert [own.stt_streams for own in each] == [4, 3, 3]
    assert [own.tts_streams for own in each] == [1, 1, 1]
    assert [own.llm_streams for own in each] == [None] * 3
    assert sum(own.phrase_cache_mb for own in each) == 64


def test_no_process_keeps_phrases_when_none_are_to_be_kept() -> None:
    assert [own.phrase_cache_mb for own in shares(2, phrase_cache_mb=0)] == [0, 0]


def test_recognisers_are_shared_out() -> None:
    sizes = PoolSizes(minimum=3, maximum=5, idle_s=7.0)
    each = shares(2, lends_hearing=True, stt_pool=sizes)
    assert [own.stt_pool for own in each] == [
        PoolSizes(minimum=2, maximum=3, idle_s=7.0),
        PoolSizes(minimum=1, maximum=2, idle_s=7.0),
    ]
    usual = [own.stt_pool for own in shares(4, lends_hearing=True)]
    assert [(sizes.minimum, sizes.maximum) for sizes in usual if sizes] == [
        (1, 3),
        (1, 3),
        (0, 3),
        (0, 3),
    ]
    many = [own.stt_pool for own in shares(20, lends_hearing=True)]
    assert {sizes.maximum for sizes in many if sizes} == {1}
    assert shares(2)[0].stt_pool is None


def test_the_device_is_the_first_ones() -> None:
    assert [own.device_port for own in shares(2, device_port=8765)] == [8765, None]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_sessions": 2}, "VOICE_AGENT_MAX_SESSIONS: 2 cannot be shared by 3 processes"),
        ({"stt_streams": 1}, "VOICE_AGENT_STT_STREAMS: 1 .* make it at least 3, or .*WORKERS"),
        ({"stt_pool": PoolSizes(maximum=2)}, "VOICE_AGENT_STT_POOL: maximum: 2 cannot be shared"),
    ],
)
def test_a_limit_that_is_too_small_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        require_shareable(Settings(**given), 3)  # type: ignore[arg-type]
