"""Announcements that somebody at the office is writing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class AnnouncementDraft(Table, table=True):
    """An announcement before it is sent, as it was typed; half of it may be missing yet.

    ``typed``      the fields of the form, each with all of its values
    ``author``     who began it, as the audit log has it; ``changed_by`` who wrote in it last
    ``notice_id``  what it became: while that is set it is no draft any more, and it is one again when that was stopped
                   before anything had left
    """

    id: str = Field(primary_key=True)
    title: str = ""
    typed: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    author: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    changed_by: str
    notice_id: str | None = Field(default=None, foreign_key="notice.id", ondelete="SET NULL", index=True)
