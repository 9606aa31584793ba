"""What is known of absences before anybody asks: said by a family or taken down by the office, for a day or several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, cast

import sqlalchemy as sa

from gateway import audit, errors
from gateway.absence import cases, states
from gateway.database import Session
from gateway.models import AbsenceCase, AbsenceReason, CaseState, DaySession, Pupil
from gateway.models.types import core
from gateway.understanding.meaning import Intent

reason_table = core(AbsenceReason)

MACHINE: Final = "handbell"  #: whoever takes down what no person has

#: What a parent means by whose words such a code is written down: who comes from the dentist may come in all the same.
INTENTS: Final = {
    "I": Intent.ILLNESS, "M": Intent.MEDICAL_APPOINTMENT, "R": Intent.RELIGIOUS_OBSERVANCE, "G": Intent.HOLIDAY,
}  # fmt: skip

#: What was said leaves room for coming all the same: before the dentist or after, or a little later.
MAY_COME: Final = frozenset({Intent.MEDICAL_APPOINTMENT.value, Intent.LATE.value, ""})

_LONGEST = timedelta(days=60)  #: whoever is away for longer is not off sick for a few days


@dataclass(frozen=True, slots=True)
class Said:
    """Who says what of one pupil; see :class:`~gateway.models.AbsenceReason` for the fields."""

    pupil_id: int
    first: date
    last: date
    intent: str
    code: str
    said_by: str
    session: str = ""
    contact_id: int | None = None
    reply_id: int | None = None
    taken_by: str = MACHINE


def longest(first: date) -> date:
    """The last day for which anything may be written down that begins on this one."""
    return first + _LONGEST


async def note(session: Session, said: Said, *, means: cases.Means) -> AbsenceReason:
    """Write down what is known.

    Raises :class:`errors.BadInput` for days that cannot be meant.
    """
    if said.last < said.first or said.last > longest(said.first):
        what = f"From {said.first:%d/%m/%Y} until {said.last:%d/%m/%Y} is no absence of a few days."
        raise errors.BadInput([errors.Problem(what, "Give the first and the last day, two months apart at most.")])
    row = AbsenceReason(
        pupil_id=said.pupil_id,
        first=said.first,
        last=said.last,
        session=said.session,
        intent=said.intent,
        code=said.code,
        said_by=said.said_by,
        contact_id=said.contact_id,
        reply_id=said.reply_id,
        taken_by=said.taken_by,
        at=means.now,
    )
    session.add(row)
    await session.flush()
    facts = {"first": said.first, "last": said.last, "code": said.code, "intent": said.intent, "reply": said.reply_id}
    line = audit.Line("absence.reason", f"pupil:{said.pupil_id}", facts, said.taken_by)
    await means.log.record(session, line, now=means.now)
    return row


async def withdraw(session: Session, reason_id: int, *, by: str, means: cases.Means) -> AbsenceReason:
    """Take back what was written down.

    Raises :class:`errors.NotFound`.
    """
    row = await session.get(AbsenceReason, reason_id, with_for_update=True)
    if row is None or row.withdrawn_at is not None:
        raise errors.NotFound(f"There is no reason {reason_id}.")
    row.withdrawn_at = means.now
    session.add(row)
    line = audit.Line("absence.reason_withdrawn", f"pupil:{row.pupil_id}", {"reason": reason_id}, by)
    await means.log.record(session, line, now=means.now)
    return row


async def standing(session: Session, *, today: date) -> list[tuple[AbsenceReason, Pupil]]:
    """What is known of today and later days, by form and name."""
    t = reason_table.c
    query = (
        sa.select(AbsenceReason, Pupil)
        .join(Pupil, core(Pupil).c.id == t.pupil_id)
        .where(t.last >= today, t.withdrawn_at.is_(None))
        .order_by(core(Pupil).c.form, core(Pupil).c.surname, t.id)
    )
    return [(reason, pupil) for reason, pupil in await session.execute(query)]


async def disbelieve(session: Session, case: AbsenceCase, *, by: str, means: cases.Means) -> None:
    """Take back what the machine has read in words about this session, so that no later one rests on them."""
    t = reason_table.c
    query = _of(case.date, case.session).where(t.pupil_id == case.pupil_id, t.taken_by == MACHINE)
    for row in (await session.scalars(query)).all():
        await withdraw(session, cast(int, row.id), by=by, means=means)


async def known(session: Session, day: date, which: DaySession) -> dict[int, AbsenceReason]:
    """What is known of a session, by pupil; of several reasons the latest."""
    return {row.pupil_id: row for row in await session.scalars(_of(day, which))}


def _of(day: date, which: DaySession) -> sa.Select[AbsenceReason]:
    t = reason_table.c
    query = sa.select(AbsenceReason).where(t.first <= day, t.last >= day, t.withdrawn_at.is_(None))
    return query.where(sa.or_(t.session == "", t.session == which.value)).order_by(t.at, t.id)


def hold_for_the_afternoon(case: AbsenceCase) -> bool:
    """Whether the morning's case speaks for the afternoon too: it is still followed, or explained the whole day.

    An appointment does not, whether a parent has said so, a person or the register.
    """
    if case.state in (CaseState.EXPLAINED, CaseState.TO_CONFIRM):
        return INTENTS.get(case.code, case.intent) != Intent.MEDICAL_APPOINTMENT
    return case.state in states.OPEN or case.state in (CaseState.HANDED_OVER, CaseState.SAFE)
