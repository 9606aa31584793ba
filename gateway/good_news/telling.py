"""The day's praise, all at once at the kind hour: one message for each family, however much there is to praise.

A day has one notice of that name, so whichever process comes first sends it, and nobody sends a second. Who shares a
phone is one family to us; parents who live apart each hear by their own. What is said in a message is worked out from
the children that it is about, after the barred have been left out (:mod:`gateway.sorting`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
import structlog

from gateway import audit, bell, context, errors, people, planner, runs, sorting, tasks, tongues
from gateway.database import Session
from gateway.definitions import model
from gateway.good_news import day as days
from gateway.good_news import hours, praising, versions, words
from gateway.models import About, Letter, Message, MessageState, Notice, Praise, Pupil, Run
from gateway.models.types import core
from gateway.translating import drafting
from templates import languages, translations
from templates.errors import WordingError

logger = structlog.get_logger()

AUTHOR = "handbell"
_GONE = "handbell: not on roll"
_UNTRUE = "handbell: the register says otherwise"
_IN_ENGLISH = "In English: in the family's language no text could hold it."


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a day: how many praises went, in how many messages."""

    praises: int
    messages: int


def _due(gateway: context.Gateway) -> sa.ColumnElement[bool]:
    """Waits, and its hour has come."""
    t = core(Praise).c
    return sa.and_(t.run_id.is_(None), t.withdrawn_at.is_(None), t.due_at <= gateway.now())


async def turn(gateway: context.Gateway) -> Sent:
    """Send what is due, if this is an hour for it and today's has not gone yet; else let it wait for the next hour."""
    async with gateway.database.read() as session:
        if await session.scalar(sa.select(core(Praise).c.id).where(_due(gateway)).limit(1)) is None:
            return Sent(0, 0)
        goes = hours.is_open(gateway) and not await _has_gone(session, gateway)
        jobs = await to_translate(session, gateway, await _praises(session, gateway)) if goes else {}
    said, outcomes = await versions.ask(gateway, jobs)
    async with gateway.database.write() as session:
        for outcome in outcomes:
            await drafting.keep(session, gateway, outcome)
        if goes and hours.is_open(gateway):  # the service may have taken its time
            return await _send(session, gateway, said)
        return await _postpone(session, gateway)


async def _has_gone(session: Session, gateway: context.Gateway) -> bool:
    notice = core(Notice).c
    return await session.scalar(sa.select(notice.id).where(notice.key == days.key(gateway))) is not None


async def _postpone(session: Session, gateway: context.Gateway) -> Sent:
    later = sa.update(core(Praise)).where(_due(gateway)).values(due_at=hours.following(gateway))
    await session.execute(later)
    return Sent(0, 0)


async def _praises(session: Session, gateway: context.Gateway, *, lock: bool = False) -> list[Praise]:
    query = sa.select(Praise).where(_due(gateway)).order_by(core(Praise).c.id)
    query = query.execution_options(populate_existing=True)
    return list(await session.scalars(query.with_for_update() if lock else query))


async def to_translate(
    session: Session, gateway: context.Gateway, praises: Sequence[Praise]
) -> dict[int, list[drafting.Job]]:
    """What the service is asked for: each teacher's words, in the languages of the child's family that we have.

    Nothing where it may not be asked, nor where what it needs cannot be read (the school's glossary): good news waits
    for no translation.
    """
    if not versions.may_be_asked(gateway):
        return {}
    day, default = await days.look(session, gateway, praises), gateway.settings.school.language
    ours, wanted = set(translations.languages_available()[1:]), defaultdict[int, dict[str, None]](dict)
    for listener in day.listeners:
        if listener.reason or listener.contact_id is None:
            continue
        for medium, pupil_ids in days.ways(listener, day.known):
            tag = tongues.wanted(medium, day.known.contacts[listener.contact_id], default)
            if tag in ours:
                for pupil_id in pupil_ids:
                    wanted[pupil_id][tag] = None
    try:
        return await versions.prepare(session, gateway, praises, {child: list(tags) for child, tags in wanted.items()})
    except errors.HandbellError:
        logger.exception("good_news.not_translated")
        return {}


