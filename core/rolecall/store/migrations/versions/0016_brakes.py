"""What the safety limits say of links that close accounts at providers."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_CLOSING = sa.text("synced < wanted AND goal <> 'present'")
_CLOSED = sa.text("closed_at IS NOT NULL")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns; what is on its way already is decided about like everything else."""
    op.add_column("link", sa.Column("brake", sa.String(length=10), nullable=True))
    op.add_column("link", sa.Column("held_at", _TIME, nullable=True))
    op.add_column("link", sa.Column("closed_by", sa.String(length=10), nullable=True))
    op.add_column("link", sa.Column("closed_at", _TIME, nullable=True))
    op.create_index("ix_link_closing", "link", ["provider", "brake"], sqlite_where=_CLOSING, postgresql_where=_CLOSING)
    op.create_index("ix_link_closed", "link", ["provider", "closed_at"], sqlite_where=_CLOSED, postgresql_where=_CLOSED)


def downgrade() -> None:
    """Take them away; what is held then is sent."""
    op.drop_index("ix_link_closed", "link")
    op.drop_index("ix_link_closing", "link")
    for name in ("closed_at", "closed_by", "held_at", "brake"):
        op.drop_column("link", name)
