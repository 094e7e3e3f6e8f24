"""What a language model is told before the conversation begins."""

from collections.abc import Sequence

from pipecat.processors.aggregators.llm_context import LLMContextMessage

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Conversation, Speaker, TurnState

SPOKEN_STYLE = (
    "Your words are spoken aloud in a live call. Answer in one to three short sentences of plain "
    "speech: no lists, no markup, no emoji. Say numbers and addresses the way a person would. "
    "What you hear comes from a speech recogniser and may contain errors; ask when unsure."
)

CUT_OFF = (
    "The line dropped while you were speaking, and the caller is back. The caller heard you up to "
    "the dash. If you have not finished, go on from there: no greeting, no repetition."
)
"""What it is told when it begins a leg after a turn of its own that was cut off."""


def system_prompt(agent: Agent) -> str:
    """Return the system prompt of `agent`: who it is, how to speak, what it knows."""
    parts = [
        agent.instructions or f"You are {agent.name}, a friendly voice assistant.",
        SPOKEN_STYLE,
        f"Speak the language with the tag {agent.language} unless the caller asks for another.",
    ]
    if agent.knowledge:
        entries = "\n".join(
            f"Q: {' / '.join(entry.questions)}\nA: {entry.answer}" for entry in agent.knowledge
        )
        parts.append(
            "What you know follows as questions and answers. Use it before anything else, and say "
            f"so honestly when it does not cover a question.\n{entries}"
        )
    return "\n\n".join(parts)


def context_messages(agent: Agent, conversation: Conversation) -> Sequence[LLMContextMessage]:
    """Return the messages a leg starts with: the prompt and what was said so far.

    Of the agent's own turns only what the listener has heard is there; a turn that was cut off
    ends with a dash.
    """
    messages: list[LLMContextMessage] = [{"role": "system", "content": system_prompt(agent)}]
    for turn in conversation.turns:
        if turn.speaker is Speaker.USER:
            messages.append({"role": "user", "content": turn.text})
        else:
            cut = " —" if turn.state is TurnState.INTERRUPTED else ""
            messages.append({"role": "assistant", "content": f"{turn.text}{cut}"})
    if conversation.turns and conversation.turns[-1].state is TurnState.INTERRUPTED:
        messages.append({"role": "system", "content": CUT_OFF})
    return messages
