"""Sessions in which the Global Owner is signed in as somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("session", sa.Column("acting_as_id", sa.Integer(), nullable=True))
    op.add_column("session", sa.Column("acting_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove them; everybody is themselves again."""
    op.drop_column("session", "acting_until")
    op.drop_column("session", "acting_as_id")
