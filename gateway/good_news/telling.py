"""The day's praise, all at once at the kind hour: one message for each family, however much there is to praise.

A day has one notice of that name, so whichever process comes first sends it, and nobody sends a second. Who shares a
phone is one family to us; parents who live apart each hear by their own. What is said in a message is worked out from
the children that it is about, after the barred have been left out (:mod:`gateway.sorting`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from channels.base import Medium
from gateway import audience, audit, bell, context, errors, people, planner, reach, runs, sorting, tasks, tongues
from gateway.database import Session
from gateway.definitions import model
from gateway.good_news import hours, versions, words
from gateway.models import About, Letter, LineType, Message, MessageState, Notice, PointKind, Praise, Run
from gateway.models.types import core
from gateway.translating import drafting
from templates import translations
from templates.errors import WordingError

logger = structlog.get_logger()

AUTHOR = "handbell"
_GONE = "handbell: not on roll"


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
        jobs = await _to_translate(session, gateway) if goes and versions.may_be_asked(gateway) else {}
    said, outcomes = await versions.ask(gateway, jobs)
    async with gateway.database.write() as session:
        for outcome in outcomes:
            await drafting.keep(session, gateway, outcome)
        if goes and hours.is_open(gateway):  # the service may have taken its time
            return await _send(session, gateway, said)
        return await _postpone(session, gateway)


def key(gateway: context.Gateway) -> str:
    """The key of today's notice."""
    return f"good-news-{gateway.today():%Y-%m-%d}"


async def _has_gone(session: Session, gateway: context.Gateway) -> bool:
    notice = core(Notice).c
    return await session.scalar(sa.select(notice.id).where(notice.key == key(gateway))) is not None


async def _postpone(session: Session, gateway: context.Gateway) -> Sent:
    later = sa.update(core(Praise)).where(_due(gateway)).values(due_at=hours.following(gateway))
    await session.execute(later)
    return Sent(0, 0)


async def _praises(session: Session, gateway: context.Gateway, *, lock: bool = False) -> list[Praise]:
    query = sa.select(Praise).where(_due(gateway)).order_by(core(Praise).c.id)
    query = query.execution_options(populate_existing=True)
    return list(await session.scalars(query.with_for_update() if lock else query))


@dataclass(frozen=True, slots=True)
class _Day:
    """Everybody concerned today, and what was praised of each child."""

    frame: words.Frame
    known: people.People
    listeners: Sequence[audience.Listener]
    praises: Mapping[int, Sequence[Praise]]


async def _look(session: Session, gateway: context.Gateway, praises: Sequence[Praise]) -> _Day:
    by_child = defaultdict[int, list[Praise]](list)
    for one in praises:
        by_child[one.pupil_id].append(one)
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(by_child))
    ends = hours.ends(gateway, gateway.today()).astimezone(gateway.timezone).replace(tzinfo=None)
    frame = words.Frame(key(gateway), [child.source_id for child in known.pupils.values()], ends)
    # The rule of every notice that names no other: both parents who answer for the child.
    wanted = model.Audience(whole_school=True)
    default = gateway.settings.school.language
    listeners = audience.listeners_of(
        known, list(known.pupils), wanted, today=gateway.today(), default_language=default
    )
    return _Day(frame, known, listeners, by_child)


async def _to_translate(session: Session, gateway: context.Gateway) -> dict[int, list[drafting.Job]]:
    """What the service is asked for: each teacher's words, in the languages of the child's family that we have."""
    praises = await _praises(session, gateway)
    day, default = await _look(session, gateway, praises), gateway.settings.school.language
    ours, wanted = set(translations.languages_available()[1:]), defaultdict[int, dict[str, None]](dict)
    for listener in day.listeners:
        if listener.reason or listener.contact_id is None:
            continue
        medium = _medium(listener, day.known)
        tag = tongues.wanted(medium, day.known.contacts[listener.contact_id], default)
        if tag in ours:
            for pupil_id in listener.pupil_ids:
                wanted[pupil_id][tag] = None
    return await versions.prepare(session, gateway, praises, {child: list(tags) for child, tags in wanted.items()})


async def _send(session: Session, gateway: context.Gateway, said: versions.Versions) -> Sent:
    praises, now = await _praises(session, gateway, lock=True), gateway.now()
    day = await _look(session, gateway, praises)
    going = [one for one in praises if one.pupil_id in day.known.pupils]
    for one in praises:
        if one.pupil_id not in day.known.pupils:
            one.withdrawn_at, one.withdrawn_by = now, _GONE
            session.add(one)
    run = await _begin(session, gateway, words.day(day.frame)) if going else None
    if run is None:
        return Sent(0, 0)
    rows = await _rows(session, gateway, day, said)
    await runs.write(session, gateway, rows, run_id=run.id)
    run.messages = len(rows)
    for one in going:
        one.run_id, one.told_at = run.id, now
    session.add_all([run, *going])
    counts = Counter(row.message.state.value for row in rows)
    facts = {"run": run.id, "praises": [one.id for one in going], "counts": counts}
    await gateway.log.record(session, audit.Line("praise.sent", f"notice:{run.notice_id}", facts), now=now)
    await bell.ring(session)
    return Sent(len(going), len(rows))


async def _begin(session: Session, gateway: context.Gateway, definition: model.Definition) -> Run | None:
    """Today's notice and its one run; None where another process has just made it."""
    try:
        return await runs.at_once(session, gateway, definition, author=AUTHOR)
    except errors.Conflict:
        return None


