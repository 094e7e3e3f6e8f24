"""A headless client: a call to a voice agent server from Python, over WebSocket or WebRTC.

async with Call("http://127.0.0.1:7860") as call:
    await greeting(call)
    answer = await ask(call, Speech.from_file(Path("question.wav")))
    print(answer.text, answer.latency_s)
"""

from voice_agent.client.errors import (
    CallDroppedError,
    CallError,
    CallRefusedError,
    CallTimeoutError,
    NoAnswerError,
    ServerUnreachableError,
    SpeechUnreadableError,
)
from voice_agent.client.events import ConnectionLost, Reconnected
from voice_agent.client.heard import HeardAudio
from voice_agent.client.live_call import Call
from voice_agent.client.microphone import Utterance
from voice_agent.client.signalling import TransportName
from voice_agent.client.speech import Speech
from voice_agent.client.turns import (
    Answer,
    BargeIn,
    answer,
    ask,
    ask_in_writing,
    barge_in,
    bot_finished,
    greeting,
)

__all__ = [
    "Answer",
    "BargeIn",
    "Call",
    "CallDroppedError",
    "CallError",
    "CallRefusedError",
    "CallTimeoutError",
    "ConnectionLost",
    "HeardAudio",
    "NoAnswerError",
    "Reconnected",
    "ServerUnreachableError",
    "Speech",
    "SpeechUnreadableError",
    "TransportName",
    "Utterance",
    "answer",
    "ask",
    "ask_in_writing",
    "barge_in",
    "bot_finished",
    "greeting",
]
