"""The only place where a case changes: one arrow, one step of its chronology, one audit line, one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway import audit, errors, guard, outbox, tasks
from gateway.absence import states
from gateway.database import Session
from gateway.models import About, AbsenceCase, AbsenceStep, CaseState, DaySession, Message, MessageState
from gateway.models.types import core

TOLD_BEFORE = "told before anybody asked"  #: why a case begins that only waits for its code

case_table, step_table = core(AbsenceCase), core(AbsenceStep)
KEPT: Final = "kept"  #: a step that no chronology has: how a case stood before somebody settled it
REMINDED: Final = "reminded"  #: the step of a question on a later day: the only one that is about a day that is over


@dataclass(frozen=True, slots=True)
class Means:
    """What a change needs beside the case: the log, and the moment."""

    log: audit.Log
    now: datetime


async def find(session: Session, case_id: int) -> AbsenceCase:
    """A case by its number, locked.

    Raises :class:`errors.NotFound`.
    """
    case = await session.get(AbsenceCase, case_id, with_for_update=True, populate_existing=True)
    if case is None:
        raise errors.NotFound(f"There is no absence case {case_id}.")
    return case


async def of_session(
    session: Session, day: date, which: DaySession, *, lock: bool = True, pupil_ids: Collection[int] | None = None
) -> dict[int, AbsenceCase]:
    """The cases of a session by pupil, all or of these, locked in one order; whoever only looks takes no lock."""
    t = case_table.c
    query = sa.select(AbsenceCase).where(t.date == day, t.session == which).order_by(t.id)
    query = query if pupil_ids is None else query.where(t.pupil_id.in_(pupil_ids))
    query = query.with_for_update() if lock else query
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {case.pupil_id: case for case in found}


async def open_one(
    session: Session,
    pupil_id: int,
    day: date,
    which: DaySession,
    *,
    means: Means,
    why_fast: str = "",
    state: CaseState = CaseState.ASKING,
    why: str = "",
) -> AbsenceCase:
    """Begin a case; the caller has made sure that there is none, under the lock of the session's register."""
    case = AbsenceCase(
        pupil_id=pupil_id,
        date=day,
        session=which,
        state=state,
        fast=bool(why_fast),
        why_fast=why_fast,
        next_at=means.now,
        opened_at=means.now,
        since=means.now,
        changed_at=means.now,
    )
    session.add(case)
    await session.flush()
    # Why a child goes first may be the most private thing that a school knows: it stays in the case.
    facts = {"pupil": pupil_id, "date": day, "session": which, "state": state, "fast": bool(why_fast)}
    await step(session, case, "opened", means=means, facts={"why": why, "fast": why_fast})
    line = audit.Line("absence.opened", f"case:{case.id}", facts)
    await means.log.record(session, line, now=means.now)
    return case


async def step(
    session: Session,
    case: AbsenceCase,
    kind: str,
    *,
    means: Means,
    who: str = "handbell",
    facts: Mapping[str, Any] | None = None,
    run_id: int | None = None,
    reply_id: int | None = None,
) -> None:
    """Add to the chronology of a case what happened, without a change of its state."""
    kept = {name: value.isoformat() if isinstance(value, date) else value for name, value in (facts or {}).items()}
    row = AbsenceStep(
        case_id=case.id or 0, at=means.now, kind=kind, who=who, facts=kept, run_id=run_id, reply_id=reply_id
    )
    session.add(row)
    await session.flush()


