"""What a session brings to its agent's words: values for the `{placeholders}` in them."""

from collections.abc import Mapping
from dataclasses import replace

from voice_agent.core.agent import Agent
from voice_agent.core.errors import VariablesInvalidError


def complete(agent: Agent, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each variable of `agent`: the given one, else its default.

    Raises:
        VariablesInvalidError: One has no value, or one was given that the agent does not have.
    """
    known = {variable.name: variable.default for variable in agent.variables}
    unknown = sorted(set(given) - set(known))
    if unknown:
        has = ", ".join(known) or "none"
        raise VariablesInvalidError(
            f"the agent '{agent.id}' has no variable '{unknown[0]}'; it has: {has}"
        )
    values = {name: given.get(name, default) for name, default in known.items()}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise VariablesInvalidError(
            f"the agent '{agent.id}' needs a value for {', '.join(missing)}, in 'variables'"
        )
    return {name: value for name, value in values.items() if value is not None}


def fill(agent: Agent, values: Mapping[str, str]) -> Agent:
    """Return `agent` with `values` in its greeting and instructions.

    Other braces stay as they are. A value is not looked into for further placeholders.
    """
    if not values:
        return agent
    return replace(
        agent,
        greeting=_filled(agent.greeting, values),
        instructions=_filled(agent.instructions, values),
    )


def _filled(text: str | None, values: Mapping[str, str]) -> str | None:
    if text is None:
        return None
    first, *others = text.split("{")
    parts = [first]
    for part in others:
        name, brace, rest = part.partition("}")
        parts.append(values[name] + rest if brace and name in values else "{" + part)
    return "".join(parts)
