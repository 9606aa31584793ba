"""Whatever is due of the absences, in one transaction: hear, end rests, sweep, climb, tell.

Who holds the rows of the registers works alone, so any number of processes may turn. A process that dies has done all
of a turn or nothing of it.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from gateway import context
from gateway.absence import asking, cases, chasing, hearing, meaning, rules, states, sweep, telling
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, DaySession
from gateway.registers import marks

_ON_THE_WAY = "A child who was said to be on the way has not been marked in. Look for the child now."


async def is_due(session: Session, gateway: context.Gateway, decided: rules.Rules) -> bool:
    """Whether a turn would find anything to do. Reads only: mostly there is nothing, and nobody has to wait for us."""
    if await hearing.any_waiting(session, gateway) or await _sessions(session, gateway):
        return True
    if await chasing.any_past(session, gateway):
        return True
    today, now = gateway.today(), gateway.now()
    for which in DaySession:
        if await sweep.is_due(session, decided, today, which, now=now):
            return True
    return False


async def turn(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    understanding: meaning.Understanding = meaning.by_menu,
) -> None:
    """Do what is due, in the caller's transaction."""
    today = gateway.today()
    await chasing.end_past(session, gateway)
    wanted = {*await _sessions(session, gateway), *((today, which) for which in DaySession)}
    held = {place: await marks.hold(session, *place) for place in sorted(wanted)}
    await hearing.hear(session, gateway, decided, understanding)
    for (day, which), register in held.items():
        await _end_rests(session, gateway, decided, day, which)
        if day == today and await sweep.is_due(session, decided, day, which, now=gateway.now()):
            await sweep.sweep(session, gateway, decided, register)
        await asking.climb(session, gateway, decided, day, which)
        await telling.tell(session, gateway, decided, day, which)


async def _sessions(session: Session, gateway: context.Gateway) -> list[tuple[date, DaySession]]:
    """The sessions in which a case is due, or somebody is still to be told; an old one may be among them."""
    t, now = cases.case_table.c, gateway.now()
    waiting = sa.select(t.date, t.session).where(t.next_at.is_not(None))
    due = waiting.where(sa.or_(t.next_at <= now, asking.given_up(now)), t.state.not_in(states.KNOWN))
    query = sa.union(due, sa.select(t.date, t.session).where(t.tell != sa.literal_column("''"), cases.may_tell(now)))
    return [(day, which) for day, which in await session.execute(query)]


async def _end_rests(
    session: Session, gateway: context.Gateway, decided: rules.Rules, day: date, which: DaySession
) -> None:
    """What was waited for has not come: the ladder goes on, or a person must act."""
    means = cases.Means(gateway.log, gateway.now())
    t = cases.case_table.c
    resting = (CaseState.UNREAD, CaseState.EXPECTED, CaseState.ALARM)
    query = sa.select(AbsenceCase).where(
        t.date == day, t.session == which, t.state.in_(resting), t.next_at <= means.now
    )
    found = await session.scalars(query.order_by(t.id).with_for_update().execution_options(populate_existing=True))
    for case in found.all():
        match case.state:
            case CaseState.UNREAD:
                why = "nobody has read the answer"
                await cases.change(session, case, CaseState.ASKING, by=case.by, why=why, means=means, next_at=means.now)
            case CaseState.EXPECTED:
                cure = f"handbell absence show {case.id}, then absence settle."
                await cases.ask_person(session, case, "alarm", _ON_THE_WAY, cure, urgent=True, means=means)
                ends = means.now + decided.ladder.act_within
                await cases.change(
                    session, case, CaseState.ALARM, by=case.by, why="not arrived", means=means, next_at=ends
                )
            case _:
                await asking.hand_over(session, case, decided, means=means)
