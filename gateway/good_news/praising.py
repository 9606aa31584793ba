"""Praise in, and taken back before it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from gateway import audit, context, errors
from gateway.database import Session
from gateway.good_news import checks, hours, kinds, pupils
from gateway.models import About, Mark, Message, Praise, Pupil, Purpose, Reply
from gateway.models.types import core
from gateway.registers import codes

_MOST_STAFF = 60
_AWAY = (codes.Statistic.AUTHORISED, codes.Statistic.UNAUTHORISED)


@dataclass(frozen=True, slots=True)
class Given:
    """What a teacher says. ``sure`` lets words pass that are doubted; ``form`` narrows down a name."""

    pupil: str
    kind: str
    staff: str
    words: str = ""
    since: date | None = None
    form: str = ""
    sure: bool = False


class Listed(NamedTuple):
    """A praise and the child that it is about."""

    praise: Praise
    pupil: Pupil


async def add(session: Session, gateway: context.Gateway, given: Given, *, by: str) -> Listed:
    """Take praise in for the next kind hour.

    Raises :class:`errors.BadInput` with all that is wrong, :class:`errors.Conflict` for the same again.
    """
    child, said = await _checked(session, gateway, given)
    return await _write(session, gateway, child, said, by=by)


async def draft(session: Session, gateway: context.Gateway, given: Given, *, by: str) -> Praise:
    """The same, checked and not stored: for a look at what families would get. Raises :class:`errors.BadInput`."""
    child, said = await _checked(session, gateway, given)
    return _row(gateway, child, said, by=by)


async def _checked(session: Session, gateway: context.Gateway, given: Given) -> tuple[pupils.Found, Given]:
    kind, words, staff = kinds.read(given.kind), checks.clean(given.words), checks.clean(given.staff)
    child = await pupils.find(session, given.pupil, today=gateway.today(), form=given.form)
    problems = checks.length(words, gateway.settings.good_news.most_characters)
    if kind == kinds.OTHER and not words:
        what = "There is no sentence of ours for this kind."
        problems.append(errors.Problem(what, "Say in your own words what went well.", field="words"))
    if not staff or len(staff) > _MOST_STAFF:
        what = f"Families read who praises their child: 1 to {_MOST_STAFF} characters."
        problems.append(errors.Problem(what, "Give a name such as Ms Okafor (--from).", field="staff"))
    if words and not given.sure:
        problems += await checks.doubts(session, gateway, words, child)
    since = None
    if kinds.has_since(kind):
        since, wrong = await _since(session, gateway, child, given.since)
        problems += wrong
    if problems:
        raise errors.BadInput(problems)
    return child, Given(child.source_id, kind, staff, words, since)


def _row(gateway: context.Gateway, child: pupils.Found, said: Given, *, by: str) -> Praise:
    return Praise(
        pupil_id=child.id,
        kind=said.kind,
        words=said.words,
        since=said.since,
        staff=said.staff,
        by=by,
        said_at=gateway.now(),
        due_at=hours.following(gateway),
    )


async def _write(session: Session, gateway: context.Gateway, child: pupils.Found, said: Given, *, by: str) -> Listed:
    now, t = gateway.now(), core(Praise).c
    pupil = await session.get_one(Pupil, child.id, with_for_update={"key_share": True})  # two clicks come one by one
    same = sa.select(t.id).where(
        t.pupil_id == child.id, t.kind == said.kind, t.words == said.words, t.run_id.is_(None), t.withdrawn_at.is_(None)
    )
    if (known := await session.scalar(same.limit(1))) is not None:
        raise errors.Conflict(f"That is waiting to go already, as praise {known}.")
    row = _row(gateway, child, said, by=by)
    session.add(row)
    await session.flush()
    facts = {"pupil": child.id, "kind": said.kind, "words": bool(said.words), "due_at": row.due_at}
    await gateway.log.record(session, audit.Line("praise.given", f"praise:{row.id}", facts, by), now=now)
    return Listed(row, pupil)


async def _since(
    session: Session, gateway: context.Gateway, child: pupils.Found, given: date | None
) -> tuple[date | None, list[errors.Problem]]:
    """The day from which on a child has not been away: this term's first, unless one is named. Marks may disagree."""
    since = given or hours.term_began(gateway)
    if since is None or since > gateway.today():
        what, cure = "Nobody knows from which day on.", "Give the day, as --since 2026-09-03."
        return None, [errors.Problem(what, cure, field="since")]
    if wrong := await contradicted(session, gateway, child.id, since):
        return None, [errors.Problem(wrong, "Give a later day, or praise something else.", field="since")]
    return since, []


