"""What people want to see of absences: lists, the day's codes for the MIS, what ages, whom to ring."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from gateway import people
from gateway.absence import cases, reasons, rules
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, DaySession, Mark, PointKind, Pupil
from gateway.models.types import core

_YEAR = timedelta(days=366)

pupil_table, mark_table = core(Pupil), core(Mark)


async def listed(
    session: Session,
    *,
    day: date | None = None,
    states: Sequence[CaseState] = (),
    pupil_ids: Collection[int] | None = None,
    limit: int = 500,
) -> list[tuple[AbsenceCase, Pupil]]:
    """Cases with their pupils, those that wait longest first; of a day, of some states or pupils."""
    t = cases.case_table.c
    query = sa.select(AbsenceCase, Pupil).join(Pupil, pupil_table.c.id == t.pupil_id)
    if day is not None:
        query = query.where(t.date == day)
    if states:
        query = query.where(t.state.in_(states))
    if pupil_ids is not None:
        query = query.where(t.pupil_id.in_(pupil_ids))
    found = await session.execute(query.order_by(t.date, t.session, t.opened_at, t.id).limit(limit))
    return [(case, pupil) for case, pupil in found]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the day's list for the MIS: what the register says, and what is known now, by whom and since when."""

    pupil_id: str
    upn: str
    name: str
    form: str
    day: date
    session: DaySession
    mark: str
    code: str
    comment: str
    state: str
    decided_by: str
    decided_at: datetime | None


async def day_list(session: Session, decided: rules.Rules, day: date) -> list[Line]:
    """Every absence of a day of which something is known that the register may not say yet, or nothing at all.

    ``code`` is what a person (or the school's rule) has decided, ``""`` where it is only suggested, or not even that:
    then ``comment`` says so, and who must decide. Sorted by form and name.
    """
    said = {which: await reasons.known(session, day, which) for which in DaySession}
    found = {which: await cases.of_session(session, day, which, lock=False) for which in DaySession}
    t = mark_table.c
    rows = await session.execute(
        sa.select(Mark, Pupil).join(Pupil, pupil_table.c.id == t.pupil_id).where(t.date == day)
    )
    lines: list[Line] = []
    for mark, pupil in rows:
        case = found[mark.session].get(mark.pupil_id)
        earlier = found[DaySession.AM].get(mark.pupil_id) if mark.session is DaySession.PM else None
        reason = said[mark.session].get(mark.pupil_id)
        code = decided.codes.known(mark.code, day)
        if case is not None:
            lines.append(_of_case(mark, pupil, case, decided))
        elif code is None or not (code.asks or code.unknown):
            continue
        elif earlier is not None and reasons.hold_for_the_afternoon(earlier):
            lines.append(_of_case(mark, pupil, earlier, decided))
        elif reason is None:
            comment = "no reason yet: the office must decide"
            lines.append(_line(mark, pupil, code="", comment=comment, state="undecided", by="", at=None))
        else:
            comment = f"said by {reason.said_by}: suggests {reason.code or 'no code'}; the office must decide"
            lines.append(_line(mark, pupil, code="", comment=comment, state="reported", by="", at=reason.at))
    return sorted(lines, key=lambda line: (line.form, line.name, line.session))


def _of_case(mark: Mark, pupil: Pupil, case: AbsenceCase, decided: rules.Rules) -> Line:
    code = case.code if case.decided_by else ""
    words = [case.comment, f"by {case.by}" if case.by else ""]
    if case.code and not case.decided_by:
        words.append(f"suggests {case.code}, to be confirmed by the office")
    elif not code:
        whose = case.by if case.state is CaseState.HANDED_OVER else "the office"
        words.append(f"no code yet: {whose} must decide")
    if case.arrived_at is not None:
        words.append(f"arrived {case.arrived_at.astimezone(decided.timezone):%H:%M}")
    comment = "; ".join(word for word in words if word)
    return _line(
        mark, pupil, code=code, comment=comment, state=case.state.value, by=case.decided_by, at=case.decided_at
    )


