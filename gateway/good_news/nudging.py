"""A weekly mail to each form's teacher: who has had no good news for longest, as drafts to answer by number.

It holds first names and the form and nothing else of a child: a teacher's mailbox is not ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa

from gateway import audit, context, people, staff, upsert
from gateway.database import Session
from gateway.good_news import balance, hours, kinds, worries
from gateway.models import Praise, PraiseNudge, Pupil, Purpose
from gateway.models.types import core
from gateway.registers import teachers
from scheduler import calendar

SLOT: Final = "staff:good-news:"  #: begins the slot of such a mail; the nudge's number follows
_ALONE: Final = (
    "A number alone is effort: the child worked very hard and did not give up. Leave out whoever you have nothing true "
    "to say of."
)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")


async def turn(gateway: context.Gateway) -> int:
    """Write to every teacher who has not been written to this week, once its day and hour have come. Gives how many."""
    known = gateway.teachers
    if not known.forms or not is_time(gateway):
        return 0
    async with gateway.database.read() as session:
        forms = await _unwritten(session, gateway, known)
        if not forms:
            return 0
        whole = await balance.of(session, gateway, balance.Wanted(hours.counted_from(gateway)))
    mailed = 0
    for form in forms:
        children = [one for one in whole.children if one.pupil.form == form]
        async with gateway.database.write() as session:
            mailed += await _write(session, gateway, known, form, children)
    return mailed


async def _unwritten(session: Session, gateway: context.Gateway, known: teachers.Teachers) -> list[str]:
    """The forms whose teacher has a mailbox and no mail of this week yet."""
    nudge, pupil = core(PraiseNudge).c, core(Pupil).c
    done = sa.select(nudge.form).where(nudge.week == _monday(gateway.today()))
    query = sa.select(pupil.form).where(people.on_roll(gateway.today()), pupil.form.not_in(done)).distinct()
    return [form for form in await session.scalars(query.order_by(pupil.form)) if _mailboxes(known, form)]


def is_time(gateway: context.Gateway) -> bool:
    """Whether this week's day and hour have come; a day without school is made up for later in its week."""
    chosen, today = gateway.settings.good_news.nudge_on, gateway.today()
    if not chosen or not gateway.year.days.is_school_day(today) or today.weekday() < _WEEKDAYS.index(chosen):
        return False
    begins = datetime.combine(today, time.fromisoformat(gateway.settings.good_news.nudge_hour))
    return calendar.to_utc(begins, gateway.timezone) <= gateway.now() < hours.ends(gateway, today)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _mailboxes(known: teachers.Teachers, form: str) -> list[str]:
    return [address for address in known.of(form) if "@" in address]


async def _write(
    session: Session,
    gateway: context.Gateway,
    known: teachers.Teachers,
    form: str,
    children: Sequence[balance.Child],
) -> int:
    """One form's mail, in the caller's transaction; none where another process has written it, or nobody is due."""
    now, today = gateway.now(), gateway.today()
    praise = core(Praise).c
    waits = sa.select(praise.pupil_id).where(praise.told_at.is_(None), praise.withdrawn_at.is_(None))
    waiting = set(await session.scalars(waits))
    dry = [
        one
        for one in children
        if one.pupil.id not in waiting and (one.last_good is None or one.last_good < today - worries.RECENT)
    ][: gateway.settings.good_news.nudge_names]
    row = {"form": form, "week": _monday(today), "at": now, "drafts": [one.pupil.id for one in dry]}
    made = await upsert.insert_new(session, core(PraiseNudge), [row], key=("form", "week"))
    if not made or not dry:
        return 0
    nudge_id, school = made[0][0], gateway.settings.school.short_name
    sent = await staff.write(
        session,
        gateway,
        _mailboxes(known, form),
        text(gateway, form, dry, names_of(children)),
        subject=f"{school}: good news of {form}",
        slot=f"{SLOT.removeprefix('staff:')}{nudge_id}",
        purpose=Purpose.SERVICE,
        priority=Purpose.GOOD_NEWS.priority,
    )
    facts = {"form": form, "drafts": len(dry), "messages": sent}
    await gateway.log.record(session, audit.Line("praise.nudged", f"praise_nudge:{nudge_id}", facts), now=now)
    return len(sent)


def names_of(children: Sequence[balance.Child]) -> dict[int, str]:
    """First names; where two of a form have the same, with the first letter of the surname."""
    called = Counter(one.pupil.called for one in children)
    return {
        one.pupil.id: " ".join([one.pupil.called, *one.pupil.surname[: called[one.pupil.called] > 1]])
        for one in children
    }


def text(gateway: context.Gateway, form: str, dry: Sequence[balance.Child], names: dict[int, str]) -> str:
    """The mail, in English: staff read it."""
    lines = [f"{number}. {names[one.pupil.id]}: {_since(one)}" for number, one in enumerate(dry, 1)]
    goes = hours.following(gateway).astimezone(gateway.timezone)
    return "\n".join(
        [
            f"These children of {form} have had no good news for longest:",
            "",
            *lines,
            "",
            "Reply with a number, a kind, and a few words if you like, one line for each child:",
            "",
            "1 kindness She waited for a friend.",
            "",
            f"The kinds are {', '.join(kinds.every())}. {_ALONE}",
            "",
            f"It goes home on {goes:%A} at {goes:%H:%M}, in each family's language. Please name no other child.",
        ]
    )


def _since(one: balance.Child) -> str:
    return f"none since {one.last_good.day} {one.last_good:%B}" if one.last_good else "none yet"
