"""Contact details kept fresh: questions, new phones and mailboxes, what works with whom, and what is tried next."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WORD = sa.String(length=24)
_OPEN = sa.text("answered_at IS NULL")


def _to(table: str, column: str, other: str, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, _MOMENT, nullable=nullable)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "fresh_question",
        _whole("id"),
        _whole("contact_id"),
        _whole("contact_point_id"),
        *map(_text, ("address", "message_id", "kind")),
        _moment("asked_at", nullable=False),
        _moment("answered_at"),
        _text("answer"),
        _to("fresh_question", "contact_id", "contact"),
        _to("fresh_question", "contact_point_id", "contact_point"),
        _to("fresh_question", "message_id", "message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fresh_question")),
        sa.UniqueConstraint("message_id", name=op.f("uq_fresh_question_message_id")),
    )
    for column in ("contact_id", "contact_point_id"):
        op.create_index(op.f(f"ix_fresh_question_{column}"), "fresh_question", [column], unique=False)
    op.create_index("fresh_question_open", "fresh_question", ["address"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    _new_detail()
    op.create_table(
        "what_works",
        _whole("contact_id"),
        _text("media"),
        _whole("hour", nullable=True),
        _text("because"),
        _moment("looked_at", nullable=False),
        _to("what_works", "contact_id", "contact"),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_what_works")),
    )
    op.create_index(op.f("ix_what_works_looked_at"), "what_works", ["looked_at"], unique=False)
    op.create_table(
        "next_try",
        _whole("id"),
        *map(_whole, ("run_id", "contact_id", "number")),
        sa.Column("medium", _WORD, nullable=True),
        _text("address"),
        _moment("due_at"),
        *map(_text, ("language", "differs", "because")),
        _moment("made_at", nullable=False),
        _to("next_try", "run_id", "run", None),
        _to("next_try", "contact_id", "contact"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_next_try")),
        sa.UniqueConstraint("run_id", "contact_id", "number", name=op.f("uq_next_try_run_id_contact_id_number")),
    )
    for column in ("run_id", "contact_id"):
        op.create_index(op.f(f"ix_next_try_{column}"), "next_try", [column], unique=False)


def _new_detail() -> None:
    op.create_table(
        "new_detail",
        _whole("id"),
        _whole("contact_id"),
        _whole("old_point_id", nullable=True),
        _text("old_address"),
        sa.Column("replaces", sa.Boolean(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        _text("address"),
        *(sa.Column(name, _WORD, nullable=False) for name in ("line_type", "state")),
        _whole("reply_id", nullable=True),
        sa.Column("told_on", _WORD, nullable=False),
        _moment("made_at", nullable=False),
        _moment("expires_at"),
        _whole("tries"),
        *map(_moment, ("proved_at", "decided_at")),
        *map(_text, ("decided_by", "why")),
        _whole("new_point_id", nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        *map(_moment, ("told_at", "exported_at")),
        sa.Column("open_key", sa.String(), nullable=True),
        _to("new_detail", "contact_id", "contact"),
        _to("new_detail", "old_point_id", "contact_point", "SET NULL"),
        _to("new_detail", "new_point_id", "contact_point", "SET NULL"),
        _to("new_detail", "reply_id", "reply", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_new_detail")),
        sa.UniqueConstraint("open_key", name=op.f("uq_new_detail_open_key")),
    )
    for column in ("contact_id", "address"):
        op.create_index(op.f(f"ix_new_detail_{column}"), "new_detail", [column], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("next_try", "what_works", "new_detail", "fresh_question"):
        op.drop_table(table)
