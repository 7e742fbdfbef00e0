"""When a provider's connection last worked with the settings that are saved."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a provider that is in use by now has shown that it works."""
    op.add_column("plugin_state", sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE plugin_state SET connected_at = last_success_at")


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("plugin_state", "connected_at")
