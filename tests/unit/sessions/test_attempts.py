from voice_agent.sessions.attempts import REMEMBERED, Attempts
from voice_agent.transports.base import Attempt

FIRST, SECOND = Attempt("first"), Attempt("second")


def test_a_newer_attempt_takes_over_and_an_older_one_does_not() -> None:
    attempts = Attempts()
    attempts.arrived(FIRST)
    attempts.arrived(SECOND)
    assert attempts.displaces(SECOND, FIRST)
    assert not attempts.displaces(FIRST, SECOND)


def test_connections_of_one_attempt_race() -> None:
    attempts = Attempts()
    attempts.arrived(FIRST)
    attempts.arrived(FIRST)
    assert not attempts.displaces(FIRST, FIRST)


def test_who_names_no_attempt_is_newer_than_all() -> None:
    attempts = Attempts()
    attempts.arrived(FIRST)
    assert attempts.displaces(None, FIRST)
    assert attempts.displaces(None, None)
    assert attempts.displaces(FIRST, None)


def test_a_client_that_makes_endless_attempts_costs_no_memory() -> None:
    attempts = Attempts()
    for number in range(REMEMBERED * 3):
        attempts.arrived(Attempt(str(number)))
    assert attempts.displaces(Attempt(str(REMEMBERED * 3 - 1)), Attempt(str(REMEMBERED * 3 - 2)))
    assert len(attempts._numbers) == REMEMBERED
