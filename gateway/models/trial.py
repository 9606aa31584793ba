"""Trial mode: whether it goes on, who gets something meanwhile, and what the check before its end was told."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class Trial(Table, table=True):
    """The one trial of an installation (``id`` 1); no row: it began before there were trials, or only practises.

    ``ended_at``  what was written until then reaches guests alone, for ever (``gateway/guard/trial.py``)
    """

    id: int = Field(primary_key=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""


class TrialGuest(Table, table=True):
    """A phone or mailbox that messages reach during the trial; ``name`` says whose it is."""

    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(unique=True)
    name: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    added_by: str


class Waiver(Table, table=True):
    """A finding of the go-live check that somebody answers for; ``of`` is its name, ``because`` their reason."""

    of: str = Field(primary_key=True)
    because: str
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
