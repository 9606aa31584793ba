"""Surveys: what is asked, who was asked and who has answered; and, apart from that, what was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime


class Survey(Table, table=True):
    """Questions to families, one a text. ``definition`` is the checked survey (``gateway/surveys/model.py``) as JSON.

    ``remind_at``  when those are reminded who have not answered, once; None where nobody is, or all have been
    ``closing``    how it was closed: ``told`` (you said, we did) or ``reason``; ``reason`` says which
    """

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    title: str
    anonymous: bool
    definition: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    remind_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str = ""
    closing: str = ""
    reason: str = ""


class SurveyNotice(Table, table=True):
    """A notice puts one question of a survey; the first one to everybody, the later ones to whoever has come so far."""

    notice_id: str = Field(foreign_key="notice.id", primary_key=True)
    survey_id: int = Field(foreign_key="survey.id", index=True)
    question: int  #: from 0
    again: bool = False  #: the one reminder


class SurveyTaker(Table, table=True):
    """Somebody who has answered, and how far they have come; in an anonymous survey what they said is nowhere.

    ``answered``    how many questions; ``next_at`` when the next one is put to them, None where there is none
    ``message_id``  the message that they answered last: it says how to go on, and about which pupils
    """

    __table_args__ = (
        UniqueConstraint("survey_id", "contact_id"),
        Index(
            "survey_taker_next",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    survey_id: int = Field(foreign_key="survey.id")
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    answered: int = 0
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    message_id: str | None = Field(default=None, foreign_key="message.id", ondelete="SET NULL")


class SurveyTally(Table, table=True):
    """How often an option was chosen in an anonymous survey, by form and language.

    A sum and no rows: the order of rows, beside the order in which people answered, would tell whose each is.
    """

    __table_args__ = (UniqueConstraint("survey_id", "question", "option", "form", "language"),)

    id: int | None = Field(default=None, primary_key=True)
    survey_id: int = Field(foreign_key="survey.id")
    question: int
    option: str
    form: str
    language: str
    answers: int = 0


class SurveyAnswer(Table, table=True):
    """One answer in a survey that is not anonymous: a digit, or words where the question has no options."""

    __table_args__ = (UniqueConstraint("taker_id", "question"),)

    id: int | None = Field(default=None, primary_key=True)
    survey_id: int = Field(foreign_key="survey.id", index=True)
    taker_id: int = Field(foreign_key="survey_taker.id", ondelete="CASCADE")
    question: int
    option: str = ""
    words: str = ""
    form: str = ""
    language: str = ""
