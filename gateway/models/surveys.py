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


class SurveyRun(Table, table=True):
    """A run asks one question of a survey; the first one asks everybody, the later ones whoever has come so far."""

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    survey_id: int = Field(foreign_key="survey.id", index=True)
    question: int  #: from 0
    again: bool = False  #: the one reminder


class SurveyTaker(Table, table=True):
    """Somebody who was asked, and how far they have come; what they said is not here.

    ``answered``  how many questions; ``wants`` the question that is still to be put to them, where there is one
    ``pupils``    of whom the first question spoke
    """

    __table_args__ = (
        UniqueConstraint("survey_id", "contact_id"),
        Index(
            "survey_taker_wants",
            "survey_id",
            sqlite_where=text("wants IS NOT NULL"),
            postgresql_where=text("wants IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    survey_id: int = Field(foreign_key="survey.id")
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    answered: int = 0
    wants: int | None = None
    reminded: bool = False


class SurveyAnswer(Table, table=True):
    """One answer, with the form and the language of the family, and nothing that says whose it is.

    ``taker_id`` is None in a survey that is anonymous. There is no moment: it would tell whose answer it is.
    """

    id: int | None = Field(default=None, primary_key=True)
    survey_id: int = Field(foreign_key="survey.id", index=True)
    question: int
    option: str = ""  #: the digit; "" with words
    words: str = ""
    form: str = ""
    language: str = ""
    taker_id: int | None = Field(default=None, foreign_key="survey_taker.id", ondelete="SET NULL")
