"""Climbing the ladder: who is asked at a rung, in one text for each phone, and what follows when nobody can be.

One rung of all cases that are due is asked about together, so that brothers and sisters are named in one text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, guard, people, reach, sorting
from gateway.absence import cases, ladder, meaning, paths, rules, sending
from gateway.audience import Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    CaseState,
    ContactPoint,
    DaySession,
    Message,
    MessageState,
    PointState,
)
from gateway.models.types import core

SESSION_WORDS = {DaySession.AM: "morning", DaySession.PM: "afternoon"}

#: A question in one of these may reach somebody, or has.
ALIVE = (
    MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED,
    MessageState.HELD,
)  # fmt: skip

_JUST_RUNG = timedelta(minutes=10)

_PHONE = "Nobody has told us why a child is not in school. Ring the family now."
_PHONE_CURE = "handbell absence show {case} names the child, whom to ring and what was tried; then absence settle."
_LEAD = "A child is not accounted for, and nobody could be reached. {lead} takes over: a visit, or the police."
_LEAD_CURE = "handbell absence chronology {case} is the page to hand on; then absence settle."


def said(day: date, which: DaySession) -> str:
    """``29 November, morning``: as tasks and texts to staff name a session."""
    return f"{day.day} {day:%B}, {SESSION_WORDS[which]}"


@dataclass(slots=True)
class Choice:
    """Who is asked about whom at a rung; ``nobody`` are the pupils of whom nobody can be."""

    listeners: dict[tuple[int | None, str], Listener] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set[int])

    def add(self, contact_id: int | None, pupil_id: int, reason: str = "") -> None:
        """Let somebody hear about a pupil, or say why not."""
        key = (contact_id if contact_id is not None else -pupil_id, reason)
        row = self.listeners.setdefault(key, Listener(contact_id, reason=reason))
        row.pupil_ids.append(pupil_id)
        if not reason:
            self.asked.add(pupil_id)


def choose(
    known: people.People,
    pupil_ids: Iterable[int],
    rung: ladder.Rung,
    *,
    today: date,
    calls: bool,
    asked: Mapping[int, Collection[tuple[int, Medium]]] | None = None,
    show_barred: bool = False,
) -> Choice:
    """Who is asked about these pupils at a rung, in order of priority.

    ``asked`` has, by pupil, who has a question already, and by which medium. ``calls``: whether those are rung who
    stopped our texts.
    """
    choice = Choice()
    for pupil_id in pupil_ids:
        free = list[people.Tie]()
        for tie in known.ties.get(pupil_id, ()):
            if tie.barred_on(today):
                if show_barred:
                    choice.add(tie.contact_id, pupil_id, "barred")
            elif not known.contacts[tie.contact_id].deceased:
                free.append(tie)
        have = (asked or {}).get(pupil_id, ())
        for tie in _of_rung(known, pupil_id, free, rung, have, calls=calls):
            choice.add(tie.contact_id, pupil_id)
        if pupil_id not in choice.asked:
            choice.add(None, pupil_id, "nobody")
    return choice


def _of_rung(
    known: people.People,
    pupil_id: int,
    free: Sequence[people.Tie],
    rung: ladder.Rung,
    asked: Collection[tuple[int, Medium]],
    *,
    calls: bool,
) -> Sequence[people.Tie]:
    """Those who live with the child or answer for it; all of them where nobody does."""
    by = {tie: paths.media(known, tie.contact_id, [pupil_id], rung.media, calls=calls) for tie in free}
    waiting = [tie for tie in free if by[tie] and not paths.has_question(asked, known, tie.contact_id, by[tie])]
    answering = [tie for tie in free if tie.lives_with or tie.parental_responsibility] or list(free)
    if rung.ask == "emergency":
        return [tie for tie in waiting if tie not in answering]
    left = [tie for tie in answering if tie in waiting]
    if rung.ask == "others":
        return left
    reachable = (tie for tie in left if _reachable(known, pupil_id, tie, by[tie]))
    main = next(reachable, left[0] if left else None)
    return [main] if main else []


def _reachable(known: people.People, pupil_id: int, tie: people.Tie, media: Sequence[Medium]) -> bool:
    return any(reach.ways(known, tie.contact_id, [pupil_id], medium=one, mandatory=True).found for one in media)


def sort(
    wanted: model.Definition, known: people.People, listeners: Iterable[Listener], *, calls: bool
) -> sorting.Sorting:
    """Who is asked by which phone or mailbox: each by the media of the rung, or by the way round a STOP."""
    groups: dict[tuple[Medium, ...], list[Listener]] = {}
    for one in listeners:
        by: Sequence[Medium] = wanted.media
        if one.contact_id is not None and not one.reason:
            by = paths.media(known, one.contact_id, one.pupil_ids, wanted.media, calls=calls)
        groups.setdefault(tuple(by), []).append(one)
    whole = sorting.Sorting()
    for media, group in groups.items():
        part = sending.sort(wanted.model_copy(update={"media": list(media)}), known, group)
        whole.drafts |= part.drafts
        whole.silences += part.silences
    return whole


def question(
    rung: ladder.Rung,
    known: people.People,
    pupil_ids: Collection[int],
    *,
    key: str,
    day: date,
    worth: timedelta,
    again: bool,
) -> model.Definition:
    """The words that ask: ``again`` on the rungs after the first."""
    minutes = max(1, int(worth.total_seconds() // 60))
    wording = meaning.CHASE if again else meaning.CHECK
    words = sending.Words(wording, f"Absence check of {day.day} {day:%B %Y}", {"date": day}, rung.media, f"{minutes}m")
    return sending.definition(words, known, pupil_ids, key=key)


async def climb(session: Session, gateway: context.Gateway, decided: rules.Rules, day: date, which: DaySession) -> bool:
    """Climb whatever is due in a session; the caller holds its register. Whether anything was."""
    means = cases.Means(gateway.log, gateway.now())
    if day < gateway.today():  # we stood still meanwhile: no family is asked today about yesterday
        return await _overdue(session, decided, day, which, means=means)
    climbed = await _hasten(session, gateway, day, which)
    for _ in range(len(decided.ladder.rungs) + 1):
        due = await _due(session, day, which, means)
        if not due:
            break
        climbed = True
        known = await people.load(session, today=gateway.today(), pupil_ids=[case.pupil_id for case in due])
        for number in sorted({case.rung for case in due}):
            group = [case for case in due if case.rung == number]
            here = [case for case in group if case.pupil_id in known.pupils]
            for case in group:
                if case not in here:
                    why = "no longer on roll"
                    await cases.change(session, case, CaseState.EXPLAINED, by="the roll", why=why, means=means, tell="")
            if here:
                await _climb_rung(session, gateway, decided, here, known, number)
    return climbed


async def _overdue(session: Session, decided: rules.Rules, day: date, which: DaySession, *, means: cases.Means) -> bool:
    due = await _due(session, day, which, means)
    for case in due:
        await hand_over(session, case, decided, means=means)
    return bool(due)


async def _due(session: Session, day: date, which: DaySession, means: cases.Means) -> list[AbsenceCase]:
    t = cases.case_table.c
    query = sa.select(AbsenceCase).where(t.date == day, t.session == which, t.state == CaseState.ASKING)
    query = query.where(t.next_at <= means.now).order_by(t.id).with_for_update()
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def _climb_rung(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    group: Sequence[AbsenceCase],
    known: people.People,
    number: int,
) -> None:
    rungs, means = decided.ladder.rungs, cases.Means(gateway.log, gateway.now())
    rung = rungs[min(number, len(rungs) - 1)]
    if rung.task == "safeguarding":
        for case in group:
            await hand_over(session, case, decided, means=means)
        return
    reached = frozenset[int]()
    if rung.ask is not None:
        reached = await _ask(session, gateway, decided, group, known, number)
    for case in group:
        if rung.task == "phone":
            cure = _PHONE_CURE.format(case=case.id)
            await cases.ask_person(session, case, "phone", _PHONE, cure, urgent=True, means=means)
        case.rung = number + 1
        on = rung.task == "phone" or case.pupil_id in reached
        wait = rungs[case.rung].waits(fast=case.fast) if on else timedelta(0)
        case.next_at = means.now + wait
        session.add(case)
    await session.flush()


async def hand_over(session: Session, case: AbsenceCase, decided: rules.Rules, *, means: cases.Means) -> None:
    """The end of the ladder: a named person takes the child over."""
    lead = decided.lead
    what, cure = _LEAD.format(lead=lead), _LEAD_CURE.format(case=case.id)
    await cases.ask_person(session, case, "safeguarding", what, cure, urgent=True, means=means)
    await cases.change(session, case, CaseState.HANDED_OVER, by=lead, why="nobody answered", means=means)


async def _ask(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    group: Sequence[AbsenceCase],
    known: people.People,
    number: int,
) -> frozenset[int]:
    """Ask about these pupils. Gives those of whom a question is on its way."""
    rung, by_pupil = decided.ladder.rungs[number], {case.pupil_id: case for case in group}
    asked, calls = await _asked_already(session, group, gateway.now()), decided.settings.call_after_stop
    today, day, which = gateway.today(), group[0].date, group[0].session
    choice = choose(known, by_pupil, rung, today=today, calls=calls, asked=asked, show_barred=number == 0)
    key = await sending.next_key(session, day, which)
    worth, again = decided.ladder.worth_asking, number > 0
    wanted = question(rung, known, list(by_pupil), key=key, day=day, worth=worth, again=again)
    found = sort(wanted, known, choice.listeners.values(), calls=calls)
    sent = await sending.send(session, gateway, wanted, found, known, step=number, only_if=guard.UNACCOUNTED)
    means = cases.Means(gateway.log, gateway.now())
    for pupil_id, case in by_pupil.items():
        kind = "asked" if pupil_id in sent.reached else "unreached"
        facts = {"rung": number + 1, "who": rung.ask, "media": [medium.value for medium in rung.media]}
        await cases.step(session, case, kind, means=means, facts=facts, run_id=sent.run_id)
        if kind == "asked":
            case.run_id = sent.run_id
    return sent.reached


async def _asked_already(
    session: Session, group: Sequence[AbsenceCase], now: datetime
) -> dict[int, set[tuple[int, Medium]]]:
    """Who of each pupil's contacts has such a question already, and by which medium.

    A phone that has just rung out is not rung again at once: the next rung is theirs who have not been tried.
    """
    message, about, step, point = core(Message).c, core(About).c, core(AbsenceStep).c, core(ContactPoint).c
    case_of = {case.id: case.pupil_id for case in group}
    found: dict[int, set[tuple[int, Medium]]] = {}
    rang_out = sa.and_(
        message.medium == Medium.VOICE, message.state == MessageState.FAILED, message.changed_at > now - _JUST_RUNG
    )
    query = (
        sa.select(step.case_id, message.contact_id, message.medium)
        .select_from(
            core(AbsenceStep)
            .join(core(Message), message.run_id == step.run_id)
            .join(core(About), about.message_id == message.id)
            .join(cases.case_table, sa.and_(cases.case_table.c.id == step.case_id))
        )
        .where(step.case_id.in_(case_of), step.kind == "asked", step.at >= cases.case_table.c.since)
        .where(about.pupil_id == cases.case_table.c.pupil_id)
        .where(sa.or_(message.state.in_(ALIVE), message.reason == "merged", rang_out))
    )
    wrong = sa.select(point.id).where(  # what went to a wrong number has asked nobody
        point.contact_id == message.contact_id,
        point.state == PointState.WRONG,
        sa.or_(point.address == message.address, message.reason == "merged"),
    )
    for case_id, contact_id, medium in await session.execute(query.where(~wrong.exists())):
        found.setdefault(case_of[case_id], set()).add((contact_id, medium))
    return found


def given_up(now: datetime) -> sa.ColumnElement[bool]:
    """Of a case: every question of its last rung has failed, so nobody will answer it; it was not hastened for that."""
    t, message, about, step = cases.case_table.c, core(Message).c, core(About).c, core(AbsenceStep).c
    alive = (
        sa.select(message.id)
        .join(core(About), about.message_id == message.id)
        .where(message.run_id == t.run_id, about.pupil_id == t.pupil_id, message.state.in_(ALIVE))
        .correlate(cases.case_table)
    )
    noted = (
        sa.select(step.id)
        .where(step.case_id == t.id, step.run_id == t.run_id, step.kind == "failed")
        .correlate(cases.case_table)
    )
    # A call may fail only after staff were asked to ring: their time is not cut short for that.
    last = sa.select(message.id).where(message.run_id == t.run_id, message.step == t.rung - 1)
    waits = sa.and_(t.state == CaseState.ASKING, t.next_at > now, t.run_id.is_not(None))
    return sa.and_(waits, last.correlate(cases.case_table).exists(), ~alive.exists(), ~noted.exists())


async def _hasten(session: Session, gateway: context.Gateway, day: date, which: DaySession) -> bool:
    """Wait no longer where every question of the last rung has failed."""
    t, means = cases.case_table.c, cases.Means(gateway.log, gateway.now())
    query = sa.select(AbsenceCase).where(t.date == day, t.session == which, given_up(means.now)).order_by(t.id)
    found = (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).all()
    for case in found:
        case.next_at = means.now
        session.add(case)
        await cases.step(session, case, "failed", means=means, run_id=case.run_id)
    return bool(found)
