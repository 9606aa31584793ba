"""Absence: marks, registers, what is known of absences, and a case for every child not accounted for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DATE, _MOMENT = sa.Date(), sa.DateTime(timezone=True)
_WORD = sa.String(length=24)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        sa.Column("date", _DATE, nullable=False),
        sa.Column("session", _WORD, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("filed", sa.String(), nullable=False),
        sa.Column("arrived_at", _MOMENT, nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("set_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["pupil_id"], ["pupil.id"], name=op.f("fk_mark_pupil_id_pupil"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
        sa.UniqueConstraint("pupil_id", "date", "session", name=op.f("uq_mark_pupil_id_date_session")),
    )
    op.create_index("mark_day", "mark", ["date", "session", "set_at"], unique=False)
    op.create_table(
        "register",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("date", _DATE, nullable=False),
        sa.Column("session", _WORD, nullable=False),
        sa.Column("swept_at", _MOMENT, nullable=True),
        sa.Column("chased_at", _MOMENT, nullable=True),
        sa.Column("held_at", _MOMENT, nullable=True),
        sa.Column("released_at", _MOMENT, nullable=True),
        sa.Column("released_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register")),
        sa.UniqueConstraint("date", "session", name=op.f("uq_register_date_session")),
    )
    op.create_table(
        "absence_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        sa.Column("first", _DATE, nullable=False),
        sa.Column("last", _DATE, nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("reply_id", sa.Integer(), nullable=True),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["pupil_id"], ["pupil.id"], name=op.f("fk_absence_reason_pupil_id_pupil"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_absence_reason_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["reply_id"], ["reply.id"], name=op.f("fk_absence_reason_reply_id_reply"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_reason")),
    )
    op.create_index(op.f("ix_absence_reason_pupil_id"), "absence_reason", ["pupil_id"], unique=False)
    _create_cases()
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.create_index("reply_at", ["at"], unique=False)


def _create_cases() -> None:
    op.create_table(
        "absence_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        sa.Column("date", _DATE, nullable=False),
        sa.Column("session", _WORD, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("fast", sa.Boolean(), nullable=False),
        sa.Column("why_fast", sa.String(), nullable=False),
        sa.Column("next_at", _MOMENT, nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("arrived_at", _MOMENT, nullable=True),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("tell", sa.String(), nullable=False),
        sa.Column("told_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["pupil_id"], ["pupil.id"], name=op.f("fk_absence_case_pupil_id_pupil"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_absence_case_run_id_run")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_absence_case_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_case")),
        sa.UniqueConstraint("pupil_id", "date", "session", name=op.f("uq_absence_case_pupil_id_date_session")),
    )
    op.create_index("absence_case_day", "absence_case", ["date", "session"], unique=False)
    due = sa.text("next_at IS NOT NULL")
    op.create_index(
        "absence_case_due", "absence_case", ["next_at"], unique=False, sqlite_where=due, postgresql_where=due
    )
    untold = sa.text("tell <> ''")
    op.create_index(
        "absence_case_tell", "absence_case", ["id"], unique=False, sqlite_where=untold, postgresql_where=untold
    )
    op.create_table(
        "absence_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("reply_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["absence_case.id"], name=op.f("fk_absence_step_case_id_absence_case"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_absence_step_run_id_run")),
        sa.ForeignKeyConstraint(
            ["reply_id"], ["reply.id"], name=op.f("fk_absence_step_reply_id_reply"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_step")),
    )
    op.create_index(op.f("ix_absence_step_case_id"), "absence_step", ["case_id"], unique=False)
    op.create_index(op.f("ix_absence_step_run_id"), "absence_step", ["run_id"], unique=False)
    urgent = sa.text("kind = 'urgent'")
    op.create_index(
        "absence_step_urgent", "absence_step", ["at"], unique=False, sqlite_where=urgent, postgresql_where=urgent
    )
    op.create_table(
        "absence_heard",
        sa.Column("reply_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reply_id"], ["reply.id"], name=op.f("fk_absence_heard_reply_id_reply"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reply_id", name=op.f("pk_absence_heard")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.drop_index("reply_at")
    for table in ("absence_heard", "absence_step", "absence_case", "absence_reason", "register", "mark"):
        op.drop_table(table)
