"""What people do about absences: settling a case, confirming what is suggested, taking down what a parent tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from gateway import audit, context, errors
from gateway.absence import cases, effects, reasons, rules, telling
from gateway.database import Session
from gateway.models import (
    AbsenceCase,
    CaseState,
    DaySession,
    Guardianship,
    Mark,
    Pupil,
)
from gateway.models import people as tables
from gateway.models.types import core
from gateway.registers import marks
from gateway.understanding.meaning import Intent

pupil_table, mark_table = core(Pupil), core(Mark)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a person settles a case: the state of the child, who knows, and the register code where there is one."""

    after: CaseState
    who: str
    code: str = ""
    comment: str = ""
    arrived_at: datetime | None = None


async def settle(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_id: int, verdict: Verdict, *, by: str
) -> AbsenceCase:
    """Write down what a person has found out; whoever was asked is told, unless somebody else takes it over.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict`, or :class:`errors.BadInput` for a code that is none.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    if verdict.after is CaseState.HANDED_OVER and not verdict.who.strip():
        raise errors.BadInput([errors.Problem("Nobody is named.", "Name the person who takes the child over.")])
    if verdict.code:
        code = _code(verdict.code, decided, case.date, seen=verdict.after is CaseState.SEEN)
        case.code, case.decided_by, case.decided_at = code, by, means.now
    case.comment = verdict.comment or case.comment
    if verdict.after is CaseState.SEEN:
        case.arrived_at = verdict.arrived_at
    if verdict.after is case.state:
        if verdict.after is CaseState.HANDED_OVER:
            case.by = verdict.who
        await cases.step(session, case, "decided", means=means, who=by, facts={"code": case.code, "by": case.by})
        line = audit.Line("absence.decided", f"case:{case.id}", {"state": case.state, "code": case.code}, by)
        await gateway.log.record(session, line, now=means.now)
        session.add(case)
        return case
    tell = _tell(case, verdict)
    await cases.change(
        session, case, verdict.after, by=verdict.who or by, means=means, why="a person", actor=by, tell=tell
    )
    return case


async def confirm(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_id: int, *, by: str
) -> AbsenceCase:
    """Take what is suggested: one key.

    Raises :class:`errors.Conflict` where nothing is suggested.
    """
    case = await _held(session, case_id)
    if case.state is not CaseState.TO_CONFIRM:
        raise errors.Conflict(f"Case {case_id} has no answer to confirm: it is {case.state.value.replace('_', ' ')}.")
    if not case.code:
        raise errors.Conflict(f"No code is suggested for case {case_id}: a person must choose one (absence settle).")
    verdict = Verdict(CaseState.EXPLAINED, case.by, case.code)
    return await settle(session, gateway, decided, case_id, verdict, by=by)


async def resume(session: Session, gateway: context.Gateway, case_id: int, *, by: str) -> AbsenceCase:
    """The answer says nothing, or is not believed: ask on, now.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    case, now = await _held(session, case_id), gateway.now()
    means = cases.Means(gateway.log, now)
    await cases.change(
        session, case, CaseState.ASKING, by=by, why="a person asks on", means=means, actor=by, next_at=now, tell=""
    )
    await reasons.disbelieve(session, case, by=by, means=means)
    return case


async def _held(session: Session, case_id: int) -> AbsenceCase:
    """A case, and the register of its session, in the order in which everybody locks them."""
    plain = await session.get(AbsenceCase, case_id)
    if plain is None:
        raise errors.NotFound(f"There is no absence case {case_id}.")
    await marks.hold(session, plain.date, plain.session)
    return await cases.find(session, case_id)


def _code(raw: str, decided: rules.Rules, day: date, *, seen: bool = False) -> str:
    """A code that a person may decide: one that fits where the child is, and says more than that nobody knows yet."""
    found = decided.codes.find(raw, day, cure="Give one of those that handbell marks codes lists.")
    if isinstance(found, errors.Problem):
        raise errors.BadInput([found])
    if found.in_school and not seen:
        what, cure = f"{found.code} says that the pupil is in school.", "Use marks set, or absence settle --seen."
        raise errors.BadInput([errors.Problem(what, cure)])
    if seen and not found.in_school:
        raise errors.BadInput([errors.Problem(f"{found.code} says that the pupil is not in school.", "Leave one out.")])
    if found.unknown:
        what, cure = f"{found.code} says that the reason is still to be found.", "Give the code of a reason."
        raise errors.BadInput([errors.Problem(what, cure)])
    return found.code


