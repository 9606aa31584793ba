"""What a person must know of each child that waits for one: what was tried, what was said, and whom to ring.

And what happens next without anybody, so that nobody need check on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from gateway.absence import rules, states, views
from gateway.absence.board import Child, Stand
from gateway.database import Session
from gateway.models import AbsenceStep, CaseState, Conversation, Reply
from gateway.models.types import core
from gateway.translating import gists

_SAID: Final = {"sms": "text", "email": "email", "voice": "call"}
_VERBS: Final = {"sms": "texted", "email": "emailed", "voice": "called"}
_WHO: Final = {"main": "First contacts", "others": "The other contacts", "emergency": "Emergency contacts"}

step_table, reply_table = core(AbsenceStep), core(Reply)


@dataclass(frozen=True, slots=True)
class Asked:
    """One rung that asked somebody: ``how`` in words, such as ``text and email``."""

    at: datetime
    how: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said. ``english`` is a machine's rendering, ``""`` where there is none."""

    at: datetime
    who: str
    words: str
    english: str
    conversation: int


@dataclass(frozen=True, slots=True)
class Need:
    """A child, and what a person needs for the next step."""

    child: Child
    asked: Sequence[Asked]
    answer: Answer | None
    to_ring: Sequence[views.ToRing]

    @property
    def numbers(self) -> list[tuple[views.ToRing, str]]:
        """Every number that may be rung, in order."""
        return [(person, number) for person in self.to_ring for number in person.numbers]


async def read(session: Session, children: Iterable[Child], *, today: date) -> list[Need]:
    """All of these children that have a case, in their order: four questions to the database, however many they are."""
    wanted = [child for child in children if child.case is not None]
    ids = [child.case.id for child in wanted if child.case and child.case.id]
    asked, last = await _steps(session, ids)
    answers = await _answers(session, last)
    ring = [child.pupil.id or 0 for child in wanted if child.stand in (Stand.PHONE, Stand.UNEXPLAINED)]
    numbers = await views.to_ring_all(session, ring, today=today) if ring else {}
    return [
        Need(
            child,
            asked.get(child.case.id or 0, ()) if child.case else (),
            answers.get(child.case.id or 0) if child.case else None,
            numbers.get(child.pupil.id or 0, ()),
        )
        for child in wanted
    ]


async def _steps(session: Session, case_ids: Sequence[int]) -> tuple[dict[int, list[Asked]], dict[int, AbsenceStep]]:
    """When these were asked about since the asking began, and the last answer to each."""
    t = step_table.c
    query = (
        sa.select(AbsenceStep)
        .where(t.case_id.in_(case_ids), t.kind.in_(("asked", "answer", "opened")))
        .order_by(t.at, t.id)
    )
    asked: dict[int, list[Asked]] = {}
    last: dict[int, AbsenceStep] = {}
    for step in await session.scalars(query):
        if step.kind == "asked":
            asked.setdefault(step.case_id, []).append(Asked(step.at, _how(step.facts)))
        elif step.kind == "answer" and step.reply_id is not None:
            last[step.case_id] = step
    return asked, last


def _how(facts: Mapping[str, Any]) -> str:
    return " and ".join(_SAID[medium] for medium in facts.get("media", ()))


async def _answers(session: Session, steps: Mapping[int, AbsenceStep]) -> dict[int, Answer]:
    ids, c = [step.reply_id for step in steps.values() if step.reply_id is not None], core(Conversation).c
    # Where to read it: what a conversation was merged into.
    root = sa.func.coalesce(c.merged_into_id, c.id)
    query = (
        sa.select(Reply, root)
        .join(core(Conversation), c.id == reply_table.c.conversation_id)
        .where(reply_table.c.id.in_(ids))
    )
    replies = {reply.id: (reply, at) for reply, at in await session.execute(query)} if ids else {}
    english = await gists.of(session, ids) if ids else {}
    found: dict[int, Answer] = {}
    for case_id, step in steps.items():
        if step.reply_id in replies:
            reply, at = replies[step.reply_id]
            words = f"Key {reply.keys}" if reply.keys else reply.body
            found[case_id] = Answer(reply.at, step.who, words, english.get(reply.id or 0, ""), at)
    return found


@dataclass(frozen=True, slots=True)
class Coming:
    """What happens by itself at a moment: ``what`` with the children as ``{names}``, and ``more`` after them."""

    at: datetime
    what: str
    more: str
    children: Sequence[Child]


def coming(children: Iterable[Child], decided: rules.Rules, *, now: datetime) -> list[Coming]:
    """What happens without anybody, in order; children to whom the same happens in the same minute stand together."""
    groups: dict[tuple[datetime, str, str], list[Child]] = {}
    for child in children:
        case = child.case
        if case is None or case.next_at is None or case.next_at <= now or case.state in states.KNOWN:
            continue
        what, more = _step(child, decided)
        minute = case.next_at.replace(second=0, microsecond=0)
        minute += timedelta(minutes=1) if minute < case.next_at else timedelta(0)
        groups.setdefault((minute, what, more), []).append(child)
    return [Coming(at, what, more, found) for (at, what, more), found in sorted(groups.items(), key=_moment)]


def _moment(one: tuple[tuple[datetime, str, str], list[Child]]) -> tuple[datetime, str, str]:
    return one[0]


def _step(child: Child, decided: rules.Rules) -> tuple[str, str]:
    """The next step of the machine for a child that nobody settles."""
    state, number = (child.case.state, child.case.rung) if child.case else (CaseState.SEEN, 0)
    match state:
        case CaseState.UNREAD:
            return "The next contacts are asked about", "unless somebody reads the answer"
        case CaseState.EXPECTED:
            return "You are told to look, unless here by then:", ""
        case CaseState.ALARM:
            return f"{decided.lead} takes over:", "unless somebody has settled it"
        case _:
            pass
    rungs = decided.ladder.rungs
    rung = rungs[min(number, len(rungs) - 1)]
    if rung.ask is not None:
        return f"{_WHO[rung.ask]} {' and '.join(_VERBS[medium.value] for medium in rung.media)} for", ""
    if rung.task == "phone":
        return "To “phone now”, if still silent:", ""
    return f"To {decided.lead} as unexplained:", ""
