"""The audit log can only be added to, a line has a nonce, and the chain's end is signed."""

# ruff: noqa: S608 - the SQL is made of our own words alone

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_COLUMNS = "id, at, actor, action, subject, body, mac, link, hash"
_ONLY = "the audit log can only be added to"

#: SQLite asks no trigger when a REPLACE deletes the row that it overwrites: an INSERT or UPDATE that would is refused.
_SQLITE = {
    "audit_insert": f"""
        CREATE TRIGGER audit_insert BEFORE INSERT ON audit
        WHEN NEW.link IS NOT NULL OR NEW.hash <> '' OR EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{_ONLY}'); END""",
    "audit_update": f"""
        CREATE TRIGGER audit_update BEFORE UPDATE ON audit
        WHEN OLD.link IS NOT NULL OR NEW.link IS NULL OR NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at
          OR NEW.actor IS NOT OLD.actor OR NEW.action IS NOT OLD.action OR NEW.subject IS NOT OLD.subject
          OR NEW.body IS NOT OLD.body OR NEW.nonce IS NOT OLD.nonce OR NEW.mac IS NOT OLD.mac
          OR EXISTS (SELECT 1 FROM audit WHERE link = NEW.link)
        BEGIN SELECT RAISE(ABORT, '{_ONLY}'); END""",
    "audit_delete": f"""
        CREATE TRIGGER audit_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, '{_ONLY}'); END""",
    "audit_end_delete": f"""
        CREATE TRIGGER audit_end_delete BEFORE DELETE ON audit_end
        BEGIN SELECT RAISE(ABORT, '{_ONLY}'); END""",
}
_POSTGRESQL = {
    "audit_insert": """
        CREATE TRIGGER audit_insert BEFORE INSERT ON audit FOR EACH ROW
        WHEN (NEW.link IS NOT NULL OR NEW.hash <> '') EXECUTE FUNCTION audit_only_added_to()""",
    "audit_update": """
        CREATE TRIGGER audit_update BEFORE UPDATE ON audit FOR EACH ROW
        WHEN (OLD.link IS NOT NULL OR NEW.link IS NULL OR
          (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.subject, NEW.body, NEW.nonce, NEW.mac) IS DISTINCT FROM
          (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.subject, OLD.body, OLD.nonce, OLD.mac))
        EXECUTE FUNCTION audit_only_added_to()""",
    "audit_delete": """
        CREATE TRIGGER audit_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_added_to()""",
    "audit_truncate": """
        CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_only_added_to()""",
    "audit_end_delete": """
        CREATE TRIGGER audit_end_delete BEFORE DELETE ON audit_end FOR EACH ROW
        EXECUTE FUNCTION audit_only_added_to()""",
    "audit_end_truncate": """
        CREATE TRIGGER audit_end_truncate BEFORE TRUNCATE ON audit_end EXECUTE FUNCTION audit_only_added_to()""",
}


def upgrade() -> None:
    """Go to this revision."""
    on_sqlite = op.get_context().dialect.name == "sqlite"
    if on_sqlite:
        _rebuild(numbered=True)
    else:
        op.add_column("audit", sa.Column("nonce", sa.String(), server_default="", nullable=False))
    op.create_table(
        "audit_end",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_end")),
    )
    op.execute(
        "INSERT INTO audit_end (id, link, hash, mac) "
        "SELECT 1, link, hash, '' FROM audit WHERE link IS NOT NULL ORDER BY link DESC LIMIT 1"
    )
    if not on_sqlite:
        op.execute(
            "CREATE FUNCTION audit_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_ONLY}'; END $$"
        )
    for trigger in (_SQLITE if on_sqlite else _POSTGRESQL).values():
        op.execute(trigger)


def downgrade() -> None:
    """Go back to the revision before. The lines keep their HMAC, which an older Handbell cannot recompute."""
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for name in _SQLITE if on_sqlite else _POSTGRESQL:
        table = "audit_end" if name.startswith("audit_end") else "audit"
        op.execute(f"DROP TRIGGER {name}" if on_sqlite else f"DROP TRIGGER {name} ON {table}")
    op.drop_table("audit_end")
    if on_sqlite:
        _rebuild(numbered=False)
    else:
        op.execute("DROP FUNCTION audit_only_added_to()")
        op.drop_column("audit", "nonce")


def _rebuild(*, numbered: bool) -> None:
    """Make the table anew: SQLite learns only so that it may give no number twice (AUTOINCREMENT)."""
    nonce = [sa.Column("nonce", sa.String(), server_default="", nullable=False)] if numbered else []
    op.create_table(
        "audit_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        *nonce,
        sa.Column("mac", sa.String(), nullable=False),
        sa.Column("link", sa.Integer(), nullable=True),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("link", name=op.f("uq_audit_link")),
        sqlite_autoincrement=numbered,
    )
    op.execute(f"INSERT INTO audit_new ({_COLUMNS}) SELECT {_COLUMNS} FROM audit ORDER BY id")
    op.drop_table("audit")
    op.rename_table("audit_new", "audit")
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)
    op.create_index("audit_action_at", "audit", ["action", "at"], unique=False)
