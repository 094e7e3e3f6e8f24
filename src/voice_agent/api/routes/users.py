"""Users: make, list, show, change, delete."""

from fastapi import APIRouter, Request

from voice_agent.accounts.authorize import Action
from voice_agent.api.account_models import Id, Limit, UserChange, UserRequest
from voice_agent.api.account_views import UserList, UserView
from voice_agent.api.credentials import require
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.models import Cursor
from voice_agent.api.services import ApiServices


def user_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/users`."""
    router = APIRouter(prefix="/v1/users", tags=["accounts"])
    users = services.accounts.users

    @router.get("", summary="All users")
    async def list_users(request: Request, limit: Limit = 50, cursor: Cursor = None) -> UserList:
        """Return the users of the workspace, newest first."""
        principal = await require(services, request, Action.USERS_READ)
        page = await users.list(principal.workspace_id, limit, cursor)
        return UserList(
            users=[UserView.of(user) for user in page.items], next_cursor=page.next_cursor
        )

    @router.post("", status_code=201, dependencies=[JSON_ONLY], summary="Make a user")
    async def create_user(request: Request, body: UserRequest) -> UserView:
        """Make a user, who may sign in at once."""
        principal = await require(services, request, Action.USERS_WRITE)
        made = await users.create(
            principal.workspace_id,
            email=body.email,
            name=body.name,
            role=body.role,
            password=body.password.get_secret_value(),
        )
        return UserView.of(made)

    @router.get("/{user_id}", summary="One user")
    async def read_user(user_id: Id, request: Request) -> UserView:
        """Return a user."""
        principal = await require(services, request, Action.USERS_READ)
        return UserView.of(await users.read(principal.workspace_id, user_id))

    @router.patch("/{user_id}", dependencies=[JSON_ONLY], summary="Change a user")
    async def change_user(user_id: Id, request: Request, body: UserChange) -> UserView:
        """Change what is given. The last administrator stays one."""
        principal = await require(services, request, Action.USERS_WRITE)
        changed = await users.change(
            principal.workspace_id,
            user_id,
            name=body.name,
            role=body.role,
            password=None if body.password is None else body.password.get_secret_value(),
        )
        return UserView.of(changed)

    @router.delete("/{user_id}", status_code=204, summary="Delete a user")
    async def delete_user(user_id: Id, request: Request) -> None:
        """Delete a user; his tokens are invalid. The last administrator stays."""
        principal = await require(services, request, Action.USERS_WRITE)
        await users.delete(principal.workspace_id, user_id)

    return router
