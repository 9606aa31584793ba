"""A batch of rows into the tables: what is new is inserted, what differs is changed, what is equal is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from gateway.errors import Problem
from gateway.importing import confirmed, identity, known, seen, tying
from gateway.importing import entries as entries_of
from gateway.importing.conflicts import Question, Topic
from gateway.importing.entries import Entry
from gateway.importing.job import Job
from gateway.importing.ledger import Change
from gateway.importing.seen import What
from gateway.importing.settling import Claim, Claims, settle
from gateway.importing.targets import CONTACT, GROUPS, MEMBERSHIPS, PUPIL
from gateway.importing.tying import Placed


class Merger:
    """Merges the batches of one file."""

    def __init__(self, job: Job):
        self.job, self.session, self.ledger = job, job.session, job.ledger
        self.report, self.file, self.tally = job.report, job.file, job.file.tally

    async def merge(self, batch: Sequence[Entry]) -> None:
        """Take over a batch: pupils, then contacts, then what ties them together."""
        await self._merge_pupils([entry for entry in batch if entry.pupil])
        entries = await self._find_pupils(batch)
        await self._merge_groups(entries)
        partly = [(entry, id_) for entry, id_ in entries if entry.contact and not self.job.whole]
        lost = [*partly, *((entry, id_) for entry, id_ in entries if entry.contact_lost)]
        await seen.mark(self.session, What.LINK_LOST, ((id_, 0, "") for _, id_ in lost))
        placed = await self._merge_contacts(entries)
        if placed:
            await tying.links(self.job, placed)
            await tying.points(self.job, placed)

    async def _merge_pupils(self, batch: Sequence[Entry]) -> None:
        for doubt in await known.pupils(self.ledger, batch):
            self.report.warn(replace(doubt.problem, file=self.file.file, line=doubt.line))
        claims: Claims[str] = Claims(self.report, file=self.file.file)
        for entry in batch:
            claims.add(str((entry.pupil or {})["source_id"]), entry.pupil or {}, line=entry.line)
        if not claims:
            return
        await self._follow_new_ids(claims)
        existing = await self.job.by(PUPIL.table.c.source_id, claims)
        known.keep_names(claims, existing)
        again = await self._again(What.PUPIL, existing)
        settled = await settle(self.ledger, PUPIL, claims, existing, again=again, count=self.tally.pupils)
        await self.job.note_names(What.PUPIL_RENAMED, settled.changed)
        if settled.written:
            existing = await self.job.by(PUPIL.table.c.source_id, claims)
        await seen.mark(self.session, What.PUPIL, ((row["id"], 0, "") for row in existing.values()))

    async def _follow_new_ids(self, claims: Claims[str]) -> None:
        """Recognise pupils whom a new MIS gave a new id by their UPN, and let them keep their history and their bars.

        A UPN belongs to one child only. Where two rows have the same one, the forename says whose it more likely is.
        """
        upns: dict[str, list[str]] = {}
        for key, claim in claims.items():
            upns.setdefault(str(claim.values.get("upn", "")), []).append(key)
        upns.pop("", None)
        rows = await self.job.rows(PUPIL.table.c.upn, upns)
        there = {row["source_id"] for row in rows} | (await self.job.by(PUPIL.table.c.source_id, claims)).keys()
        done = {id_ for id_, _, _ in await seen.marks(self.session, What.PUPIL, {row["id"] for row in rows})}
        renamed = list[Change]()
        for row in rows:
            name = identity.folded(row["forename"])
            same = {key: identity.folded(claims[key].values["forename"]) == name for key in upns[row["upn"]]}
            key = max(same, key=lambda key: same[key])
            if key in there or row["source_id"] in claims or row["id"] in done:
                continue
            renamed.append((row, {"source_id": key}))
            there.add(key)
            if not same[key]:
                self._warn_of_name(row, claims[key])
        await self.ledger.change(PUPIL.table, renamed)

    def _warn_of_name(self, row: sa.RowMapping, claim: Claim) -> None:
        what = (
            f"Pupil {claim.values['source_id']}, {claim.values['forename']}, has the UPN of pupil {row['source_id']}, "
            f"{row['forename']}, and was taken for the same child."
        )
        cure = "If they are two children, correct the UPN in the school's records and import again."
        self.report.warn(Problem(what, cure, self.file.file, claim.line))

    async def _find_pupils(self, batch: Sequence[Entry]) -> list[tuple[Entry, int]]:
        names = {name for entry in batch for name in (entry.pupil_id, entry.upn) if name}
        by_id = await self.job.by(PUPIL.table.c.source_id, names)
        missing = {entry.upn for entry in batch if entry.upn and entry.pupil_id not in by_id}
        by_upn = await self.job.by(PUPIL.table.c.upn, missing)
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
        lister = self.job.source or self.job.format
        named = [(pupil, entry.groups) for entry, pupil in entries if entry.groups is not None]
        await self._list_groups(named, lister, before=self.job.format)
        for group in entries_of.REGISTERS.values():
            said = [(pupil, entry.registers[group]) for entry, pupil in entries if group in entry.registers]
            listed = [(pupil, (group,) if on_it else ()) for pupil, on_it in said]
            # A list of its own: a file with this column and no other empties no clubs.
            await self._list_groups(listed, f"{lister}: {group}", before=f"{self.job.format}: {group}")

    async def _list_groups(self, listed: Sequence[tuple[int, tuple[str, ...]]], lister: str, *, before: str) -> None:
        """Take over which groups these pupils are in. ``before`` listed them while the source had no name."""
        if not listed:
            return
        names = {name for _, groups in listed for name in groups}
        await self.ledger.insert(GROUPS, [{"name": name, "listed_by": lister} for name in sorted(names)], key=["name"])
        called = await self.job.by(GROUPS.c.name, names)
        # A group of nobody's, from before this was known, or of the format, from before the source had a name.
        mine = [row for row in called.values() if row["listed_by"] in ("", before)]
        await self.ledger.change(GROUPS, [(row, {"listed_by": lister}) for row in mine])
        ids = {name: row["id"] for name, row in called.items()}
        members = list(dict.fromkeys((pupil, ids[name]) for pupil, groups in listed for name in groups))
        rows = await self.job.rows(MEMBERSHIPS.c.pupil_id, {pupil for pupil, _ in listed})
        there = {(row["pupil_id"], row["group_id"]) for row in rows}
        fresh = [{"pupil_id": pupil, "group_id": group} for pupil, group in members if (pupil, group) not in there]
        await self.ledger.insert(MEMBERSHIPS, fresh, key=["pupil_id", "group_id"])
        self.tally.memberships.new += len(fresh)
        self.tally.memberships.same += len(members) - len(fresh)
        if self.job.whole:
            await seen.mark(self.session, What.GROUPED, ((pupil, 0, lister) for pupil, _ in listed))
        await seen.mark(self.session, What.MEMBER, ((pupil, group, "") for pupil, group in members))

    async def _merge_contacts(self, entries: Sequence[tuple[Entry, int]]) -> list[Placed]:
        people = [(entry.line, pupil, entry.contact) for entry, pupil in entries if entry.contact]
        await known.contacts(self.session, [(pupil, person) for _, pupil, person in people])
        holds = await known.aliases(self.session, [person for _, _, person in people])
        claims: Claims[str] = Claims(self.report, file=self.file.file)
        for line, _, person in people:
            if not person.also:
                claims.add(person.key, person.values | holds.get(person.key, {}), line=line)
        wanted = {person.key for _, _, person in people}
        if not wanted:
            return []
        existing = await self.job.by(CONTACT.table.c.source_id, wanted)
        known.keep_names(claims, existing)
        again = await self._again(What.CONTACT_SAID, existing)
        await self._keep_languages(claims, existing)
        settled = await settle(self.ledger, CONTACT, claims, existing, again=again, count=self.tally.contacts)
        await self.job.note_names(What.CONTACT_RENAMED, settled.changed)
        if settled.written:
            existing = await self.job.by(CONTACT.table.c.source_id, wanted)
        await seen.mark(self.session, What.CONTACT_SAID, ((int(existing[key]["id"]), 0, "") for key in claims))
        await self.ledger.change(CONTACT.table, [(existing[key], holds[key]) for key in wanted & holds.keys()])
        people.sort(key=lambda one: one[2].also)  # what the first row says goes before a further one of the same person
        return [Placed(line, pupil, int(existing[person.key]["id"]), person) for line, pupil, person in people]

    async def _keep_languages(self, claims: Claims[str], existing: Mapping[str, sa.RowMapping]) -> None:
        """Take out of the claims what would change a language that the family itself chose, and ask about it."""
        found: dict[Topic, Question | None] = {}
        for key, claim in claims.items():
            if row := existing.get(key):
                asked = confirmed.languages(row, claim.values)
                found |= asked
                for _, column in asked:
                    claim.values[column] = row[column]
        await self.job.ask(found)

    async def _again(self, what: What, existing: Mapping[str, sa.RowMapping]) -> set[str]:
        done = {id_ for id_, _, _ in await seen.marks(self.session, what, {row["id"] for row in existing.values()})}
        return {key for key, row in existing.items() if row["id"] in done}
