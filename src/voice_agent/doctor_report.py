"""What the doctor found, for people and for machines. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from voice_agent.config import Settings, variable_name
from voice_agent.config_loading import Sources, displayed_value
from voice_agent.core.errors import SettingsError
from voice_agent.doctor_check import Check, Status

MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗"}


@dataclass(frozen=True)
class Row:
    """One setting as it is in effect."""

    name: str
    value: str
    source: str


def effective(settings: Settings, sources: Sources) -> Sequence[Row]:
    """Return every setting, with what the profile says where the operator chose nothing."""
    return [
        _from_profile(settings, field)
        or Row(variable_name(field), displayed_value(settings, field), sources.origin(field))
        for field in Settings.model_fields
    ]


def _from_profile(settings: Settings, field: str) -> Row | None:
    from voice_agent.services.provider import Stage  # noqa: PLC0415 - imports Pipecat

    stage, _, rest = field.partition("_")
    if rest != "provider" or getattr(settings, field) is not None:
        return None
    try:
        name, _options = settings.provider(Stage(stage))
    except SettingsError:
        return None
    return Row(variable_name(field), name, "profile")


def would_stop_a_call(checks: Sequence[Check]) -> bool:
    """Return whether any of `checks` failed."""
    return any(check.status is Status.FAILED for check in checks)


def as_text(checks: Sequence[Check], settings: Settings | None, sources: Sources) -> Iterator[str]:
    """Yield the lines of the report: the settings in effect, then the checks.

    `settings` is None when they are not valid; `checks` then says why.
    """
    if settings is not None:
        rows = effective(settings, sources)
        name_width = max(len(row.name) for row in rows)
        value_width = min(40, max(len(row.value) for row in rows))
        for row in rows:
            yield f"  {row.name:{name_width}}  {row.value or '-':{value_width}}  {row.source}"
        yield ""
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        yield f"{MARKS[check.status]} {check.name:{width}}  {check.detail}"
        if check.mend:
            yield f"  {'':{width}}  → {check.mend}"
    yield ""
    failures = sum(check.status is Status.FAILED for check in checks)
    if failures:
        yield f"{failures} of {len(checks)} checks failed: this would stop a call"
    else:
        yield "ready to take calls"


def as_json(checks: Sequence[Check], settings: Settings | None, sources: Sources) -> str:
    """Return the report as one JSON document."""
    document = {
        "ok": not would_stop_a_call(checks),
        "settings": [asdict(row) for row in effective(settings, sources)] if settings else [],
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
