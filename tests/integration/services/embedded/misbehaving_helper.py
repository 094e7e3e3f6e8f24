"""A helper that does what it is told, also what no helper should do."""

import os
import sys
import time

from voice_agent.services.embedded.helper_channel import HelperChannel
from voice_agent.services.embedded.helper_protocol import CLOSE, Message

ECHO, DIE, HANG, HOLD_LOCK, GARBAGE, PRINT, FLOOD, REFUSE, WATCH, SEEN, STRANGER, ENVIRONMENT = (
    range(16, 28)
)


def main() -> None:
    channel = HelperChannel.take_over()
    if "cannot-work" in sys.argv:
        channel.fail("the engine is not installed")
    if "never-ready" in sys.argv:
        time.sleep(60)
    if "crash" in sys.argv:
        raise RuntimeError("no such model")
    if marker := next((word for word in sys.argv if word.startswith("once=")), None):
        path = marker.removeprefix("once=")
        if os.path.exists(path):  # noqa: PTH110 - starts faster without pathlib
            channel.fail("it worked only once")
        with open(path, "w"):  # noqa: PTH123
            pass
    channel.ready(str(os.getpid()).encode())
    closed: list[int] = []
    for message in channel:
        if message.kind == CLOSE:
            closed.append(message.stream)
        elif message.kind == ECHO:
            channel.send(message)
        elif message.kind == DIE:
            os._exit(7)
        elif message.kind == HANG:
            time.sleep(60)
        elif message.kind == HOLD_LOCK:
            sum(range(10**12))
        elif message.kind == GARBAGE:
            os.write(channel._fd, b"this is no message at all")
        elif message.kind == STRANGER:
            channel._write(Message(ECHO, message.stream + 1000))
        elif message.kind == PRINT:
            sys.stdout.write("on standard output\n")
            sys.stdout.flush()
            sys.stderr.write("x" * 20_000 + "\nafter the long line\n")
            channel.send(message)
        elif message.kind == FLOOD:
            for _ in range(200):
                channel.send(Message(FLOOD, message.stream, bytes(65536)))
        elif message.kind == REFUSE:
            channel.send_error(message.stream, "no such voice")
        elif message.kind == WATCH:
            while channel.is_open(message.stream):
                channel.send(Message(WATCH, message.stream, b"still working"))
                time.sleep(0.005)
        elif message.kind == SEEN:
            channel.send(Message(SEEN, message.stream, repr(closed).encode()))
        elif message.kind == ENVIRONMENT:
            channel.send(Message(ENVIRONMENT, message.stream, repr(dict(os.environ)).encode()))


main()
