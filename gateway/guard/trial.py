"""Of the trial: what was written before its end reaches its guests alone."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.guard.asked import exists, message, trial, trial_guest
from gateway.models import Trial, TrialGuest
from gateway.models.types import core


def kept_to_guests() -> sa.ColumnElement[bool]:
    """It was written during the trial, and goes to nobody on the guest list.

    Also once the trial is over: what was only tried must not reach a family on the morning after, as it waited for its
    time, for a second person or for a way out.
    """
    unended = sa.or_(trial.ended_at.is_(None), trial.ended_at >= message.created_at)
    guest = exists([core(TrialGuest)], trial_guest.address == message.address)
    return sa.case((exists([core(Trial)], unended), ~guest), else_=sa.false())