async def _send(session: Session, gateway: context.Gateway, said: versions.Versions) -> Sent:
    going, now = await _still_true(session, gateway, await _praises(session, gateway, lock=True)), gateway.now()
    day = await days.look(session, gateway, going)
    run = await _begin(session, gateway, words.day(day.frame)) if going else None
    if run is None:  # nothing is left to be said, or another process says it
        return Sent(0, 0)
    made, unsaid = await _rows(session, gateway, day, said, fire_at=run.fire_at, run_id=run.id)
    for praise in unsaid:
        what = "Praise could not be put into words, and a family was not told."
        await _ask_staff(session, gateway, "words", praise, what, "Ring them. The journal may say more.")
    rows = await runs.write(session, gateway, made, run_id=run.id)
    run.messages = len(rows)
    for one in going:
        one.run_id, one.told_at = run.id, now
    session.add_all([run, *going])
    counts = Counter(row.message.state.value for row in rows)
    facts = {"run": run.id, "praises": [one.id for one in going], "counts": counts}
    await gateway.log.record(session, audit.Line("praise.sent", f"notice:{run.notice_id}", facts), now=now)
    await bell.ring(session)
    return Sent(len(going), len(rows))


async def _still_true(session: Session, gateway: context.Gateway, praises: Sequence[Praise]) -> list[Praise]:
    """Those that may still be said. Of a child who has left nothing is, and a register may have spoken since."""
    pupil, found = core(Pupil).c, list[Praise]()
    here = sa.select(pupil.id).where(people.on_roll(gateway.today()), pupil.id.in_({one.pupil_id for one in praises}))
    on_roll = set(await session.scalars(here))
    for one in praises:
        wrong = await praising.contradicted(session, gateway, one.pupil_id, one.since) if one.since else ""
        if one.pupil_id not in on_roll:
            await praising.take_back(session, gateway, one, by=_GONE)
        elif wrong:
            await praising.take_back(session, gateway, one, by=_UNTRUE)
            what = f"Praise {one.id} from {one.staff}, of attendance, was not sent. {wrong}"
            await _ask_staff(session, gateway, "untrue", one, what, "Praise something else, or give a later day.")
        else:
            found.append(one)
    return found


async def _begin(session: Session, gateway: context.Gateway, definition: model.Definition) -> Run | None:
    """Today's notice and its one run; None where another process has just made it."""
    try:
        return await runs.at_once(session, gateway, definition, author=AUTHOR)
    except errors.Conflict:
        return None


async def preview(
    session: Session, gateway: context.Gateway, praises: Sequence[Praise], said: versions.Versions | None = None
) -> list[planner.Planned]:
    """What each family would get of these praises, which need not be stored, if they left now and by themselves.

    ``said`` is what the service made of a teacher's words, where somebody has asked it: it is asked as they leave.
    """
    day = await days.look(session, gateway, praises)
    rows, _ = await _rows(session, gateway, day, said or {}, fire_at=gateway.now(), run_id=None)
    return rows


async def _rows(
    session: Session,
    gateway: context.Gateway,
    day: days.Day,
    said: versions.Versions,
    *,
    fire_at: datetime,
    run_id: int | None,
) -> tuple[list[planner.Planned], list[Praise]]:
    """A row for everybody: with words for those who hear, with the reason for those who do not; and for each family
    that no words could be made for, the first of its praises.
    """
    general = words.day(day.frame)
    found = days.sort(day, general)
    # As families prefer, and as much as they may get: at once, with the digest, by email.
    await runs.arrange(session, gateway, general, day.known, found, fire_at=fire_at, run_id=run_id)
    means = await runs.means(session, gateway, general)
    rows, unsaid = _written(gateway, day, means, general, sorting.Sorting({}, found.silences)), list[Praise]()
    for draft in found.drafts.values():
        told = [_told(one, day, said) for pupil_id in draft.pupil_ids for one in day.praises[pupil_id]]
        told.sort(key=lambda one: one.praise.id or 0)
        try:
            made = _fitting(gateway, day, means, told, draft)
        except (errors.BadDefinition, WordingError):  # one family's words must not keep everybody else's from leaving
            logger.exception("good_news.no_words", praises=[one.praise.id for one in told])
            made = []
        if not made or _too_long(made):
            unsaid.append(told[0].praise)
        rows += made
    return rows, unsaid


async def _ask_staff(
    session: Session, gateway: context.Gateway, kind: str, praise: Praise, what: str, cure: str
) -> None:
    ask = tasks.Ask(f"good_news.{kind}", f"praise:{praise.id}", what, cure)
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


