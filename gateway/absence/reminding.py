"""A reason that is still missing on later days: the family is reminded, and on the last day staff have a task.

Staff are told, too, of answers that nobody has confirmed, and of a day on which nobody was asked at all.

Nothing where a reason has come meanwhile, from whomever. What was done stands in the chronology of the case, so a day
on which nothing turned is made up for, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from gateway import context, people, tasks
from gateway.absence import asking, cases, ladder, reasons, registers, rules, sending, views
from gateway.database import Session
from gateway.models import AbsenceCase, AbsenceStep, CaseState, DaySession, Task
from gateway.models.types import core
from gateway.registers import marks

REASON: Final = "absence_reason"  #: the wording that reminds

_LONG_AGO = timedelta(days=30)  #: an older absence is the office's, not the machine's
_VALID = "6h"
#: Nobody knows why, and nobody is about to say so: other states have an answer, or a ladder of their own.
_UNEXPLAINED = (CaseState.HANDED_OVER, CaseState.SAFE)

#: What staff are told of a day, once: the kind of the task, what, and the cure.
_LAST = (
    "ageing",
    "Absences of {day.day} {day:%B} still without a reason: {count}. The last of the school days to find it has come.",
    "handbell absence ageing lists them. Ring the families; then handbell absence settle CASE --code …",
)
_UNCONFIRMED = (
    "unconfirmed",
    "Answers about absences of {day.day} {day:%B} that nobody has confirmed: {count}.",
    "handbell absence list shows them; then absence confirm or absence settle.",
)
_UNASKED = (
    "unasked",
    "Absences of {day.day} {day:%B} without a reason, and no family was asked: {count}. Did Handbell stand still?",
    "handbell absence ageing lists them. Make sure today that these children are safe.",
)


async def is_due(session: Session, gateway: context.Gateway, decided: rules.Rules) -> bool:
    """Whether a look would find anything to do; reads only."""
    waiting = await _waiting(session, gateway, decided)
    return bool(
        await _to_remind(session, gateway, decided, waiting) or await _to_tell(session, gateway, decided, waiting)
    )


async def remind(session: Session, gateway: context.Gateway, decided: rules.Rules) -> int:
    """Remind whoever is due, in the caller's transaction. Gives how many cases."""
    waiting = await _waiting(session, gateway, decided)
    for place in sorted({(one.day, one.session) for one in waiting}):
        await marks.hold(session, *place)
    due = await _to_remind(session, gateway, decided, waiting)
    for day in sorted({case.date for case in due}):
        await _remind(session, gateway, decided, [case for case in due if case.date == day])
    for ask in await _to_tell(session, gateway, decided, waiting):
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
    return len(due)


def _has_come(gateway: context.Gateway, decided: rules.Rules) -> bool:
    """Whether it is a school day, and the hour of reminders has come."""
    local = gateway.now().astimezone(decided.timezone)
    return decided.year.days.is_school_day(local.date()) and local.time() >= decided.ladder.reminders.at


async def _waiting(session: Session, gateway: context.Gateway, decided: rules.Rules) -> list[views.Ageing]:
    """Absences of earlier days of which nobody has said why, on a school day from the hour of reminders on."""
    today = gateway.today()
    if not _has_come(gateway, decided):
        return []
    found = await views.ageing(session, decided, today=today, within=_LONG_AGO)
    waiting = [one for one in found if one.day < today]
    said = {place: await reasons.known(session, *place) for place in {(one.day, one.session) for one in waiting}}
    return [one for one in waiting if one.pupil not in said[one.day, one.session]]


async def _to_remind(
    session: Session, gateway: context.Gateway, decided: rules.Rules, waiting: Sequence[views.Ageing]
) -> list[AbsenceCase]:
    """The cases that have not had the reminder of the latest day that has come."""
    wanted = dict[int, int]()
    for one in waiting:
        number = decided.codes.days - one.left + 1
        days = [day for day in decided.ladder.reminders.days if day <= number]
        if one.case is not None and days:
            wanted[one.case] = max(days)
    t, step = cases.case_table.c, cases.step_table.c
    had = sa.select(AbsenceStep).where(step.case_id.in_(sorted(wanted)), step.kind == cases.REMINDED)
    for row in await session.scalars(had):
        if int(row.facts["day"]) >= wanted.get(row.case_id, 0):
            wanted.pop(row.case_id, None)
    came_later = sa.and_(t.state == CaseState.SEEN, t.by == registers.THE_REGISTER)
    query = sa.select(AbsenceCase).where(t.id.in_(sorted(wanted)), sa.or_(t.state.in_(_UNEXPLAINED), came_later))
    query = query.order_by(t.id)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def _to_tell(
    session: Session, gateway: context.Gateway, decided: rules.Rules, waiting: Sequence[views.Ageing]
) -> list[tasks.Ask]:
    """What staff are to be told of earlier days, and have not been."""
    today, days, t = gateway.today(), decided.year.days, cases.case_table.c
    if not _has_come(gateway, decided):
        return []
    # A child who is away for the whole day is one absence, though it has two marks.
    absent = {(_LAST, one.day, one.pupil) for one in waiting if one.left <= 1}
    absent |= {
        (_UNASKED, one.day, one.pupil) for one in waiting if one.case is None and days.count(one.day, today) == 1
    }
    answered = sa.select(t.date, t.pupil_id).where(
        t.state == CaseState.TO_CONFIRM, t.date < today, t.date > today - _LONG_AGO
    )
    absent |= {(_UNCONFIRMED, day, pupil_id) for day, pupil_id in await session.execute(answered)}
    found = Counter((what, day) for what, day, _ in absent)
    asks = [
        tasks.Ask(f"absence.{kind}", f"day:{day}", what.format(day=day, count=count), cure, kind == "unasked")
        for ((kind, what, cure), day), count in sorted(found.items())
    ]
    task = core(Task).c
    query = sa.select(task.kind, task.subject).where(task.subject.in_([ask.subject for ask in asks]))
    told = {(kind, subject) for kind, subject in await session.execute(query)}
    return [ask for ask in asks if (ask.kind, ask.subject) not in told]


async def _remind(
    session: Session, gateway: context.Gateway, decided: rules.Rules, group: Sequence[AbsenceCase]
) -> None:
    """One reminder for each phone about the absences of one day."""
    today, day, reminders = gateway.today(), group[0].date, decided.ladder.reminders
    calls = decided.settings.call_after_stop
    known = await people.load(session, today=today, pupil_ids=sorted({case.pupil_id for case in group}))
    rung = ladder.Rung(ask="main", media=reminders.media)
    choice = asking.choose(known, known.pupils, rung, today=today, calls=calls)
    reached, run_id = frozenset[int](), None
    if known.pupils:
        key = await sending.next_key(session, day, DaySession.AM)
        words = sending.Words(REASON, f"Reason of {day.day} {day:%B %Y}", {"date": day}, reminders.media, _VALID)
        wanted = sending.definition(words, known, list(known.pupils), key=key)
        found = asking.sort(wanted, known, choice.listeners.values(), calls=calls)
        sent = await sending.send(session, gateway, wanted, found, known)
        reached, run_id = sent.reached, sent.run_id
    means = cases.Means(gateway.log, gateway.now())
    number = decided.year.days.count(day, today) + 1
    for case in group:
        facts = {"day": number, "reached": case.pupil_id in reached}
        await cases.step(session, case, cases.REMINDED, means=means, facts=facts, run_id=run_id)
