from voice_agent.bot.allowance import Allowance


def test_a_few_at_once_and_then_no_faster_than_the_rate() -> None:
    now = 100.0
    allowance = Allowance(3, 2.0, lambda: now)
    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    now += 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]


def test_what_is_not_used_does_not_pile_up() -> None:
    now = 0.0
    allowance = Allowance(3, 2.0, lambda: now)
    now += 3600
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