def _tell(case: AbsenceCase, verdict: Verdict) -> str:
    if verdict.after is CaseState.HANDED_OVER:
        return ""
    if verdict.after is CaseState.SEEN:
        return telling.ARRIVED if verdict.arrived_at else telling.IN_SCHOOL
    return "" if case.told_at else telling.SETTLED


async def report(session: Session, gateway: context.Gateway, decided: rules.Rules, said: reasons.Said) -> str:
    """Take down what a parent tells the office. An open case of today follows. Gives a sentence of what came of it.

    Raises :class:`errors.BadInput` for a code that is none, or for days that cannot be meant.
    """
    code = _code(said.code, decided, said.first)
    said = replace(said, code=code, intent=said.intent or reasons.INTENTS.get(code, Intent.OTHER))
    means, today = cases.Means(gateway.log, gateway.now()), gateway.today()
    for which in DaySession:
        await marks.hold(session, today, which)
    await reasons.note(session, said, means=means)
    settled, disagrees = 0, False
    for which in DaySession:
        case = (await cases.of_session(session, today, which)).get(said.pupil_id)
        covered = said.first <= today <= said.last and said.session in ("", which.value)
        if covered and case is None and said.intent not in reasons.MAY_COME:
            disagrees |= await _in_school(session, decided, said, today, which, means=means)
        if case is None or not covered or case.state in (CaseState.SEEN, CaseState.EXPLAINED):
            continue
        verdict = Verdict(CaseState.EXPLAINED, said.said_by, code)
        case.intent = said.intent
        await settle(session, gateway, decided, case.id or 0, verdict, by=said.taken_by)
        settled += 1
    if disagrees:
        return "The register says that the child is in school: find out now which is true (handbell absence list)."
    return "The open case is explained by it." if settled else "Nobody will be asked about it."


async def _in_school(
    session: Session, decided: rules.Rules, said: reasons.Said, day: date, which: DaySession, *, means: cases.Means
) -> bool:
    """Whether the register has a child in school who is reported absent; then a person must look at once."""
    code = (await marks.codes_of(session, [said.pupil_id], day, which)).get(said.pupil_id, "")
    found = decided.codes.known(code, day) if code else None
    if found is None or not found.in_school:
        return False
    case = await cases.open_one(session, said.pupil_id, day, which, means=means, why="reported absent")
    speaker = effects.Speaker(said.said_by, said.contact_id, None)
    await effects.alarm(session, case, effects.DISAGREES, speaker, decided, means=means)
    return True


async def pupil_named(session: Session, name: str, *, today: date) -> Pupil:
    """A pupil by MIS id or UPN.

    Raises :class:`errors.NotFound`.
    """
    found = await marks.find_pupils(session, [name], today=today)
    if name not in found:
        raise errors.NotFound(f"“{name}” is no pupil on roll: give the MIS id or the UPN.")
    return await session.get_one(Pupil, found[name])


async def speaker(session: Session, pupil_id: int, contact_id: int, *, today: date) -> str:
    """A contact's name as it is written down, with what it is to the pupil.

    Raises :class:`errors.NotFound` for one who is not on file for the pupil, or is barred.
    """
    t = core(Guardianship).c
    query = sa.select(Guardianship).where(t.pupil_id == pupil_id, t.contact_id == contact_id)
    tie = (await session.scalars(query)).one_or_none()
    contact = await session.get(tables.Contact, contact_id)
    if tie is None or contact is None or tie.barred_on(today):
        raise errors.NotFound(f"Contact {contact_id} is not on file for this pupil, or may not hear of it.")
    return f"{contact.full_name} ({tie.relation.lower()})" if tie.relation else contact.full_name
