"""What ties a contact to a pupil, its bar above all, and the phones and mailboxes of contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.errors import Problem
from gateway.importing import bars, confirmed, seen
from gateway.importing.conflicts import Question, Topic
from gateway.importing.entries import Person, Point
from gateway.importing.job import Job
from gateway.importing.ledger import Change
from gateway.importing.rows import Values
from gateway.importing.seen import What
from gateway.importing.settling import Claims, settle
from gateway.importing.targets import LINK, POINT
from gateway.models.types import PointKind

Ends = tuple[int, int]  #: pupil and contact


@dataclass(frozen=True, slots=True)
class Placed:
    """A contact's half of a row, with the ids of both its ends in the database."""

    line: int
    pupil: int
    contact: int
    person: Person

    @property
    def ends(self) -> Ends:
        """What the tie is known by."""
        return (self.pupil, self.contact)


async def links(job: Job, placed: Sequence[Placed]) -> None:
    """Tie contacts to pupils, and bar and lift bars as the rows say."""
    pupils = {one.pupil for one in placed}
    rows = await job.rows(LINK.table.c.pupil_id, pupils)
    existing = {(row["pupil_id"], row["contact_id"]): row for row in rows}
    again = {(pupil, contact) for pupil, contact, _ in await seen.marks(job.session, What.LINK, pupils)}
    stated = _agree(job, placed, {key: row for key, row in existing.items() if key not in again})
    written = await _respect(job, placed, existing, stated)
    claims: Claims[Ends] = Claims(job.report, file=job.file.file)
    for one in placed:
        values = {"pupil_id": one.pupil, "contact_id": one.contact}
        if not (one.person.also and one.ends in existing):
            values |= {name: value for name, value in one.person.link.items() if name not in bars.COLUMNS}
        _name_relation(values, existing.get(one.ends))
        claims.add(one.ends, values | (written.get(one.ends, {}) if one.ends not in again else {}), line=one.line)
    await settle(job.ledger, LINK, claims, existing, again=again, count=job.file.tally.links)
    await _bar_again(job, [one for one in placed if one.ends in again & written.keys()], existing, written)
    fresh = ((*key, f"{claim.line} {job.file.file}") for key, claim in claims.items() if key not in existing)
    await seen.mark(job.session, What.LINK_NEW, fresh)
    await seen.mark(job.session, What.LINK_ANSWERED, ((*key, "") for key in stated))
    await seen.mark(job.session, What.LINK, ((*key, "") for key in claims))


async def points(job: Job, placed: Sequence[Placed]) -> None:
    """Take over phones and mailboxes, each contact's once."""
    contacts = {one.contact for one in placed}
    done = {(contact, address) for contact, _, address in await seen.marks(job.session, What.POINT, contacts)}
    claims: Claims[tuple[int, PointKind, str]] = Claims(job.report, file=job.file.file)
    people, further = dict[int, str](), set[tuple[int, PointKind, str]]()
    for one in placed:
        people[one.contact] = one.person.key
        for point in one.person.points:
            key = (one.contact, point.kind, point.address)
            if key not in claims and (one.contact, point.address) not in done:
                claims.add(key, _values(point, contact=one.contact), line=one.line)
                further |= {key} if one.person.also else set()
    rows = await job.rows(POINT.table.c.contact_id, contacts)
    existing = {(row["contact_id"], row["kind"], row["address"]): row for row in rows}
    found: dict[Topic, Question | None] = {}
    for key, claim in claims.items():
        if row := existing.get(key):
            claim.values.update({"rank": row["rank"]} if key in further else {})
            found |= _keep_evidence(row, claim.values, who=people[row["contact_id"]])
    await job.ask(found)
    await settle(job.ledger, POINT, claims, existing, again=(), count=job.file.tally.points)
    await seen.mark(job.session, What.CONTACT, ((contact, 0, job.lists) for contact in contacts))
    lost = ((one.contact, 0, "") for one in placed if one.person.unsure or not job.whole)
    await seen.mark(job.session, What.POINT_LOST, lost)
    await seen.mark(job.session, What.POINT, ((contact, 0, address) for contact, _, address in claims))


