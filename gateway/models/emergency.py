"""Emergencies: the alarm, its updates and its all-clear, each a notice of its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime, words


class EmergencyPart(StrEnum):
    """What a notice is to its emergency."""

    ALARM = "alarm"
    UPDATE = "update"
    ALL_CLEAR = "all_clear"


class Emergency(Table, table=True):
    """Something that families were alarmed of. Its words are those of its notices.

    ``over_at`` is when the all-clear was given: nothing goes any more after that.
    """

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    by: str
    over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over_by: str = ""


class EmergencyNotice(Table, table=True):
    """A notice is a part of an emergency. ``facts`` count whom an update told, and whom not, and why."""

    notice_id: str = Field(foreign_key="notice.id", primary_key=True)
    emergency_id: int = Field(foreign_key="emergency.id", index=True)
    part: EmergencyPart = Field(sa_type=words(EmergencyPart))
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class EmergencyWord(Table, table=True):
    """Somebody of the school has told one who answers for a child, by telephone or at the gate: ``how`` says it."""

    emergency_id: int = Field(foreign_key="emergency.id", primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    how: str
