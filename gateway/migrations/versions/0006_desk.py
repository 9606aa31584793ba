"""The two-way desk: who answers whom by when, notes, and what was promised."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WORD = sa.String(length=24)
_DUE, _UNSORTED, _UNKEPT = sa.text("due_at IS NOT NULL"), sa.text("sorted_at IS NULL"), sa.text("kept_at IS NULL")


def upgrade() -> None:
    """Go to this revision."""
    _widen()
    # Whatever waits is still somebody's to answer; what came before today the desk leaves alone.
    op.execute("UPDATE conversation SET state = 'open' WHERE waiting_since IS NOT NULL")
    op.execute("UPDATE reply SET sorted_at = at")
    op.create_table(
        "promise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("reply_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("kept_at", _MOMENT, nullable=True),
        sa.Column("overdue_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_promise_conversation_id_conversation")
        ),
        sa.ForeignKeyConstraint(["reply_id"], ["reply.id"], name=op.f("fk_promise_reply_id_reply")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_promise_message_id_message"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
    )
    op.create_index(op.f("ix_promise_conversation_id"), "promise", ["conversation_id"], unique=False)
    op.create_index(
        "promise_open", "promise", ["conversation_id"], unique=True, sqlite_where=_UNKEPT, postgresql_where=_UNKEPT
    )
    op.create_table(
        "conversation_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_conversation_note_conversation_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_note")),
    )
    op.create_index(
        op.f("ix_conversation_note_conversation_id"), "conversation_note", ["conversation_id"], unique=False
    )


def _widen() -> None:
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", _WORD, nullable=False, server_default="closed"))
        for name in ("kind", "owner", "outcome", "closed_by"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        for name in ("due_at", "closed_at"):
            batch_op.add_column(sa.Column(name, _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("urgent", sa.Boolean(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        batch_op.create_index(op.f("ix_conversation_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_index("conversation_due", ["due_at"], sqlite_where=_DUE, postgresql_where=_DUE)
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.add_column(sa.Column("settled", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sorted_at", _MOMENT, nullable=True))
        batch_op.create_index("reply_unsorted", ["id"], sqlite_where=_UNSORTED, postgresql_where=_UNSORTED)
    op.add_column("message", sa.Column("in_reply_to", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("conversation_note")
    op.drop_table("promise")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("in_reply_to")
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.drop_index("reply_unsorted")
        for name in ("sorted_at", "settled"):
            batch_op.drop_column(name)
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_index("conversation_due")
        batch_op.drop_index(op.f("ix_conversation_merged_into_id"))
        for name in (
            "merged_into_id", "urgent", "closed_at", "due_at", "closed_by", "outcome", "owner", "kind", "state",
        ):  # fmt: skip
            batch_op.drop_column(name)
