"""The sweep: some minutes after a register has closed, a case for every child of whom nobody knows why it is away.

The other question that a register raises, whether it was taken at all, is that of ``chasing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from gateway import audit, context, errors, people, tasks
from gateway.absence import asking, cases, chasing, effects, expected, reasons, rules, states
from gateway.database import Session
from gateway.models import (
    AbsenceReason,
    CaseState,
    DaySession,
    Guardianship,
    Mark,
    Membership,
    Pupil,
    PupilGroup,
    Register,
)
from gateway.models.types import core
from gateway.registers import marks
from gateway.understanding.meaning import Intent

_FEW = 10  #: so many children may always be away without a person's look at the register

mark_table, pupil_table = core(Mark), core(Pupil)


async def sweep(session: Session, gateway: context.Gateway, decided: rules.Rules, register: Register) -> int:
    """Open a case for each pupil with a mark that asks and no known reason. Gives how many.

    The caller holds ``register``, so nobody else sweeps this session.
    """
    now, day, which = gateway.now(), register.date, register.session
    found = await _marks(session, decided, day, which, now=now)
    register.swept_at = now
    session.add(register)
    on = {code.code: code for code in decided.codes.on(day)}
    taken = [row for row in found if row["code"] in on]
    if taken and sum(on[row["code"]].closes for row in taken) * 2 > len(taken):
        return 0  # the whole school is closed
    await chasing.chase(session, gateway, decided, register, {row["pupil_id"] for row in found})
    wanted = [row["pupil_id"] for row in taken if on[row["code"]].asks]
    means = cases.Means(gateway.log, now)
    unknown, told = await _unknown(session, decided, day, which, wanted)
    for pupil_id, said in told.items():
        await _take_down(session, pupil_id, day, which, said, decided, means=means)
    if await _held(session, gateway, decided, register, len(unknown), len(taken)):
        return 0
    fast = await _fast(session, decided, day, which, list(unknown))
    for pupil_id, reason in unknown.items():
        if reason is None:
            await cases.open_one(session, pupil_id, day, which, means=means, why_fast=fast.get(pupil_id, ""))
        else:
            await _expect(session, pupil_id, day, which, reason, decided, means=means)
    return len(unknown)


async def is_due(session: Session, decided: rules.Rules, day: date, which: DaySession, *, now: datetime) -> bool:
    """Whether a session is to be looked at: its register has closed, and there is news, or none yet."""
    closed = [one.check for one in expected.moments(decided.year, day, which, decided.timezone) if one.check <= now]
    if not closed or now >= decided.year.ends(day, decided.timezone):
        return False
    t = core(Register).c
    query = sa.select(Register).where(t.date == day, t.session == which)
    register = (await session.scalars(query)).one_or_none()
    if register is None or register.swept_at is None or register.swept_at < closed[-1]:
        return True
    if register.chased_at is not None and register.chased_at + chasing.AGAIN <= now:
        return True
    m = mark_table.c
    news = sa.select(m.id).where(m.date == day, m.session == which, m.set_at >= register.swept_at)
    if register.released_at is not None and register.released_at >= register.swept_at:
        return True
    return await session.scalar(news.limit(1)) is not None


async def _marks(
    session: Session, decided: rules.Rules, day: date, which: DaySession, *, now: datetime
) -> Sequence[sa.RowMapping]:
    m, due = mark_table.c, expected.by_now(decided.year, day, which, decided.timezone, now=now)
    query = (
        sa.select(m.pupil_id, m.code)
        .join(pupil_table, pupil_table.c.id == m.pupil_id)
        .where(m.date == day, m.session == which, people.on_roll(day), due)
        .order_by(m.pupil_id)
    )
    return (await session.execute(query)).mappings().all()


async def _unknown(
    session: Session, decided: rules.Rules, day: date, which: DaySession, pupil_ids: Sequence[int]
) -> tuple[dict[int, AbsenceReason | None], dict[int, AbsenceReason]]:
    """Those of whom nobody knows why; with a reason only where they should be here by now. And those who are known.

    Whoever is in school in the afternoon is not looked for because of a morning whose marks come late.
    """
    have = set(await cases.of_session(session, day, which))
    said = await reasons.known(session, day, which)
    earlier = await cases.of_session(session, day, DaySession.AM) if which is DaySession.PM else {}
    here = await _in_school(session, decided, day, DaySession.PM, pupil_ids) if which is DaySession.AM else ()
    found: dict[int, AbsenceReason | None] = {}
    told: dict[int, AbsenceReason] = {}
    for pupil_id in pupil_ids:
        reason = said.get(pupil_id)
        if pupil_id in have or pupil_id in here:
            continue
        if pupil_id in earlier and reasons.hold_for_the_afternoon(earlier[pupil_id]):
            continue
        if reason is None or reason.intent == Intent.LATE:
            found[pupil_id] = reason
        else:
            told[pupil_id] = reason
    return found, told


async def _take_down(
    session: Session,
    pupil_id: int,
    day: date,
    which: DaySession,
    reason: AbsenceReason,
    decided: rules.Rules,
    *,
    means: cases.Means,
) -> None:
    """What was told before anybody asked waits to be confirmed, as an answer does, and is decided by the same rules.

    What the office took down is its decision already.
    """
    by = "" if reason.taken_by == reasons.MACHINE else reason.taken_by
    if reason.intent in effects.PLAIN and reason.intent in decided.settings.record:
        by = by or effects.ALLOWED
    after = CaseState.EXPLAINED if by and reason.code else CaseState.TO_CONFIRM
    why = cases.TOLD_BEFORE
    case = await cases.open_one(session, pupil_id, day, which, means=means, state=after, why=why)
    case.code, case.intent, case.contact_id, case.by = reason.code, reason.intent, reason.contact_id, reason.said_by
    case.next_at = None
    if after is CaseState.EXPLAINED:
        case.decided_by, case.decided_at = by, reason.at
    session.add(case)


async def _expect(
    session: Session,
    pupil_id: int,
    day: date,
    which: DaySession,
    reason: AbsenceReason,
    decided: rules.Rules,
    *,
    means: cases.Means,
) -> None:
    """A parent said beforehand that the child comes later: it is asked about only if it does not come."""
    case = await cases.open_one(session, pupil_id, day, which, means=means, why="said to come late")
    case.intent, case.contact_id = Intent.LATE.value, reason.contact_id
    # What was said on an earlier day names no hour that is kept: the waiting begins as the register is looked at.
    said_today = reason.at.astimezone(decided.timezone).date() == day
    ends = max(means.now, (reason.at if said_today else means.now) + decided.ladder.arrive_within)
    await cases.change(
        session, case, CaseState.EXPECTED, by=reason.said_by, why="on the way", means=means, next_at=ends,
        reply_id=reason.reply_id,
    )  # fmt: skip


async def _held(
    session: Session, gateway: context.Gateway, decided: rules.Rules, register: Register, unknown: int, taken: int
) -> bool:
    """So many at once are more likely a wrong export than children astray: a person looks at the register first."""
    most = decided.settings.most_at_once_percent
    if register.released_at is not None or unknown <= _FEW or unknown * 100 <= taken * most:
        return False
    now = gateway.now()
    if register.held_at is None:
        register.held_at = now
        session.add(register)
        facts = {"date": register.date, "session": register.session, "unknown": unknown, "marks": taken}
        line = audit.Line("absence.held", f"register:{register.id}", facts)
        await gateway.log.record(session, line, now=now)
        when = asking.said(register.date, register.session)
        what = f"{unknown} of {taken} pupils are marked absent without a reason ({when}). No family has been asked yet."
        cure = "Is the register right? Correct it and import it again, or: handbell absence release"
        ask = tasks.Ask("absence.held", f"register:{register.id}", what, cure, loud=True)
        await tasks.ask(session, ask, log=gateway.log, now=now)
    return True


async def release(session: Session, gateway: context.Gateway, day: date, which: DaySession, *, by: str) -> None:
    """A person has looked at the register: let the asking begin.

    Raises :class:`errors.Conflict` where nothing is held.
    """
    register = await marks.hold(session, day, which)
    if register.held_at is None or register.released_at is not None:
        raise errors.Conflict("Nothing is held back of this session.")
    register.released_at, register.released_by = gateway.now(), by
    session.add(register)
    line = audit.Line("absence.released", f"register:{register.id}", actor=by)
    await gateway.log.record(session, line, now=gateway.now())


async def _fast(
    session: Session, decided: rules.Rules, day: date, which: DaySession, pupil_ids: Sequence[int]
) -> dict[int, str]:
    """Which of these pupils go first, and why."""
    quick = decided.ladder.fast
    years, groups = {one.casefold() for one in quick.years}, {one.casefold() for one in quick.groups}
    found: dict[int, str] = {}
    pupil, member, group = pupil_table.c, core(Membership).c, core(PupilGroup).c
    rows = await session.execute(sa.select(pupil.id, pupil.year).where(pupil.id.in_(pupil_ids)))
    found |= {pupil_id: f"year {year}" for pupil_id, year in rows if year.casefold() in years}
    names = (
        sa.select(member.pupil_id, group.name)
        .join(core(PupilGroup), group.id == member.group_id)
        .where(member.pupil_id.in_(pupil_ids))
        .order_by(group.name)
    )
    for pupil_id, name in await session.execute(names):
        if name.casefold() in groups:
            found[pupil_id] = name
    if quick.siblings:
        for pupil_id in await _with_siblings(session, day, which, pupil_ids):
            found.setdefault(pupil_id, "a brother or sister is missing too")
    if which is DaySession.PM:
        here = await _in_school(session, decided, day, DaySession.AM, pupil_ids)
        found |= dict.fromkeys(here, "was in school this morning")
    return found


async def _in_school(
    session: Session, decided: rules.Rules, day: date, which: DaySession, pupil_ids: Sequence[int]
) -> set[int]:
    """Those of these pupils whom the register of a session has in school."""
    m, codes = mark_table.c, [code.code for code in decided.codes.on(day) if code.in_school]
    query = sa.select(m.pupil_id).where(m.date == day, m.session == which, m.code.in_(codes))
    return set(await session.scalars(query.where(m.pupil_id.in_(pupil_ids))))


async def _with_siblings(session: Session, day: date, which: DaySession, pupil_ids: Sequence[int]) -> set[int]:
    """Those of these pupils who share somebody who answers for them with another child that is missing now."""
    c, tie = cases.case_table.c, core(Guardianship).c
    missing = sa.select(c.pupil_id).where(c.date == day, c.session == which, c.state.in_(states.OPEN))
    query = sa.select(tie.contact_id, tie.pupil_id).where(
        sa.or_(tie.pupil_id.in_(pupil_ids), tie.pupil_id.in_(missing)),
        sa.or_(tie.lives_with, tie.parental_responsibility),
    )
    families: dict[int, set[int]] = {}
    for contact_id, pupil_id in await session.execute(query):
        families.setdefault(contact_id, set()).add(pupil_id)
    several = [pupils for pupils in families.values() if len(pupils) > 1]
    return set().union(*several) & set(pupil_ids)
