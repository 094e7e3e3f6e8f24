"""Sends what is due, again and again until it is taken."""

import asyncio
import contextlib
import functools
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from loguru import logger

from voice_agent.core.errors import StorageUnavailableError, WebhookTargetError
from voice_agent.observability.webhooks.signature import signed_headers
from voice_agent.observability.webhooks.target_rules import CheckedResolver, Lookup, TargetRules
from voice_agent.storage.delivery_rows import DeliveryRows, DeliveryState, DueDelivery
from voice_agent.storage.webhook_rows import WebhookRows

PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 18_000.0, 36_000.0)
"""Between one attempt and the next: ten attempts in 19 hours."""
JITTER: Final = 0.1
"""So much of a pause is left to chance, so that a target that was away is not asked all at once."""
TIMEOUT_S: Final = 10.0
"""How long a target may take, from the name to the status of its answer."""
MAX_ANSWER_BYTES: Final = 4096
ANSWER_S: Final = 1.0
"""So much of an answer is read, and so long is it waited for; nobody looks at it."""
AT_ONCE: Final = 16
AT_ONCE_TO_EACH: Final = 4
"""A webhook that hangs holds up no other."""
SHORTEST_SLEEP_S: Final = 0.05
"""While what is due is another process's just now."""
RETRY_S: Final = 2.0
"""Between tries while the database is away."""
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

    Args:
        deliveries: What is to be sent.
        webhooks: Whose `disable` is called for those that are gone.
        rules: Where messages may go.
        wall_time: Returns seconds since the Unix epoch.
        lookup: Resolves names, in a thread.
    """

    def __init__(
        self,
        deliveries: DeliveryRows,
        webhooks: WebhookRows,
        rules: TargetRules,
        wall_time: Callable[[], float] = time.time,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._rules = rules
        self._wall_time = wall_time
        self._resolver = CheckedResolver(rules, lookup)
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._busy: Counter[str] = Counter()
        self._http: aiohttp.ClientSession | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.statistics = SenderStatistics()

    def start(self) -> None:
        """Begin to send."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                force_close=True,
                socket_factory=self._rules.open_socket,
            ),
            auto_decompress=False,
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
        await self._resolver.close()

    async def _run(self) -> None:
        while True:
            self._work.clear()
            sleep_s = LONGEST_SLEEP_S
            try:
                sleep_s = await self._begin_what_is_due()
            except StorageUnavailableError as error:
                logger.warning("webhooks wait for the database: {}", error)
                sleep_s = RETRY_S
            except Exception:  # noqa: BLE001 - one fault must not be the last message
                logger.exception("webhooks could not be sent")
            self._timer = asyncio.get_running_loop().call_later(sleep_s, self._work.set)
            await self._work.wait()
            self._timer.cancel()

    async def _begin_what_is_due(self) -> float:
        """Return for how many seconds there is nothing more to do, unless somebody wakes it."""
        free = AT_ONCE - len(self._sending)
        if not free:
            return LONGEST_SLEEP_S
        busy = dict(self._busy)
        due = await self._deliveries.take_due(free, of_each=AT_ONCE_TO_EACH, busy=busy)
        for each in due:
            self._busy[each.delivery.webhook_id] += 1
            task = asyncio.create_task(self._deliver(each), name="webhook delivery")
            self._sending.add(task)
            task.add_done_callback(functools.partial(self._sent, each.delivery.webhook_id))
        full = [webhook for webhook, count in self._busy.items() if count >= AT_ONCE_TO_EACH]
        next_at = await self._deliveries.next_due_at(without=full)
        if next_at is None:
            return LONGEST_SLEEP_S
        return min(LONGEST_SLEEP_S, max(SHORTEST_SLEEP_S, next_at - self._wall_time()))

    def _sent(self, webhook_id: str, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._busy[webhook_id] -= 1
        if not self._busy[webhook_id]:
            del self._busy[webhook_id]
        self._work.set()

    async def _deliver(self, due: DueDelivery) -> None:
        """Send a message once, and keep what came of it."""
        try:
            attempt = await self._send(due)
        except asyncio.CancelledError:
            await asyncio.shield(self._deliveries.release(due))
            raise
        while True:
            try:
                await self._note(due, attempt)
            except StorageUnavailableError as error:
                logger.warning("what came of a webhook could not be kept: {}", error)
            else:
                return
            if self._wall_time() + RETRY_S >= due.leased_until:
                return
            await asyncio.sleep(RETRY_S)

    async def _send(self, due: DueDelivery) -> Attempt:
        delivery = due.delivery
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voice-agent-backend",
            **signed_headers(due.secret, delivery.id, int(self._wall_time()), delivery.body),
        }
        assert self._http is not None
        try:
            target = self._rules.check_url(due.url)
            async with self._http.post(
                target, data=delivery.body.encode(), headers=headers, allow_redirects=False
            ) as response:
                # The status decides. Who is cut off while it still answers would log an error.
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with asyncio.timeout(ANSWER_S):
                        await response.content.read(MAX_ANSWER_BYTES)
                wish = response.headers.get("Retry-After", "")
        except WebhookTargetError as error:
            return Attempt(None, str(error))
        except TimeoutError:
            return Attempt(None, f"no answer within {TIMEOUT_S:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(None, f"{type(error).__name__}: {error}")
        return Attempt(response.status, _fault_of(response.status), self._seconds(wish))

    async def _note(self, due: DueDelivery, attempt: Attempt) -> None:
        delivery = due.delivery
        error = attempt.error and attempt.error[:MAX_ERROR_LENGTH]
        state, next_at = DeliveryState.DELIVERED, None
        if attempt.error is not None:
            if attempt.status == _GONE or delivery.attempts >= len(PAUSES_S):
                state = DeliveryState.FAILED
            else:
                state = DeliveryState.PENDING
                chance = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nothing secret
                pause = PAUSES_S[delivery.attempts] * chance
                next_at = self._wall_time() + max(pause, attempt.retry_after_s or 0.0)
        is_kept = await self._deliveries.note(
            due, state, status=attempt.status, error=error, next_attempt_at=next_at
        )
        if error is not None:
            logger.info("webhook {}: {} not taken: {}", delivery.webhook_id, delivery.event, error)
        if attempt.status == _GONE:
            logger.warning("webhook {} says it is gone, and is disabled", delivery.webhook_id)
            await self._webhooks.disable(delivery.webhook_id)
        self.statistics.failed_attempts += error is not None
        if is_kept:
            self.statistics.delivered += state is DeliveryState.DELIVERED
            self.statistics.given_up += state is DeliveryState.FAILED

    def _seconds(self, retry_after: str) -> float | None:
        """Return what the header asks for: it has seconds, or a date."""
        if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
            asked_s = float(retry_after)
        else:
            try:
                asked_s = parsedate_to_datetime(retry_after).timestamp() - self._wall_time()
            except (ValueError, OverflowError):
                return None
        return min(max(asked_s, 0.0), MAX_RETRY_AFTER_S)


def _fault_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"it answered {status}; redirects are not followed, register the address itself"
    return f"it answered {status}"
