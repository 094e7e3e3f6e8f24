"""A network of its own for a test, with a firewall: what is started inside sees no other."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.programs import program

ADDRESS = "10.77.0.1"
"""Of this machine in it, beside loopback."""
_CLONE_NEWNET = 0x40000000


class Firewall:
    """What packets of the network are dropped; at first none."""

    def __init__(self) -> None:
        self._nft = program("nft")

    def block(self, *rules: str) -> None:
        """Apply rules of nftables to all packets, in place of those before."""
        table = "table inet test"
        chain = "type filter hook output priority 0;"
        commands = [
            *(f"add {table}", f"delete {table}", f"add {table}"),
            f"add chain inet test out {{ {chain} }}",
            *(f"add rule inet test out {rule}" for rule in rules),
        ]
        subprocess.run([self._nft, "-f", "-"], input="\n".join(commands), text=True, check=True)


@contextmanager
def private_network() -> Iterator[Firewall]:
    """Take this thread into a network of its own, with what it starts, and back at the end.

    Raises:
        OSError: This user may not.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: int) -> None:
        if getattr(libc, name)(*arguments):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        call("unshare", _CLONE_NEWNET)
        for command in (
            "link set lo up",
            "link add here type veth peer name there",
            f"addr add {ADDRESS}/24 dev here",
            "link set here up",
            "link set there up",
        ):
            subprocess.run([program("ip"), *command.split()], check=True)
        yield Firewall()
    finally:
        call("setns", before, _CLONE_NEWNET)
        os.close(before)
