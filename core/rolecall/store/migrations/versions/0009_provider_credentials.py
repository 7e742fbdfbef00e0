"""What people sign in with at providers, whether their account follows it, and which runs still wait for a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BEHIND = sa.text("synced < wanted")


def upgrade() -> None:
    """Add the columns; passwords that are kept already count from now on."""
    op.add_column("link", sa.Column("converts", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("link", sa.Column("sign_in_name", sa.String(length=320), nullable=True))
    op.add_column("link", sa.Column("password_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_link_run_pending", "link", ["run_id"], sqlite_where=_BEHIND, postgresql_where=_BEHIND)
    op.execute("UPDATE link SET password_since = CURRENT_TIMESTAMP WHERE sealed_password IS NOT NULL AND external_id IS NOT NULL")


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_link_run_pending", "link")
    for name in ("password_since", "sign_in_name", "converts"):
        op.drop_column("link", name)
