"""Tasks that staff are texted about, and conversations whose address went to somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WORD = sa.String(length=24)
_DUE = sa.text("due_at IS NOT NULL")
_LOUD, _HERE, _URGENT = sa.text("loud_at IS NOT NULL"), sa.text("left_at IS NULL"), sa.text("kind = 'urgent'")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("task", schema=None) as batch_op:
        for name in ("loud_at", "alerted_at"):
            batch_op.add_column(sa.Column(name, _MOMENT, nullable=True))
        batch_op.create_index("task_loud", ["loud_at"], sqlite_where=_LOUD, postgresql_where=_LOUD)
    op.drop_index("absence_step_urgent", table_name="absence_step")
    with op.batch_alter_table("conversation", schema=None, copy_from=_conversation()) as batch_op:
        batch_op.add_column(sa.Column("left_at", _MOMENT, nullable=True))
        batch_op.drop_constraint(op.f("uq_conversation_medium_address"), type_="unique")
    op.create_index(
        "conversation_address",
        "conversation",
        ["medium", "address"],
        unique=True,
        sqlite_where=_HERE,
        postgresql_where=_HERE,
    )


def _conversation() -> sa.Table:
    """The table as it was: SQLite copies it over to lose a constraint, and a text of SQL cannot ask what it has."""
    return sa.Table(
        "conversation",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("medium", _WORD, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("waiting_since", _MOMENT, nullable=True),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("state", _WORD, nullable=False, server_default="closed"),
        *[sa.Column(name, sa.String(), nullable=False, server_default="") for name in ("kind", "owner")],
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("outcome", sa.String(), nullable=False, server_default=""),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False, server_default=""),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_conversation_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("medium", "address", name=op.f("uq_conversation_medium_address")),
        *[sa.Index(op.f(f"ix_conversation_{name}"), name) for name in ("contact_id", "waiting_since")],
        sa.Index(op.f("ix_conversation_merged_into_id"), "merged_into_id"),
        sa.Index("conversation_due", "due_at", sqlite_where=_DUE, postgresql_where=_DUE),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("conversation_address", table_name="conversation")
    # An address has one conversation there: what somebody else had with it keeps its words under another name.
    op.execute("UPDATE conversation SET address = address || ' (' || id || ')' WHERE left_at IS NOT NULL")
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_column("left_at")
        batch_op.create_unique_constraint(op.f("uq_conversation_medium_address"), ["medium", "address"])
    op.create_index(
        "absence_step_urgent", "absence_step", ["at"], unique=False, sqlite_where=_URGENT, postgresql_where=_URGENT
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("task_loud")
        for name in ("alerted_at", "loud_at"):
            batch_op.drop_column(name)
