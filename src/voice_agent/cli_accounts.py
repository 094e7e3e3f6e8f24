"""`voice-agent users` and `voice-agent keys`: accounts, straight in the database."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import typer

from voice_agent.core.errors import SettingsError

if TYPE_CHECKING:
    from voice_agent.accounts.accounts import Accounts

ResultT = TypeVar("ResultT")

users_app = typer.Typer(help="Make and list those who may sign in.", no_args_is_help=True)
keys_app = typer.Typer(help="Make, list and revoke keys for programs.", no_args_is_help=True)

_PAGE: Final = 100
_DAY_S: Final = 86_400


@users_app.command("create")
def create_user(
    *,
    email: Annotated[str, typer.Option(help="What he signs in with.", prompt=True)],
    name: Annotated[str, typer.Option(help="What people call him.", prompt=True)],
    role: Annotated[
        Literal["administrator", "member"], typer.Option(help="Members make no users and keys.")
    ] = "administrator",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it from standard input; do not ask.")
    ] = False,
) -> None:
    """Make a user."""
    from voice_agent.accounts.principal import Role  # noqa: PLC0415 - the database takes a while
    from voice_agent.core.session import DEFAULT_WORKSPACE  # noqa: PLC0415

    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )

    async def create(accounts: "Accounts") -> str:
        user = await accounts.users.create(
            DEFAULT_WORKSPACE, email=email, name=name, role=Role(role), password=password
        )
        return user.id

    user_id = _run(create)
    typer.echo(f"{user_id}: {email} may sign in as {role}")


@users_app.command("list")
def list_users() -> None:
    """List all users."""
    for user in _run(lambda accounts: _all(accounts.users.list)):
        typer.echo(f"{user.id}  {user.role:13}  {user.email}  {user.name}")


@keys_app.command("create")
def create_key(
    *,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What a secret key may do; repeat it for more.")
    ] = None,
    publishable: Annotated[
        bool, typer.Option("--publishable", help="For web pages: it only starts sessions.")
    ] = False,
    agent: Annotated[
        list[str] | None, typer.Option(help="An agent that it is for; all if none is named.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="A site whose pages may use a publishable key.")
    ] = None,
    max_sessions: Annotated[int | None, typer.Option(min=1, help="How many at once.")] = None,
    sessions_per_minute: Annotated[int | None, typer.Option(min=1)] = None,
    expires_days: Annotated[
        float | None, typer.Option(min=0.01, max=36_500, help="Days until it expires.")
    ] = None,
) -> None:
    """Make a key and print it, this once."""
    from voice_agent.accounts.authorize import Action  # noqa: PLC0415 - the database takes a while
    from voice_agent.accounts.key_text import KeyKind  # noqa: PLC0415
    from voice_agent.accounts.keys import KeyWish  # noqa: PLC0415
    from voice_agent.core.session import DEFAULT_WORKSPACE  # noqa: PLC0415

    unknown = sorted(set(scope or ()) - set(Action))
    if unknown:
        raise SettingsError(f"--scope: there is no scope '{unknown[0]}'; use {', '.join(Action)}")
    now = datetime.now(UTC).timestamp()
    wish = KeyWish(
        kind=KeyKind.PUBLISHABLE if publishable else KeyKind.SECRET,
        name=name,
        scopes=frozenset(map(Action, scope or ())),
        agents=tuple(agent or ()),
        origins=tuple(origin or ()),
        max_sessions=max_sessions,
        sessions_per_minute=sessions_per_minute,
        expires_at=None if expires_days is None else now + expires_days * _DAY_S,
    )
    new = _run(lambda accounts: accounts.keys.create(DEFAULT_WORKSPACE, wish, None))
    typer.echo(new.text)
    typer.echo(f"This is key {new.row.id}. It is not shown again.", err=True)


@keys_app.command("list")
def list_keys() -> None:
    """List all keys."""
    now = datetime.now(UTC).timestamp()
    for key in _run(lambda accounts: _all(accounts.keys.list)):
        state = "good"
        if key.revoked_at is not None:
            state = "revoked"
        elif key.expires_at is not None and key.expires_at <= now:
            state = "expired"
        may = ", ".join(key.origins or key.scopes)
        typer.echo(f"{key.id}  {state:7}  {key.hint:23}  {key.name}: {may}")


@keys_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="See: voice-agent keys list")],
) -> None:
    """Let a key open nothing any more; running servers know within 5 seconds."""
    from voice_agent.core.session import DEFAULT_WORKSPACE  # noqa: PLC0415

    _run(lambda accounts: accounts.keys.revoke(DEFAULT_WORKSPACE, key_id))
    typer.echo(f"{key_id} is revoked")


def _run(work: "Callable[[Accounts], Awaitable[ResultT]]") -> ResultT:
    async def run() -> ResultT:
        async with _accounts() as accounts:
            return await work(accounts)

    return asyncio.run(run())


@asynccontextmanager
async def _accounts() -> "AsyncIterator[Accounts]":
    """Open the database that the server with these settings has."""
    from voice_agent.accounts.accounts import Accounts  # noqa: PLC0415 - takes a while
    from voice_agent.config_loading import load_settings  # noqa: PLC0415
    from voice_agent.core.clock import SystemClock  # noqa: PLC0415
    from voice_agent.private_files import secret_key  # noqa: PLC0415
    from voice_agent.storing import database_of  # noqa: PLC0415

    settings = load_settings()
    chosen = settings.secret_key.get_secret_value() if settings.secret_key else None
    database = database_of(settings)
    try:
        await database.prepare()
        accounts = Accounts(database, secret_key(settings.data_dir, chosen), SystemClock())
        try:
            yield accounts
        finally:
            await accounts.close()
    finally:
        await database.close()


async def _all(page_of: Callable[..., Awaitable[Any]]) -> list[Any]:
    from voice_agent.core.session import DEFAULT_WORKSPACE  # noqa: PLC0415

    items: list[Any] = []
    cursor = None
    while True:
        page = await page_of(DEFAULT_WORKSPACE, _PAGE, cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items