async def _rows(
    session: Session, gateway: context.Gateway, day: _Day, said: versions.Versions
) -> list[planner.Planned]:
    """A row for everybody: with words for those who hear, with the reason for those who do not."""
    found, general = _sort(day), words.day(day.frame)
    together = defaultdict[tuple[int, ...], dict[tuple[int, Medium, str], sorting.Draft]](dict)
    for place, draft in found.drafts.items():
        together[tuple(sorted(draft.pupil_ids))][place] = draft
    silences = sorting.Sorting({}, found.silences)
    rows = await _written(session, gateway, day, general, silences)
    for pupil_ids, drafts in together.items():
        told = [_told(one, day, said) for pupil_id in pupil_ids for one in day.praises[pupil_id]]
        told.sort(key=lambda one: one.praise.id or 0)
        try:
            for place, draft in drafts.items():
                rows += await _fitting(session, gateway, day, told, sorting.Sorting({place: draft}))
        except (errors.BadDefinition, WordingError):  # one family's words must not keep everybody else's from leaving
            logger.exception("good_news.no_words", praises=[one.praise.id for one in told])
            await _ask_staff(session, gateway, told[0].praise)
    return rows


async def _ask_staff(session: Session, gateway: context.Gateway, praise: Praise) -> None:
    what = "Praise could not be put into words, and its family was not told."
    ask = tasks.Ask("good_news.words", f"praise:{praise.id}", what, "Ring them. The journal says more.")
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


def _told(one: Praise, day: _Day, said: versions.Versions) -> words.Told:
    return words.Told(one, day.known.pupils[one.pupil_id].called, said.get(one.id or 0, {}))


async def _fitting(
    session: Session, gateway: context.Gateway, day: _Day, told: Sequence[words.Told], place: sorting.Sorting
) -> list[planner.Planned]:
    """The message of one phone or mailbox. One that is too long for a text goes without the teachers' own words, where
    each kind has a sentence of its own."""
    rows = list[planner.Planned]()
    for own_words in (True, False):
        definition = words.of(day.frame, told, gateway.school(), own_words=own_words)
        rows = await _written(session, gateway, day, definition, place)
        if all(row.message.reason != "too_long" for row in rows):
            break
    tags = {tag for one in told for tag in one.versions}
    return [_by_machine(row) if row.message.language in tags else row for row in rows]


def _by_machine(row: planner.Planned) -> planner.Planned:
    """The words of a message are as much to be trusted as the least of them."""
    return row._replace(message=row.message._replace(words_state="machine"))


async def _written(
    session: Session, gateway: context.Gateway, day: _Day, definition: model.Definition, found: sorting.Sorting
) -> list[planner.Planned]:
    means, now = await runs.means(session, gateway, definition), gateway.now()
    return planner.write(found, definition, day.known, means, fire_at=now, now=now)


def _sort(day: _Day) -> sorting.Sorting:
    """Who hears by which phone or mailbox: each by the medium that comes first for them."""
    by_medium = defaultdict[Medium, list[audience.Listener]](list)
    for listener in day.listeners:
        by_medium[_medium(listener, day.known)].append(listener)
    whole, general = sorting.Sorting(), words.day(day.frame)
    for medium, listeners in by_medium.items():
        one = general.model_copy(update={"media": [medium]})
        part = sorting.sort(one, audience.Audience(day.known, listeners, ()))
        whole.drafts.update(part.drafts)
        whole.silences += part.silences
    return whole


def _medium(listener: audience.Listener, known: people.People) -> Medium:
    """By which medium somebody likes to hear: that of the first of their phones and mailboxes that may be used."""
    points = known.points.get(listener.contact_id or 0, ())
    order = dict.fromkeys(map(_serves, sorted(points, key=_liked)))
    for medium in order:
        if reach.ways(known, listener.contact_id, listener.pupil_ids, medium=medium, mandatory=False).found:
            return medium
    return next(iter(order), Medium.SMS)


def _liked(point: people.Point) -> tuple[int, bool]:
    """By rank; a mobile before what has the same, as nearly everybody reads a text."""
    return (point.rank, point.line_type is not LineType.MOBILE)


def _serves(point: people.Point) -> Medium:
    if point.kind is PointKind.EMAIL:
        return Medium.EMAIL
    return Medium.SMS if point.line_type is LineType.MOBILE else Medium.VOICE


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
    until = hours.ends(gateway, gateway.today()).astimezone(gateway.timezone).replace(tzinfo=None)
    frame = words.Frame(notice.key, [child.source_id for child in known.pupils.values()], until)
    return words.of(frame, told, gateway.school())


async def outcomes(session: Session, praises: Sequence[Praise]) -> dict[int, str]:
    """How far each praise that went has come: ``told``, ``told by letter``, ``on its way`` or ``told nobody``."""
    message, about, praise, letter = core(Message), core(About), core(Praise), core(Letter)
    of_child = sa.and_(about.c.message_id == message.c.id, about.c.pupil_id == praise.c.pupil_id)
    posted = sa.and_(letter.c.message_id == message.c.id, letter.c.posted_at.is_not(None))
    query = (
        sa.select(praise.c.id, message.c.state, letter.c.id)
        .join(message, message.c.run_id == praise.c.run_id)
        .join(about, of_child)
        .outerjoin(letter, posted)
        .where(praise.c.id.in_([one.id for one in praises if one.run_id is not None]))
    )
    words_of = defaultdict[int, set[str]](set)
    for praise_id, state, letter_id in await session.execute(query):
        words_of[praise_id].add(_in_words(state, by_letter=letter_id is not None))
    best = ("told", "told by letter", "on its way")
    went = (one for one in praises if one.run_id is not None)
    return {one.id or 0: next((word for word in best if word in words_of[one.id or 0]), "told nobody") for one in went}


def _in_words(state: MessageState, *, by_letter: bool) -> str:
    if by_letter:
        return "told by letter"
    if state in (MessageState.ACCEPTED, MessageState.DELIVERED):
        return "told"
    waits = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
    return "on its way" if state in waits else "told nobody"
