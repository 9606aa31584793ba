"""Marks into the table, from whichever door they come, and what changed by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from gateway import audit, people, upsert
from gateway.database import Session
from gateway.models import DaySession, Mark, Pupil, Register
from gateway.models.types import core

mark_table, register_table, pupil_table = core(Mark), core(Register), core(Pupil)

_AT_ONCE = 500  #: names in one question; databases take only so many values


class Given(NamedTuple):
    """A mark as somebody gives it; the code is one of the set, in force on that day, or ``""``: there is none now."""

    pupil_id: int
    day: date
    session: DaySession
    code: str
    arrived_at: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where marks come from. ``filed``: a file, which undoes nobody's correction by saying the same again."""

    name: str
    by: str
    filed: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A mark that is new or another: ``before`` is the code there was, ``""`` for none."""

    given: Given
    before: str


async def put(
    session: Session, given: Sequence[Given], source: Source, *, log: audit.Log, now: datetime
) -> list[Change]:
    """Write marks down in the caller's transaction. Gives those that changed; the same again changes nothing."""
    days = sorted({(one.day, one.session) for one in given})
    for day, which in days:
        await hold(session, day, which)
    known = await _known(session, days)
    changes, rows = list[Change](), list[dict[str, object]]()
    for one in given:
        before = known.get((one.pupil_id, one.day, one.session))
        if not one.code:
            if before is not None and not (source.filed and before["filed"] != before["code"]):
                await session.execute(sa.delete(mark_table).where(mark_table.c.id == before["id"]))
                changes.append(Change(one, before["code"]))
            continue
        if before is not None and _says_nothing_new(before, one, source):
            continue
        filed = one.code if source.filed else before["filed"] if before else ""
        row = {**one._asdict(), "date": one.day, "filed": filed, "source": source.name, "set_at": now}
        del row["day"]
        rows.append(row)
        if before is None or _differs(before, one):
            changes.append(Change(one, before["code"] if before else ""))
    update = ("code", "filed", "arrived_at", "comment", "source", "set_at")
    await upsert.insert(session, mark_table, rows, key=("pupil_id", "date", "session"), update=update)
    await _write_down(session, changes, source, rows=len(given), log=log, now=now)
    return changes


async def hold(session: Session, day: date, which: DaySession) -> Register:
    """The row of a session of a day, locked until the caller's transaction ends; made where there is none."""
    row = {"date": day, "session": which, "released_by": ""}
    await upsert.insert(session, register_table, [row], key=("date", "session"))
    query = sa.select(Register).where(register_table.c.date == day, register_table.c.session == which)
    found = await session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return found.one()


async def find_pupils(session: Session, names: Collection[str], *, today: date) -> dict[str, int]:
    """The pupils on roll whose MIS id or UPN each of these is; the id goes before the UPN."""
    found, wanted = dict[str, int](), sorted(set(names))
    t = pupil_table.c
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        query = sa.select(t.id, t.source_id, t.upn).where(people.on_roll(today))
        rows = (await session.execute(query.where(sa.or_(t.source_id.in_(some), t.upn.in_(some))))).all()
        found |= {upn: pupil_id for pupil_id, _, upn in rows if upn in some}
        found |= {source_id: pupil_id for pupil_id, source_id, _ in rows if source_id in some}
    return found


async def years(session: Session, pupil_ids: Collection[int]) -> dict[int, str]:
    """The year group of each of these pupils."""
    t = pupil_table.c
    query = sa.select(t.id, t.year).where(people.among(people.dialect(session), t.id))
    return {row.id: row.year for row in await session.execute(query, {"ids": people.packed(pupil_ids)})}


async def codes_of(session: Session, pupil_ids: Collection[int], day: date, which: DaySession) -> dict[int, str]:
    """The code of each of these pupils who has a mark in a session."""
    t = mark_table.c
    query = sa.select(t.pupil_id, t.code).where(people.among(people.dialect(session), t.pupil_id))
    rows = await session.execute(query.where(t.date == day, t.session == which), {"ids": people.packed(pupil_ids)})
    return {row.pupil_id: row.code for row in rows.all()}


async def _known(
    session: Session, days: Sequence[tuple[date, DaySession]]
) -> dict[tuple[int, date, DaySession], sa.RowMapping]:
    found: dict[tuple[int, date, DaySession], sa.RowMapping] = {}
    for day, which in days:
        query = sa.select(mark_table).where(mark_table.c.date == day, mark_table.c.session == which)
        for row in (await session.execute(query)).mappings():
            found[row["pupil_id"], day, which] = row
    return found


def _says_nothing_new(before: sa.RowMapping, one: Given, source: Source) -> bool:
    if source.filed and before["filed"] == one.code and before["code"] != one.code:
        return True  # a person has corrected it since; the file has not learned of that yet
    return not _differs(before, one) and (not source.filed or before["filed"] == one.code)


def _differs(before: sa.RowMapping, one: Given) -> bool:
    return bool(
        before["code"] != one.code
        or (one.arrived_at is not None and before["arrived_at"] != one.arrived_at)
        or (one.comment and before["comment"] != one.comment)
    )


async def _write_down(
    session: Session, changes: Sequence[Change], source: Source, *, rows: int, log: audit.Log, now: datetime
) -> None:
    """One line for all that are new, and one for each that was another: a register may be asked about in court."""
    if not changes:
        return
    new = [one for one in changes if not one.before]
    facts = {"source": source.name, "rows": rows, "new": len(new), "changed": len(changes) - len(new)}
    lines = [audit.Line("marks.taken_in", "marks", facts, source.by)]
    for one in changes:
        if one.before:
            given = one.given
            facts = {"date": given.day, "session": given.session, "before": one.before, "after": given.code or "none"}
            lines.append(audit.Line("mark.changed", f"pupil:{given.pupil_id}", facts, source.by))
    await log.record(session, lines, now=now)
