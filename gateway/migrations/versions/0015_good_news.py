"""Good news, the weekly word to teachers, letters and where contacts live."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WAITING = sa.text("run_id IS NULL AND withdrawn_at IS NULL")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "praise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("said_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("told_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pupil_id"], ["pupil.id"], name=op.f("fk_praise_pupil_id_pupil"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_praise_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_praise")),
    )
    op.create_index(op.f("ix_praise_pupil_id"), "praise", ["pupil_id"], unique=False)
    op.create_index(op.f("ix_praise_run_id"), "praise", ["run_id"], unique=False)
    op.create_index(
        "praise_waiting", "praise", ["due_at"], unique=False, sqlite_where=_WAITING, postgresql_where=_WAITING
    )
    op.create_table(
        "praise_nudge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("drafts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_praise_nudge")),
        sa.UniqueConstraint("form", "week", name=op.f("uq_praise_nudge_form_week")),
    )
    _letters()


def _letters() -> None:
    op.add_column("contact", sa.Column("postal_address", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("batch", "language", "lines", "body")),
        sa.Column("printed_at", _MOMENT, nullable=False),
        sa.Column("printed_by", sa.String(), nullable=False),
        sa.Column("posted_at", _MOMENT, nullable=True),
        sa.Column("posted_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_letter_message_id_message"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_letter_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("message_id", name=op.f("uq_letter_message_id")),
    )
    op.create_index(op.f("ix_letter_contact_id"), "letter", ["contact_id"], unique=False)
    op.create_index(op.f("ix_letter_batch"), "letter", ["batch"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("contact", "postal_address")
    for table in ("letter", "praise_nudge", "praise"):
        op.drop_table(table)
