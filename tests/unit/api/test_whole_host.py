"""What is shown is the whole host's, whichever process is asked."""

from collections.abc import Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.api.api_doubles import STATISTICS, services_of
from tests.unit.api.conftest import ClientMaker
from voice_agent.api.whole_host import own_answer
from voice_agent.core.neighbours import Gathered, Question
from voice_agent.testing.harness import ConversationHarness


class Another:
    """One more process that has the same as this one, and a third that does not answer."""

    def __init__(self, answers: dict[Question, Any]) -> None:
        self._answers = answers
        self.asked: list[tuple[Question, Any]] = []

    async def ask(self, question: Question, own: Any) -> Gathered:
        self.asked.append((question, own))
        return Gathered([self._answers[question]], answered=2, wanted=3)


async def another(harness: ConversationHarness) -> Another:
    services = services_of(harness)
    return Another({question: await own_answer(services, question) for question in Question})


async def test_pools_add_up(harness: ConversationHarness, client_of: ClientMaker) -> None:
    neighbours = await another(harness)
    document = (await client_of(neighbours=neighbours).get("/v1/pool")).json()
    assert document["processes"] == 2
    [row] = document["resources"]
    assert row["size"] == 2 * STATISTICS.size
    assert row["failures"] == 2 * STATISTICS.failures
    assert [question for question, _ in neighbours.asked] == [Question.POOL]


async def test_metrics_add_up(harness: ConversationHarness, client_of: ClientMaker) -> None:
    neighbours = await another(harness)
    text = (await client_of(neighbours=neighbours).get("/metrics")).text
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = {sample.name: sample.value for sample in samples}
    assert found["voice_agent_pool_in_use"] == 2 * STATISTICS.in_use
    assert found["voice_agent_processes"] == 2
    assert found["voice_agent_processes_wanted"] == 3


async def test_sessions_of_all_are_listed_newest_first(
    harness: ConversationHarness, client_of: ClientMaker
) -> None:
    elsewhere = (await harness.sessions.create()).session_id
    neighbours = await another(harness)
    await harness.sessions.end(elsewhere)
    here = [(await harness.sessions.create()).session_id for _ in range(2)]
    response = await client_of(neighbours=neighbours).get("/v1/sessions")
    listed: Sequence[dict[str, Any]] = response.json()["sessions"]
    assert sorted(each["session_id"] for each in listed) == sorted([elsewhere, *here])
    times = [each["created_at"] for each in listed]
    assert times == sorted(times, reverse=True)
