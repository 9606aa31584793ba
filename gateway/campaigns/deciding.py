"""Which firing of a campaign is due, decided once: it goes out, or the reason is written down.

Whoever decides holds the notice's row, so that of ten tickers one does. ``decided_until`` says up to which moment
everything is decided; what comes after it, by the calendar of now, is due or coming. So a calendar that changes needs
no bookkeeping: the next look sees the new days, and what was decided stays decided.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import Final

from sqlmodel import col, select

from gateway import audit, context, firing, planner
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Campaign, CampaignFiring, Notice, NoticeState, SchoolEvent
from scheduler import calendar

FIRED, MADE_UP, BY_HAND, MISSED, PAUSED = "fired", "made_up", "by_hand", "missed", "paused"
OUTCOMES: Final = (FIRED, MADE_UP, BY_HAND, MISSED, PAUSED)

#: A firing that is later than this was missed and is made up; a ticker that is busy is not worth a word.
LATE: Final = timedelta(minutes=5)
_JUST_BEFORE: Final = timedelta(microseconds=1)
#: For so long it is remembered what a firing was known by: no term is longer, and no holiday.
_REMEMBERED: Final = timedelta(days=400)


async def begin(session: Session, notice: Notice, definition: model.Definition, *, now: datetime) -> None:
    """Make a campaign of a notice that was taken in, should it be one."""
    if definition.schedule.repeats:
        session.add(Campaign(notice_id=notice.id, decided_until=now))


async def decide(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition
) -> CampaignFiring | None:
    """The firing that is to go out now, in the caller's transaction; None when none is, or for what fires once."""
    definition = await as_it_is(session, gateway, notice, definition)
    calendars = await gateway.calendars.look(session)
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=calendars)
    if made is None:
        return None
    now, campaign = gateway.now(), await row(session, notice, now=gateway.now())
    if campaign.by_hand_at is not None:
        return await _by_hand(session, gateway, notice, campaign, campaign.by_hand_at)
    if campaign.paused_at is not None:
        if campaign.paused_until is not None and campaign.paused_until <= now:
            await end_pause(session, gateway, notice, definition, until=campaign.paused_until)
        await lay_out(session, gateway, notice, definition)
        return None
    done = await known(session, notice, made, now=now)
    found = firing.overdue(made, campaign.decided_until, now, done=done)
    if found is None or found.last.at is None:  # the calendar has changed since it was laid out
        await lay_out(session, gateway, notice, definition)
        return None
    return await _settle(session, gateway, notice, definition, campaign, found, found.last.at)


async def _settle(
    session: Session,
    gateway: context.Gateway,
    notice: Notice,
    definition: model.Definition,
    campaign: Campaign,
    found: firing.Overdue,
    at: datetime,
) -> CampaignFiring | None:
    """Make up the last of what is due, if that is still true; what came before it is over."""
    now = gateway.now()
    campaign.decided_until = at
    session.add(campaign)
    if found.missed and found.first_missed:
        earlier = CampaignFiring(
            notice_id=notice.id, outcome=MISSED, fire_at=found.last_missed or at - _JUST_BEFORE,
            first_at=found.first_missed, count=found.missed, keys=list(found.missed_keys),
            why="a later one was due as well when Handbell came to it", at=now,
        )  # fmt: skip
        await note(session, gateway, earlier)
    made = CampaignFiring(
        notice_id=notice.id, outcome=FIRED, fire_at=at, first_at=at, keys=list(found.last.keys), why=found.last.why,
        at=now,
    )  # fmt: skip
    if over := _over(definition, at, gateway):
        made.outcome, made.why = MISSED, over
        await note(session, gateway, made)
        await lay_out(session, gateway, notice, definition)
        return None
    if now - at > LATE:
        made.outcome, made.why = MADE_UP, made.why or "its time had gone by, and it was still true"
    await note(session, gateway, made)
    return made


def _over(definition: model.Definition, at: datetime, gateway: context.Gateway) -> str:
    """Why what was due at a moment is not said any more, ``""`` where it is still true when it can leave."""
    now, ends = gateway.now(), still_true_until(definition, at, gateway)
    if now >= ends:
        return "its time had gone by when Handbell came to it"
    if now - at > LATE and planner.leaves(definition, now, quiet=gateway.quiet, timezone=gateway.timezone) >= ends:
        return "Handbell came to it late, and it would not be true any more when it may leave"
    return ""


def still_true_until(definition: model.Definition, at: datetime, gateway: context.Gateway) -> datetime:
    """Until when a missed firing is made up: as long as it says that it is valid, else until the end of its day."""
    ends = planner.not_after(definition, at, gateway.timezone)
    if ends is not None:
        return ends
    following = at.astimezone(gateway.timezone).date() + timedelta(days=1)
    return calendar.to_utc(datetime.combine(following, time()), gateway.timezone)


