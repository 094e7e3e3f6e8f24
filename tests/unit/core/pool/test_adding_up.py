"""The pools of several processes as one."""

from voice_agent.core.pool.adding_up import add_up, from_json, to_json
from voice_agent.core.service_pool import ResourceKey, ResourceKind, ResourceStatistics

STT = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "pocketsphinx", "secret", "v1")
LLM = ResourceKey(ResourceKind.SHARED, "llm", "openai")


def test_rows_of_one_key_are_added_and_the_longest_wait_stands() -> None:
    one = ResourceStatistics(STT, size=2, in_use=1, waits=3, wait_total_s=1.5, wait_longest_s=1.0)
    other = ResourceStatistics(STT, size=1, in_use=1, waits=1, wait_total_s=0.5, wait_longest_s=0.5)
    alone = ResourceStatistics(LLM, size=1, in_use=0)
    rows = from_json(to_json((one, alone, other)))
    assert add_up(rows) == (
        ResourceStatistics(STT, size=3, in_use=2, waits=4, wait_total_s=2.0, wait_longest_s=1.0),
        alone,
    )
