"""One firing of a notice, planned portion by portion.

A run's row comes first, with a cursor: the last pupil of whom everybody was planned. Each portion is one transaction,
rows and cursor together, so that sending begins while planning goes on, nobody waits long for the database, memory does
not grow with the school, and a process that dies goes on where it stopped. A portion takes the next pupils and looks at
those around them (:func:`gateway.audience.resolve`), so its rows are those that one plan of the whole would have; a row
that an earlier portion has written already, about a brother or sister, is known by its slot.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from channels.base import Medium
from gateway import (
    answer_links,
    audience,
    audit,
    bulk,
    context,
    errors,
    fresh_question,
    handshake,
    people,
    planner,
    sorting,
    tongues,
    wording,
)
from gateway.database import Session
from gateway.definitions import model
from gateway.models import About, Contact, Message, MessageState, Notice, NoticeState, Purpose, Run
from gateway.models.types import core
from gateway.preferences import arranging, load, topics
from gateway.voicebank import bank as voicebank
from templates import languages

PORTION = (
    1000  #: pupils in one transaction: long enough to pay for its commit, short enough for an alarm to wait for it
)

#: From so many rows on, and at each tenfold of it, PostgreSQL is told to count them: until it has, it sorts the whole
#: backlog for every claim.
COUNTED = 10_000

#: The run of a notice that is planned in part.
_UNDER_WAY = (
    select(Run)
    .where(col(Run.notice_id) == sa.bindparam("notice"), col(Run.planned_at).is_(None))
    .order_by(col(Run.id).desc())
    .limit(1)
)

#: What a new message has in every other column.
_BLANK = {"attempt": 0, "retries": 0, "lease_until": None, "ref": "", "in_reply_to": ""}


@dataclass(frozen=True, slots=True)
class Look:
    """Rows that are planned and not written: of everybody, or of one portion; ``load`` is what families got before."""

    audience: audience.Audience
    rows: Sequence[planner.Planned]
    load: load.Load | None = None


async def means(session: Session, gateway: context.Gateway, definition: model.Definition) -> planner.Means:
    """What planning a definition needs beside the people."""
    return planner.Means(
        composer=await _composer(session, gateway, definition),
        costs=gateway.costs(),
        router=await gateway.router(session),
        new_id=gateway.new_id,
        timezone=gateway.timezone,
        unsubscribe_url=gateway.unsubscribe_url,
        quiet=gateway.quiet,
        files=bool(definition.attachments or definition.event),
    )


async def _composer(session: Session, gateway: context.Gateway, definition: model.Definition) -> wording.Composer:
    """What makes the words, with what is recorded for its calls: providers must be able to fetch that."""
    composer = gateway.composer(definition)
    if gateway.public_url and any(Medium.VOICE in step.media for step in definition.steps):
        composer.play(await voicebank.load(session))
    return composer


async def resolve(
    session: Session, gateway: context.Gateway, definition: model.Definition, portion: audience.Portion | None = None
) -> audience.Audience:
    """Who should hear today."""
    default = gateway.settings.school.language
    return await audience.resolve(
        session, definition.audience, today=gateway.today(), default_language=default, portion=portion
    )


async def sort(
    session: Session,
    gateway: context.Gateway,
    definition: model.Definition,
    chosen: audience.Audience,
    *,
    fire_at: datetime,
    run_id: int | None = None,
    passes: str = "",
) -> tuple[sorting.Sorting, load.Load | None]:
    """Who hears by which phone or mailbox, as families prefer and as much as they may get; and what they got before.

    ``passes`` is why it goes past the limit of texts, where it does though it could wait.
    """
    found = sorting.sort(definition, chosen).about(chosen.pupil_ids)
    got = await arrange(
        session, gateway, definition, chosen.people, found, fire_at=fire_at, run_id=run_id, passes=passes
    )
    return found, got


async def arrange(
    session: Session,
    gateway: context.Gateway,
    definition: model.Definition,
    known: people.People,
    found: sorting.Sorting,
    *,
    fire_at: datetime,
    run_id: int | None = None,
    passes: str = "",
) -> load.Load | None:
    """Apply to what was sorted what families prefer, and how much they may get. Gives what they got before."""
    when = planner.when(definition, fire_at=fire_at, now=gateway.now(), quiet=gateway.quiet, timezone=gateway.timezone)
    media = set[Medium]() if definition.purpose.urgent else await able(session, gateway, definition)
    return await arranging.arrange(
        session, gateway.preferences, definition, known, found, when=when, media=media, run_id=run_id, passes=passes
    )


async def able(session: Session, gateway: context.Gateway, definition: model.Definition) -> set[Medium]:
    """The media by which a notice could go, named or not: there is a sender, and words can be made."""
    composer, found = gateway.composer(definition), set[Medium]()
    link = "" if definition.purpose.mandatory else gateway.unsubscribe_url("0")
    for medium in await context.senders(session):
        with suppress(errors.BadDefinition):
            composer.compose(medium, languages.ENGLISH, children=["A"], unsubscribe_url=link)
            found.add(medium)
    return found


async def looks(
    session: Session, gateway: context.Gateway, definition: model.Definition, *, fire_at: datetime
) -> AsyncGenerator[Look]:
    """Plan a run portion by portion without writing it; a row about children of two portions comes in both.

    Raises :class:`errors.BadDefinition` when words cannot be made.
    """
    needed, now, after = await means(session, gateway, definition), gateway.now(), 0
    while True:
        chosen = await resolve(session, gateway, definition, audience.Portion(after, PORTION))
        found, got = await sort(session, gateway, definition, chosen, fire_at=fire_at)
        rows = planner.write(found, definition, chosen.people, needed, fire_at=fire_at, now=now)
        yield Look(chosen, rows, got)
        if len(chosen.pupil_ids) < PORTION:
            return
        after = chosen.pupil_ids[-1]


async def try_words(
    session: Session, gateway: context.Gateway, definition: model.Definition
) -> dict[tuple[Medium, str], int]:
    """Make the words once in every language that any contact wants; gives how many parts each takes at the least.

    After this no portion can fail for want of a value, which would leave a notice told to half of the school.
    Raises :class:`errors.BadDefinition`.
    """
    composer = await _composer(session, gateway, definition)
    contact, found = core(Contact).c, dict[tuple[Medium, str], int]()
    spoken = (contact.written_language, contact.spoken_language, contact.further_languages)
    every = (await session.execute(sa.select(*spoken).distinct())).all()
    link = "" if definition.purpose.mandatory else gateway.unsubscribe_url("0")
    for medium in {medium for step in definition.steps for medium in step.media}:
        url = link if medium is Medium.EMAIL else ""
        for one in every:
            school = composer.school
            chain = tongues.chain(medium, cast(tongues.Speaker, one), school.language, school.instead)
            made = composer.compose(medium, chain, children=["A"], unsubscribe_url=url)
            found[medium, made.language] = made.parts
    return found


def metered(
    gateway: context.Gateway, definition: model.Definition, found: sorting.Sorting, got: load.Load, *, fire_at: datetime
) -> load.Meter:
    """What the families that a run is for got this week, those whom the limit leaves out among them."""
    most = gateway.preferences.most(definition.purpose)
    told = {draft.contact.id for draft in found.drafts.values()}
    told |= {one.contact_id for one in found.silences if one.reason in arranging.LIMITED and one.contact_id is not None}
    when = planner.when(definition, fire_at=fire_at, now=gateway.now(), quiet=gateway.quiet, timezone=gateway.timezone)
    day = when.dues[0].astimezone(gateway.timezone).date()
    return load.meter(got, told, day, most)


async def under_way(session: Session, notice: Notice) -> Run | None:
    """The run of a notice that is planned in part."""
    return (await session.scalars(_UNDER_WAY, {"notice": notice.id})).first()


async def begin(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition, *, fire_at: datetime
) -> Run:
    """A new run.

    Raises :class:`errors.BadDefinition`.
    """
    await try_words(session, gateway, definition)
    run = Run(notice_id=notice.id, fire_at=fire_at)
    session.add(run)
    await session.flush()
    return run


async def at_once(session: Session, gateway: context.Gateway, definition: model.Definition, *, author: str) -> Run:
    """A notice that is written here and now, by whoever knows its people, and its one run; the rows are the caller's.

    Raises :class:`errors.Conflict` for a key in use: of several processes one makes it.
    """
    now = gateway.now()
    notice = Notice(
        id=gateway.new_id(),
        key=definition.key,
        title=definition.title,
        purpose=definition.purpose,
        topic=topics.declinable(definition),
        state=NoticeState.DONE,
        definition=definition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        author=author,
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(notice)
            await session.flush()
    except IntegrityError:
        raise errors.Conflict(f"A notice “{definition.key}” is there already.") from None
    run = Run(notice_id=notice.id, fire_at=now, planned_at=now)
    session.add(run)
    await session.flush()
    return run


async def advance(
    session: Session, gateway: context.Gateway, notice: Notice, definition: model.Definition, run: Run
) -> bool:
    """Write the next portion of a run. Whether it was the last one."""
    now = gateway.now()
    chosen = await resolve(session, gateway, definition, audience.Portion(run.planned_up_to, PORTION))
    last = len(chosen.pupil_ids) < PORTION
    found, _ = await sort(session, gateway, definition, chosen, fire_at=run.fire_at, run_id=run.id)
    if run.planned_up_to:
        # Of families with children in two portions. An import may have put more together since: then one place is
        # taken twice, the portion fails, and is tried again with a look at every place.
        doubtful = found if notice.tries else found.about_before(chosen.pupil_ids[0] if chosen.pupil_ids else 0)
        found = found.without(await _there_already(session, run, doubtful.slots()))
    await asyncio.sleep(0)  # the loop may be ours alone (Database.write_here): a lane, a webhook gets its turn
    rows: Sequence[planner.Planned] = planner.write(
        found,
        definition,
        chosen.people,
        await means(session, gateway, definition),
        fire_at=run.fire_at,
        now=now,
        held=notice.state is NoticeState.HELD,
    )
    rows = answer_links.added(gateway, rows)
    await asyncio.sleep(0)
    rows = await write(session, gateway, rows, run_id=run.id)
    if rows or not run.planned_up_to:
        await gateway.log.record(session, _line(notice, run, rows), now=now)
    await _count(session, run.messages, run.messages + len(rows), last=last)
    run.messages += len(rows)
    run.planned_up_to = chosen.pupil_ids[-1] if chosen.pupil_ids else run.planned_up_to
    run.planned_at = now if last else None
    if last:
        # Since it was submitted, a form may have been renamed or a pupil may have left.
        notice.trouble = "\n".join(str(problem) for problem in chosen.problems)
    return last


async def _there_already(session: Session, run: Run, slots: Iterable[str]) -> set[str]:
    """Which of these places of a run are taken: by an earlier portion, for a child of the same family."""
    query = _there(people.dialect(session))
    return set(await session.scalars(query, {"run": run.id, "slots": bulk.packed_ids(slots)}))


@functools.cache
def _there(dialect: str) -> sa.Select[str]:
    message = core(Message).c
    given = bulk.among(dialect, message.slot, "slots")
    return sa.select(message.slot).where(message.run_id == sa.bindparam("run"), given)


async def write(
    session: Session, gateway: context.Gateway, rows: Sequence[planner.Planned], *, run_id: int | None
) -> Sequence[planner.Planned]:
    """Insert planned rows; beside their first text, ask those families for their language of whom nobody knows it.

    Gives them as they were written: some of the good news carry a question.
    """
    asking, rules = gateway.answering(), gateway.settings.freshness
    rows, asked = await fresh_question.carry(session, rows, asking, rules, now=gateway.now())
    await session.run_sync(partial(store, rows=rows, run_id=run_id))
    session.add_all(asked)
    await session.flush()
    if told := _told(gateway, rows):
        now, today = gateway.now(), gateway.today()
        await handshake.ask(session, told, asking, log=gateway.log, today=today, now=now)
    return rows


async def ask_released(session: Session, gateway: context.Gateway, run_id: int) -> None:
    """Ask beside the texts of a run that somebody has just approved: while they were held nobody was asked."""
    if not handshake.may_ask(gateway.answering()):
        return
    message, about, contact = core(Message).c, core(About).c, core(Contact).c
    query = (
        sa.select(Message, about.pupil_id)
        .join(core(Contact), contact.id == message.contact_id)
        .join(core(About), about.message_id == message.id)
        .where(message.run_id == run_id, message.state == MessageState.QUEUED, message.medium == Medium.SMS)
        .where(message["keys"] == "", message.purpose != Purpose.EMERGENCY)
        .where(contact.written_language.in_(("", gateway.settings.school.language)))
        .order_by(message.due_at, message.id)
    )
    texts, pupils = dict[str, Message](), defaultdict[str, list[int]](list)
    for text, pupil_id in await session.execute(query):
        texts[text.id] = text
        pupils[text.id].append(pupil_id)
    told = [_beside(text, pupils[text.id]) for text in texts.values()]
    now, today = gateway.now(), gateway.today()
    await handshake.ask(session, told, gateway.answering(), log=gateway.log, today=today, now=now)


async def price_of_asking(
    session: Session, gateway: context.Gateway, rows: Sequence[planner.Planned]
) -> tuple[int, int, float]:
    """How many families would be asked for their language beside these rows, in how many parts, for how many pence."""
    told = _told(gateway, rows)
    return await handshake.price(session, told, gateway.answering(), today=gateway.today(), now=gateway.now())


def _told(gateway: context.Gateway, rows: Sequence[planner.Planned]) -> list[handshake.Told]:
    texts = (row for row in rows if _may_be_asked(row, gateway.settings.school.language))
    return [_beside(row.message, row.pupil_ids) for row in texts]


def _beside(text: planner.Row | Message, pupil_ids: Sequence[int]) -> handshake.Told:
    return handshake.Told(
        text.id,
        text.contact_id or 0,
        text.contact_point_id or 0,
        text.address,
        text.sender_id or 0,
        pupil_ids,
        text.due_at,
    )


def _may_be_asked(row: planner.Planned, default: str) -> bool:
    """Whether a text leaves to somebody who may have no language on file; an emergency is no time for questions, and
    one question is enough."""
    message = row.message
    leaves = message.medium is Medium.SMS and message.state is MessageState.QUEUED and message.contact_id is not None
    return leaves and row.wanted == default and not message.keys and message.purpose is not Purpose.EMERGENCY


def store(session: orm.Session, *, rows: Sequence[planner.Planned], run_id: int | None) -> None:
    """Insert planned rows, many at once."""
    common, connection = {"run_id": run_id, **_BLANK}, session.connection()
    for told in (True, False):  # those with words, and those without, are alike among themselves
        messages = [row.message for row in rows if bool(row.message.body) is told]
        bulk.pour(connection, core(Message), planner.Row._fields, messages, common=common)
    about = [(row.message.id, pupil_id) for row in rows for pupil_id in row.pupil_ids]
    bulk.pour(connection, core(About), ["message_id", "pupil_id"], about)


async def _count(session: Session, before: int, after: int, *, last: bool) -> None:
    """Let PostgreSQL learn what is in the table, as soon as there is much and when all of it is there."""
    if session.get_bind().dialect.name != "postgresql" or after < COUNTED:
        return
    if last or len(str(before)) < len(str(after)):
        await session.execute(sa.text("ANALYZE message"))


def _line(notice: Notice, run: Run, rows: Sequence[planner.Planned]) -> audit.Line:
    """What was planned, with a fingerprint of who was to get what: a row cannot be changed later without the log
    disagreeing.
    """
    lines = sorted(f"{row.message.slot}|{row.message.state}|{row.message.reason}|{row.message.body}" for row in rows)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    counts = Counter(row.message.state.value for row in rows)
    facts: dict[str, Any] = {"run": run.id, "fire_at": run.fire_at, "counts": counts, "digest": digest}
    return audit.Line("notice.planned", f"notice:{notice.id}", facts | {"after": run.planned_up_to})
