from voice_agent.bot.prompts import CUT_OFF, context_messages, system_prompt
from voice_agent.core.agent import AGENT_ADAPTER
from voice_agent.core.conversation import Conversation

AGENT = AGENT_ADAPTER.validate_python(
    {
        "id": "desk",
        "name": "Desk",
        "language": "en-GB",
        "instructions": "You answer for the town library.",
        "knowledge": [
            {"questions": ["When are you open?", "Opening hours?"], "answer": "At nine."}
        ],
    }
)


def test_a_language_model_gets_instructions_knowledge_and_language() -> None:
    prompt = system_prompt(AGENT)
    assert "You answer for the town library." in prompt
    assert "Q: When are you open? / Opening hours?\nA: At nine." in prompt
    assert "en-GB" in prompt


def test_an_agent_without_instructions_has_its_name() -> None:
    agent = AGENT_ADAPTER.validate_python({"id": "x", "name": "Ada", "greeting": "Hello"})
    assert "You are Ada" in system_prompt(agent)


def test_a_leg_goes_on_from_what_was_heard() -> None:
    conversation = (
        Conversation()
        .agent_heard("Hello.", at=1)
        .agent_finished(interrupted=False)
        .user_said("When are you open?", at=2)
        .agent_heard("At nine.", at=3)
        .agent_finished(interrupted=True)
    )
    _, *turns = context_messages(AGENT, conversation)
    assert turns == [
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "When are you open?"},
        {"role": "assistant", "content": "At nine. —"},
        {"role": "system", "content": CUT_OFF},
    ]
