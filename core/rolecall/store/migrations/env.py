"""Run by Alembic for every command: migrates over the connection that ``store.schema`` hands in, or writes SQL without one."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from rolecall.store.tables import Base, Json, UtcTime


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    # Revisions spell our own types out, so that a later change of the type does not rewrite history.
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item) is type(Json):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")'
    return False


def _migrate() -> None:
    connection: Connection | None = context.config.attributes.get("connection")
    facts: dict[str, Any] = {"target_metadata": Base.metadata, "render_item": _render, "render_as_batch": True, "transactional_ddl": True}
    if connection is None:
        context.configure(dialect_name=context.config.attributes["dialect"], literal_binds=True, as_sql=True, **facts)
    else:
        context.configure(connection=connection, **facts)
    with context.begin_transaction():
        context.run_migrations()


_migrate()
