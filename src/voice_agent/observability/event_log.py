"""Writes a session's events to the log; what was said only at level DEBUG."""

from dataclasses import asdict

from loguru import logger

from voice_agent.core.events import (
    ErrorOccurred,
    Event,
    EventListener,
    LatencyMeasured,
    LegEnded,
    LegStarted,
    ProviderFailed,
    SessionStateChanged,
    TransportSwitched,
)


def event_logger(*, words: bool = True) -> EventListener:
    """Return a listener that logs events, with `words` also, at level DEBUG, what was said."""

    def log_it(event: Event) -> None:
        log_event(event, words=words)

    return log_it


def log_event(event: Event, *, words: bool = True) -> None:
    """Log one event, with its session's id."""
    log = logger.bind(session_id=event.session_id)
    match event.payload:
        case SessionStateChanged(state=state, reason=reason):
            log.info("session {}{}", state, f": {reason}" if reason else "")
        case TransportSwitched(was=was, now=now, reason=reason):
            log.info("{} instead of {}: {}", now, was, reason)
        case LegStarted(leg_id=leg_id, transport=transport):
            log.info("leg {} over {}", leg_id, transport)
        case LegEnded(leg_id=leg_id, reason=reason):
            log.info("leg {} ended: {}", leg_id, reason)
        case LatencyMeasured() as latency:
            log.info(
                "answered after {:.0f} ms (turn {:.0f}, language model {:.0f}, speech {:.0f})",
                latency.total_s * 1000,
                latency.turn_s * 1000,
                latency.llm_s * 1000,
                latency.tts_s * 1000,
            )
        case ProviderFailed(provider=provider, message=message):
            log.warning("{} failed: {}", provider, message)
        case ErrorOccurred(code=code, message=message):
            log.warning("{}: {}", code, message)
        case payload:
            data = asdict(payload)
            if not words:
                data.pop("text", None)
            log.debug("{} {}", type(payload).__name__, data)
