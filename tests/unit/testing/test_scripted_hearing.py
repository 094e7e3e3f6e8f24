import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.vad.vad_analyzer import VADState

from voice_agent.core.agent import TurnSettings
from voice_agent.testing.audible_text import noise, silence, spoken
from voice_agent.testing.scripted_hearing import ScriptedTurnCompletion, ScriptedVoiceActivity

RATE = 16_000
TURN = TurnSettings(start_s=0.2, stop_s=0.4, max_wait_s=2)


async def test_sound_is_speech_after_the_start_time_and_over_after_the_stop_time() -> None:
    vad = ScriptedVoiceActivity().analyzer(TURN)
    vad.set_sample_rate(RATE)
    assert await vad.analyze_audio(noise(0.18, RATE)) is VADState.STARTING
    assert await vad.analyze_audio(noise(0.02, RATE)) is VADState.SPEAKING
    assert await vad.analyze_audio(silence(0.38, RATE)) is VADState.STOPPING
    assert await vad.analyze_audio(silence(0.02, RATE)) is VADState.QUIET


async def test_a_short_sound_is_no_speech() -> None:
    vad = ScriptedVoiceActivity().analyzer(TURN)
    vad.set_sample_rate(RATE)
    assert await vad.analyze_audio(noise(0.1, RATE)) is VADState.STARTING
    assert await vad.analyze_audio(silence(0.02, RATE)) is VADState.QUIET


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Are you open?", EndOfTurnState.COMPLETE),
        ("I would like ...", EndOfTurnState.INCOMPLETE),
        ("Well...", EndOfTurnState.INCOMPLETE),
    ],
)
async def test_the_words_say_whether_a_turn_is_over(text: str, state: EndOfTurnState) -> None:
    turn = ScriptedTurnCompletion().analyzer(TURN)
    turn.set_sample_rate(RATE)
    assert turn.append_audio(spoken(text, RATE), is_speech=True) is EndOfTurnState.INCOMPLETE
    assert turn.speech_triggered
    assert await turn.analyze_end_of_turn() == (state, None)


async def test_an_unfinished_turn_is_over_after_the_longest_wait() -> None:
    turn = ScriptedTurnCompletion().analyzer(TURN)
    turn.set_sample_rate(RATE)
    turn.append_audio(spoken("Well...", RATE), is_speech=True)
    assert turn.append_audio(silence(1.9, RATE), is_speech=False) is EndOfTurnState.INCOMPLETE
    assert turn.append_audio(silence(0.1, RATE), is_speech=False) is EndOfTurnState.COMPLETE
    assert not turn.speech_triggered


async def test_silence_alone_is_no_turn() -> None:
    turn = ScriptedTurnCompletion().analyzer(TURN)
    turn.set_sample_rate(RATE)
    assert turn.append_audio(silence(60, RATE), is_speech=False) is EndOfTurnState.INCOMPLETE
