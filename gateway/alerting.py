"""Loudly: what a person must act on at once is texted to staff, too, as nobody watches a list of tasks all morning.

A child may be missing or unsafe by whichever way the words came in: there are many who say so (``tasks.Ask.loud``),
and one who tells. The text names no child. Whoever gets it looks the case, or the conversation, up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from gateway import audit, context, staff
from gateway.absence import cases
from gateway.database import Session
from gateway.models import AbsenceCase, Purpose, Task
from gateway.models.types import core

ALERTED: Final = "alerted"  #: the step of a case's chronology

_WITHIN = timedelta(hours=2)  #: what is older somebody has seen, or a text does not help any more
_AGAIN = timedelta(minutes=10)  #: news of one task is told no sooner: whoever writes ten texts is one alert
_MOST_NAMED = 5
#: What staff are to look up, by the subject of a task; of any other, the task itself.
_CALLED: Final = {"case": "absence case", "conversation": "conversation", "reply": "reply"}

task_table = core(Task)


def _untold(now: datetime) -> sa.Select[Task]:
    t = task_table.c
    just_told = sa.and_(t.alerted_at > now - _AGAIN, t.alerted_at <= now)  # not later: the clock may have been set back
    query = sa.select(Task).where(t.loud_at > now - _WITHIN, t.open_key.is_not(None))
    return query.where(sa.or_(t.alerted_at.is_(None), ~just_told))


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether staff are still to be told of something."""
    if not gateway.settings.absence.alert_numbers:
        return False
    return (await session.scalars(_untold(gateway.now()).limit(1))).first() is not None


async def alert(session: Session, gateway: context.Gateway) -> int:
    """Text staff about everything that needs somebody now, in one text, in the caller's transaction.

    Gives how many tasks it was about: none where there is nothing to text from. Then they are told of as soon as there
    is, and ``doctor`` says so.
    """
    numbers, now = gateway.settings.absence.alert_numbers, gateway.now()
    if not numbers:
        return 0
    seen = [(task.id, task.subject) for task in await session.scalars(_untold(now))]
    held = await _hold_cases(session, [subject for _, subject in seen])
    t = task_table.c
    query = _untold(now).where(t.id.in_([task_id for task_id, _ in seen])).order_by(t.id).with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).all()
    if not found:
        return 0
    if not await _text(session, gateway, numbers, found):
        return 0
    for task in found:
        task.loud_at, task.alerted_at = None, now
        session.add(task)
    subjects = {task.subject for task in found}
    means = cases.Means(gateway.log, now)
    for case in held:
        if _subject(case) in subjects:
            await cases.step(session, case, ALERTED, means=means)
    return len(found)


async def _hold_cases(session: Session, subjects: Sequence[str]) -> Sequence[AbsenceCase]:
    """The cases among the subjects, locked before their tasks, as everybody does who gives a case a task."""
    t = cases.case_table.c
    ids = [int(number) for kind, _, number in (subject.partition(":") for subject in subjects) if kind == "case"]
    query = sa.select(AbsenceCase).where(t.id.in_(ids)).order_by(t.id).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


def _subject(case: AbsenceCase) -> str:
    return f"case:{case.id}"


async def _text(
    session: Session, gateway: context.Gateway, numbers: Sequence[str], found: Sequence[Task]
) -> Sequence[str]:
    school, now = gateway.settings.school.short_name, gateway.now()
    words = f"{school}: a child may be missing or unsafe. Act now: {_named(found)}."
    slot = f"task:{found[0].id}:{now:%d%H%M}"
    sent = await staff.write(session, gateway, numbers, words, subject="", slot=slot, purpose=Purpose.SAFEGUARDING)
    if sent:
        facts = {"tasks": [task.id for task in found], "messages": sent}
        await gateway.log.record(session, audit.Line("staff.alerted", "staff", facts), now=now)
    return sent


def _named(found: Sequence[Task]) -> str:
    """What to look up: “absence case 1, 2; conversation 7 and 3 more”."""
    different = list({task.subject: task for task in found}.values())
    groups: dict[str, list[str]] = {}
    for task in different[:_MOST_NAMED]:
        kind, _, number = task.subject.partition(":")
        called = _CALLED.get(kind)
        groups.setdefault(called or "task", []).append(number if called else str(task.id))
    named = "; ".join(f"{called} {', '.join(numbers)}" for called, numbers in groups.items())
    more = len(different) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
