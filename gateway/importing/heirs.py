"""A contact under another id: what the family told Handbell goes with the person.

A format without contact ids, such as CTF, or a new system makes everybody a new contact, who takes the place of the one
known before. Who has the name of a contact that is gone from the same pupil is the same person: languages, wishes, and
phones and mailboxes that were confirmed, are carried over. Where two have the name, nothing is guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from gateway import upsert
from gateway.errors import Problem
from gateway.importing import confirmed, conflicts, identity, leaving, seen
from gateway.importing.conflicts import Question, Topic
from gateway.importing.ledger import Change, Ledger
from gateway.importing.report import Report
from gateway.importing.rows import Values
from gateway.importing.seen import What
from gateway.models import Contact, ContactPoint, Guardianship, Preference
from gateway.models.types import PointKind, core

CONTACT, LINK, POINT, WISH = core(Contact), core(Guardianship), core(ContactPoint), core(Preference)

Row = sa.RowMapping
Key = tuple[int, PointKind, str]  #: contact, kind and address of a phone or mailbox
Pair = tuple[Row, Row]  #: the contact as known before, and the new one


async def carry(ledger: Ledger, report: Report, *, before: leaving.Marks, now: datetime) -> None:
    """Carry over what is known of contacts who are gone to those who have their place. Before anything is removed."""
    gone = leaving.registers(before)["links"].gone & _worth_it()
    async for page in leaving.pages(ledger.session, LINK, gone):
        pairs = await _pairs(ledger, page)
        found = await _languages(ledger, pairs)
        found |= await _points(ledger, report, pairs)
        await _wishes(ledger, pairs)
        fresh, _ = await conflicts.raise_all(ledger, found, now=now)
        conflicts.tell(report, fresh)
        for old, new in pairs:
            if old["languages_confirmed_at"] is not None:
                report.warn(_same(old, new), once=("heir", str(new["id"])))


def _worth_it() -> sa.ColumnElement[bool]:
    """The condition that there is something to carry over from a tie's contact."""
    languages = (CONTACT.c.written_language != "") | (CONTACT.c.spoken_language != "")
    known = sa.exists().where(CONTACT.c.id == LINK.c.contact_id, languages)
    points = sa.exists().where(POINT.c.contact_id == LINK.c.contact_id, POINT.c.confirmed_at.is_not(None))
    wishes = sa.exists().where(WISH.c.contact_id == LINK.c.contact_id)
    return known | points | wishes


async def _pairs(ledger: Ledger, ties: Sequence[Row]) -> list[Pair]:
    """Who of these ties is whom of the ties that the import made, by pupil and name."""
    made = await seen.marks(ledger.session, What.LINK_NEW, {tie["pupil_id"] for tie in ties})
    gone = [(tie["pupil_id"], tie["contact_id"]) for tie in ties]
    fresh = [(pupil, contact) for pupil, contact, _ in made]
    rows = await _people(ledger, {contact for _, contact in [*gone, *fresh]})
    before, after = _by_name(gone, rows), _by_name(fresh, rows)
    found: dict[int, Pair] = {}
    for key, old in before.items():
        new = after.get(key, [])
        if len(old) == len(new) == 1:
            found.setdefault(new[0]["id"], (old[0], new[0]))
    return list(found.values())


async def _people(ledger: Ledger, ids: Collection[int]) -> dict[int, Row]:
    rows = (await ledger.session.execute(sa.select(CONTACT).where(CONTACT.c.id.in_(ids)))).mappings()
    return {row["id"]: row for row in rows}


def _by_name(ties: Sequence[tuple[int, int]], rows: Mapping[int, Row]) -> Mapping[tuple[int, str], list[Row]]:
    found = defaultdict[tuple[int, str], list[Row]](list)
    for pupil, contact in dict.fromkeys(ties):
        row = rows[contact]
        if name := identity.folded(f"{row['forename']} {row['surname']}"):
            found[pupil, name].append(row)
    return found


async def _languages(ledger: Ledger, pairs: Sequence[Pair]) -> dict[Topic, Question | None]:
    """Languages that the family chose hold against the files', who are asked about; others fill what is empty."""
    found: dict[Topic, Question | None] = {}
    changes = list[Change]()
    for old, new in pairs:
        ours = {name: old[name] for name in confirmed.LANGUAGES if old[name]}
        chosen = old["languages_confirmed_at"]
        if new["languages_confirmed_at"] is not None:
            continue
        if chosen is None:
            changes.append((new, {name: value for name, value in ours.items() if not new[name]}))
            continue
        changes.append((new, {**ours, "languages_confirmed_at": chosen}))
        found |= confirmed.languages({**new, **ours, "languages_confirmed_at": chosen}, dict(new))
    await ledger.change(CONTACT, changes)
    return found


async def _points(ledger: Ledger, report: Report, pairs: Sequence[Pair]) -> dict[Topic, Question | None]:
    """Confirmed phones and mailboxes stay, in their place. ``leaving`` asks about those that the files do not have."""
    heirs = {old["id"]: new for old, new in pairs}
    rows = await _of(ledger, [*heirs, *(new["id"] for new in heirs.values())])
    ours = [row for row in rows.values() if row["contact_id"] in heirs and row["confirmed_at"] is not None]
    keys = {_key(row, heirs[row["contact_id"]]["id"]): row for row in ours}
    # Confirmed in a step of its own: undo takes no confirmed point away, and puts this step back first.
    fresh = [_copied(row, contact=key[0]) for key, row in keys.items() if key not in rows]
    await ledger.insert(POINT, fresh, key=["contact_id", "kind", "address"])
    report.tally.points.new += len(fresh)
    there = await _of(ledger, [key[0] for key in keys])
    found: dict[Topic, Question | None] = {}
    changes = list[Change]()
    for key, row in keys.items():
        same = there[key]
        if same["confirmed_at"] is None:
            changes.append((same, {"confirmed_at": row["confirmed_at"], "rank": row["rank"]}))
            who = heirs[row["contact_id"]]["source_id"]
            found |= confirmed.rank({**same, "rank": row["rank"]}, same["rank"], who=who)
    await ledger.change(POINT, changes)
    return found


async def _wishes(ledger: Ledger, pairs: Sequence[Pair]) -> None:
    """What the family wants to hear of, where nothing was chosen anew. Undo takes it away with the contact."""
    heirs = {old["id"]: new["id"] for old, new in pairs}
    rows = (await ledger.session.execute(sa.select(WISH).where(WISH.c.contact_id.in_(heirs)))).mappings()
    copies = [
        {name: row[name] for name in row if name != "id"} | {"contact_id": heirs[row["contact_id"]]} for row in rows
    ]
    await upsert.insert(ledger.session, WISH, copies, key=("contact_id", "topic", "medium"))


async def _of(ledger: Ledger, contacts: Collection[int]) -> dict[Key, Row]:
    query = sa.select(POINT).where(POINT.c.contact_id.in_(contacts))
    return {_key(row, row["contact_id"]): row for row in (await ledger.session.execute(query)).mappings()}


def _key(row: Row, contact: int) -> Key:
    return contact, row["kind"], row["address"]


def _copied(row: Row, *, contact: int) -> Values:
    values = {name: value for name, value in row.items() if name != "id"}
    return values | {"contact_id": contact, "confirmed_at": None}


def _same(old: Row, new: Row) -> Problem:
    what = (
        f"Contact {old['source_id']}, {old['forename']} {old['surname']}, is {new['source_id']} in these files. "
        "The languages that the family chose were kept."
    )
    return Problem(what, "If they are two people, correct the languages: handbell contact language.")
