"""Keys: make, list, show, revoke."""

from fastapi import APIRouter, Request

from voice_agent.accounts.authorize import Action, grants
from voice_agent.accounts.keys import KeyWish
from voice_agent.accounts.principal import Principal
from voice_agent.api.account_models import Id, KeyRequest, Limit
from voice_agent.api.account_views import KeyList, KeyView, NewKeyView
from voice_agent.api.credentials import require
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.models import Cursor
from voice_agent.api.services import ApiServices
from voice_agent.core.account_errors import ForbiddenError


def key_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/keys`."""
    router = APIRouter(prefix="/v1/keys", tags=["accounts"])
    keys = services.accounts.keys

    @router.get("", summary="All keys")
    async def list_keys(request: Request, limit: Limit = 50, cursor: Cursor = None) -> KeyList:
        """Return the keys of the workspace, newest first; revoked ones too."""
        principal = await require(services, request, Action.KEYS_READ)
        page = await keys.list(principal.workspace_id, limit, cursor)
        return KeyList(keys=[KeyView.of(key) for key in page.items], next_cursor=page.next_cursor)

    @router.post("", status_code=201, dependencies=[JSON_ONLY], summary="Make a key")
    async def create_key(request: Request, body: KeyRequest) -> NewKeyView:
        """Make a key and show it, this once. It can do no more than who makes it."""
        principal = await require(services, request, Action.KEYS_WRITE)
        wish = body.to_wish()
        _require_no_more(principal, wish)
        return NewKeyView.of_new(await keys.create(principal.workspace_id, wish, principal.id))

    @router.get("/{key_id}", summary="One key")
    async def read_key(key_id: Id, request: Request) -> KeyView:
        """Return a key, without what is secret of it."""
        principal = await require(services, request, Action.KEYS_READ)
        return KeyView.of(await keys.read(principal.workspace_id, key_id))

    @router.delete("/{key_id}", status_code=204, summary="Revoke a key")
    async def revoke_key(key_id: Id, request: Request) -> None:
        """Revoke a key; within 5 seconds it opens nothing any more. It stays in the list."""
        principal = await require(services, request, Action.KEYS_WRITE)
        await keys.revoke(principal.workspace_id, key_id)

    return router


def _require_no_more(principal: Principal, wish: KeyWish) -> None:
    """Raise ForbiddenError when the key could do more than who makes it."""
    wanted = wish.scopes or {Action.SESSIONS_CREATE}
    lacking = sorted(wanted - grants(principal))
    if lacking:
        raise ForbiddenError(f"you cannot give the scope {lacking[0]}, which you do not have")
    if principal.agents and not (wish.agents and principal.agents.issuperset(wish.agents)):
        own = ", ".join(sorted(principal.agents))
        raise ForbiddenError(f"you can give a key to these agents only: {own}; name which")
