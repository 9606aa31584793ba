"""What people do to a campaign: pause it, let it go on, or have it now. Each is written down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, bell, context, errors, tasks
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import Campaign, CampaignFiring, Notice, NoticeState, Run

_PRESSED_TWICE: Final = timedelta(minutes=10)


async def pause(
    session: Session, gateway: context.Gateway, name: str, *, until: datetime | None = None, by: str
) -> Notice:
    """Let a campaign fire no more, until a moment or until somebody resumes it.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict`, or :class:`errors.BadInput` for a moment that is over.
    """
    notice, definition, campaign = await _locked(session, gateway, name)
    now = gateway.now()
    if notice.state is not NoticeState.SCHEDULED:
        raise errors.Conflict(f"“{notice.key}” cannot be paused: it is {notice.state.value}.")
    if until is not None and until <= now:
        problem = errors.Problem("this time has gone by.", "Write one that is still to come.", field="until")
        raise errors.BadInput([problem])
    campaign.paused_at, campaign.paused_until, campaign.paused_by = campaign.paused_at or now, until, by
    session.add(campaign)
    if notice.next_fire_at is None or notice.next_fire_at > now:  # a run that is planned in part is finished
        await deciding.lay_out(session, gateway, notice, definition)
    line = audit.Line("campaign.paused", f"notice:{notice.id}", {"until": until}, by)
    await gateway.log.record(session, line, now=now)
    return notice


async def resume(session: Session, gateway: context.Gateway, name: str, *, by: str) -> Notice:
    """Let a campaign go on that was paused, or that could not be planned. What would have gone out meanwhile is over.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    notice, definition, campaign = await _locked(session, gateway, name)
    now = gateway.now()
    if notice.state is NoticeState.BROKEN:
        await _mend(session, gateway, notice, definition, by=by)
    elif campaign.paused_at is None:
        raise errors.Conflict(f"“{notice.key}” is not paused.")
    if campaign.paused_at is not None:
        await deciding.end_pause(session, gateway, notice, definition, until=now, by=by)
    await deciding.lay_out(session, gateway, notice, definition)
    await gateway.log.record(session, audit.Line("campaign.resumed", f"notice:{notice.id}", actor=by), now=now)
    return notice


async def _mend(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition, *, by: str
) -> None:
    """Let one that could not be planned be planned again; what of its run had not left was taken back then."""
    now = gateway.now()
    begun = (col(Run.notice_id) == notice.id, col(Run.planned_at).is_(None))
    await session.execute(sa.update(Run).where(*begun).values(planned_at=now))
    await deciding.leave_out(
        session, gateway, notice, definition, until=now, outcome=deciding.MISSED, why="it could not be planned", by=by
    )
    unseen = definition.approval.required and notice.approved_at is None
    notice.state, notice.trouble, notice.tries = NoticeState.HELD if unseen else NoticeState.SCHEDULED, "", 0
    session.add(notice)
    await tasks.over(session, f"notice:{notice.id}", by=f"{by}: resumed", log=gateway.log, now=now)


async def run_now(session: Session, gateway: context.Gateway, name: str, *, by: str) -> Notice:
    """Have a campaign go out now, beside its firings, which stay as they are.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` when it is over, about to go out anyway, or has just
    gone out by hand: who is in a hurry presses twice, and so do two in one office.
    """
    notice, definition, campaign = await _locked(session, gateway, name)
    now = gateway.now()
    if notice.state not in (NoticeState.SCHEDULED, NoticeState.HELD):
        raise errors.Conflict(f"“{notice.key}” cannot go out: it is {notice.state.value}.")
    if campaign.by_hand_at is not None or (notice.next_fire_at is not None and notice.next_fire_at <= now):
        raise errors.Conflict(f"“{notice.key}” is about to go out already.")
    if (last := await _by_hand_since(session, notice, now - _PRESSED_TWICE)) is not None:
        minutes = int(_PRESSED_TWICE.total_seconds() // 60)
        raise errors.Conflict(f"{last.by} had it go out a moment ago. Once more: {minutes} minutes after that.")
    campaign.by_hand_at, campaign.by_hand_by = now, by
    session.add(campaign)
    await deciding.lay_out(session, gateway, notice, definition)
    await gateway.log.record(session, audit.Line("campaign.wanted_now", f"notice:{notice.id}", actor=by), now=now)
    await bell.ring(session)
    return notice


async def _by_hand_since(session: Session, notice: Notice, since: datetime) -> CampaignFiring | None:
    query = select(CampaignFiring).where(
        CampaignFiring.notice_id == notice.id, CampaignFiring.outcome == deciding.BY_HAND,
        col(CampaignFiring.fire_at) > since,
    )  # fmt: skip
    return (await session.scalars(query.limit(1))).first()


async def _locked(session: Session, gateway: context.Gateway, name: str) -> tuple[Notice, model.Definition, Campaign]:
    """A campaign that nobody plans until the caller's transaction ends."""
    notice = await find(session, name)
    await session.refresh(notice, with_for_update=True)
    return notice, reading.stored(notice.definition), await deciding.row(session, notice, now=gateway.now())


async def find(session: Session, name: str) -> Notice:
    """A campaign by its key or its id.

    Raises :class:`errors.NotFound`.
    """
    query = select(Notice).where(sa.or_(col(Notice.key) == name, col(Notice.id) == name))
    notice = (await session.scalars(query)).one_or_none()
    if notice is None or not reading.stored(notice.definition).schedule.repeats:
        raise errors.NotFound(f"There is no campaign “{name}”.")
    return notice
