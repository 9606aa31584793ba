"""A batch of rows into the tables: what is new is inserted, what differs is changed, what is equal is left alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from gateway import upsert
from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import bars, identity, known, seen
from gateway.importing.entries import Entry, Person, Point
from gateway.importing.report import FileReport, Report
from gateway.importing.rows import Values
from gateway.importing.seen import What
from gateway.importing.settling import Claim, Claims, Target, settle
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import LineType, PointKind, PointState, core

PUPIL = Target(
    core(Pupil),
    ["source_id"],
    {
        "source_id": "", "upn": "", "forename": "", "surname": "", "known_as": "", "born": None,
        "year": "", "form": "", "home_language": "", "left_on": None,
    },
)  # fmt: skip
CONTACT = Target(
    core(Contact),
    ["source_id"],
    {
        "source_id": "", "title": "", "forename": "", "surname": "", "written_language": "", "spoken_language": "",
        "marketing_consent": False,
    },
)  # fmt: skip
LINK = Target(
    core(Guardianship),
    ["pupil_id", "contact_id"],
    {
        "pupil_id": 0, "contact_id": 0, "relation": "", "priority": 99, "parental_responsibility": False,
        "lives_with": False, "no_contact": False, "no_contact_from": None, "no_contact_until": None,
    },
)  # fmt: skip
# The evidence about a point (state, strikes, confirmed) is no file's to change.
POINT = Target(
    core(ContactPoint),
    ["contact_id", "kind", "address"],
    {"contact_id": 0, "kind": PointKind.PHONE, "address": "", "line_type": LineType.NONE, "label": "", "rank": 1},
    born_with={"state": PointState.UNPROVEN, "strikes": 0, "last_bad_reason": ""},
)

GROUPS, MEMBERSHIPS = core(PupilGroup), core(Membership)

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


class Merger:
    """Merges the batches of one file; ``lists`` are the kinds of points that it has columns for."""

    def __init__(self, session: Session, *, report: Report, file: FileReport, lists: Iterable[PointKind], today: date):
        self.session, self.report, self.file, self.tally = session, report, file, file.tally
        self.today = today
        self.listed = " ".join(kind.value for kind in lists)

    async def merge(self, batch: Sequence[Entry]) -> None:
        """Take over a batch: pupils, then contacts, then what ties them together."""
        await self._merge_pupils([entry for entry in batch if entry.pupil])
        entries = await self._find_pupils(batch)
        await self._merge_groups(entries)
        await seen.mark(self.session, What.LINK_LOST, ((id_, 0, "") for entry, id_ in entries if entry.contact_lost))
        placed = await self._merge_contacts(entries)
        if placed:
            await self._merge_links(placed)
            await self._merge_points(placed)

    async def _merge_pupils(self, batch: Sequence[Entry]) -> None:
        for doubt in await known.pupils(self.session, batch):
            self.report.warn(replace(doubt.problem, file=self.file.file, line=doubt.line))
        claims: Claims[str] = Claims(self.report, file=self.file.file)
        for entry in batch:
            claims.add(str((entry.pupil or {})["source_id"]), entry.pupil or {}, line=entry.line)
        if not claims:
            return
        await self._follow_new_ids(claims)
        existing = await self._by(PUPIL.table.c.source_id, claims)
        known.keep_names(claims, existing)
        again = await self._again(What.PUPIL, existing)
        if await settle(self.session, PUPIL, claims, existing, again=again, count=self.tally.pupils):
            existing = await self._by(PUPIL.table.c.source_id, claims)
        await seen.mark(self.session, What.PUPIL, ((row["id"], 0, "") for row in existing.values()))

    async def _follow_new_ids(self, claims: Claims[str]) -> None:
        """Recognise pupils whom a new MIS gave a new id by their UPN, and let them keep their history and their bars.

        A UPN belongs to one child only. Where two rows have the same one, the forename says whose it more likely is.
        """
        upns: dict[str, list[str]] = {}
        for key, claim in claims.items():
            upns.setdefault(str(claim.values.get("upn", "")), []).append(key)
        upns.pop("", None)
        rows = await self._rows(PUPIL.table.c.upn, upns)
        there = {row["source_id"] for row in rows} | (await self._by(PUPIL.table.c.source_id, claims)).keys()
        done = {id_ for id_, _, _ in await seen.marks(self.session, What.PUPIL, {row["id"] for row in rows})}
        renamed = []
        for row in rows:
            name = identity.folded(row["forename"])
            same = {key: identity.folded(claims[key].values["forename"]) == name for key in upns[row["upn"]]}
            key = max(same, key=lambda key: same[key])
            if key in there or row["source_id"] in claims or row["id"] in done:
                continue
            renamed.append({"id": row["id"], "source_id": key})
            there.add(key)
            if not same[key]:
                self._warn_of_name(row, claims[key])
        await upsert.change(self.session, PUPIL.table, renamed)

    def _warn_of_name(self, row: sa.RowMapping, claim: Claim) -> None:
        what = (
            f"Pupil {claim.values['source_id']}, {claim.values['forename']}, has the UPN of pupil {row['source_id']}, "
            f"{row['forename']}, and was taken for the same child."
        )
        cure = "If they are two children, correct the UPN in the school's records and import again."
        self.report.warn(Problem(what, cure, self.file.file, claim.line))

    async def _find_pupils(self, batch: Sequence[Entry]) -> list[tuple[Entry, int]]:
        names = {name for entry in batch for name in (entry.pupil_id, entry.upn) if name}
        by_id = await self._by(PUPIL.table.c.source_id, names)
        missing = {entry.upn for entry in batch if entry.upn and entry.pupil_id not in by_id}
        by_upn = await self._by(PUPIL.table.c.upn, missing)
        found = []
        for entry in batch:
            row = by_id.get(entry.pupil_id) or by_id.get(entry.upn) or by_upn.get(entry.upn)
            if row is None:
                self._miss(entry)
            else:
                found.append((entry, int(row["id"])))
        return found

    def _miss(self, entry: Entry) -> None:
        self.file.left_out += 1
        what = f"No pupil {entry.pupil_id or entry.upn} is in these files or in Handbell. The row was left out."
        cure = "Import the list of pupils together with the list of contacts."
        self.report.found.add(Problem(what, cure, self.file.file, entry.line))

    async def _merge_groups(self, entries: Sequence[tuple[Entry, int]]) -> None:
        listed = [(pupil, entry.groups) for entry, pupil in entries if entry.groups is not None]
        if not listed:
            return
        names = {name for _, groups in listed for name in groups}
        await upsert.insert(self.session, GROUPS, [{"name": name} for name in sorted(names)], key=["name"])
        ids = {row["name"]: row["id"] for row in (await self._by(GROUPS.c.name, names)).values()}
        members = list(dict.fromkeys((pupil, ids[name]) for pupil, groups in listed for name in groups))
        rows = await self._rows(MEMBERSHIPS.c.pupil_id, {pupil for pupil, _ in listed})
        there = {(row["pupil_id"], row["group_id"]) for row in rows}
        fresh = [{"pupil_id": pupil, "group_id": group} for pupil, group in members if (pupil, group) not in there]
        await upsert.insert(self.session, MEMBERSHIPS, fresh, key=["pupil_id", "group_id"])
        self.tally.memberships.new += len(fresh)
        self.tally.memberships.same += len(members) - len(fresh)
        await seen.mark(self.session, What.GROUPED, ((pupil, 0, "") for pupil, _ in listed))
        await seen.mark(self.session, What.MEMBER, ((pupil, group, "") for pupil, group in members))

    async def _merge_contacts(self, entries: Sequence[tuple[Entry, int]]) -> list[Placed]:
        people = [(entry.line, pupil, entry.contact) for entry, pupil in entries if entry.contact]
        await known.contacts(self.session, [(pupil, person) for _, pupil, person in people])
        claims: Claims[str] = Claims(self.report, file=self.file.file)
        for line, _, person in people:
            claims.add(person.key, person.values, line=line)
        if not claims:
            return []
        existing = await self._by(CONTACT.table.c.source_id, claims)
        known.keep_names(claims, existing)
        again = await self._again(What.CONTACT, existing)
        if await settle(self.session, CONTACT, claims, existing, again=again, count=self.tally.contacts):
            existing = await self._by(CONTACT.table.c.source_id, claims)
        return [Placed(line, pupil, int(existing[person.key]["id"]), person) for line, pupil, person in people]

    async def _merge_links(self, placed: Sequence[Placed]) -> None:
        pupils = {one.pupil for one in placed}
        rows = await self._rows(LINK.table.c.pupil_id, pupils)
        existing = {(row["pupil_id"], row["contact_id"]): row for row in rows}
        again = {(pupil, contact) for pupil, contact, _ in await seen.marks(self.session, What.LINK, pupils)}
        stated = self._agree_on_bars(placed, {key: row for key, row in existing.items() if key not in again})
        claims: Claims[Ends] = Claims(self.report, file=self.file.file)
        for one in placed:
            values = {"pupil_id": one.pupil, "contact_id": one.contact}
            values |= {name: value for name, value in one.person.link.items() if name not in bars.COLUMNS}
            claims.add(one.ends, values | (stated.get(one.ends, {}) if one.ends not in again else {}), line=one.line)
        await settle(self.session, LINK, claims, existing, again=again, count=self.tally.links)
        await self._bar_again([one for one in placed if one.ends in again & stated.keys()], existing, stated)
        fresh = ((*key, f"{claim.line} {self.file.file}") for key, claim in claims.items() if key not in existing)
        await seen.mark(self.session, What.LINK_NEW, fresh)
        await seen.mark(self.session, What.LINK_ANSWERED, ((*key, "") for key in stated))
        await seen.mark(self.session, What.LINK, ((*key, "") for key in claims))

    def _agree_on_bars(self, placed: Sequence[Placed], existing: Mapping[Ends, sa.RowMapping]) -> dict[Ends, Values]:
        """What the rows together say of each bar; nothing for those that say nothing."""
        found: dict[Ends, Values] = {}
        for one in placed:
            if bar := bars.stated(one.person.link):
                if standing := existing.get(one.ends):
                    bar, warning = bars.completed(bar, standing, today=self.today)
                    self._warn_of_bar(one, warning)
                found[one.ends], warning = bars.agreed(found.get(one.ends, {}), bar)
                self._warn_of_bar(one, warning)
        return found

    async def _bar_again(
        self, placed: Sequence[Placed], existing: Mapping[Ends, sa.RowMapping], found: Mapping[Ends, Values]
    ) -> None:
        """Bars of ties that an earlier batch of this import has settled: a No of then does not beat a Yes of now."""
        changes: dict[int, Values] = {}
        marks = await seen.marks(self.session, What.LINK_ANSWERED, {one.pupil for one in placed})
        answered = {(pupil, contact) for pupil, contact, _ in marks}
        for one in placed:
            standing = existing[one.ends]
            before = {column: standing[column] for column in bars.COLUMNS}
            silent = not before["no_contact"] and one.ends not in answered
            after, warning = bars.agreed({} if silent else before, before | found[one.ends])
            if standing["id"] not in changes:
                self._warn_of_bar(one, warning if before["no_contact"] or after["no_contact"] else "")
                changes[standing["id"]] = after
        await upsert.change(self.session, LINK.table, [{"id": id_} | bar for id_, bar in changes.items()])

    def _warn_of_bar(self, one: Placed, what: str) -> None:
        if what:
            cure = "Correct it in the school's records; only No on every row lifts a bar."
            self.report.warn(Problem(f"Contact {one.person.key}: {what}", cure, self.file.file, one.line))

    async def _merge_points(self, placed: Sequence[Placed]) -> None:
        contacts = {one.contact for one in placed}
        done = {(contact, address) for contact, _, address in await seen.marks(self.session, What.POINT, contacts)}
        claims: Claims[tuple[int, PointKind, str]] = Claims(self.report, file=self.file.file)
        for one in placed:
            for point in one.person.points:
                key = (one.contact, point.kind, point.address)
                if key not in claims and (one.contact, point.address) not in done:
                    claims.add(key, _point_values(point, contact=one.contact), line=one.line)
        rows = await self._rows(POINT.table.c.contact_id, contacts)
        existing = {(row["contact_id"], row["kind"], row["address"]): row for row in rows}
        await settle(self.session, POINT, claims, existing, again=(), count=self.tally.points)
        await seen.mark(self.session, What.CONTACT, ((contact, 0, self.listed) for contact in contacts))
        await seen.mark(self.session, What.POINT_LOST, ((one.contact, 0, "") for one in placed if one.person.unsure))
        await seen.mark(self.session, What.POINT, ((contact, 0, address) for contact, _, address in claims))

    async def _by(self, column: sa.Column[Any], keys: Iterable[str]) -> dict[str, sa.RowMapping]:
        return {row[column.name]: row for row in await self._rows(column, set(keys))}

    async def _rows(self, column: sa.Column[Any], keys: Collection[Any]) -> Sequence[sa.RowMapping]:
        if not keys:
            return []
        return (await self.session.execute(sa.select(column.table).where(column.in_(keys)))).mappings().all()

    async def _again(self, what: What, existing: Mapping[str, sa.RowMapping]) -> set[str]:
        done = {id_ for id_, _, _ in await seen.marks(self.session, what, {row["id"] for row in existing.values()})}
        return {key for key, row in existing.items() if row["id"] in done}


def _point_values(point: Point, *, contact: int) -> Values:
    """A label that somebody wrote in Handbell stays unless the file has one."""
    values: Values = {
        "contact_id": contact,
        "kind": point.kind,
        "address": point.address,
        "line_type": point.line_type,
        "rank": point.rank,
    }
    return values | ({"label": point.label} if point.label else {})
