"""Settings from command-line options, the environment and the `.env` file, in this order.

Everything that is wrong is reported at once, one readable line each.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from voice_agent.config import PREFIX, Settings, variable_name
from voice_agent.config_values import show_pool_sizes
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolSizes

ENV_FILE_VARIABLE = f"{PREFIX}ENV_FILE"
CALLER_KEY_VARIABLE = f"{PREFIX}KEY"
"""What `voice-agent call` shows; no setting of the server."""

_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


class Origin(StrEnum):
    """Where the value of a setting comes from."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    ENV_FILE = ".env"
    DEFAULT = "default"


@dataclass(frozen=True)
class Sources:
    """What each source says, by settings field, not yet validated."""

    options: Mapping[str, Any]
    environment: Mapping[str, Any]
    env_file: Mapping[str, Any]
    env_file_path: Path | None
    unknown: Mapping[str, Origin]
    """Variables with our prefix that name no setting, in upper case."""

    def origin(self, field: str) -> Origin:
        """Return where the value of `field` comes from."""
        if field in self.options:
            return Origin.OPTION
        if field in self.environment:
            return Origin.ENVIRONMENT
        return Origin.ENV_FILE if field in self.env_file else Origin.DEFAULT

    def label(self, field: str) -> str:
        """Return what the operator wrote to set `field`: the option or the variable."""
        match self.origin(field):
            case Origin.OPTION:
                return "--" + field.replace("_", "-")
            case Origin.ENV_FILE:
                return f"{variable_name(field)} (in {self.env_file_path})"
            case _:
                return variable_name(field)


def load_settings(options: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings from `options` (by field), the environment and the `.env` file.

    Raises:
        SettingsError: Something is wrong; the message has a line for each fault.
    """
    return settings_from(read_sources(options or {}))


def read_sources(options: Mapping[str, Any]) -> Sources:
    """Return what `options`, the environment and the `.env` file say.

    The file is the one that `VOICE_AGENT_ENV_FILE` names, else `./.env` if there is one.

    Raises:
        SettingsError: The file that was named cannot be read.
    """
    path = _env_file_path(os.environ)
    try:
        from_file = DotEnvSettingsSource(Settings, path, dotenv_filtering="only_existing")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(
            f"{ENV_FILE_VARIABLE}: '{path}' cannot be read ({reason}); mend or remove it"
        ) from error
    environment = EnvSettingsSource(Settings)
    unknown = dict.fromkeys(_unknown_names(from_file.env_vars), Origin.ENV_FILE)
    unknown |= dict.fromkeys(_unknown_names(environment.env_vars), Origin.ENVIRONMENT)
    return Sources(options, environment(), from_file(), path, unknown)


def settings_from(sources: Sources) -> Settings:
    """Return the settings that `sources` add up to.

    Raises:
        SettingsError: Something is wrong; the message has a line for each fault.
    """
    problems = [_explain_unknown(name, sources) for name in sources.unknown]
    values = {**sources.env_file, **sources.environment, **sources.options}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [_explain(detail, sources) for detail in error.errors()]
        raise SettingsError("\n".join(problems)) from error
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def without_credentials(text: str) -> str:
    """Return `text` with the user information of every URL in it masked."""
    return re.sub(r"://[^/@\s]*@", "://***@", text)


def _env_file_path(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(ENV_FILE_VARIABLE)
    if not named:
        local = Path(".env")
        return local if local.is_file() else None
    path = Path(named).expanduser()
    if not path.is_file():
        raise SettingsError(f"{ENV_FILE_VARIABLE}: there is no file '{path}'")
    return path


def _unknown_names(variables: Mapping[str, str | None]) -> Iterator[str]:
    known = {ENV_FILE_VARIABLE, CALLER_KEY_VARIABLE, *map(variable_name, Settings.model_fields)}
    for name in map(str.upper, variables):
        if name.startswith(PREFIX) and name not in known:
            yield name


def _explain_unknown(name: str, sources: Sources) -> str:
    near = get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
    mend = f"did you mean {variable_name(near[0])}?" if near else ".env.template lists all settings"
    if re.fullmatch(PREFIX + r"(SERVICE_.*|PORT_\d+_.*)", name):
        mend = "Kubernetes sets it for a service of that name: say enableServiceLinks: false"
    place = f" (in {sources.env_file_path})" if sources.unknown[name] is Origin.ENV_FILE else ""
    return f"{name}{place}: there is no such setting; {mend}"


def _explain(detail: ErrorDetails, sources: Sources) -> str:
    if not detail["loc"]:
        return str(detail["msg"]).removeprefix("Value error, ")
    field = str(detail["loc"][0])
    if field not in Settings.model_fields:
        return f"'{field}': there is no such setting"
    message = _fault(detail, secret=_is_secret(field))
    examples = None if detail["type"] == "value_error" else Settings.model_fields[field].examples
    example = f"; for example {' or '.join(map(str, examples))}" if examples else ""
    return f"{sources.label(field)}: {message}{example}"


def _fault(detail: ErrorDetails, *, secret: bool) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    hidden = secret or len(detail["loc"]) > 1 or not isinstance(value, str | int | float)
    shown = "" if hidden else f"'{without_credentials(str(value))}' "
    if kind == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    if kind in {"int_parsing", "int_from_float", "int_type"}:
        return f"{shown}is not a whole number"
    if kind in {"float_parsing", "float_type", "finite_number"}:
        return f"{shown}is not a number"
    if kind in {"bool_parsing", "bool_type"}:
        return f"{shown}must be true or false"
    if kind == "literal_error":
        shown = shown or f"'{value}' " * (not secret and isinstance(value, str))
        return f"{shown}is not known; choose {context['expected']}"
    if kind in {"too_short", "string_too_short"}:
        unit = "characters" if secret or kind == "string_too_short" else "entry"
        return f"needs at least {context['min_length']} {unit}"
    for bound, words in _BOUNDS.items():
        if bound in context:
            return f"{shown}must be {words} {context[bound]}"
    text = str(detail["msg"])
    return text[:1].lower() + text[1:]


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


def displayed_value(settings: Settings, field: str) -> str:
    """Return the value of `field` as it may be shown: secrets masked, empty if it has none."""
    value = getattr(settings, field)
    if value is None or value == ():
        return ""
    if isinstance(value, SecretStr):
        return "********"
    if field == "ice_servers":
        return ", ".join(url for server in settings.ice_servers for url in server.urls)
    if isinstance(value, PoolSizes):
        return show_pool_sizes(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return without_credentials(str(value))
