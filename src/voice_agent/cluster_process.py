"""One of several processes that take calls. The supervisor starts it with two open sockets."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack

import uvloop
from loguru import logger

from voice_agent.briefing import Briefing, unpack
from voice_agent.cluster.channel import Channel, read_briefing
from voice_agent.cluster.membership import Membership
from voice_agent.core.errors import SettingsError
from voice_agent.observability.logs import configure_logs
from voice_agent.starting import multiply_in_one_thread, providers_of

EXIT_OK = 0
EXIT_SETTINGS = 2
ORPHAN_S = 10.0
"""How long a process may take to end when its supervisor is gone."""


def main() -> None:
    """Take calls until told to stop, and exit."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control, hand_over = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    for end in (control, hand_over):
        end.set_inheritable(False)
    briefing = unpack(read_briefing(control))
    multiply_in_one_thread()
    settings = briefing.settings
    configure_logs(
        settings.log_level,
        settings.log_format,
        process=briefing.name,
        words=settings.transcripts == "keep",
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_run(briefing, control, hand_over)))


async def _run(briefing: Briefing, control: socket.socket, hand_over: socket.socket) -> int:
    """Take calls; return the exit code."""
    from voice_agent.cluster_member import Member  # noqa: PLC0415 - takes 2 s

    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    loop.add_signal_handler(signal.SIGTERM, this.cancel)
    member = Member(briefing, hand_over)

    def stop(at_once: bool) -> None:
        if not member.stop(at_once=at_once):
            this.cancel()

    membership = Membership(await Channel.over(control), briefing.count, stop)

    async def listen() -> None:
        await membership.listen()
        # Without its supervisor nobody brings it calls, and nobody would end it.
        loop.call_later(ORPHAN_S, os._exit, EXIT_OK)
        stop(at_once=False)

    async with AsyncExitStack() as stack:
        stack.push_async_callback(membership.close)
        listening = asyncio.create_task(listen(), name="control channel")
        stack.callback(listening.cancel)
        try:
            if not briefing.index:
                logger.info("{}", providers_of(briefing.settings))
            await member.serve(membership)
        except SettingsError as error:
            await membership.failed(str(error))
            return EXIT_SETTINGS
        except asyncio.CancelledError:
            return EXIT_OK
    return EXIT_OK


if __name__ == "__main__":
    main()
