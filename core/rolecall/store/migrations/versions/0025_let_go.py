"""At which services an account was let go, so that an address alone does not link it there again."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. What providers let go until now counts; at services without a provider nobody wrote it down."""
    op.create_table(
        "let_go",
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("account.id", name="fk_let_go_account_id_account"), primary_key=True),
        sa.Column("method", sa.String(length=40), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("INSERT INTO let_go (account_id, method, at) SELECT account_id, provider, changed_at FROM link WHERE goal = 'released'")


def downgrade() -> None:
    """Remove it; addresses link these accounts again."""
    op.drop_table("let_go")
