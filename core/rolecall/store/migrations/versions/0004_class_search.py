"""The text by which classes are found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it, empty: nobody could make a class before."""
    op.add_column("school_class", sa.Column("search", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("school_class", "search")
