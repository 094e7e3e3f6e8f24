"""Which sentences of the agent were heard: those whose audio went out to a client in reach."""

from collections.abc import Callable

from pipecat.frames.frames import TTSTextFrame
from pipecat.utils.string import TextPartForConcatenation, concatenate_aggregated_text


class HeardSentences:
    """Takes in what leaves the output transport, and returns sentences. Pure.

    Most voices say a sentence at a time, and its text follows its audio. Voices that time their
    words say them one by one, each as it begins; those are gathered until another sentence begins
    or the agent is silent.

    A transport whose client is gone drops audio at once and lets texts pass, so a text counts only
    when audio was played for it, and when `reaches_client` still says so at its end.
    """

    def __init__(self, reaches_client: Callable[[], bool]) -> None:
        self._reaches_client = reaches_client
        self._audio_was_played = False
        self._words: list[TextPartForConcatenation] = []
        self._segment: int | None = None

    def response_began(self) -> None:
        """What was played until now belongs to texts before."""
        self._audio_was_played = False

    def audio_played(self) -> None:
        """The transport took audio of the agent."""
        self._audio_was_played = True

    def text_passed(self, frame: TTSTextFrame) -> str | None:
        """Return the sentence that was heard to its end by now, if one was."""
        if frame.pts is not None:
            return self._word_passed(frame)
        was_heard = self._audio_was_played and self._reaches_client()
        self._audio_was_played = False
        return frame.text if was_heard else None

    def finish(self) -> str | None:
        """Return the words that are gathered, when they were heard; the agent says no more."""
        words, self._words = self._words, []
        self._segment = None
        return (concatenate_aggregated_text(words) or None) if self._audio_was_played else None

    def _word_passed(self, frame: TTSTextFrame) -> str | None:
        sentence = self.finish() if frame.segment_id != self._segment else None
        self._segment = frame.segment_id
        if self._reaches_client():
            self._words.append(
                TextPartForConcatenation(
                    frame.text,
                    includes_inter_part_spaces=bool(frame.includes_inter_frame_spaces),
                )
            )
        return sentence
