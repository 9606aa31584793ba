"""The merge: everything of the second contact becomes the first one's, in the caller's transaction.

What was written to them and said by them stays, under the one person. The second id in the school's records is kept as
an alias, so that no import makes two of them again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from gateway import audit, errors, tasks
from gateway.database import Session
from gateway.importing import runs as imports
from gateway.models import (
    Contact,
    ContactAlias,
    DetailState,
    EventParty,
    FreshQuestion,
    Guardianship,
    ImportConflict,
    Message,
    NewDetail,
    NextTry,
    SurveyTaker,
    Task,
    WhatWorks,
)
from gateway.models.types import core
from gateway.one_person import rules, showing
from gateway.one_person.showing import Pair, Whole

#: Of these a contact has one each: by these columns. The first one's own stays.
_ONE_EACH: Final = (
    (NextTry, ("run_id", "number")),
    (EventParty, ("guest_id", "pupil_id")),
    (SurveyTaker, ("survey_id",)),
)


async def merge(session: Session, kept_id: int, other_id: int, *, by: str, log: audit.Log, now: datetime) -> Whole:
    """Make one of two. Gives what it did, as it was shown before.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` for what is no pair.
    """
    await imports.wait(session)  # an import holds what it has read of the two
    pair = await showing.read(session, kept_id, other_id, lock=True)
    done = await showing.tell(session, pair, now=now)
    gone = [*await _ties(session, pair, now=now), *await _points(session, pair)]
    await _wishes(session, pair)
    for name, value in rules.person(pair.kept, pair.other).items():
        setattr(pair.kept, name, value)
    session.add(pair.kept)
    await session.flush()
    await _one_each(session, kept_id, other_id)
    await _details(session, kept_id, other_id, now=now)
    await _follow(session, kept_id, other_id)
    await _questions_of_imports(session, [f"contact:{other_id}", *gone], now=now)
    await _tasks(session, kept_id, other_id, log=log, now=now)
    alias = core(ContactAlias)
    await session.execute(sa.update(alias).where(alias.c.contact_id == other_id).values(contact_id=kept_id))
    row = ContactAlias(
        source_id=pair.other.source_id, contact_id=kept_id, was_id=other_id, deceased=pair.other.deceased,
        marketing_consent=pair.other.marketing_consent, since=now, by=by,
    )  # fmt: skip
    await session.delete(pair.other)
    session.add(row)
    await session.flush()
    facts = {"other": other_id, "children": len(done.children), "ways": len(done.ways), "moved": done.moves}
    await log.record(session, audit.Line("contact.merged", f"contact:{kept_id}", facts, by), now=now)
    return done


async def part(session: Session, kept_id: int, source_id: str, *, by: str, log: audit.Log, now: datetime) -> Contact:
    """Let an id of the school's records be a contact of its own again. Gives that contact.

    The next import gives it the children, phones and mailboxes that it lists; what was said stays where it is. Every
    bar of the one holds for the other too: nobody knows any more whose it was. Raises :class:`errors.NotFound`.
    """
    query = select(ContactAlias).where(ContactAlias.contact_id == kept_id, ContactAlias.source_id == source_id)
    row = (await session.scalars(query.with_for_update())).one_or_none()
    if row is None:
        raise errors.NotFound(f"Contact {kept_id} was not merged with {source_id}. handbell contact show says of whom.")
    kept = await session.get_one(Contact, kept_id)
    other = Contact(source_id=source_id, title=kept.title, forename=kept.forename, surname=kept.surname)
    other.deceased, other.marketing_consent = row.deceased, row.marketing_consent
    session.add(other)
    await session.delete(row)
    await session.flush()
    bars = select(Guardianship).where(Guardianship.contact_id == kept_id, col(Guardianship.no_contact))
    for tie in await session.scalars(bars):
        same = tie.model_dump(exclude={"id", "contact_id"})
        session.add(Guardianship(contact_id=other.id or 0, **same))
    await session.flush()
    line = audit.Line("contact.parted", f"contact:{kept_id}", {"other": other.id}, by)
    await log.record(session, line, now=now)
    return other


async def aliases(session: Session, contact_id: int) -> list[ContactAlias]:
    """The other ids that a contact has in the school's records."""
    query = select(ContactAlias).where(ContactAlias.contact_id == contact_id).order_by(col(ContactAlias.source_id))
    return list(await session.scalars(query))


async def now_part_of(session: Session, was_id: int) -> int | None:
    """The contact whom one that is on file no more was merged into: what was sent before still names that one."""
    query = (
        select(ContactAlias.contact_id).where(ContactAlias.was_id == was_id).order_by(col(ContactAlias.since).desc())
    )
    return (await session.scalars(query.limit(1))).first()


async def _ties(session: Session, pair: Pair, *, now: datetime) -> list[str]:
    """What they are to their children. Gives the subjects of the ties that are no more."""
    gone = list[str]()
    for pupil_id, theirs in pair.ties[1].items():
        ours = pair.ties[0].get(pupil_id)
        if ours is None:
            theirs.contact_id = pair.kept.id or 0
            session.add(theirs)
            continue
        for name, value in rules.tie(ours, theirs, now=now).items():
            setattr(ours, name, value)
        session.add(ours)
        await session.delete(theirs)
        gone.append(f"tie:{theirs.id}")
    await session.flush()
    return gone


async def _points(session: Session, pair: Pair) -> list[str]:
    """Their phones and mailboxes, the first one's own before the other's. Gives the subjects of those that are none."""
    gone, last = list[str](), max((one.rank for one in pair.points[0].values()), default=0)
    for key, theirs in pair.points[1].items():
        ours = pair.points[0].get(key)
        if ours is None:
            theirs.contact_id, theirs.rank = pair.kept.id or 0, last + theirs.rank
            session.add(theirs)
            continue
        for name, value in rules.point(ours, theirs).items():
            setattr(ours, name, value)
        session.add(ours)
        await session.flush()
        await _repoint(session, theirs.id or 0, ours.id or 0)
        await session.delete(theirs)
        gone.append(f"point:{theirs.id}")
    await session.flush()
    return gone


async def _repoint(session: Session, old: int, new: int) -> None:
    """What names a phone or mailbox that is doubled names the one that stays."""
    for table, column in ((Message, "contact_point_id"), (FreshQuestion, "contact_point_id"),
                          (NewDetail, "old_point_id"), (NewDetail, "new_point_id")):  # fmt: skip
        named = core(table).c[column]
        await session.execute(sa.update(core(table)).where(named == old).values({column: new}))


async def _wishes(session: Session, pair: Pair) -> None:
    kept, other = pair.wishes
    for key, wish in rules.wishes(*showing.wishes(pair)).items():
        ours, theirs = kept.get(key), other.get(key)
        row = ours or theirs
        if row is None:
            continue
        if row.wish is not wish and theirs is not None and theirs.wish is wish:
            row.since, row.how = theirs.since, theirs.how
        row.wish, row.contact_id = wish, pair.kept.id
        session.add(row)
        if ours is not None and theirs is not None:
            await session.delete(theirs)
    await session.flush()


async def _one_each(session: Session, kept_id: int, other_id: int) -> None:
    """Take away the other's of what a contact has but one of, and what was remembered of each alone."""
    for model, columns in _ONE_EACH:
        table = core(model)
        mine = table.alias("mine")
        same = (mine.c[name] == table.c[name] for name in columns)
        twice = sa.exists().where(mine.c.contact_id == kept_id, *same).correlate(table)
        await session.execute(sa.delete(table).where(table.c.contact_id == other_id, twice))
    works = core(WhatWorks)
    await session.execute(sa.delete(works).where(works.c.contact_id.in_([kept_id, other_id])))


async def _details(session: Session, kept_id: int, other_id: int, *, now: datetime) -> None:
    """New details that wait: the same one that both have told of waits once."""
    query = select(NewDetail).where(col(NewDetail.open_key).is_not(None), NewDetail.contact_id == other_id)
    for row in await session.scalars(query):
        key = f"{kept_id} {row.address}"
        if await session.scalar(select(NewDetail.id).where(NewDetail.open_key == key)) is not None:
            row.state, row.open_key, row.decided_at = DetailState.EXPIRED, None, now
            row.why = "the same was told by the contact that it was merged with"
        else:
            row.open_key = key
        session.add(row)
    await session.flush()


async def _follow(session: Session, kept_id: int, other_id: int) -> None:
    for name in showing.FOLLOW:
        table = SQLModel.metadata.tables[name]
        moved = sa.update(table).where(table.c.contact_id == other_id).values(contact_id=kept_id)
        await session.execute(moved)


async def _questions_of_imports(session: Session, subjects: list[str], *, now: datetime) -> None:
    """What an import asked about rows that are no more is over; the next one asks again where it still differs."""
    t = core(ImportConflict)
    over: dict[str, Any] = {"open_key": None, "answered_at": now, "answered_by": "merge"}
    waiting = sa.update(t).where(t.c.subject.in_(subjects), t.c.answered_at.is_(None))
    await session.execute(waiting.values(over))


async def _tasks(session: Session, kept_id: int, other_id: int, *, log: audit.Log, now: datetime) -> None:
    """What staff are to see to about the other is about the first now; the same of both is one."""
    subject, before = f"contact:{kept_id}", f"contact:{other_id}"
    for task in await session.scalars(select(Task).where(Task.subject == before, col(Task.open_key).is_not(None))):
        key = f"{task.kind} {subject}"
        if await session.scalar(select(Task.id).where(Task.open_key == key)) is None:
            task.subject, task.open_key = subject, key
            session.add(task)
            await session.flush()
    await tasks.over(session, before, by="handbell", log=log, now=now)
