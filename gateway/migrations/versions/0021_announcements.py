"""Announcements that are being written, and notices that are paused."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("notice", sa.Column("paused_at", _MOMENT, nullable=True))
    op.add_column("notice", sa.Column("paused_by", sa.String(), server_default="", nullable=False))
    op.create_table(
        "announcement_draft",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("notice_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_announcement_draft_notice_id_notice"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement_draft")),
    )
    op.create_index(op.f("ix_announcement_draft_notice_id"), "announcement_draft", ["notice_id"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("announcement_draft")
    op.drop_column("notice", "paused_by")
    op.drop_column("notice", "paused_at")