def _told(one: Praise, day: days.Day, said: versions.Versions) -> words.Told:
    return words.Told(one, day.known.pupils[one.pupil_id].called, said.get(one.id or 0, {}))


def _fitting(
    gateway: context.Gateway, day: days.Day, means: planner.Means, told: Sequence[words.Told], draft: sorting.Draft
) -> list[planner.Planned]:
    """The message of one phone or mailbox. One that is too long for a text goes without the teachers' own words where a
    kind has a sentence of ours; where that is too long, too, all of it in English."""
    english = draft.contact._replace(written_language=languages.ENGLISH, further_languages="")
    in_english = replace(draft, contact=english, remark=draft.remark or _IN_ENGLISH)
    rows = list[planner.Planned]()
    for tried, fuller in ((draft, True), (draft, False), (in_english, True)):
        definition = words.of(day.frame, told, gateway.school(), fuller=fuller)
        place = sorting.Sorting({(tried.step, tried.medium, tried.point.address): tried})
        rows = _written(gateway, day, means, definition, place)
        tags = {tag for one in told for tag in one.versions if fuller or one.is_free}
        rows = [_by_machine(row) if row.message.language in tags else row for row in rows]
        if not _too_long(rows):
            break
    return rows


def _too_long(rows: Sequence[planner.Planned]) -> bool:
    return any(row.message.reason == "too_long" for row in rows)


def _by_machine(row: planner.Planned) -> planner.Planned:
    """The words of a message are as much to be trusted as the least of them."""
    return row._replace(message=row.message._replace(words_state="machine"))


def _written(
    gateway: context.Gateway,
    day: days.Day,
    means: planner.Means,
    definition: model.Definition,
    found: sorting.Sorting,
) -> list[planner.Planned]:
    now, composer = gateway.now(), gateway.composer(definition)
    composer.play(means.composer.bank)
    return planner.write(found, definition, day.known, replace(means, composer=composer), fire_at=now, now=now)


async def again(
    session: Session, gateway: context.Gateway, notice: Notice, run_id: int, pupil_ids: Sequence[int]
) -> model.Definition | None:
    """What that day's message said of these children, for a letter; None for a notice that was no praise."""
    praise = core(Praise).c
    query = sa.select(Praise).where(praise.run_id == run_id, praise.pupil_id.in_(pupil_ids)).order_by(praise.id)
    praises = list(await session.scalars(query))
    if not praises:
        return None
    known = await people.load(session, today=gateway.today(), pupil_ids=pupil_ids)
    told = [words.Told(one, known.pupils[one.pupil_id].called) for one in praises if one.pupil_id in known.pupils]
    frame = words.Frame(notice.key, [child.source_id for child in known.pupils.values()], hours.until(gateway))
    return words.of(frame, told, gateway.school())


async def outcomes(session: Session, praises: Sequence[Praise]) -> dict[int, str]:
    """How far each praise that went has come: ``told``, ``told by letter``, ``on its way``, ``with the digest`` or
    ``told nobody``; of several who hear, the furthest.
    """
    message, about, praise, letter = core(Message), core(About), core(Praise), core(Letter)
    of_child = sa.and_(about.c.message_id == message.c.id, about.c.pupil_id == praise.c.pupil_id)
    posted = sa.and_(letter.c.message_id == message.c.id, letter.c.posted_at.is_not(None))
    query = (
        sa.select(praise.c.id, message.c.state, letter.c.id, message.c.sender_id)
        .join(message, message.c.run_id == praise.c.run_id)
        .join(about, of_child)
        .outerjoin(letter, posted)
        .where(praise.c.id.in_([one.id for one in praises if one.run_id is not None]))
    )
    words_of = defaultdict[int, set[str]](set)
    for praise_id, state, letter_id, sender_id in await session.execute(query):
        words_of[praise_id].add(_in_words(state, by_letter=letter_id is not None, by_itself=sender_id is not None))
    best = ("told", "told by letter", "on its way", "with the digest")
    went = (one for one in praises if one.run_id is not None)
    return {one.id or 0: next((word for word in best if word in words_of[one.id or 0]), "told nobody") for one in went}


def _in_words(state: MessageState, *, by_letter: bool, by_itself: bool) -> str:
    if by_letter:
        return "told by letter"
    if state in (MessageState.ACCEPTED, MessageState.DELIVERED):
        return "told"
    if state is MessageState.QUEUED and not by_itself:
        return "with the digest"
    waits = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
    return "on its way" if state in waits else "told nobody"
