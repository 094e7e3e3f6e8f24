"""Run by Alembic: migrates the connection that `storage.database` brings."""

from alembic import context

from voice_agent.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
