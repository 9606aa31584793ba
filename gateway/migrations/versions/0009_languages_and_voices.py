"""Further languages of a contact, what suggests one, interpreters, and recorded phrases for calls."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("contact", schema=None) as batch_op:
        for name in ("further_languages", "likely_language", "likely_because"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("languages_asked_at", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("interpreter", sa.Boolean(), nullable=False, server_default="0"))
    op.create_table(
        "clip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clip")),
        sa.UniqueConstraint("language", "said", name=op.f("uq_clip_language_said")),
    )
    op.create_table(
        "voice_invite",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("script", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_invite")),
        sa.UniqueConstraint("code", name=op.f("uq_voice_invite_code")),
    )
    op.add_column("phone_call", sa.Column("invite_id", sa.Integer(), nullable=True))
    for name in ("clip_language", "clip_said", "clip_words"):
        op.add_column("voice_message", sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("voice_message", schema=None) as batch_op:
        for name in ("clip_words", "clip_said", "clip_language"):
            batch_op.drop_column(name)
    with op.batch_alter_table("phone_call", schema=None) as batch_op:
        batch_op.drop_column("invite_id")
    op.drop_table("voice_invite")
    op.drop_table("clip")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        for name in ("interpreter", "languages_asked_at", "likely_because", "likely_language", "further_languages"):
            batch_op.drop_column(name)