async def _by_hand(
    session: Session, gateway: context.Gateway, notice: Notice, campaign: Campaign, at: datetime
) -> CampaignFiring:
    by = campaign.by_hand_by
    campaign.by_hand_at, campaign.by_hand_by = None, ""
    session.add(campaign)
    made = CampaignFiring(
        notice_id=notice.id, outcome=BY_HAND, fire_at=at, first_at=at, why="somebody wanted it now", at=gateway.now(),
        by=by,
    )  # fmt: skip
    await note(session, gateway, made)
    return made


async def end_pause(
    session: Session,
    gateway: context.Gateway,
    notice: Notice,
    definition: model.Definition,
    *,
    until: datetime,
    by: str = "handbell",
) -> None:
    """End a pause. What would have gone out in it is over, and counted."""
    campaign = await row(session, notice, now=gateway.now())
    why = f"paused by {campaign.paused_by}"
    await leave_out(session, gateway, notice, definition, until=until, outcome=PAUSED, why=why, by=by)
    campaign.paused_at, campaign.paused_until, campaign.paused_by = None, None, ""
    session.add(campaign)


async def leave_out(
    session: Session,
    gateway: context.Gateway,
    notice: Notice,
    definition: model.Definition,
    *,
    until: datetime,
    outcome: str,
    why: str,
    by: str,
) -> None:
    """Write down what was due up to a moment and does not go out: it is decided, whatever becomes of the calendar."""
    campaign = await row(session, notice, now=gateway.now())
    definition = await as_it_is(session, gateway, notice, definition)
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=await gateway.calendars.look(session))
    done = await known(session, notice, made, now=gateway.now()) if made else ()
    found = firing.overdue(made, campaign.decided_until, until, done=done) if made else None
    if found is not None and found.last.at:
        left_out = CampaignFiring(
            notice_id=notice.id, outcome=outcome, fire_at=found.last.at, first_at=found.first_missed or found.last.at,
            count=found.missed + 1, keys=[*found.missed_keys, *found.last.keys], why=why, at=gateway.now(), by=by,
        )  # fmt: skip
        await note(session, gateway, left_out)
    campaign.decided_until = max(campaign.decided_until, until)
    session.add(campaign)


async def as_it_is(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition
) -> model.Definition:
    """A definition with its event where that is by now: days before are counted from there."""
    if notice.event_id is None or definition.event is None or not definition.schedule.when:
        return definition
    happening = await session.get_one(SchoolEvent, notice.event_id)
    starts = planner.local(happening.starts_at, gateway.timezone)
    return definition.model_copy(update={"event": definition.event.model_copy(update={"starts": starts})})


async def lay_out(session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition) -> None:
    """Write down when a notice fires next, by the calendar of now; one that never will again is done."""
    calendars = await gateway.calendars.look(session) if definition.schedule.repeats else gateway.calendars.known
    definition = await as_it_is(session, gateway, notice, definition)
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=calendars)
    now = gateway.now()
    notice.next_fire_at = await _next(session, notice, made, now=now) if made else None
    session.add(notice)
    if notice.next_fire_at is None and notice.state is NoticeState.SCHEDULED:
        if made and ((await row(session, notice, now=now)).paused_at or not firing.is_over(made, now)):
            return  # somebody may resume it, or the next year's terms come
        notice.state = NoticeState.DONE


async def _next(session: Session, notice: Notice, made: firing.Timetable, *, now: datetime) -> datetime | None:
    campaign = await row(session, notice, now=now)
    if campaign.by_hand_at is not None:
        return campaign.by_hand_at
    if campaign.paused_at is not None:
        return campaign.paused_until
    return made.following(campaign.decided_until, done=await known(session, notice, made, now=now))


async def row(session: Session, notice: Notice, *, now: datetime) -> Campaign:
    """The campaign of a notice; made for one that was taken in before there were campaigns."""
    found = await session.get(Campaign, notice.id)
    if found is None:
        begun = notice.next_fire_at - _JUST_BEFORE if notice.next_fire_at else now
        found = Campaign(notice_id=notice.id, decided_until=begun)
        session.add(found)
        await session.flush()
    return found


async def known(session: Session, notice: Notice, made: firing.Timetable, *, now: datetime) -> Collection[str]:
    """What firings were known by that have been decided, where their moment alone does not tell."""
    if not made.moves:
        return ()
    query = select(CampaignFiring.keys).where(
        col(CampaignFiring.notice_id) == notice.id, col(CampaignFiring.fire_at) > now - _REMEMBERED
    )
    return {key for keys in await session.scalars(query) for key in keys}


async def note(session: Session, gateway: context.Gateway, made: CampaignFiring) -> None:
    """Write a firing down, with its line in the audit log."""
    session.add(made)
    await session.flush()
    facts = {"firing": made.id, "at": made.fire_at, "count": made.count, "why": made.why}
    line = audit.Line(f"campaign.{made.outcome}", f"notice:{made.notice_id}", facts, made.by or "handbell")
    await gateway.log.record(session, line, now=gateway.now())
