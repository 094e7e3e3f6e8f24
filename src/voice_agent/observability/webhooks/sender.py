"""Sends what is due, again and again until it is taken."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
from loguru import logger

from voice_agent.core.errors import StorageUnavailableError, WebhookTargetError
from voice_agent.observability.webhooks.signature import signed_headers
from voice_agent.observability.webhooks.target_rules import CheckedResolver, TargetRules
from voice_agent.storage.delivery_rows import DeliveryRows, DeliveryState, DueDelivery
from voice_agent.storage.webhook_rows import WebhookRows

PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 18_000.0, 36_000.0)
"""Between one attempt and the next: ten attempts in 19 hours."""
JITTER: Final = 0.1
"""So much of a pause is left to chance, so that a target that was away is not asked all at once."""
TIMEOUT_S: Final = 10.0
"""How long a target may take, from the name to the end of its answer."""
MAX_ANSWER_BYTES: Final = 4096
"""So much of an answer is read; nobody looks at it."""
AT_ONCE: Final = 16
LONGEST_SLEEP_S: Final = 30.0
"""After so long it is looked whether another process left something."""
MAX_RETRY_AFTER_S: Final = 3600.0
MAX_ERROR_LENGTH: Final = 500
STOP_TIMEOUT_S: Final = 5.0
_GONE: Final = 410


@dataclass(frozen=True)
class Attempt:
    """What came of sending a message once; `retry_after_s` is the target's own wish."""

    status: int | None
    error: str | None
    retry_after_s: float | None = None


@dataclass
class SenderStatistics:
    """How many messages were delivered and given up, and how many attempts failed."""

    delivered: int = 0
    given_up: int = 0
    failed_attempts: int = 0


class WebhookSender:
    """One task that looks what is due, and some at once that send.

    Two processes never send the same message, but for one whose first sender has died: a target
    may see a message twice, with the same id.
    """

    def __init__(
        self,
        deliveries: DeliveryRows,
        webhooks: WebhookRows,
        rules: TargetRules,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._rules = rules
        self._wall_time = wall_time
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.statistics = SenderStatistics()

    def start(self) -> None:
        """Begin to send."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(self._rules), use_dns_cache=False, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )
        self._task = asyncio.create_task(self._run(), name="webhooks")

    def wake(self) -> None:
        """Say that there is something to send."""
        self._work.set()

    async def stop(self) -> None:
        """Let what is being sent come to its end, for a while; the rest is sent later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        if self._sending:
            await asyncio.wait(self._sending, timeout=STOP_TIMEOUT_S)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _run(self) -> None:
        while True:
            self._work.clear()
            sleep_s = LONGEST_SLEEP_S
            try:
                free = AT_ONCE - len(self._sending)
                due = await self._deliveries.take_due(free) if free else ()
                for each in due:
                    task = asyncio.create_task(self._deliver(each), name="webhook delivery")
                    self._sending.add(task)
                    task.add_done_callback(self._sent)
                if free and len(due) == free:
                    sleep_s = 0.0
                elif free:
                    next_at = await self._deliveries.next_due_at()
                    if next_at is not None:
                        sleep_s = min(LONGEST_SLEEP_S, max(0.0, next_at - self._wall_time()))
            except StorageUnavailableError as error:
                logger.warning("webhooks wait for the database: {}", error)
            except Exception:  # noqa: BLE001 - one fault must not be the last message
                logger.exception("webhooks could not be sent")
            self._timer = asyncio.get_running_loop().call_later(sleep_s, self._work.set)
            await self._work.wait()
            self._timer.cancel()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._work.set()

    async def _deliver(self, due: DueDelivery) -> None:
        """Send a message once, and keep what came of it."""
        try:
            attempt = await self._send(due)
        except asyncio.CancelledError:
            await asyncio.shield(self._deliveries.release(due.delivery.id))
            raise
        try:
            await self._note(due, attempt)
        except StorageUnavailableError as error:
            # It is due again when its lease is over.
            logger.warning("what came of a webhook could not be kept: {}", error)

    async def _send(self, due: DueDelivery) -> Attempt:
        delivery = due.delivery
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voice-agent-backend",
            **signed_headers(due.secret, delivery.id, int(self._wall_time()), delivery.body),
        }
        assert self._http is not None
        try:
            self._rules.check_url(due.url)
            async with self._http.post(
                due.url, data=delivery.body.encode(), headers=headers, allow_redirects=False
            ) as response:
                await response.content.read(MAX_ANSWER_BYTES)
                wish = response.headers.get("Retry-After", "")
        except WebhookTargetError as error:
            return Attempt(None, str(error))
        except TimeoutError:
            return Attempt(None, f"no answer within {TIMEOUT_S:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(None, f"{type(error).__name__}: {error}")
        return Attempt(response.status, _fault_of(response.status), _seconds(wish))

    async def _note(self, due: DueDelivery, attempt: Attempt) -> None:
        delivery = due.delivery
        error = attempt.error and attempt.error[:MAX_ERROR_LENGTH]
        state, next_at = DeliveryState.DELIVERED, None
        if attempt.error is None:
            self.statistics.delivered += 1
        else:
            self.statistics.failed_attempts += 1
            if attempt.status == _GONE or delivery.attempts >= len(PAUSES_S):
                self.statistics.given_up += 1
                state = DeliveryState.FAILED
            else:
                state = DeliveryState.PENDING
                chance = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nothing secret
                pause = PAUSES_S[delivery.attempts] * chance
                next_at = self._wall_time() + max(pause, attempt.retry_after_s or 0.0)
            logger.info("webhook {}: {} not taken: {}", delivery.webhook_id, delivery.event, error)
        await self._deliveries.note(
            delivery.id, state, status=attempt.status, error=error, next_attempt_at=next_at
        )
        if attempt.status == _GONE:
            logger.warning("webhook {} says it is gone, and is disabled", delivery.webhook_id)
            await self._webhooks.disable(delivery.webhook_id)


def _fault_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"it answered {status}; redirects are not followed, register the address itself"
    return f"it answered {status}"


def _seconds(retry_after: str) -> float | None:
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return min(float(retry_after), MAX_RETRY_AFTER_S) if is_number else None
