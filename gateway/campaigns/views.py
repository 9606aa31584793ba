"""Campaigns as people look at them: which there are, what comes next and why not, and what became of each firing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import context, errors, firing
from gateway.calendars import book
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import Campaign, CampaignFiring, Notice, NoticeState
from scheduler import calendar, occasions

_WINDOW = timedelta(days=400)  #: nobody plans school further ahead
_NEAR = timedelta(days=60)  #: no school day is farther away, in term or out of it
_MOST_LEFT_OUT = 400  #: of days that are told beside the firings


@dataclass(frozen=True, slots=True)
class Coming:
    """A firing to come, or a day that is left out: ``at`` is None, and ``why`` says why; so it does of one that moved.

    ``wanted`` is the local time that the rule names.
    """

    campaign: str
    title: str
    at: datetime | None
    wanted: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign, and in words what it does."""

    notice: Notice
    campaign: Campaign | None
    rule: str
    school: str


async def listed(session: Session, gateway: context.Gateway, *, everything: bool = False) -> list[Seen]:
    """The campaigns that may still fire, the next one first; with ``everything`` those that are over too."""
    calendars = await gateway.calendars.look(session)
    query = (
        select(Notice, Campaign)
        .outerjoin(Campaign, col(Campaign.notice_id) == col(Notice.id))
        .where(sa.or_(col(Campaign.notice_id).is_not(None), col(Notice.next_fire_at).is_not(None)))
        .order_by(col(Notice.next_fire_at).is_(None), col(Notice.next_fire_at), col(Notice.id))
    )
    if not everything:
        query = query.where(col(Notice.state).in_((NoticeState.SCHEDULED, NoticeState.HELD)))
    found = [(notice, campaign) for notice, campaign in await session.execute(query)]
    return [_seen(notice, campaign, calendars) for notice, campaign in found if _repeats(notice)]


def _repeats(notice: Notice) -> bool:
    schedule = notice.definition.get("schedule", {})
    return any(schedule.get(name) for name in ("cron", "every", "when"))


def _seen(notice: Notice, campaign: Campaign | None, calendars: book.Calendars) -> Seen:
    definition = reading.stored(notice.definition)
    return Seen(notice, campaign, in_words(definition.schedule), firing.school(definition, calendars))


def in_words(schedule: model.Schedule) -> str:
    """A rule as a person wrote it, with what becomes of days without school."""
    if schedule.cron:
        said = f"cron {schedule.cron}"
    elif schedule.every and schedule.from_:
        said = f"every {schedule.every} from {schedule.from_:%a %d %b %Y %H:%M}"
    else:
        said = ", ".join(schedule.when)
        said += f" (counted from {schedule.date})" if schedule.date else ""
    days = {"any": "", "skip": "; school days only", "next": "; else on the next school day",
            "previous": "; else on the school day before"}[schedule.school_days]  # fmt: skip
    return said + days


async def one(session: Session, gateway: context.Gateway, notice: Notice) -> Seen:
    """One campaign."""
    calendars = await gateway.calendars.look(session)
    return _seen(notice, await session.get(Campaign, notice.id), calendars)


async def coming(
    session: Session, gateway: context.Gateway, notice: Notice, *, limit: int, until: datetime | None = None
) -> list[Coming]:
    """The next firings of a campaign in order, ``limit`` of them, and between them every day that is left out.

    A campaign that is paused is shown as it would go on now, or when its pause ends.
    """
    calendars = await gateway.calendars.look(session)
    definition = reading.stored(notice.definition)
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=calendars)
    if made is None or notice.state not in (NoticeState.SCHEDULED, NoticeState.HELD):
        return []
    now, campaign = gateway.now(), await session.get(Campaign, notice.id)
    begin = max(now, campaign.paused_until) if campaign and campaign.paused_until else now
    if campaign and not campaign.paused_at:
        begin = min(begin, max(campaign.decided_until, now - deciding.LATE))
    done = await deciding.known(session, notice, made, now=now)
    found: list[Coming] = []
    fires = left_out = 0
    for occasion in made.coming(begin, until=until or now + _WINDOW, done=done):
        fires, left_out = fires + (occasion.at is not None), left_out + (occasion.at is None)
        if fires > limit or left_out > _MOST_LEFT_OUT:
            break
        found.append(Coming(notice.key, notice.title, occasion.at, occasion.wanted, occasion.why))
    while found and found[-1].at is None and fires <= limit and until is None:
        found.pop()  # of days after the last firing nobody asks
    return found