def may_tell(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a family may be told now that its child is known to be well: whoever said so may take it back first."""
    t = case_table.c
    return sa.or_(t.next_at.is_(None), t.next_at <= now, t.state.not_in(states.KNOWN))


async def change(
    session: Session,
    case: AbsenceCase,
    after: CaseState,
    *,
    by: str,
    means: Means,
    why: str = "",
    actor: str = "handbell",
    next_at: datetime | None = None,
    tell: str | None = None,
    reply_id: int | None = None,
) -> None:
    """Follow one arrow. ``by`` is who knows; ``tell`` what those who were asked are to hear, None to leave that.

    Whatever question about the child has not left yet is taken back; other children in it are asked about again.
    Raises :class:`errors.Conflict` for an arrow that there is not.
    """
    before = case.state
    if not states.may(before, after):
        raise errors.Conflict(f"Case {case.id} is {_said(before)}, and cannot become {_said(after)}.")
    case.state, case.by, case.changed_at, case.next_at = after, by, means.now, next_at
    if after is not CaseState.SEEN:
        case.arrived_at = None
    if after is CaseState.ASKING and before is not CaseState.UNREAD:  # it begins anew
        case.since, case.rung, case.run_id, case.told_at = means.now, 0, None, None
        case.code, case.decided_by, case.decided_at = "", "", None
        case.intent, case.contact_id = "", None
    if tell is not None:
        case.tell = tell if case.run_id is not None else ""
    session.add(case)
    facts = {"before": before.value, "after": after.value, "why": why, "by": by}
    await step(session, case, "state", means=means, who=actor, facts=facts, reply_id=reply_id)
    told = {"before": before, "after": after, "why": why, "code": case.code}
    line = audit.Line("absence.changed", f"case:{case.id}", told, actor)
    await means.log.record(session, line, now=means.now)
    if before is CaseState.ASKING:
        await _take_back(session, case, means=means)
    if after in states.KNOWN:  # or somebody would ring a family whose child sits in class
        await tasks.over(session, f"case:{case.id}", by=f"handbell: {_said(after)}", log=means.log, now=means.now)
    elif after is CaseState.TO_CONFIRM:  # the family has answered: nobody need ring it
        by = "handbell: the family has answered"
        await tasks.over(session, f"case:{case.id}", kind="absence.phone", by=by, log=means.log, now=means.now)


async def _take_back(session: Session, case: AbsenceCase, *, means: Means) -> None:
    """Let no question leave any more that names this child, and ask again about others that it named."""
    message, about, other = core(Message).c, core(About).c, core(About).alias("other")
    runs = sa.select(step_table.c.run_id).where(step_table.c.case_id == case.id, step_table.c.run_id.is_not(None))
    query = (
        sa.select(message.id, other.c.pupil_id)
        .select_from(
            core(Message)
            .join(core(About), about.message_id == message.id)
            .join(other, other.c.message_id == message.id)
        )
        .where(message.run_id.in_(runs), about.pupil_id == case.pupil_id)
        .where(message.state == MessageState.QUEUED, message.only_if == guard.UNACCOUNTED)
    )
    named: dict[str, set[int]] = {}
    for message_id, pupil_id in await session.execute(query):
        named.setdefault(message_id, set()).add(pupil_id)
    again: set[int] = set()
    for message_id, pupil_ids in named.items():
        reason = "accounted_for"
        if await outbox.change(
            session, message_id, MessageState.SKIPPED, now=means.now, reason=reason, reason_text=guard.REASONS[reason]
        ):
            again |= pupil_ids - {case.pupil_id}
    if again:
        await _ask_again(session, case, again, means=means)


async def _ask_again(session: Session, case: AbsenceCase, pupil_ids: set[int], *, means: Means) -> None:
    t = case_table.c
    query = sa.select(AbsenceCase).where(t.date == case.date, t.session == case.session)
    query = query.where(t.pupil_id.in_(sorted(pupil_ids)), t.state == CaseState.ASKING, t.rung > 0)
    for other in await session.scalars(query.order_by(t.id).with_for_update()):
        other.rung, other.next_at = other.rung - 1, means.now
        session.add(other)
    await session.flush()


async def ask_person(
    session: Session, case: AbsenceCase, kind: str, what: str, cure: str, *, urgent: bool, means: Means
) -> None:
    """Give staff a task about a case. Its words name no child: they stand in lists that many see.

    What is urgent of a case is loud, too.
    """
    ask = tasks.Ask(f"absence.{kind}", f"case:{case.id}", what, cure, urgent, loud=urgent)
    await tasks.ask(session, ask, log=means.log, now=means.now)
    await step(session, case, "urgent" if urgent else "task", means=means, facts={"task": kind})


def _said(state: CaseState) -> str:
    return state.value.replace("_", " ")
