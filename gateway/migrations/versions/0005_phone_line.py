"""The phone line: calls that came in, absences reported by keys, voice messages and their sound."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "phone_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_phone_call_contact_id_contact"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_call")),
        sa.UniqueConstraint("line", "ref", name=op.f("uq_phone_call_line_ref")),
    )
    op.create_index("phone_call_began", "phone_call", ["began_at"], unique=False)
    op.create_index(op.f("ix_phone_call_contact_id"), "phone_call", ["contact_id"], unique=False)
    op.create_table(
        "phone_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("inbound_id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["phone_call.id"], name=op.f("fk_phone_report_call_id_phone_call"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"], name=op.f("fk_phone_report_inbound_id_inbound")),
        sa.ForeignKeyConstraint(
            ["pupil_id"], ["pupil.id"], name=op.f("fk_phone_report_pupil_id_pupil"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_report")),
        sa.UniqueConstraint("inbound_id", name=op.f("uq_phone_report_inbound_id")),
    )
    op.create_index(op.f("ix_phone_report_call_id"), "phone_report", ["call_id"], unique=False)
    op.create_index(op.f("ix_phone_report_pupil_id"), "phone_report", ["pupil_id"], unique=False)
    op.create_table(
        "voice_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("inbound_id", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("kept_at", _MOMENT, nullable=True),
        sa.Column("gone_at", _MOMENT, nullable=True),
        sa.Column("erased_at", _MOMENT, nullable=True),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["phone_call.id"], name=op.f("fk_voice_message_call_id_phone_call"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"], name=op.f("fk_voice_message_inbound_id_inbound")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_message")),
        sa.UniqueConstraint("inbound_id", name=op.f("uq_voice_message_inbound_id")),
        sa.UniqueConstraint("line", "ref", name=op.f("uq_voice_message_line_ref")),
    )
    op.create_index(op.f("ix_voice_message_call_id"), "voice_message", ["call_id"], unique=False)
    op.create_index(
        "voice_message_due",
        "voice_message",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "voice_sound",
        sa.Column("voice_message_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["voice_message_id"],
            ["voice_message.id"],
            name=op.f("fk_voice_sound_voice_message_id_voice_message"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("voice_message_id", name=op.f("pk_voice_sound")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("voice_sound")
    op.drop_table("voice_message")
    op.drop_table("phone_report")
    op.drop_table("phone_call")