async def all_coming(session: Session, gateway: context.Gateway, *, until: datetime, limit: int) -> list[Coming]:
    """The firings of all campaigns up to a moment, and the days that are left out, in the order of time."""
    found: list[Coming] = []
    for seen in await listed(session, gateway):
        if not (seen.campaign and seen.campaign.paused_at and not seen.campaign.paused_until):
            found += await coming(session, gateway, seen.notice, limit=limit, until=until)
    return sorted(found, key=lambda one: one.at or calendar.to_utc(one.wanted, gateway.timezone))[:limit]


async def firings(session: Session, notice: Notice, *, limit: int, before: int = 0) -> Sequence[CampaignFiring]:
    """What became of the firings of a campaign, the newest first; ``before`` an id, for the next page."""
    query = select(CampaignFiring).where(col(CampaignFiring.notice_id) == notice.id)
    if before:
        query = query.where(col(CampaignFiring.id) < before)
    return (await session.scalars(query.order_by(col(CampaignFiring.id).desc()).limit(limit))).all()


async def explain(session: Session, gateway: context.Gateway, notice: Notice, day: datetime) -> list[str]:
    """Why a campaign fires, or fired, or does not on a local day: sentences, the most telling first."""
    calendars = await gateway.calendars.look(session)
    definition = reading.stored(notice.definition)
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=calendars)
    if made is None:
        raise errors.NotFound(f"“{notice.key}” is no campaign: it goes out once.")
    begin = calendar.to_utc(day, gateway.timezone)
    end = calendar.to_utc(day + timedelta(days=1), gateway.timezone)
    query = (
        select(CampaignFiring)
        .where(col(CampaignFiring.notice_id) == notice.id, col(CampaignFiring.fire_at) >= begin,
               col(CampaignFiring.first_at) < end)
        .order_by(col(CampaignFiring.fire_at))
    )  # fmt: skip
    said = [_told(one, gateway) for one in await session.scalars(query)]
    why = made.days.why_not(day.date())
    said.append(f"{day:%A %d %B %Y} is no school day: {why}." if why else f"{day:%A %d %B %Y} is a school day.")
    just_before = begin - timedelta(microseconds=1)
    wishes = list(made.coming(just_before, until=end - timedelta(microseconds=1)))
    said += [_wish(one, gateway) for one in wishes]
    moved = [one for one in made.coming(begin - _NEAR, until=end + _NEAR) if one not in wishes and _wants(one, day)]
    said += [_moved(one, one.at, gateway) for one in moved if one.at is not None]
    if not wishes and not moved:
        said.append(f"Its rule ({in_words(definition.schedule)}) names no time on this day.")
    return said


def _told(one: CampaignFiring, gateway: context.Gateway) -> str:
    at = one.fire_at.astimezone(gateway.timezone)
    what = {
        deciding.FIRED: "It went out at {at:%H:%M}",
        deciding.MADE_UP: "It was due at {at:%H:%M} and went out later",
        deciding.BY_HAND: "{by} had it go out at {at:%H:%M}",
        deciding.MISSED: "It was due at {at:%H:%M} and did not go out",
        deciding.PAUSED: "It was due at {at:%H:%M} and did not go out",
    }[one.outcome].format(at=at, by=one.by)
    several = f" ({one.count} firings in all)" if one.count > 1 else ""
    return f"{what}{several}{f': {one.why}' if one.why else ''}."


def _wants(one: occasions.Occasion, day: datetime) -> bool:
    """Whether a firing of another day is the one that the rule names on this day."""
    return one.wanted.date() == day.date() or any(key.startswith(f"{day:%Y-%m-%d}T") for key in one.keys)


def _moved(one: occasions.Occasion, at: datetime, gateway: context.Gateway) -> str:
    local = at.astimezone(gateway.timezone)
    return f"Its rule names {one.wanted:%H:%M} on this day, and it is moved to {local:%A %d %B %H:%M}."


def _wish(one: occasions.Occasion, gateway: context.Gateway) -> str:
    if one.at is None:
        return f"Its rule names {one.wanted:%H:%M} and leaves the day out: {one.why}."
    local = one.at.astimezone(gateway.timezone)
    moved = f" ({one.why})" if one.why else ""
    return f"Its rule names {local:%H:%M}{moved}."
