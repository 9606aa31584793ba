"""Trying again after silence: one more message in the same run, another way, for whoever has not answered.

For notices with ``[again]``. The absence check has rungs of its own. Like every later step it is stopped by an answer
that comes meanwhile (``guard``), and it ends when the notice is no longer worth saying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, context, guard, people, planner, reach, runs, sorting, tasks, tongues
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.freshness import choosing, works
from gateway.models import About, Message, MessageState, NextTry, Notice, NoticeState, Reply, Run
from gateway.models.types import core
from scheduler import calendar

_LOOK_BACK: Final = timedelta(days=60)
_SHOWN: Final = 100
_AT_ONCE: Final = 50  #: contacts of one turn
_USUAL: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
_LATER: Final = 100  #: the step of what is tried again: after every step of the notice's own ladder
_WENT: Final = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED)
_PENDING: Final = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.HELD)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contact of a run who has not answered, how often it was tried again, and when something last went out."""

    contact_id: int
    tries: int
    last_at: datetime


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether anybody is to be tried again; reads only."""
    for run, _, definition in await _runs(session, gateway):
        if await _silent(session, gateway, run, definition):
            return True
    return False


async def turn(session: Session, gateway: context.Gateway) -> int:
    """Try again with some of those who are due, in the caller's transaction. Gives how many."""
    done = 0
    for run, notice, definition in await _runs(session, gateway):
        # Whoever holds the run tries again in it: nobody else does so at the same time.
        held = select(Run.id).where(Run.id == run.id).with_for_update(skip_locked=True, key_share=True)
        if (await session.scalars(held)).first() is None:
            continue
        for one in await _silent(session, gateway, run, definition):
            await _try(session, gateway, run, notice, definition, one)
            done += 1
        if done >= _AT_ONCE:
            break
    if done:
        await bell.ring(session)
    return done


async def _runs(session: Session, gateway: context.Gateway) -> list[tuple[Run, Notice, model.Definition]]:
    """The runs, planned and still worth saying, of notices that are tried again."""
    now = gateway.now()
    query = (
        select(Run, Notice)
        .join(Notice, col(Notice.id) == col(Run.notice_id))
        .where(col(Run.planned_at).is_not(None), col(Run.fire_at) > now - _LOOK_BACK)
        .where(col(Notice.state).in_([NoticeState.DONE, NoticeState.SCHEDULED]))
        .where(sa.cast(col(Notice.definition), sa.Text).contains('"again":'))
        .order_by(col(Run.id))
    )
    found = list[tuple[Run, Notice, model.Definition]]()
    for run, notice in await session.execute(query):
        definition = reading.stored(notice.definition)
        ends = planner.not_after(definition, run.fire_at, gateway.timezone)
        if definition.again is not None and (ends is None or ends > now):
            found.append((run, notice, definition))
    return found


async def _silent(session: Session, gateway: context.Gateway, run: Run, definition: model.Definition) -> list[Waiting]:
    """Who of a run has not answered for so long, with nothing more on its way to them."""
    if definition.again is None:
        return []
    m, reply, again, other = core(Message).c, core(Reply).c, core(NextTry).c, core(Message).alias("other").c
    tries = (
        sa.select(sa.func.count(again.id))
        .where(again.run_id == run.id, again.contact_id == m.contact_id)
        .correlate(core(Message))
        .scalar_subquery()
    )
    answered = sa.select(reply.id).where(
        reply.run_id == run.id, sa.or_(reply.contact_id == m.contact_id, reply.message_id == m.id)
    )
    pending = sa.select(other.id).where(
        other.run_id == run.id, other.contact_id == m.contact_id, other.state.in_(_PENDING)
    )
    long_ago = gateway.now() - definition.again.after
    # Given up, or tried so lately that nobody can have answered; also where nothing came of the plan.
    enough = sa.select(again.id).where(
        again.run_id == run.id,
        again.contact_id == m.contact_id,
        sa.or_(again.medium.is_(None), again.made_at > long_ago),
    )
    last = sa.func.max(m.changed_at)
    query = (
        sa.select(m.contact_id, tries, last)
        .where(m.run_id == run.id, m.contact_id.is_not(None), m.state.in_(_WENT))
        .where(~answered.correlate(core(Message)).exists(), ~pending.correlate(core(Message)).exists())
        .where(~enough.correlate(core(Message)).exists())
        .group_by(m.contact_id)
        .having(last <= long_ago, tries < definition.again.times)
        .order_by(m.contact_id)
        .limit(_AT_ONCE)
    )
    return [Waiting(*row) for row in await session.execute(query)]


