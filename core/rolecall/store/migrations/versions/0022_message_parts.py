"""What gateways call the parts of messages, and what they report of each; what messages cost."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table and the columns; of messages that were sent before nothing is known."""
    op.create_table(
        "message_part",
        sa.Column("channel", sa.String(60), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("delivery_id", sa.Integer(), sa.ForeignKey("delivery.id"), nullable=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("account.id"), nullable=True),
        sa.Column("report", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("channel", "reference"),
    )
    op.create_index("ix_message_part_delivery_id", "message_part", ["delivery_id"])
    op.create_index("ix_message_part_account_id", "message_part", ["account_id"])
    op.add_column("delivery", sa.Column("parts", sa.Integer(), nullable=True))
    op.add_column("delivery", sa.Column("cost", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take them away; what was reported stays in the states of the messages."""
    op.drop_column("delivery", "cost")
    op.drop_column("delivery", "parts")
    op.drop_table("message_part")
