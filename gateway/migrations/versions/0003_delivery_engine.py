"""The delivery engine: circuits of accounts, runs that are planned in portions, patience with doubts, audit lines by
action and moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_action"))
        batch_op.create_index("audit_action_at", ["action", "at"], unique=False)
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("open_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("open_reason", sa.String(), server_default="", nullable=False))
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned_up_to", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("messages", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("patience_from", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("patience_from")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("messages")
        batch_op.drop_column("planned_up_to")
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.drop_column("open_reason")
        batch_op.drop_column("open_since")
        batch_op.drop_column("account")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_action_at")
        batch_op.create_index(batch_op.f("ix_audit_action"), ["action"], unique=False)
