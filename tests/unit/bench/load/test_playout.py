from voice_agent.bench.load.playout import PLAYER_BUFFER_S, PlayOut

LENGTH_S = 0.02


def test_audio_that_comes_at_its_pace_is_in_time() -> None:
    player = PlayOut(10.0)
    late = [player.arrived(10.0 + i * LENGTH_S, i * LENGTH_S, LENGTH_S) for i in range(50)]
    assert not any(late)
    assert (player.packets, player.late) == (50, 0)


def test_audio_may_be_as_late_as_the_players_buffer() -> None:
    player = PlayOut(10.0)
    assert not player.arrived(10.0, 0.0, LENGTH_S)
    assert not player.arrived(10.0 + LENGTH_S + PLAYER_BUFFER_S - 0.001, LENGTH_S, LENGTH_S)
    assert player.arrived(10.0 + 2 * LENGTH_S + PLAYER_BUFFER_S + 0.001, 2 * LENGTH_S, LENGTH_S)


def test_one_stall_is_one_late_packet_for_the_player_waits() -> None:
    player = PlayOut(10.0)
    stall_s = 0.3
    for index in range(100):
        at = 10.0 + index * LENGTH_S + (stall_s if index >= 10 else 0.0)
        player.arrived(at, index * LENGTH_S, LENGTH_S)
    assert player.late == 1


def test_audio_that_is_always_too_slow_is_late_again_and_again() -> None:
    player = PlayOut(10.0)
    for index in range(100):
        player.arrived(10.0 + index * 0.025, index * LENGTH_S, LENGTH_S)
    assert player.late > 80


def test_what_never_came_is_missing() -> None:
    player = PlayOut(10.0)
    for index in range(50):
        player.arrived(10.0 + index * LENGTH_S, index * LENGTH_S, LENGTH_S)
    assert player.missing(1.0, LENGTH_S) == 0
    assert player.missing(2.0, LENGTH_S) == 50
