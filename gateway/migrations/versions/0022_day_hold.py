"""A day on which everything that was to go out is held."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "day_hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("praises", sa.JSON(), nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_hold")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("day_hold")
