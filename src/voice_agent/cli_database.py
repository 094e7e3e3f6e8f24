"""`voice-agent database`: look at the database, and bring its schema to that of the code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    # It takes most of a second, which no other command is to wait for.
    from voice_agent.storage.database import Database

database_app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@database_app.command("check")
def check() -> None:
    """Say whether the database can be used; an empty one gets its tables."""
    url = asyncio.run(_with_database(lambda database: database.prepare()))
    typer.echo(f"✓ {url}: the schema is that of this version")


@database_app.command("upgrade")
def upgrade() -> None:
    """Bring the schema to that of this version; stop the servers that use it first."""
    url = asyncio.run(_with_database(lambda database: database.upgrade()))
    typer.echo(f"✓ {url}: the schema is that of this version now")


async def _with_database(work: Callable[["Database"], Awaitable[None]]) -> str:
    from voice_agent.config_loading import load_settings  # noqa: PLC0415
    from voice_agent.storing import database_of  # noqa: PLC0415

    database = database_of(load_settings())
    try:
        await work(database)
    finally:
        await database.close()
    return database.url.render_as_string(hide_password=True)