def _agree(job: Job, placed: Sequence[Placed], existing: Mapping[Ends, sa.RowMapping]) -> dict[Ends, Values]:
    """What the rows together say of each bar; nothing for those that say nothing."""
    found: dict[Ends, Values] = {}
    for one in placed:
        if bar := bars.stated(one.person.link):
            if standing := existing.get(one.ends):
                bar, warning = bars.completed(bar, standing, today=job.today)
                _warn(job, one, warning)
            found[one.ends], warning = bars.agreed(found.get(one.ends, {}), bar)
            _warn(job, one, warning)
    return found


async def _respect(
    job: Job, placed: Iterable[Placed], existing: Mapping[Ends, sa.RowMapping], stated: Mapping[Ends, Values]
) -> dict[Ends, Values]:
    """What is to be written of each bar, where a person of the school may have decided otherwise in Handbell."""
    found: dict[Topic, Question | None] = {}
    written = dict(stated)
    topics: dict[Topic, Ends] = {}
    for one in placed:
        row = existing.get(one.ends)
        if row is not None and row["bar_confirmed_at"] is not None and one.ends in stated:
            written[one.ends], asked = confirmed.bar(row, stated[one.ends], who=one.person.key)
            found |= asked
            topics |= dict.fromkeys(asked, one.ends)
    for topic in await job.ask(found):
        written[topics[topic]] = {}  # a person has answered that ours holds
    return written


async def _bar_again(
    job: Job, placed: Sequence[Placed], existing: Mapping[Ends, sa.RowMapping], found: Mapping[Ends, Values]
) -> None:
    """Bars of ties that an earlier batch of this import has settled: a No of then does not beat a Yes of now."""
    changes: dict[int, Change] = {}
    marks = await seen.marks(job.session, What.LINK_ANSWERED, {one.pupil for one in placed})
    answered = {(pupil, contact) for pupil, contact, _ in marks}
    for one in placed:
        standing = existing[one.ends]
        if standing["id"] in changes:
            continue
        if standing["bar_confirmed_at"] is not None:
            changes[standing["id"]] = (standing, found[one.ends])
            continue
        before = {column: standing[column] for column in bars.COLUMNS}
        silent = not before["no_contact"] and one.ends not in answered
        after, warning = bars.agreed({} if silent else before, before | found[one.ends])
        _warn(job, one, warning if before["no_contact"] or after["no_contact"] else "")
        changes[standing["id"]] = (standing, after)
    await job.ledger.change(LINK.table, changes.values())


def _name_relation(values: Values, standing: sa.RowMapping | None) -> None:
    """Let a telling relation stand against a mere role, such as guardian, and against another case of its letters."""
    known, role = standing["relation"] if standing else "", values.pop("role", "")
    if role and not known:
        values["relation"] = role
    if known and values.get("relation", "").casefold() == known.casefold():
        values["relation"] = known


def _warn(job: Job, one: Placed, what: str) -> None:
    if what:
        cure = "Correct it in the school's records; only No on every row lifts a bar."
        job.report.warn(Problem(f"Contact {one.person.key}: {what}", cure, job.file.file, one.line))


def _values(point: Point, *, contact: int) -> Values:
    """A label that somebody wrote in Handbell stays unless the file has one."""
    values: Values = {
        "contact_id": contact,
        "kind": point.kind,
        "address": point.address,
        "line_type": point.line_type,
        "rank": point.rank,
    }
    return values | ({"label": point.label} if point.label else {})


def _keep_evidence(row: sa.RowMapping, values: Values, *, who: str) -> dict[Topic, Question | None]:
    """Take out of the values what is no file's to change, and give what is to be asked of a confirmed point."""
    if row["last_good_at"] is not None or row["last_bad_at"] is not None:
        values["line_type"] = row["line_type"]  # what really came of texts is known better than what numbers look like
    if row["confirmed_at"] is None:
        return {}
    asked = confirmed.rank(row, values["rank"], who=who)
    values["rank"] = row["rank"]
    return asked
