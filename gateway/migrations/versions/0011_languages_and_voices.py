"""Further languages of a contact, what suggests one, interpreters, and recorded phrases for calls."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
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


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("clip")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        for name in ("interpreter", "languages_asked_at", "likely_because", "likely_language", "further_languages"):
            batch_op.drop_column(name)
