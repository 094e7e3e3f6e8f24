"""Passwords: hashed with argon2id, in few threads, so that sign-ins do not take the calls' time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple, Unpack

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from voice_agent.core.account_errors import AccountInvalidError, TooManyRequestsError

ArgumentsT = TypeVarTuple("ArgumentsT")
ResultT = TypeVar("ResultT")

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200
AT_ONCE: Final = 2
"""How many are hashed at once: each takes some 50 ms of a core, and 64 MiB."""
MAX_WAITING: Final = 50
"""How many may wait for that; a further one is refused."""
_BUSY_S: Final = 5.0


class Passwords:
    """Hashes and verifies passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises:
            AccountInvalidError: It is too short or too long.
            TooManyRequestsError: Too many are being hashed.
        """
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise AccountInvalidError(
                f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, this one {len(password)}"
            )
        return await self._run(self._hasher.hash, password)

    async def verify(self, known: str | None, password: str) -> bool:
        """Return whether `password` is the one whose hash is `known`.

        Without a hash the answer is no, and takes as long.

        Raises:
            TooManyRequestsError: Too many are being verified.
        """
        if self._nobodys is None:
            self._nobodys = await self._run(self._hasher.hash, "nobody's password")
        is_right = await self._run(self._verify, known or self._nobodys, password)
        return is_right and known is not None

    def is_outdated(self, known: str) -> bool:
        """Return whether `known` was made with weaker parameters than those in use now."""
        return self._hasher.check_needs_rehash(known)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(
        self, work: Callable[[Unpack[ArgumentsT]], ResultT], *arguments: *ArgumentsT
    ) -> ResultT:
        if self._waiting >= MAX_WAITING:
            raise TooManyRequestsError("too many people sign in just now; try again soon", _BUSY_S)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1
