"""What people do about absences: settling a case, confirming what is suggested, taking down what a parent tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway import audit, context, errors
from gateway.absence import cases, effects, reasons, rules, telling
from gateway.database import Session
from gateway.models import (
    AbsenceCase,
    AbsenceStep,
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

UNDO_WITHIN = timedelta(minutes=1)  #: a slip is seen at once

_WORRY = "Somebody of the school is worried about a child who is away. {lead} takes over now."


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a person settles a case: the state of the child, who knows, and the register code where there is one."""

    after: CaseState
    who: str
    code: str = ""
    comment: str = ""
    arrived_at: datetime | None = None


async def settle(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_id: int, verdict: Verdict, *, by: str,
    hold: timedelta = timedelta(0),
) -> AbsenceCase:  # fmt: skip
    """Write down what a person has found out; whoever was asked is told, unless somebody else takes it over.

    ``hold``  so long nobody is told: until then :func:`unsettle` takes it back
    Raises :class:`errors.NotFound`, :class:`errors.Conflict`, or :class:`errors.BadInput` for a code that is none.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    if verdict.after is CaseState.HANDED_OVER and not verdict.who.strip():
        raise errors.BadInput([errors.Problem("Nobody is named.", "Name the person who takes the child over.")])
    if hold:
        await cases.step(session, case, cases.KEPT, means=means, who=by, facts=_kept(case))
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
    case.next_at = means.now + hold if hold and case.tell else None
    return case


#: What a verdict may change of a case, beside its moments; words stay where they were said.
_KEPT = ("state", "rung", "by", "intent", "code", "decided_by", "tell")
_MOMENTS = ("next_at", "decided_at", "arrived_at")


def _kept(case: AbsenceCase) -> dict[str, Any]:
    """How a case stands before somebody settles it."""
    moments = {name: getattr(case, name) for name in _MOMENTS}
    return {name: getattr(case, name) for name in _KEPT} | {
        name: moment.isoformat() if moment else None for name, moment in moments.items()
    }


async def unsettle(session: Session, gateway: context.Gateway, case_id: int, *, by: str) -> AbsenceCase:
    """Take back what one has settled a moment ago, which was a slip, before anybody was told: it stands as it stood.

    No arrow of the table (:mod:`states`) is followed: nothing has happened. Raises :class:`errors.NotFound`, or
    :class:`errors.Conflict` where it was another's, is more than a minute ago, or families have been told.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    t = cases.step_table.c
    query = sa.select(AbsenceStep).where(t.case_id == case_id, t.kind.in_((cases.KEPT, "told", "state", "decided")))
    steps = list(await session.scalars(query.order_by(t.id.desc()).limit(2)))
    kept = next((step for step in steps[1:] if step.kind == cases.KEPT and step.who == by), None)
    if kept is None or means.now - kept.at > UNDO_WITHIN or (case.told_at and case.told_at >= kept.at):
        raise errors.Conflict("It is too late to take this back. Open the child's page and save what is true.")
    before, was = case.state, kept.facts
    for name in _KEPT:
        setattr(case, name, CaseState(was[name]) if name == "state" else was[name])
    for name in _MOMENTS:
        setattr(case, name, datetime.fromisoformat(was[name]) if was[name] else None)
    case.changed_at = means.now
    session.add(case)
    facts = {"before": before.value, "after": case.state.value, "why": "a person takes it back", "by": case.by or by}
    await cases.step(session, case, "state", means=means, who=by, facts=facts)
    told = {"before": before, "after": case.state, "why": facts["why"], "code": case.code}
    await gateway.log.record(session, audit.Line("absence.changed", f"case:{case.id}", told, by), now=means.now)
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


async def unconfirm(session: Session, gateway: context.Gateway, case_id: int, *, by: str) -> AbsenceCase:
    """Take back one's own confirmation, which was a slip: the answer waits again, and nobody is asked anew.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where it was another's, or is more than a minute ago.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    mine = case.state is CaseState.EXPLAINED and case.decided_by == by and case.decided_at is not None
    if not mine or case.decided_at is None or means.now - case.decided_at > UNDO_WITHIN:
        raise errors.Conflict("It is too late to take this back. Open the child's page and save what is true.")
    case.decided_by, case.decided_at = "", None
    why = "a person takes it back"
    await cases.change(session, case, CaseState.TO_CONFIRM, by=case.by, why=why, means=means, actor=by)
    return case


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


async def expect(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_id: int, who: str, *, by: str
) -> AbsenceCase:
    """Somebody says on the phone that the child is on the way: it must be marked in soon, or a person is told to look.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    ends = means.now + decided.ladder.arrive_within
    case.intent = Intent.LATE.value
    await cases.change(session, case, CaseState.EXPECTED, by=who, why="on the way", means=means, actor=by, next_at=ends)
    return case


async def rang(session: Session, gateway: context.Gateway, case_id: int, words: str, *, by: str) -> AbsenceCase:
    """A person rang and did not get through. The ladder goes on as it would; the chronology knows.

    Raises :class:`errors.NotFound`.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    await cases.step(session, case, "rang", means=means, who=by, facts={"words": words})
    await gateway.log.record(session, audit.Line("absence.rang", f"case:{case_id}", actor=by), now=means.now)
    return case


async def worry(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_id: int, words: str, *, by: str
) -> AbsenceCase:
    """A person is worried about a child, whatever anybody has said: the safeguarding lead takes over, and is told now.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where it is known where the child is.
    """
    case, means = await _held(session, case_id), cases.Means(gateway.log, gateway.now())
    cure = f"handbell absence chronology {case_id} is the page to hand on; then absence settle."
    await cases.ask_person(session, case, "worry", _WORRY.format(lead=decided.lead), cure, urgent=True, means=means)
    if case.state is not CaseState.HANDED_OVER:
        verdict = Verdict(CaseState.HANDED_OVER, decided.lead, comment=words)
        return await settle(session, gateway, decided, case_id, verdict, by=by)
    case.comment = words or case.comment
    session.add(case)
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
