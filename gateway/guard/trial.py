"""Of the trial: what was written before its end reaches its guests alone, and so does what follows from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from gateway.guard.asked import exists, message, notice, one_of, run, trial, trial_guest
from gateway.guard.menus import NOT_SENT
from gateway.models import Campaign, CampaignFiring, EventGuest, EventTold, Message, Run, Trial, TrialGuest
from gateway.models.types import core, fixed

#: By what a household first hears of an event; ``again`` answers what it has said of it.
_BEGINNINGS: Final = ("invitation", "again")
#: What the stored definition of a campaign has that counts from one date (:class:`gateway.definitions.model.Schedule`).
_COUNTS_DOWN: Final = sa.literal_column("""'%"schedule": {"when": [%], "date": %'""", type_=sa.Text)


def kept_to_guests() -> sa.ColumnElement[bool]:
    """It was written during the trial, or follows from what the trial held back, and goes to nobody on the guest list.

    Also once the trial is over: what was only tried must not reach a family on the morning after, as it waited for its
    time, for a second person or for a way out.
    """
    unended = sa.or_(trial.ended_at.is_(None), trial.ended_at >= message.created_at)
    guest = exists([core(TrialGuest)], trial_guest.address == message.address)
    never_heard = _never_heard(_of_campaign)
    follows = sa.case(
        (notice.event_id.is_not(None), _never_heard(_of_event)),
        # Of one that began later nothing was held back. To look for that goes through all that it ever sent.
        (exists([core(Trial)], trial.ended_at >= notice.created_at), sa.and_(_counts_down(), never_heard)),
        else_=sa.false(),
    )
    return sa.case((exists([core(Trial)], unended), ~guest), (exists([core(Trial)]), follows), else_=sa.false())


def _counts_down() -> sa.ColumnElement[bool]:
    """Whether each firing of its campaign reminds of the same date; not what somebody sends by hand."""
    campaign, firing = core(Campaign).c, core(CampaignFiring).c
    by_hand = exists([core(CampaignFiring)], firing.run_id == message.run_id, firing.outcome == fixed("by_hand"))
    counts = sa.and_(sa.cast(notice.definition, sa.Text).like(_COUNTS_DOWN), ~by_hand)
    is_campaign = exists([core(Campaign)], campaign.notice_id == run.notice_id)
    return sa.case((is_campaign, counts), else_=sa.false())


def _never_heard(of: Callable[..., sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """The trial held back how it began for this contact, or this phone or mailbox, and nothing of that has left since.

    ``of`` says whether there is such an earlier message.
    """
    other = core(Message).alias("other")

    def there(what: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        theirs = (other.c.contact_id == message.contact_id, other.c.address == message.address)
        return sa.or_(*(of(other, one, what) for one in theirs))

    return sa.and_(there(other.c.reason == fixed("trial")), ~there(~one_of(other.c.state, NOT_SENT)))


def _of_event(other: sa.FromClause, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether there is such an invitation of the same household, where the message is no invitation itself.

    Not of one that has answered: it heard of the event elsewhere, such as from the office, and counts on it.
    """
    mine, theirs = core(EventTold).alias("mine"), core(EventTold).alias("theirs")
    guest = core(EventGuest)
    return exists(
        [mine, theirs, guest, other],
        mine.c.message_id == message.id,
        ~one_of(mine.c.kind, _BEGINNINGS),
        guest.c.id == mine.c.guest_id,
        guest.c.answered_at.is_(None),
        theirs.c.guest_id == mine.c.guest_id,
        one_of(theirs.c.kind, _BEGINNINGS),
        other.c.id == theirs.c.message_id,
        *which,
    )


def _of_campaign(other: sa.FromClause, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether there is such a message of an earlier firing of the same campaign."""
    its = core(Run).alias("its")
    earlier = (its.c.notice_id == run.notice_id, its.c.id < message.run_id, other.c.run_id == its.c.id)
    return exists([its, other], *earlier, *which)
