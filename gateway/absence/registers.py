"""Marks in, from every door, and what each of them means for a case.

A mark that says in school settles it, and whoever was asked is told; one that contradicts what a parent reported goes
to a person at once. A mark that asks is the sweep's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gateway import context, errors
from gateway.absence import cases, effects, reasons, rules, states, telling
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, DaySession
from gateway.registers import codes, marks
from gateway.understanding.meaning import Intent

THE_REGISTER = "the register"

_NOT_SEEN = (
    "A person has said that a child is in school, and the register says now that it is not. Find out which is true."
)

_NO_MARK = "The mark by which a child was in school was taken away, and there is no other. Find out where the child is."


async def take_in(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    given: Sequence[marks.Given],
    source: marks.Source,
) -> list[marks.Change]:
    """Write marks down and let cases follow them, in the caller's transaction. Gives the marks that changed."""
    changes = await marks.put(session, given, source, log=gateway.log, now=gateway.now())
    by_session: dict[tuple[date, DaySession], list[marks.Change]] = {}
    for change in changes:
        by_session.setdefault((change.given.day, change.given.session), []).append(change)
    for (day, which), some in sorted(by_session.items()):
        await _follow(session, gateway, decided, day, which, some, source)
    return changes


async def _follow(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    day: date,
    which: DaySession,
    changes: Sequence[marks.Change],
    source: marks.Source,
) -> None:
    means = cases.Means(gateway.log, gateway.now())
    found = await cases.of_session(session, day, which)
    morning = await cases.of_session(session, day, DaySession.AM) if which is DaySession.PM else {}
    said = await reasons.known(session, day, which) if day == gateway.today() else {}
    here_later = await _here_later(session, decided, day, changes) if which is DaySession.AM else frozenset[int]()
    for change in changes:
        given = change.given
        case = found.get(given.pupil_id)
        if not given.code:
            await _cleared(session, case, change, source, means=means)
            continue
        code = decided.codes.known(given.code, day)
        if code is None:
            raise errors.BadInput([errors.Problem(f"“{given.code}” is not a code of {day:%d/%m/%Y}.")])
        if code.in_school and (earlier := morning.get(given.pupil_id)) is not None:
            await _came(session, earlier, change, source, decided, means=means)
        if case is not None:
            facts = {"before": change.before, "after": given.code, "source": source.name}
            await cases.step(session, case, "mark", means=means, who=source.by, facts=facts)
            reported = given.pupil_id in said
            if not (code.asks and given.pupil_id in here_later):
                await _mark(session, case, change, code, decided, reported=reported, means=means)
        elif code.in_school and (reason := said.get(given.pupil_id)) and reason.intent not in reasons.MAY_COME:
            speaker = effects.Speaker(reason.said_by, reason.contact_id, None)
            case = await cases.open_one(session, given.pupil_id, day, which, means=means, why="reported absent")
            await effects.alarm(session, case, effects.DISAGREES, speaker, decided, means=means)


async def _cleared(
    session: Session, case: AbsenceCase | None, change: marks.Change, source: marks.Source, *, means: cases.Means
) -> None:
    """There is no mark any more. Of whom there is a case because of it, a person must find out where the child is."""
    if case is None:
        return  # the teacher is asked for the register
    facts = {"before": change.before, "after": "none", "source": source.name}
    await cases.step(session, case, "mark", means=means, who=source.by, facts=facts)
    if case.state is CaseState.SEEN and case.by == THE_REGISTER:
        cure = f"Look for the child, then set its mark, or: handbell absence settle {case.id}."
        await cases.ask_person(session, case, "seen", _NO_MARK, cure, urgent=True, means=means)


async def _here_later(
    session: Session, decided: rules.Rules, day: date, changes: Sequence[marks.Change]
) -> frozenset[int]:
    """Who of these is in school in the afternoon: of them nobody asks where they are, whatever the morning says."""
    codes_ = await marks.codes_of(session, [change.given.pupil_id for change in changes], day, DaySession.PM)
    known = {pupil_id: decided.codes.known(code, day) for pupil_id, code in codes_.items()}
    return frozenset(pupil_id for pupil_id, code in known.items() if code is not None and code.in_school)


