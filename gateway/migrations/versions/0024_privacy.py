"""Opt-outs that outlast an erased person, and what is to be deleted at a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "suppression",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("medium", sa.String(length=24), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("mandatory_too", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("medium", "digest", name=op.f("uq_suppression_medium_digest")),
    )
    op.create_table(
        "scrub",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrub")),
        sa.UniqueConstraint("channel", "ref", name=op.f("uq_scrub_channel_ref")),
    )
    op.create_index(op.f("ix_scrub_due_at"), "scrub", ["due_at"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index(op.f("ix_scrub_due_at"), table_name="scrub")
    op.drop_table("scrub")
    op.drop_table("suppression")
