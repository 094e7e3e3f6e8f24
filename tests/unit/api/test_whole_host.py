"""What is shown is the whole host's, whichever process is asked."""

from dataclasses import replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.kept import KeptThings
from tests.unit.api.api_doubles import PROCESS, STATISTICS, services_of
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


async def another(harness: ConversationHarness, kept: KeptThings) -> Another:
    services = services_of(harness, kept)
    return Another({question: await own_answer(services, question) for question in Question})


async def test_pools_add_up(
    harness: ConversationHarness, kept: KeptThings, client_of: ClientMaker
) -> None:
    neighbours = await another(harness, kept)
    document = (await client_of(neighbours=neighbours).get("/v1/pool")).json()
    assert document["processes"] == 2
    [row] = document["resources"]
    assert row["size"] == 2 * STATISTICS.size
    assert row["failures"] == 2 * STATISTICS.failures
    assert [question for question, _ in neighbours.asked] == [Question.POOL]


async def test_metrics_add_up(
    harness: ConversationHarness, kept: KeptThings, client_of: ClientMaker
) -> None:
    neighbours = await another(harness, kept)
    text = (await client_of(neighbours=neighbours).get("/metrics")).text
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = {sample.name: sample.value for sample in samples}
    assert found["voice_agent_pool_in_use"] == 2 * STATISTICS.in_use
    assert found["voice_agent_processes"] == 2
    assert found["voice_agent_processes_wanted"] == 3


async def test_processes_stand_side_by_side_and_their_providers_together(
    harness: ConversationHarness, kept: KeptThings, client_of: ClientMaker
) -> None:
    away = replace(PROCESS, name="p1", not_ready="the engines are being loaded", memory=None)
    there = services_of(harness, kept, process=lambda: away)
    neighbours = Another({Question.SYSTEM: await own_answer(there, Question.SYSTEM)})
    shown = (await client_of(neighbours=neighbours).get("/v1/system")).json()
    assert (shown["ready"], shown["processes_wanted"]) == (True, 3)
    first, second = shown["processes"]
    assert (first["name"], first["ready"], first["sessions"]) == ("p0", True, {"connected": 2})
    assert (first["max_sessions"], first["memory_bytes"]) == (50, 300_000_000)
    assert (second["name"], second["ready"]) == ("p1", False)
    assert second["not_ready_reason"] == "the engines are being loaded"
    states = {row["stage"]: row for row in shown["providers"]}
    assert [row["state"] for row in states.values()] == ["healthy", "failing", "unused"]
    assert states["llm"]["model"] == "gpt-4.1"
    assert states["llm"]["failures"] == 4
    assert states["llm"]["failing_since"] == "2023-11-14T22:16:40Z"
    assert states["llm"]["last_error"]["message"] == "refused: vak_secret_***"
