"""What one process of several may have: the limits in the settings are the host's. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from voice_agent.config import PREFIX, Settings
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolLimits, PoolSizes

_DEFAULT_POOL = PoolLimits(minimum=2, maximum=12)
"""What a provider that lends keeps of it when nothing is set; see the embedded recogniser."""
_POOL_FIELD = "stt_pool"
_STREAM_FIELDS = ("stt_streams", "llm_streams", "tts_streams")


def share(settings: Settings, index: int, count: int, *, lends_hearing: bool) -> Settings:
    """Return the settings of process number `index` (from 0) of `count`.

    The shares of all add up to what `settings` say. The device's port is the first one's.

    Args:
        settings: Those of the host.
        index: Which process.
        count: How many there are.
        lends_hearing: Whether the provider that hears lends something to one call at a time.

    Raises:
        SettingsError: A limit is too small for each process to have a part of it.
    """
    require_shareable(settings, count)
    changes: dict[str, Any] = {"max_sessions": _part(settings.max_sessions, index, count)}
    for field in _STREAM_FIELDS:
        streams = getattr(settings, field)
        changes[field] = None if streams is None else _part(streams, index, count)
    if settings.phrase_cache_mb:
        changes["phrase_cache_mb"] = max(1, _part(settings.phrase_cache_mb, index, count))
    if lends_hearing:
        changes[_POOL_FIELD] = _pool(settings.stt_pool or PoolSizes(), index, count)
    if index:
        changes["device_port"] = None
    return settings.model_copy(update=changes)


def require_shareable(settings: Settings, count: int) -> None:
    """Do nothing when `count` processes can share what `settings` allow.

    Raises:
        SettingsError: A limit is too small; the message has a line for each that is.
    """
    faults = list(_faults(settings, count))
    if faults:
        raise SettingsError("\n".join(faults))


def _faults(settings: Settings, count: int) -> Iterator[str]:
    maximum = settings.stt_pool.maximum if settings.stt_pool else None
    limits = {field: getattr(settings, field) for field in ("max_sessions", *_STREAM_FIELDS)}
    said = {PREFIX + field.upper(): limit for field, limit in limits.items()}
    said[f"{PREFIX}STT_POOL: maximum"] = maximum
    for name, limit in said.items():
        if limit is not None and limit < count:
            yield (
                f"{name}: {limit} cannot be shared by {count} processes; make it at least {count}, "
                f"or {PREFIX}WORKERS at most {limit}"
            )


def _pool(sizes: PoolSizes, index: int, count: int) -> PoolSizes:
    """Return the part of one process, which may always have one."""
    whole = sizes.over(_DEFAULT_POOL)
    maximum = max(1, _part(whole.maximum or 1, index, count))
    minimum = min(maximum, _part(whole.minimum, index, count))
    return replace(sizes, minimum=minimum, maximum=maximum)


def _part(whole: int, index: int, count: int) -> int:
    return whole // count + (index < whole % count)
