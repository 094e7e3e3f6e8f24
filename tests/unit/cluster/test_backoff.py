"""A process that keeps dying is started less and less often."""

from voice_agent.cluster.backoff import FIRST_S, LONGEST_S, SERVED_S, Backoff


def test_the_wait_doubles_up_to_a_limit_and_begins_again_after_service() -> None:
    backoff = Backoff()
    waits = [backoff.after(0.0) for _ in range(10)]
    assert waits[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert waits[-1] == LONGEST_S
    assert backoff.after(SERVED_S) == FIRST_S
    assert backoff.after(0.0) == 2 * FIRST_S
