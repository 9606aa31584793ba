"""Emergencies, and surveys."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_TABLES = (
    "survey_answer", "survey_tally", "survey_taker", "survey_notice", "survey", "emergency_notice", "emergency",
)  # fmt: skip
_NEXT = sa.text("next_at IS NOT NULL")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    """Go to this revision."""
    _emergencies()
    op.create_table(
        "survey",
        sa.Column("id", sa.Integer(), nullable=False),
        *_texts("key", "title"),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        *_texts("by"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("remind_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        *_texts("closed_by", "closing", "reason"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
        sa.UniqueConstraint("key", name=op.f("uq_survey_key")),
    )
    op.create_table(
        "survey_notice",
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_survey_notice_notice_id_notice")),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_notice_survey_id_survey")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_survey_notice")),
    )
    op.create_index(op.f("ix_survey_notice_survey_id"), "survey_notice", ["survey_id"], unique=False)
    _takers()
    _answers()


def _takers() -> None:
    op.create_table(
        "survey_taker",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("next_at", _MOMENT, nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_taker_survey_id_survey")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_survey_taker_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_survey_taker_message_id_message"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_taker")),
        sa.UniqueConstraint("survey_id", "contact_id", name=op.f("uq_survey_taker_survey_id_contact_id")),
    )
    op.create_index(op.f("ix_survey_taker_contact_id"), "survey_taker", ["contact_id"], unique=False)
    op.create_index(
        "survey_taker_next", "survey_taker", ["next_at"], unique=False, sqlite_where=_NEXT, postgresql_where=_NEXT
    )


def _answers() -> None:
    op.create_table(
        "survey_tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        *_texts("option", "form", "language"),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_tally_survey_id_survey")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_tally")),
        sa.UniqueConstraint(
            "survey_id",
            "question",
            "option",
            "form",
            "language",
            name=op.f("uq_survey_tally_survey_id_question_option_form_language"),
        ),
    )
    op.create_table(
        "survey_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("taker_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        *_texts("option", "words", "form", "language"),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_answer_survey_id_survey")),
        sa.ForeignKeyConstraint(
            ["taker_id"], ["survey_taker.id"], name=op.f("fk_survey_answer_taker_id_survey_taker"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
        sa.UniqueConstraint("taker_id", "question", name=op.f("uq_survey_answer_taker_id_question")),
    )
    op.create_index(op.f("ix_survey_answer_survey_id"), "survey_answer", ["survey_id"], unique=False)


def _emergencies() -> None:
    op.create_table(
        "emergency",
        sa.Column("id", sa.Integer(), nullable=False),
        *_texts("key"),
        sa.Column("began_at", _MOMENT, nullable=False),
        *_texts("by", "over_by"),
        sa.Column("over_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency")),
        sa.UniqueConstraint("key", name=op.f("uq_emergency_key")),
    )
    op.create_table(
        "emergency_notice",
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("emergency_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=24), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        *_texts("by"),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_emergency_notice_notice_id_notice")),
        sa.ForeignKeyConstraint(
            ["emergency_id"], ["emergency.id"], name=op.f("fk_emergency_notice_emergency_id_emergency")
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_emergency_notice")),
    )
    op.create_index(op.f("ix_emergency_notice_emergency_id"), "emergency_notice", ["emergency_id"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    for table in _TABLES:
        op.drop_table(table)
