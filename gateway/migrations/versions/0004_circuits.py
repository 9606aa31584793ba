"""Circuits of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("open_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("open_reason", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Go back from this revision."""
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.drop_column("open_reason")
        batch_op.drop_column("open_since")
        batch_op.drop_column("account")
