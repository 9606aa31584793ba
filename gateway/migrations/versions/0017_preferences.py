"""Preferences by topic, the digest, and what a message waited for or passed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _word() -> sa.String:
    return sa.String(length=24)


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "preference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("medium", _word(), nullable=False),
        sa.Column("wish", _word(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_preference_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference")),
        sa.UniqueConstraint("contact_id", "topic", "medium", name=op.f("uq_preference_contact_id_topic_medium")),
        sa.UniqueConstraint("address", "topic", "medium", name=op.f("uq_preference_address_topic_medium")),
    )
    op.create_table(
        "digest_item",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("digest_id", sa.String(), nullable=False),
        sa.Column("state", _word(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], ["message.id"], name=op.f(f"fk_digest_item_{column}_message"), ondelete="CASCADE"
            )
            for column in ("message_id", "digest_id")
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_digest_item")),
    )
    op.create_index(op.f("ix_digest_item_digest_id"), "digest_item", ["digest_id"], unique=False)
    op.create_index(op.f("ix_digest_item_at"), "digest_item", ["at"], unique=False)
    op.add_column("notice", sa.Column("topic", sa.String(), nullable=False, server_default=""))
    op.add_column("message", sa.Column("remark", sa.String(), nullable=False, server_default=""))
    # How much a family got this week is asked by contact and day; a contact's messages are still found by the same.
    op.create_index("message_contact_made", "message", ["contact_id", "created_at"], unique=False)
    op.drop_index(op.f("ix_message_contact_id"), "message")


def downgrade() -> None:
    """Go back to the revision before."""
    op.create_index(op.f("ix_message_contact_id"), "message", ["contact_id"], unique=False)
    op.drop_index("message_contact_made", "message")
    op.drop_column("message", "remark")
    op.drop_column("notice", "topic")
    op.drop_table("digest_item")
    op.drop_table("preference")
