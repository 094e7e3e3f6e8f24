"""A process for the supervisor that starts at once: it answers each request with its briefing.

Its briefing says how it behaves: `serve`, `fail` (a setting is wrong), `crash`, `hang` (it never
comes up), `stay` (it does not stop when told to).
"""

import asyncio
import itertools
import os
import signal
import socket
import sys
from typing import Any

from voice_agent.cluster.channel import Channel, read_briefing
from voice_agent.cluster.membership import Membership
from voice_agent.cluster.parcel import Parcel
from voice_agent.cluster.placement import Load
from voice_agent.cluster.taking import Taker


async def run(briefing: str, control: socket.socket, hand_over: socket.socket) -> int:
    """Do what the briefing says; return the exit code."""
    if briefing == "crash":
        return 3
    stopping = asyncio.Event()

    def stop(at_once: bool) -> None:
        if briefing != "stay" or at_once:
            stopping.set()

    membership = Membership(await Channel.over(control), 2, stop)
    if briefing == "fail":
        await membership.failed("VOICE_AGENT_PORT: taken")
        return 2
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    numbers = itertools.count(1)

    def adopt(connection: socket.socket, parcel: Parcel) -> None:
        connection.send(f"{briefing} {os.getpid()} {next(numbers)}".encode())
        connection.close()
        if parcel.begins_session:
            membership.settled(parcel.number)

    async def answer(subject: Any) -> Any:
        return [[briefing]]

    async def listen() -> None:
        await membership.listen()
        stopping.set()

    taker = Taker(hand_over, adopt)
    listening = asyncio.create_task(listen())
    if briefing != "hang":
        membership.join(lambda: Load(0, 0, 10, is_ready=True), answer)
    await stopping.wait()
    taker.close()
    await membership.close()
    listening.cancel()
    return 0


if __name__ == "__main__":
    ends = [socket.socket(fileno=int(number)) for number in sys.argv[1:3]]
    sys.exit(asyncio.run(run(read_briefing(ends[0]).decode(), *ends)))
