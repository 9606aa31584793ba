"""Emergencies, and surveys."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WANTS = sa.text("wants IS NOT NULL")


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
        "survey_run",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_survey_run_run_id_run")),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_run_survey_id_survey")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_survey_run")),
    )
    op.create_index(op.f("ix_survey_run_survey_id"), "survey_run", ["survey_id"], unique=False)
    op.create_table(
        "survey_taker",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("wants", sa.Integer(), nullable=True),
        sa.Column("reminded", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_taker_survey_id_survey")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_survey_taker_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_taker")),
        sa.UniqueConstraint("survey_id", "contact_id", name=op.f("uq_survey_taker_survey_id_contact_id")),
    )
    op.create_index(op.f("ix_survey_taker_contact_id"), "survey_taker", ["contact_id"], unique=False)
    op.create_index(
        "survey_taker_wants", "survey_taker", ["survey_id"], unique=False, sqlite_where=_WANTS, postgresql_where=_WANTS
    )
    op.create_table(
        "survey_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        *_texts("option", "words", "form", "language"),
        sa.Column("taker_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_answer_survey_id_survey")),
        sa.ForeignKeyConstraint(
            ["taker_id"], ["survey_taker.id"], name=op.f("fk_survey_answer_taker_id_survey_taker"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
    )
    op.create_index(op.f("ix_survey_answer_survey_id"), "survey_answer", ["survey_id"], unique=False)


def _emergencies() -> None:
    op.create_table(
        "emergency",
        sa.Column("id", sa.Integer(), nullable=False),
        *_texts("key"),
        sa.Column("began_at", _MOMENT, nullable=False),
        *_texts("by"),
        sa.Column("passed", sa.JSON(), nullable=False),
        sa.Column("over_at", _MOMENT, nullable=True),
        *_texts("over_by"),
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
    for table in ("survey_answer", "survey_taker", "survey_run", "survey", "emergency_notice", "emergency"):
        op.drop_table(table)
