"""A contact that was merged into another keeps its id in the school's records, so that no import makes it anew."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "contact_alias",
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("was_id", sa.Integer(), nullable=False),
        sa.Column("deceased", sa.Boolean(), nullable=False),
        sa.Column("marketing_consent", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_contact_alias_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_contact_alias")),
    )
    op.create_index(op.f("ix_contact_alias_contact_id"), "contact_alias", ["contact_id"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index(op.f("ix_contact_alias_contact_id"), "contact_alias")
    op.drop_table("contact_alias")
