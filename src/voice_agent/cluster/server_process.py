"""One process as the supervisor has it: started, told things, given connections, ended."""

import asyncio
import contextlib
import socket
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence

from voice_agent.cluster.channel import Channel
from voice_agent.cluster.giving import Giver


class ServerProcess:
    """A process and the two ways to it."""

    def __init__(self, process: Process, channel: Channel, giver: Giver) -> None:
        self._process = process
        self.channel = channel
        self.giver = giver

    @classmethod
    async def start(
        cls, command: Sequence[str], briefing: bytes, on_closed: Callable[[], None]
    ) -> "ServerProcess":
        """Start a process; it gets the numbers of its two sockets as arguments.

        It has a session of its own, so that Ctrl-C in the terminal does not reach it: the
        supervisor tells it what to do.

        Args:
            command: What to run.
            briefing: What it is told first.
            on_closed: Called when it takes no more connections.

        Raises:
            OSError: It cannot be started.
        """
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            control, its_control = socket.socketpair()
            ours.callback(control.close)
            theirs.callback(its_control.close)
            hand_over, its_hand_over = socket.socketpair()
            ours.callback(hand_over.close)
            theirs.callback(its_hand_over.close)
            numbers = its_control.fileno(), its_hand_over.fileno()
            process = await asyncio.create_subprocess_exec(
                *command,
                *map(str, numbers),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=numbers,
                start_new_session=True,
            )
            channel = await Channel.over(control)
            channel.brief(briefing)
            ours.pop_all()
        return cls(process, channel, Giver(hand_over, on_closed))

    @property
    def pid(self) -> int:
        """Its number in the operating system."""
        return self._process.pid

    async def wait(self) -> int:
        """Return its exit code when it has ended; minus the signal that ended it."""
        return await self._process.wait()

    def terminate(self) -> None:
        """Ask it to stop by a signal: it may not hear messages yet."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """Close both ways to it."""
        self.giver.close()
        self.channel.close()