async def _try(
    session: Session, gateway: context.Gateway, run: Run, notice: Notice, definition: model.Definition, one: Waiting
) -> None:
    now, number = gateway.now(), one.tries + 1
    pupil_ids = await _about(session, run, one.contact_id)
    known = await people.load(session, today=gateway.today(), pupil_ids=pupil_ids)
    contact = known.contacts.get(one.contact_id)
    tries = (await works.tried(session, gateway, [one.contact_id])).get(one.contact_id, [])
    media = [medium for medium in _media(gateway, definition) if _reachable(known, one.contact_id, medium, definition)]
    row = NextTry(run_id=run.id or 0, contact_id=one.contact_id, number=number, because="", made_at=now)
    spoken = _languages(gateway, contact) if contact else []
    choice = choosing.choose(tries, media, works.hours(gateway), spoken) if contact and media else None
    if contact is None or choice is None:
        row.because = _all_failed(tries, media)
        await _ask_staff(session, gateway, row)
    else:
        row.medium, row.language, row.because = choice.way.medium, choice.way.language, choice.because
        row.differs = ", ".join(choice.differs)
        row.due_at = _next(gateway, choice.way.hour)
        await _plan(session, gateway, run, definition, known, contact, row)
    session.add(row)
    await session.flush()
    facts = {"contact": one.contact_id, "number": number, "medium": row.medium, "differs": row.differs}
    line = audit.Line("notice.tried_again", f"notice:{notice.id}", {**facts, "because": row.because})
    await gateway.log.record(session, line, now=now)


async def _plan(
    session: Session,
    gateway: context.Gateway,
    run: Run,
    definition: model.Definition,
    known: people.People,
    contact: people.Adult,
    row: NextTry,
) -> None:
    """Write the message, with words by the same notice; where it would come too late, say so on the row."""
    ends = planner.not_after(definition, run.fire_at, gateway.timezone)
    if row.medium is None or row.due_at is None or (ends is not None and ends <= row.due_at):
        row.medium, row.due_at, row.because = None, None, "it is no longer worth saying by then"
        return
    wanted = definition.model_copy(update={"media": [row.medium], "ladder": []})
    spoken = contact._replace(written_language=row.language, spoken_language=row.language)
    pupil_ids = sorted(known.pupils)
    changed = people.People(
        known.pupils, known.ties, {**known.contacts, contact.id: spoken}, known.points, known.opted_out, known.barred
    )
    found = sorting.sort(wanted, Audience(changed, [Listener(contact.id, pupil_ids)], ()))
    means = await runs.means(session, gateway, wanted)
    planned = planner.write(found, wanted, changed, means, fire_at=row.due_at, now=gateway.now())
    step = _LATER + row.number
    rows = [
        one._replace(
            message=one.message._replace(
                step=step, slot=f"{one.message.slot}:again:{row.number}:{contact.id}", only_if=guard.NOT_ANSWERED,
                not_after=ends,
            )
        )
        for one in planned
    ]  # fmt: skip
    written = await runs.write(session, gateway, rows, run_id=run.id)
    row.address = next((one.message.address for one in written if one.message.address), "")


async def _about(session: Session, run: Run, contact_id: int) -> Sequence[int]:
    query = (
        select(About.pupil_id)
        .join(Message, col(Message.id) == col(About.message_id))
        .where(Message.run_id == run.id, Message.contact_id == contact_id)
        .distinct()
    )
    return sorted(await session.scalars(query))


def _media(gateway: context.Gateway, definition: model.Definition) -> list[Medium]:
    """By what may be tried: the notice's own media first, then the others that there are words and senders for."""
    own = [medium for step in definition.steps for medium in step.media]
    usable = {channel.medium for channel in gateway.channels.values()}
    return list(dict.fromkeys([*own, *(medium for medium in _USUAL if medium in usable)]))


def _reachable(known: people.People, contact_id: int, medium: Medium, definition: model.Definition) -> bool:
    ways = reach.ways(known, contact_id, sorted(known.pupils), medium=medium, mandatory=definition.purpose.mandatory)
    return bool(ways.found)


def _languages(gateway: context.Gateway, contact: people.Adult) -> list[str]:
    school = gateway.school()
    return list(dict.fromkeys(tongues.chain(Medium.SMS, contact, school.language, school.instead)))


def _next(gateway: context.Gateway, hour: time) -> datetime:
    """The next time that this hour comes, on the school's clock."""
    today = gateway.today()
    at = calendar.to_utc(datetime.combine(today, hour), gateway.timezone)
    if at <= gateway.now():
        at = calendar.to_utc(datetime.combine(today + timedelta(days=1), hour), gateway.timezone)
    return at


def _all_failed(tries: Sequence[choosing.Try], media: Sequence[Medium]) -> str:
    if not media:
        return "no phone or mailbox of theirs works"
    told = "; ".join(filter(None, (choosing.summed(tries, medium) for medium in media)))
    return f"everything has failed twice running ({told})"


async def _ask_staff(session: Session, gateway: context.Gateway, row: NextTry) -> None:
    what = f"A contact answers nothing that we try: {row.because}."
    cure = f"Ring, write a letter, or ask the child. handbell contact show {row.contact_id}."
    ask = tasks.Ask("silent", f"contact:{row.contact_id}", what, cure)
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


async def of_runs(session: Session, run_ids: Sequence[int]) -> Sequence[NextTry]:
    """What was tried again in these runs, the latest first."""
    query = select(NextTry).where(col(NextTry.run_id).in_(run_ids)).order_by(col(NextTry.id).desc())
    return (await session.scalars(query.limit(_SHOWN))).all()


async def of_contact(session: Session, contact_id: int, *, limit: int = 10) -> Sequence[NextTry]:
    """What was tried again with a contact, the latest first."""
    query = select(NextTry).where(NextTry.contact_id == contact_id).order_by(col(NextTry.id).desc()).limit(limit)
    return (await session.scalars(query)).all()
