"""Planned in parts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned_up_to", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("messages", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("messages")
        batch_op.drop_column("planned_up_to")
