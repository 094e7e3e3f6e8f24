"""The header Idempotency-Key: a request that was sent twice is carried out once."""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import BaseModel

from voice_agent.accounts.principal import Principal
from voice_agent.api.services import ApiServices
from voice_agent.storage.idempotency import KeptAnswer, KeyedRequest

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by you: the same request with the same key is carried out once, and "
        "answered again as it was, for 24 hours.",
    ),
]
REPEATED = "Idempotency-Replayed"
"""Header of an answer that was given before."""


async def carried_out_once(
    services: ApiServices,
    request: Request,
    key: str | None,
    caller: Principal,
    work: Callable[[], Awaitable[BaseModel]],
    *,
    leaves_out_nulls: bool = False,
) -> Response:
    """Return what `work` answers; with a key, the same as before when it came before.

    Args:
        services: Where answers are kept.
        request: The request; its body and address are what must not change.
        key: Its idempotency key.
        caller: Who sends it: two may choose the same key.
        work: Carries it out; what it makes is answered with 201.
        leaves_out_nulls: Whether fields without a value are left out of the answer.
    """

    async def answer() -> KeptAnswer:
        made = (await work()).model_dump_json(exclude_none=leaves_out_nulls)
        return KeptAnswer(HTTPStatus.CREATED, made)

    if key is None:
        return _response(await answer())
    parts = (request.method.encode(), request.url.path.encode(), await request.body())
    fingerprint = hashlib.sha256(b"\0".join(parts)).hexdigest()
    once = KeyedRequest(caller.workspace_id, caller.id, key, fingerprint)
    return _response(await services.idempotency.once(once, answer))


def _response(answer: KeptAnswer) -> Response:
    headers = {"Cache-Control": "no-store"} | ({REPEATED: "true"} if answer.is_repeated else {})
    return Response(answer.body, answer.status, headers, media_type="application/json")
