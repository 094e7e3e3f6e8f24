"""Signing in and out, the first administrator, and who one is."""

from fastapi import APIRouter, Request

from voice_agent.accounts.principal import Principal, PrincipalKind
from voice_agent.api.account_models import (
    PasswordRequest,
    RefreshRequest,
    SetupRequest,
    SignInRequest,
)
from voice_agent.api.account_views import PrincipalView, SignedInView
from voice_agent.api.admission import address_of
from voice_agent.api.credentials import principal_of
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.services import ApiServices
from voice_agent.core.account_errors import AccessRefusedError, ForbiddenError


def auth_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/auth`."""
    router = APIRouter(prefix="/v1/auth", tags=["accounts"])
    accounts = services.accounts

    async def somebody(request: Request) -> Principal:
        principal = await principal_of(services, request)
        if principal is None:
            raise AccessRefusedError("nobody is signed in; POST /v1/auth/sign-in")
        return principal

    async def user_of(request: Request) -> Principal:
        principal = await somebody(request)
        if principal.kind is not PrincipalKind.USER:
            raise ForbiddenError("this is for users; send the access token of a sign-in")
        return principal

    @router.post("/sign-in", dependencies=[JSON_ONLY], summary="Sign in")
    async def sign_in(request: Request, body: SignInRequest) -> SignedInView:
        """Return tokens for the user with that email and password."""
        password = body.password.get_secret_value()
        return SignedInView.of(await accounts.sign_in(body.email, password, address_of(request)))

    @router.post("/refresh", dependencies=[JSON_ONLY], summary="Get a further access token")
    async def refresh(body: RefreshRequest) -> SignedInView:
        """Return a new access token; the refresh token stays the same."""
        return SignedInView.of(await accounts.refresh(body.refresh_token))

    @router.post("/sign-out", status_code=204, summary="Sign out")
    async def sign_out(request: Request) -> None:
        """Make all tokens of the user invalid, on all his devices."""
        user = await user_of(request)
        await accounts.users.sign_out(user.workspace_id, user.id)

    @router.post("/password", dependencies=[JSON_ONLY], summary="Change one's own password")
    async def change_password(request: Request, body: PasswordRequest) -> SignedInView:
        """Take the new password and return new tokens; all earlier ones are invalid."""
        principal = await user_of(request)
        user = await accounts.users.read(principal.workspace_id, principal.id)
        current, new = body.current_password, body.new_password
        changed = await accounts.change_own_password(
            user, current.get_secret_value(), new.get_secret_value(), address_of(request)
        )
        return SignedInView.of(changed)

    @router.post(
        "/setup", status_code=201, dependencies=[JSON_ONLY], summary="Make the first administrator"
    )
    async def set_up(body: SetupRequest) -> SignedInView:
        """Make the first user; the token is in the link that the server logs while it has none."""
        made = await accounts.set_up(
            body.token,
            email=body.email,
            name=body.name,
            password=body.password.get_secret_value(),
        )
        return SignedInView.of(made)

    @router.get("/me", summary="Who one is")
    async def read_me(request: Request) -> PrincipalView:
        """Return who sends the request, and what he may do."""
        principal = await somebody(request)
        user = None
        if principal.kind is PrincipalKind.USER:
            user = await accounts.users.read(principal.workspace_id, principal.id)
        return PrincipalView.of(principal, user)

    return router
