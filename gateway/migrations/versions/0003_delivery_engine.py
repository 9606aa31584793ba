"""The delivery engine."""

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


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_action_at")
        batch_op.create_index(batch_op.f("ix_audit_action"), ["action"], unique=False)