async def _came(
    session: Session,
    earlier: AbsenceCase,
    change: marks.Change,
    source: marks.Source,
    decided: rules.Rules,
    *,
    means: cases.Means,
) -> None:
    """Who is in school in the afternoon is looked for no more. Why it was away in the morning is still to be found."""
    if earlier.state not in states.OPEN | {CaseState.HANDED_OVER}:
        return
    facts = {"before": "none", "after": f"{change.given.code} in the afternoon", "source": source.name}
    await cases.step(session, earlier, "mark", means=means, who=source.by, facts=facts)
    await _seen(session, earlier, change, decided, reported=False, means=means)


async def _mark(
    session: Session,
    case: AbsenceCase,
    change: marks.Change,
    code: codes.Code,
    decided: rules.Rules,
    *,
    reported: bool,
    means: cases.Means,
) -> None:
    if code.in_school:
        await _seen(session, case, change, decided, reported=reported, means=means)
    elif code.asks:
        if change.before != code.code:
            await _taken_back(session, case, means=means)
    elif case.state is CaseState.EXPLAINED:
        if case.by == THE_REGISTER:
            case.code, case.decided_at = code.code, means.now
            session.add(case)
    elif case.state is not CaseState.ALARM:
        case.code, case.decided_by, case.decided_at = code.code, THE_REGISTER, means.now
        why = f"code {code.code}"
        await cases.change(
            session, case, CaseState.EXPLAINED, by=THE_REGISTER, why=why, means=means, tell=_settled(case)
        )


async def _taken_back(session: Session, case: AbsenceCase, *, means: cases.Means) -> None:
    """The mark before was a mistake, so nobody knows where the child is; unless a person has found it in school."""
    if case.state is CaseState.SEEN and case.by != THE_REGISTER:
        cure = f"Look for the child, then correct the register, or: handbell absence settle {case.id}."
        await cases.ask_person(session, case, "seen", _NOT_SEEN, cure, urgent=True, means=means)
    elif case.by == THE_REGISTER and case.state in (CaseState.SEEN, CaseState.EXPLAINED):
        why = "the mark was taken back"
        await cases.change(
            session, case, CaseState.ASKING, by=THE_REGISTER, why=why, means=means, next_at=means.now, tell=""
        )


async def _seen(
    session: Session,
    case: AbsenceCase,
    change: marks.Change,
    decided: rules.Rules,
    *,
    reported: bool,
    means: cases.Means,
) -> None:
    """The register has the child in school. ``reported``: somebody has told of an absence, whoever it was."""
    given = change.given
    known = case.state in (CaseState.TO_CONFIRM, CaseState.EXPLAINED)
    if known and (reported or case.contact_id is not None) and case.intent not in reasons.MAY_COME:
        speaker = effects.Speaker(case.by, case.contact_id, None)
        await effects.alarm(session, case, effects.DISAGREES, speaker, decided, means=means)
        return
    if case.state is CaseState.ALARM and case.intent in (effects.DISAGREES, Intent.SAFEGUARDING_CONCERN):
        return  # a person has it in hand, and a mark alone does not settle that
    if case.state is CaseState.SEEN:
        case.arrived_at = given.arrived_at or case.arrived_at
        session.add(case)
        return
    case.arrived_at = given.arrived_at
    if given.session is case.session:
        case.code, case.decided_by, case.decided_at = given.code, THE_REGISTER, means.now
    tell = telling.ARRIVED if given.arrived_at else telling.IN_SCHOOL
    await cases.change(session, case, CaseState.SEEN, by=THE_REGISTER, why=f"code {given.code}", means=means, tell=tell)


def _settled(case: AbsenceCase) -> str:
    """What those who were asked hear now, unless they have heard already that all is well."""
    return "" if case.told_at else telling.SETTLED
