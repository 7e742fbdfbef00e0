"""The schema's history, as Alembic reads it."""
