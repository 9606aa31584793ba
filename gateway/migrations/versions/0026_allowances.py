"""What a provider lets a school send for nothing, how much of that is used, and who holds a sender back."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("sender", sa.Column("held_by", sa.String(), server_default="", nullable=False))
    op.add_column("sender", sa.Column("free_parts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sender", sa.Column("pence", sa.Float(), nullable=True))
    op.add_column("sender", sa.Column("year", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sender", sa.Column("year_parts", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Go back to the revision before."""
    for name in ("year_parts", "year", "pence", "free_parts", "held_by"):
        op.drop_column("sender", name)
