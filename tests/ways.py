"""Ways to one end that a test decides about."""

import asyncio


class Way:
    """Succeeds with its name after a while, or fails; None: never comes to an end."""

    def __init__(self, name: str, after_s: float | None, error: Exception | None = None) -> None:
        self.name = name
        self.began_at: float | None = None
        self.was_cancelled = False
        self._after_s, self._error = after_s, error

    async def __call__(self) -> str:
        self.began_at = asyncio.get_running_loop().time()
        try:
            await (
                asyncio.Event().wait() if self._after_s is None else asyncio.sleep(self._after_s)
            )
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self._error is not None:
            raise self._error
        return self.name
