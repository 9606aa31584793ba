"""Proof and doors: the audit log, API tokens and remembered answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class Audit(Table, table=True):
    """One deed. ``body`` is canonical JSON of ids and reasons, never of words or whole numbers.

    ``nonce`` is the process that wrote it, and a number that goes up there. ``mac`` = HMAC-SHA256 over the row. The
    sealer gives ``link`` (1, 2, 3 …) and ``hash`` = SHA-256(previous ‖ mac).
    """

    # SQLite, too, is to give no number of a row twice: one that was removed at the end is missed.
    __table_args__ = (Index("audit_action_at", "action", "at"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    action: str
    subject: str = Field(default="", index=True)
    body: str = "{}"
    nonce: str = Field(default="", sa_column_kwargs={"server_default": ""})
    mac: str
    link: int | None = Field(default=None, unique=True)
    hash: str = ""


class AuditEnd(Table, table=True):
    """The end of the chain, one row: its last ``link`` and ``hash``, and our HMAC over both."""

    id: int = Field(primary_key=True)
    link: int
    hash: str
    mac: str = ""


class ApiToken(Table, table=True):
    """A token of the HTTP API. Only its SHA-256 is kept.

    ``read_only``  it may look at everything, and change nothing
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    digest: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read_only: bool = False


class Idempotency(Table, table=True):
    """The answer once given to a POST with an ``Idempotency-Key``."""

    token_id: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str  #: SHA-256 of method, path and body: the same key with another request is refused
    status: int
    body: str
    at: datetime = Field(sa_type=UtcDateTime)
