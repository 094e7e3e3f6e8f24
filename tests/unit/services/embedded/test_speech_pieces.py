"""Texts in pieces, requests on the wire, samples in frames, and turns of synthesis."""

import threading

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
from voice_agent.services.embedded.synthesis_turns import SynthesisTurns


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


def test_who_is_least_ahead_synthesises_next() -> None:
    turns = SynthesisTurns()
    order: list[str] = []
    first_works, others_wait = threading.Event(), threading.Event()

    def ahead() -> None:
        with turns.turn():
            first_works.set()
            others_wait.wait(5)
            order.append("first")
            turns.pass_on(5000)
            order.append("first again")

    def new() -> None:
        with turns.turn():
            order.append("new")

    threads = [threading.Thread(target=ahead)]
    threads[0].start()
    first_works.wait(5)
    threads.append(threading.Thread(target=new))
    threads[1].start()
    while not turns._waiting:
        pass
    others_wait.set()
    for thread in threads:
        thread.join(5)
    assert order == ["first", "new", "first again"]