def _line(mark: Mark, pupil: Pupil, *, code: str, comment: str, state: str, by: str, at: datetime | None) -> Line:
    return Line(
        pupil.source_id,
        pupil.upn,
        f"{pupil.forename} {pupil.surname}",
        pupil.form,
        mark.date,
        mark.session,
        mark.code,
        code,
        comment,
        state,
        by,
        at,
    )


@dataclass(frozen=True, slots=True)
class Ageing:
    """An absence whose reason is still to be found, and how many school days are left for that."""

    case: int | None
    pupil: int
    pupil_id: str
    name: str
    form: str
    day: date
    session: DaySession
    left: int


async def ageing(session: Session, decided: rules.Rules, *, today: date, within: timedelta = _YEAR) -> list[Ageing]:
    """Every mark without a reason, the oldest first; nought days left and fewer: it becomes the later code."""
    t, c = mark_table.c, cases.case_table.c
    open_codes = [code.code for code in decided.codes.on(today) if code.unknown]
    query = (
        sa.select(Mark, Pupil, AbsenceCase)
        .join(Pupil, pupil_table.c.id == t.pupil_id)
        .outerjoin(AbsenceCase, sa.and_(c.pupil_id == t.pupil_id, c.date == t.date, c.session == t.session))
        .where(t.code.in_(open_codes), t.date > today - within, people.on_roll(today))
        .order_by(t.date, t.session, pupil_table.c.form, pupil_table.c.surname)
    )
    found: list[Ageing] = []
    rows: list[tuple[Mark, Pupil, AbsenceCase | None]] = [(*row,) for row in await session.execute(query)]
    mornings = await _mornings(session, {mark.date for mark, _, case in rows if case is None})
    for mark, pupil, case in rows:
        if case is None and mark.session is DaySession.PM:
            earlier = mornings.get((mark.date, mark.pupil_id))
            case = earlier if earlier is not None and reasons.hold_for_the_afternoon(earlier) else None
        if case is not None and case.decided_by:
            continue  # decided here; the MIS has only to take it over
        left = decided.codes.days - decided.year.days.count(mark.date, today)
        name = f"{pupil.forename} {pupil.surname}"
        case_id = case.id if case else None
        found.append(Ageing(case_id, mark.pupil_id, pupil.source_id, name, pupil.form, mark.date, mark.session, left))
    return found


async def _mornings(session: Session, days: Collection[date]) -> dict[tuple[date, int], AbsenceCase]:
    """The morning's cases of these days: one that holds for the afternoon has its mark, too."""
    c = cases.case_table.c
    query = sa.select(AbsenceCase).where(c.session == DaySession.AM, c.date.in_(sorted(days)))
    return {(case.date, case.pupil_id): case for case in await session.scalars(query)}


@dataclass(frozen=True, slots=True)
class ToRing:
    """Somebody whom staff may ring about a child, in order; ``language`` is what they speak, where it is known."""

    name: str
    relation: str
    numbers: tuple[str, ...]
    priority: int
    language: str = ""


async def to_ring(session: Session, pupil_id: int, *, today: date) -> Sequence[ToRing]:
    """Everybody on file for a child who is not barred, emergency contacts too: the list to ring from."""
    return (await to_ring_all(session, [pupil_id], today=today))[pupil_id]


async def to_ring_all(session: Session, pupil_ids: Collection[int], *, today: date) -> dict[int, Sequence[ToRing]]:
    """The same for several children."""
    known = await people.load(session, today=today, pupil_ids=pupil_ids)
    return {pupil_id: _of_pupil(known, pupil_id, today=today) for pupil_id in pupil_ids}


def _of_pupil(known: people.People, pupil_id: int, *, today: date) -> Sequence[ToRing]:
    found = []
    for tie in known.ties.get(pupil_id, ()):
        contact = known.contacts[tie.contact_id]
        if tie.barred_on(today) or contact.deceased:
            continue
        barred = known.barred.get(pupil_id, frozenset())
        numbers = tuple(
            point.address
            for point in known.points.get(tie.contact_id, ())
            if point.kind is PointKind.PHONE and point.address not in barred
        )
        language = contact.spoken_language or contact.written_language
        found.append(ToRing(contact.full_name, tie.relation, numbers, tie.priority, language))
    return found
