"""Telling those who were asked that all is well, by the way they were asked, in one message for each phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, people, reach, sorting
from gateway.absence import cases, rules, sending, states
from gateway.audience import Listener
from gateway.database import Session
from gateway.models import About, AbsenceCase, DaySession, Message, MessageState
from gateway.models.types import core

ARRIVED: Final = "absence_arrived"  #: with the time
IN_SCHOOL: Final = "absence_in_school"
SETTLED: Final = "absence_settled"

#: Who has one of these has been alarmed, or may have been.
_ALARMED = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
_TITLES = {ARRIVED: "Arrived safely", IN_SCHOOL: "In school after all", SETTLED: "Absence settled"}
_VALID = "4h"

#: contact -> medium by which that contact was asked -> the pupils of the question
Alarmed = Mapping[int, Mapping[Medium, Sequence[int]]]


async def tell(session: Session, gateway: context.Gateway, decided: rules.Rules, day: date, which: DaySession) -> bool:
    """Tell whatever is still to be told in a session; the caller holds its register. Whether anything was.

    Of an earlier day nobody is told: "about our message today" would be taken for another child, or another day.
    """
    t = cases.case_table.c
    due = cases.may_tell(gateway.now())
    query = sa.select(AbsenceCase).where(t.date == day, t.session == which, t.tell != "", due).order_by(t.id)
    waiting = list(await session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    if day != gateway.today():
        for case in waiting:
            case.tell = ""
        session.add_all(waiting)
        return bool(waiting)
    groups: dict[tuple[str, datetime | None], list[AbsenceCase]] = {}
    for case in waiting:
        groups.setdefault((case.tell, case.arrived_at if case.tell == ARRIVED else None), []).append(case)
    for (template, arrived), group in groups.items():
        await _tell_group(session, gateway, decided, group, template, arrived)
    return bool(waiting)


async def _tell_group(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    group: Sequence[AbsenceCase],
    template: str,
    arrived: datetime | None,
) -> None:
    now = gateway.now()
    means = cases.Means(gateway.log, now)
    known = await people.load(session, today=gateway.today(), pupil_ids=[case.pupil_id for case in group])
    here = [case for case in group if case.pupil_id in known.pupils]
    alarmed = await _alarmed(session, here, except_knowing=template == SETTLED)
    found = _sorted(known, alarmed, template, today=gateway.today())
    sent: sending.Sent | None = None
    if found.drafts:
        key = await sending.next_key(session, group[0].date, group[0].session)
        told = sorted({pupil_id for draft in found.drafts.values() for pupil_id in draft.pupil_ids})
        values: dict[str, Any] = {"time": arrived.astimezone(decided.timezone).time()} if arrived else {}
        words = sending.Words(template, _TITLES[template], values, list(Medium), _VALID)
        wanted = sending.definition(words, known, told, key=key)
        sent = await sending.send(session, gateway, wanted, found, known)
    for case in group:
        case.tell, case.told_at = "", now
        case.next_at = None if case.state in states.KNOWN else case.next_at
        session.add(case)
        if sent and case.pupil_id in sent.reached:
            await cases.step(session, case, "told", means=means, facts={"what": template}, run_id=sent.run_id)


async def _alarmed(session: Session, group: Sequence[AbsenceCase], *, except_knowing: bool) -> Alarmed:
    """Who was asked about these pupils, by which media. Who told us where the child is needs not be told that."""
    message, about, step = core(Message).c, core(About).c, cases.step_table.c
    t = cases.case_table.c
    query = (
        sa.select(t.pupil_id, message.contact_id, message.medium, t.contact_id.label("knows"))
        .select_from(
            cases.case_table.join(cases.step_table, step.case_id == t.id)
            .join(core(Message), message.run_id == step.run_id)
            .join(core(About), sa.and_(about.message_id == message.id, about.pupil_id == t.pupil_id))
        )
        .where(t.id.in_([case.id for case in group]), step.kind == "asked", message.contact_id.is_not(None))
        .where(message.state.in_(_ALARMED))
        .distinct()
    )
    found: dict[int, dict[Medium, list[int]]] = {}
    for pupil_id, contact_id, medium, knows in await session.execute(query):
        if not (except_knowing and knows == contact_id):
            found.setdefault(contact_id, {}).setdefault(Medium(medium), []).append(pupil_id)
    return found


def _sorted(known: people.People, alarmed: Alarmed, template: str, *, today: date) -> sorting.Sorting:
    """Each of them once, by the nearest thing to how they were asked: a text, else an email, else a call."""
    listeners: dict[Medium, dict[int, Listener]] = {}
    for contact_id, by_medium in sorted(alarmed.items()):
        for pupil_id in sorted({one for pupil_ids in by_medium.values() for one in pupil_ids}):
            if not _may_hear(known, contact_id, pupil_id, today=today):
                continue
            asked = {medium for medium, pupil_ids in by_medium.items() if pupil_id in pupil_ids}
            if medium := _way(known, contact_id, pupil_id, asked):
                row = listeners.setdefault(medium, {}).setdefault(contact_id, Listener(contact_id))
                row.pupil_ids.append(pupil_id)
    whole = sorting.Sorting()
    for medium, rows in listeners.items():
        words = sending.Words(template, _TITLES[template], {}, [medium], _VALID)
        wanted = sending.definition(words, known, list(known.pupils), key="absence")
        part = sending.sort(wanted, known, list(rows.values()))
        whole.drafts |= part.drafts
        whole.silences += part.silences
    return whole


def _may_hear(known: people.People, contact_id: int, pupil_id: int, *, today: date) -> bool:
    """Whether somebody who was asked is still on file for the child, and not barred since."""
    ties = [tie for tie in known.ties.get(pupil_id, ()) if tie.contact_id == contact_id]
    return bool(ties) and not ties[0].barred_on(today) and not known.contacts[contact_id].deceased


def _way(known: people.People, contact_id: int, pupil_id: int, asked: set[Medium]) -> Medium | None:
    order = [Medium.SMS, Medium.EMAIL, Medium.VOICE] if asked != {Medium.EMAIL} else [Medium.EMAIL, Medium.SMS]
    ways = (one for one in order if reach.ways(known, contact_id, [pupil_id], medium=one, mandatory=True).found)
    return next(ways, None)
