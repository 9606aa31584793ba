"""Sentences that were translated before, and what families' answers say in English."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "known_sentence",
        sa.Column("id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("key", "language", "source", "text", "back", "state", "service", "reviewed_by")
        ),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_sentence")),
        sa.UniqueConstraint("key", "language", name=op.f("uq_known_sentence_key_language")),
    )
    op.create_table(
        "gist",
        sa.Column("reply_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("language", "text", "service")),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["reply_id"], ["reply.id"], name=op.f("fk_gist_reply_id_reply"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reply_id", name=op.f("pk_gist")),
    )
    op.create_index("gist_due", "gist", ["due_at"], unique=False, sqlite_where=_DUE, postgresql_where=_DUE)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("gist")
    op.drop_table("known_sentence")
