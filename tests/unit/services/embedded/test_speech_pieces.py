"""Texts in pieces, requests on the wire, samples in frames, and turns of synthesis."""

import threading

import pytest

from voice_agent.services.embedded.flite_helper import to_ascii
from voice_agent.services.embedded.speech_service import SpeechFramer
from voice_agent.services.embedded.speech_text import is_speakable, split_speech
from voice_agent.services.embedded.synthesis_protocol import (
    SpeakRequest,
    Voice,
    decode_request,
    decode_voices,
    encode_request,
    encode_voices,
)
from voice_agent.services.embedded.synthesis_turns import Speech, SynthesisTurns, urgency


def test_a_short_text_stays_whole() -> None:
    assert split_speech(" Hello there. How are you? ") == ["Hello there. How are you?"]


def test_a_long_text_is_cut_behind_the_last_sentence_that_fits() -> None:
    assert split_speech("One two. Three four. Five six.", 22) == [
        "One two. Three four.",
        "Five six.",
    ]


def test_without_sentences_it_is_cut_behind_a_clause_then_between_words() -> None:
    assert split_speech("one two, three four five", 14) == ["one two,", "three four", "five"]


def test_a_word_longer_than_all_is_cut() -> None:
    assert split_speech("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_no_piece_is_too_long_and_nothing_is_lost() -> None:
    text = "We are open. On Sunday, however, nobody is here; come back on Monday! " * 50
    pieces = split_speech(text, 100)
    assert max(len(piece) for piece in pieces) <= 100
    assert " ".join(pieces).split() == text.split()


def test_what_has_no_letter_or_digit_is_not_spoken() -> None:
    assert split_speech("... !") == []
    assert not is_speakable("—?")
    assert is_speakable("你好")


def test_requests_and_voices_survive_their_way() -> None:
    request = SpeakRequest("Zero\0bytes, and “quotes”", "en-gb+f3", 1.25)
    assert decode_request(encode_request(request)) == request
    voices = (Voice("slt", "en-us", 16_000), Voice("de", "de", 22_050))
    assert decode_voices(encode_voices(voices)) == voices


def test_the_first_frame_is_what_there_is_and_the_others_are_a_tenth_of_a_second() -> None:
    framer = SpeechFramer(24_000)
    assert [len(frame) for frame in framer.add(bytes(1000))] == [1000]
    assert framer.add(bytes(4000)) == []
    assert [len(frame) for frame in framer.add(bytes(6000))] == [4800, 4800]
    assert [len(frame) for frame in framer.finish()] == [400]
    assert framer.finish() == []


def test_a_large_first_chunk_is_cut_too() -> None:
    assert [len(frame) for frame in SpeechFramer(24_000).add(bytes(10_000))] == [4800, 4800, 400]


def test_flite_gets_plain_letters() -> None:
    assert to_ascii("It’s a “café” — naïve…") == 'It\'s a "cafe" ,  naive...'
    assert to_ascii("5 € or 20 °C") == "5  euros  or 20  degrees C"


def test_a_speech_about_to_run_out_goes_before_those_that_begin_and_they_before_the_others() -> (
    None
):
    now, chosen = 100.0, threading.Event()
    about_to_run_out, later = Speech(100.1, 5, chosen), Speech(100.15, 1, chosen)
    ran_out = Speech(99.0, 9, chosen)
    first_new, second_new = Speech(None, 2, chosen), Speech(None, 3, chosen)
    well_ahead = Speech(103.0, 4, chosen)
    speeches = [well_ahead, second_new, later, first_new, about_to_run_out, ran_out]
    assert sorted(speeches, key=lambda speech: urgency(speech, now)) == [
        ran_out,
        about_to_run_out,
        later,
        first_new,
        second_new,
        well_ahead,
    ]


@pytest.mark.parametrize(
    ("runs_out", "order"),
    [
        (5.0, ["first", "new", "first again"]),
        (0.1, ["first", "first again", "new"]),
    ],
)
def test_the_most_urgent_speech_is_worked_at_next(runs_out: float, order: list[str]) -> None:
    turns = SynthesisTurns(clock=lambda: 0.0)
    worked: list[str] = []
    first_works, other_waits = threading.Event(), threading.Event()

    def first() -> None:
        with turns.turn():
            first_works.set()
            other_waits.wait(5)
            worked.append("first")
            turns.pass_on(runs_out)
            worked.append("first again")

    def new() -> None:
        with turns.turn():
            worked.append("new")

    threads = [threading.Thread(target=first), threading.Thread(target=new)]
    threads[0].start()
    first_works.wait(5)
    threads[1].start()
    while not turns._waiting:
        pass
    other_waits.set()
    for thread in threads:
        thread.join(5)
    assert worked == order
