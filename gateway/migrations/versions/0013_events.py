"""Events: times with places, who was invited and what they answered, and what they were told."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WAITING = sa.text("waiting_since IS NOT NULL")
_OFFERED = sa.text("offer_until IS NOT NULL")


def _refers(table: str, column: str, other: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("school_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("changed_at", _MOMENT, nullable=True))
    op.create_table(
        "event_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("forms", sa.JSON(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.CheckConstraint("taken >= 0 AND (capacity IS NULL OR taken <= capacity)", name=op.f("ck_event_slot_places")),
        _refers("event_slot", "event_id", "school_event"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_slot")),
        sa.UniqueConstraint("event_id", "starts_at", "host", name=op.f("uq_event_slot_event_id_starts_at_host")),
    )
    op.create_table(
        "event_guest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("household", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=True),
        sa.Column("first_key", sa.Integer(), nullable=False),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("newcomer", sa.Boolean(), nullable=False),
        sa.Column("interpreter", sa.Boolean(), nullable=False),
        sa.Column("invited_at", _MOMENT, nullable=False),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("waiting_since", _MOMENT, nullable=True),
        sa.Column("offer_until", _MOMENT, nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=True),
        sa.Column("attended_by", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        _refers("event_guest", "event_id", "school_event"),
        _refers("event_guest", "slot_id", "event_slot"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_guest")),
        sa.UniqueConstraint("event_id", "household", name=op.f("uq_event_guest_event_id_household")),
    )
    op.create_index(op.f("ix_event_guest_slot_id"), "event_guest", ["slot_id"], unique=False)
    op.create_index(
        "event_guest_waiting", "event_guest", ["event_id", "waiting_since"], unique=False,
        sqlite_where=_WAITING, postgresql_where=_WAITING,
    )  # fmt: skip
    op.create_index(
        "event_guest_offer", "event_guest", ["offer_until"], unique=False,
        sqlite_where=_OFFERED, postgresql_where=_OFFERED,
    )  # fmt: skip
    op.create_table(
        "event_party",
        sa.Column("guest_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("pupil_id", sa.Integer(), nullable=False),
        _refers("event_party", "guest_id", "event_guest", "CASCADE"),
        _refers("event_party", "contact_id", "contact", "CASCADE"),
        _refers("event_party", "pupil_id", "pupil", "CASCADE"),
        sa.PrimaryKeyConstraint("guest_id", "contact_id", "pupil_id", name=op.f("pk_event_party")),
    )
    op.create_index(op.f("ix_event_party_contact_id"), "event_party", ["contact_id"], unique=False)
    op.create_index(op.f("ix_event_party_pupil_id"), "event_party", ["pupil_id"], unique=False)
    op.create_table(
        "event_told",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("guest_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("menu", sa.JSON(), nullable=False),
        _refers("event_told", "message_id", "message", "CASCADE"),
        _refers("event_told", "guest_id", "event_guest", "CASCADE"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_event_told")),
    )
    op.create_index(op.f("ix_event_told_guest_id"), "event_told", ["guest_id"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("event_told", "event_party", "event_guest", "event_slot"):
        op.drop_table(table)
    with op.batch_alter_table("school_event", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
        batch_op.drop_column("sequence")
