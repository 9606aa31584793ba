"""The school's calendar, and campaigns that fire by it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_RUN = sa.text("run_id IS NOT NULL")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "school_calendar",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("changed_at", _MOMENT, nullable=True),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_calendar")),
    )
    op.create_table(
        "calendar_closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school", sa.String(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("undone_at", _MOMENT, nullable=True),
        sa.Column("undone_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_closure")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("school", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("fetched_at", _MOMENT, nullable=True),
        sa.Column("tried_at", _MOMENT, nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("school", name=op.f("pk_calendar_feed")),
    )
    _campaigns()


def _campaigns() -> None:
    op.create_table(
        "campaign",
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("decided_until", _MOMENT, nullable=False),
        sa.Column("paused_at", _MOMENT, nullable=True),
        sa.Column("paused_until", _MOMENT, nullable=True),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("by_hand_at", _MOMENT, nullable=True),
        sa.Column("by_hand_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_campaign_notice_id_notice"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "campaign_firing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("fire_at", _MOMENT, nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_campaign_firing_notice_id_notice"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_campaign_firing_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_firing")),
        sa.UniqueConstraint(
            "notice_id", "fire_at", "outcome", name=op.f("uq_campaign_firing_notice_id_fire_at_outcome")
        ),
    )
    op.create_index("campaign_firing_run", "campaign_firing", ["run_id"], sqlite_where=_RUN, postgresql_where=_RUN)


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("campaign_firing", "campaign", "calendar_feed", "calendar_closure", "school_calendar"):
        op.drop_table(table)