async def contradicted(session: Session, gateway: context.Gateway, pupil_id: int, since: date) -> str:
    """What the registers say against a child's having been in school every day since then, ``""`` for nothing."""
    mark, known = core(Mark).c, codes.load(gateway.settings.absence.codes)
    query = sa.select(mark.date, mark.code).where(mark.pupil_id == pupil_id, mark.date >= since).order_by(mark.date)
    for day, code in await session.execute(query):
        found = known.known(code, day)
        if found is not None and found.statistic in _AWAY:
            return f"The register of {day:%d/%m/%Y} says otherwise ({code})."
    return ""


async def withdraw(session: Session, gateway: context.Gateway, praise_id: int, *, by: str) -> Listed:
    """Take praise back that has not left.

    Raises :class:`errors.NotFound`, and :class:`errors.Conflict` where it has left or was taken back before.
    """
    row = await session.get(Praise, praise_id, with_for_update=True)
    if row is None:
        raise errors.NotFound(f"There is no praise {praise_id}.")
    if row.run_id is not None:
        told = row.told_at.astimezone(gateway.timezone) if row.told_at else None
        raise errors.Conflict(f"Praise {praise_id} has left{f' at {told:%H:%M on %d/%m/%Y}' if told else ''}.")
    if row.withdrawn_at is not None:
        raise errors.Conflict(f"Praise {praise_id} was taken back by {row.withdrawn_by}.")
    await take_back(session, gateway, row, by=by)
    return Listed(row, await session.get_one(Pupil, row.pupil_id))


async def take_back(session: Session, gateway: context.Gateway, row: Praise, *, by: str) -> None:
    """Note that praise which has not left is not to leave."""
    row.withdrawn_at, row.withdrawn_by = gateway.now(), by
    session.add(row)
    line = audit.Line("praise.withdrawn", f"praise:{row.id}", {"pupil": row.pupil_id}, by)
    await gateway.log.record(session, line, now=gateway.now())


async def of(session: Session, praise_id: int, *, by: str) -> int:
    """The number of a praise that somebody handed in. Raises :class:`errors.NotFound` for anybody else's."""
    row = await session.get(Praise, praise_id)
    if row is None or row.by != by:
        raise errors.NotFound(f"There is no praise {praise_id} of yours.")
    return praise_id


async def listed(
    session: Session,
    *,
    waiting: bool = False,
    pupil_id: int | None = None,
    form: str = "",
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Listed]:
    """Praise with its child, the newest first."""
    t = core(Praise).c
    query = sa.select(Praise, Pupil).join(Pupil, core(Pupil).c.id == t.pupil_id).order_by(t.id.desc()).limit(limit)
    if waiting:
        query = query.where(t.run_id.is_(None), t.withdrawn_at.is_(None))
    if pupil_id is not None:
        query = query.where(t.pupil_id == pupil_id)
    if form:
        query = query.where(core(Pupil).c.form == form)
    if before is not None:
        query = query.where(t.id < before)
    return [Listed(praise, pupil) for praise, pupil in await session.execute(query)]


def goes(row: Praise) -> datetime | None:
    """When it leaves, None once it has, or was taken back."""
    return row.due_at if row.run_id is None and row.withdrawn_at is None else None


class Heard(NamedTuple):
    """What a family wrote back to good news of a child."""

    reply: Reply
    pupil: Pupil


async def heard_back(session: Session, form: str, *, since: datetime, limit: int = 3) -> Sequence[Heard]:
    """What families of a form wrote back to good news, the newest first."""
    reply, about, message = core(Reply).c, core(About).c, core(Message).c
    query = (
        sa.select(Reply, Pupil)
        .join(Message, message.id == reply.message_id)
        .join(About, about.message_id == reply.message_id)
        .join(Pupil, core(Pupil).c.id == about.pupil_id)
        .where(reply.at >= since, reply.keyword.is_(None), message.purpose == Purpose.GOOD_NEWS)
        .where(core(Pupil).c.form == form)
        .order_by(reply.at.desc(), reply.id.desc())
        .limit(limit)
    )
    return [Heard(one, pupil) for one, pupil in await session.execute(query)]
