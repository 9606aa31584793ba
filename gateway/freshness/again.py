"""Trying again after silence: one more message in the same run, another way, for whoever has not answered.

For notices with ``[again]``. The absence check has rungs of its own. Like every later step it is stopped by an answer
that comes meanwhile (``guard``), and it ends when the notice is no longer worth saying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, context, guard, people, planner, routing, runs, sorting, tasks, turns
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.freshness import choosing, ways_left, works
from gateway.freshness.ways_left import Again, Asked
from gateway.models import About, Message, MessageState, NextTry, Notice, NoticeState, Reply, Run
from gateway.models.types import core

logger = structlog.get_logger()

_LOOK_BACK: Final = timedelta(days=60)
_SHOWN: Final = 100
_AT_ONCE: Final = 20  #: contacts of one turn
_LATER: Final = 100  #: the step of what is tried again: after every step of the notice's own ladder
_WENT: Final = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED)
_PENDING: Final = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.HELD)

_NO_MORE: Final = "nothing more is said to them about these children"
_TOO_LATE: Final = "it is no longer worth saying by then"
_OUR_FAULT: Final = "Handbell itself failed; the journal says more"


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
        if not (silent := await _silent(session, gateway, run, definition)):
            continue
        said = await ways_left.prepare(session, gateway, definition)
        for one in silent:
            await _try_safely(session, gateway, run, notice, said, one)
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
        .where(col(Notice.state).in_([NoticeState.DONE, NoticeState.SCHEDULED]), col(Notice.event_id).is_(None))
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


async def _try_safely(
    session: Session, gateway: context.Gateway, run: Run, notice: Notice, said: Again, one: Waiting
) -> None:
    """Try again with one contact. One that breaks us is given up: it must not keep the others from being asked."""
    number, now = one.tries + 1, gateway.now()
    try:
        async with session.begin_nested():
            row = await _try(session, gateway, run, said, one)
            session.add(row)
            await session.flush()
    except OperationalError:  # the database is away: it is looked at next time
        raise
    except Exception as error:
        if turns.collided(error):
            raise
        logger.exception("again.not_tried", run=run.id, contact=one.contact_id)
        row = _row(run, one, now, because=_OUR_FAULT)
        await _ask_staff(session, gateway, row)
        session.add(row)
        await session.flush()
    facts = {"contact": one.contact_id, "number": number, "medium": row.medium, "differs": row.differs}
    line = audit.Line("notice.tried_again", f"notice:{notice.id}", {**facts, "because": row.because})
    await gateway.log.record(session, line, now=now)


def _row(run: Run, one: Waiting, now: datetime, *, because: str = "") -> NextTry:
    return NextTry(run_id=run.id or 0, contact_id=one.contact_id, number=one.tries + 1, because=because, made_at=now)


async def _try(session: Session, gateway: context.Gateway, run: Run, said: Again, one: Waiting) -> NextTry:
    """Choose another way and write the message; where there is none, the row says why, and staff are asked."""
    row = _row(run, one, gateway.now())
    about = await _about(session, run, one.contact_id)
    known = await people.load(session, today=gateway.today(), pupil_ids=about)
    contact = known.contacts.get(one.contact_id)
    pupil_ids = _may_hear_of(known, one.contact_id, gateway)
    if contact is None or contact.deceased or not pupil_ids:
        row.because = _NO_MORE  # barred since, or the child has left: nobody is to ring them either
        return row
    asked, definition = Asked(said, known, contact, pupil_ids), said.definition
    ways = await ways_left.find(session, gateway, asked)
    tries = (await works.tried(session, gateway, [one.contact_id])).get(one.contact_id, [])
    hours = ways_left.hours(gateway, definition, works.hours(gateway))
    choice = choosing.choose(tries, ways.spoken(), hours) if ways.languages else None
    if choice is None:
        row.because = ways.because or _all_failed(tries, list(ways.languages))
        if ways.because in ("", ways_left.NO_WAY):
            await _ask_staff(session, gateway, row)
        return row
    due_at = ways_left.next_time(gateway, definition, choice.way.hour, taken=_taken(choice, ways))
    ends = planner.not_after(definition, run.fire_at, gateway.timezone)
    if ends is not None and ends <= due_at:
        row.because = _TOO_LATE
        return row
    row.medium, row.language, row.due_at, row.because = choice.way.medium, choice.way.language, due_at, choice.because
    row.differs = ", ".join(choice.differs)
    await _plan(session, gateway, run, asked, row, ends, tag=ways.languages[choice.way.medium][choice.way.language])
    return row


def _taken(choice: choosing.Choice, ways: ways_left.Ways) -> frozenset[date]:
    """The days on which it cannot go: of texts a family gets so many a day."""
    return ways.taken if choice.way.medium is Medium.SMS else frozenset()


def _may_hear_of(known: people.People, contact_id: int, gateway: context.Gateway) -> list[int]:
    """The pupils, of those that are on roll still, of whom this contact is not barred by now."""
    ties = {tie.pupil_id: tie for row in known.ties.values() for tie in row if tie.contact_id == contact_id}
    return sorted(one for one in known.pupils if one in ties and not ties[one].barred_on(gateway.today()))


async def _plan(
    session: Session,
    gateway: context.Gateway,
    run: Run,
    asked: Asked,
    row: NextTry,
    ends: datetime | None,
    *,
    tag: str,
) -> None:
    """Write the message of a try: by its one medium, in its language, in other words where the notice has some, and by
    another of our numbers where there is one.
    """
    said, medium, known = asked.notice, row.medium, asked.known
    if medium is None or row.due_at is None:
        return
    wanted = said.words.model_copy(update={"media": [medium], "ladder": []})
    spoken = asked.contact._replace(written_language=tag, spoken_language=tag)
    changed = people.People(
        known.pupils, known.ties, {**known.contacts, spoken.id: spoken}, known.points, known.opted_out, known.barred
    )
    found = sorting.sort(wanted, Audience(changed, [Listener(spoken.id, list(asked.pupil_ids))], ()))
    planned = planner.write(found, wanted, changed, said.means, fire_at=row.due_at, now=gateway.now())
    other = await _other_sender(session, run, row, said.means)
    step = _LATER + row.number
    rows = [
        one._replace(
            message=one.message._replace(
                step=step, slot=f"{one.message.slot}:again:{row.number}:{spoken.id}", only_if=guard.NOT_ANSWERED,
                not_after=ends, sender_id=other if other and one.message.sender_id else one.message.sender_id,
            )
        )
        for one in planned
    ]  # fmt: skip
    written = await runs.write(session, gateway, rows, run_id=run.id)
    row.address = next((one.message.address for one in written if one.message.address), "")
    other_words = said.definition.again.text if said.definition.again else {}
    if row.language in other_words and row.number == 1:
        _differs(row, "wording", "in other words")
    if other:
        _differs(row, "sender", "from another number of ours")


def _differs(row: NextTry, what: str, because: str) -> None:
    row.differs = ", ".join(filter(None, (row.differs, what)))
    row.because = f"{row.because}, {because}"


async def _other_sender(session: Session, run: Run, row: NextTry, means: planner.Means) -> int | None:
    """Another number than the one from which this run came by the same medium last; None where there is no other.

    A family may have blocked a number, or know another one as the school's.
    """
    if row.medium is Medium.EMAIL or row.medium is None:
        return None
    t = core(Message).c
    used = (
        sa.select(t.sender_id)
        .where(t.run_id == run.id, t.contact_id == row.contact_id, t.medium == row.medium, t.state.in_(_WENT))
        .order_by(t.step.desc())
    )
    before = [one for one in await session.scalars(used) if one is not None]
    ours = [one.id or 0 for one in routing.may_send(means.router.senders.get(row.medium, ()), answered=True)]
    if not before:
        return None
    fresh = [one for one in ours if one not in before] or [one for one in ours if one != before[0]]
    return fresh[0] if fresh else None


async def _about(session: Session, run: Run, contact_id: int) -> Sequence[int]:
    query = (
        select(About.pupil_id)
        .join(Message, col(Message.id) == col(About.message_id))
        .where(Message.run_id == run.id, Message.contact_id == contact_id)
        .distinct()
    )
    return sorted(await session.scalars(query))


def _all_failed(tries: Sequence[choosing.Try], media: Sequence[Medium]) -> str:
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
