"""Which class a staged row of an import is about."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OF_CLASS = sa.text("class_key IS NOT NULL")


def upgrade() -> None:
    """Add the keys of period and class, and the index by which rows of a class are found."""
    op.add_column("import_row", sa.Column("period_key", sa.String(length=60), nullable=True))
    op.add_column("import_row", sa.Column("class_key", sa.String(length=100), nullable=True))
    columns = ["run_id", "period_key", "class_key"]
    op.create_index("ix_import_row_class", "import_row", columns, sqlite_where=_OF_CLASS, postgresql_where=_OF_CLASS)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_import_row_class", "import_row")
    op.drop_column("import_row", "class_key")
    op.drop_column("import_row", "period_key")
