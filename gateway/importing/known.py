"""Whom Handbell knows already, although a row names them by UPN only, by a former UPN, or with lost letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import entries, identity, letters
from gateway.importing.entries import Entry, Person
from gateway.importing.ledger import Change, Ledger
from gateway.importing.rows import Values
from gateway.importing.settling import Claims
from gateway.models import Contact, ContactAlias, Guardianship, Pupil
from gateway.models.types import core

PUPIL, CONTACT, LINK, ALIAS = core(Pupil), core(Contact), core(Guardianship), core(ContactAlias)
NAMES = ("forename", "surname", "known_as")
STRICT = {"deceased": True, "marketing_consent": False}  #: of one person with two rows, one is enough to say so


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a person should look at, and the line that raised it."""

    line: int
    problem: Problem


async def pupils(ledger: Ledger, batch: Sequence[Entry]) -> list[Doubt]:
    """Let rows that have only a UPN keep the id that Handbell knows the child by, and follow changes of UPN.

    A UPN is changed when a temporary one is replaced, or when one child was given two (DfE, «Unique pupil numbers»):
    the file then names the former one. It is followed only if forename or date of birth agree.
    """
    found = [entry for entry in batch if entry.pupil and entry.upn and (entry.former_upn or not entry.pupil_id)]
    rows = await _by_upn(ledger.session, {upn for entry in found for upn in (entry.upn, entry.former_upn) if upn})
    doubts, changed = list[Doubt](), list[Change]()
    for entry in found:
        values, row = entry.pupil or {}, rows.get(entry.upn)
        if row is None and (row := rows.get(entry.former_upn)):
            if not _agree(entry, row):
                doubts.append(Doubt(entry.line, _two_children(entry, row)))
                continue
            changed.append((row, {"upn": entry.upn}))
        if row is None or entry.pupil_id:
            continue
        values["source_id"] = row["source_id"]
        if not _same(str(values["forename"]), row["forename"]):
            doubts.append(Doubt(entry.line, _other_name(row)))
    await ledger.change(PUPIL, changed)
    return doubts


async def contacts(session: Session, people: Sequence[tuple[int, Person]]) -> None:
    """Let contacts without an id, whose names have lost letters, keep the key that their right names gave them."""
    damaged = [
        (pupil, person)
        for pupil, person in people
        if person.key.startswith(entries.MADE_UP) and any(map(letters.is_damaged, _full(person.values)))
    ]
    if not damaged:
        return
    query = sa.select(LINK.c.pupil_id, CONTACT.c.source_id, CONTACT.c.forename, CONTACT.c.surname).join(
        CONTACT, CONTACT.c.id == LINK.c.contact_id
    )
    found = await session.execute(query.where(LINK.c.pupil_id.in_({pupil for pupil, _ in damaged})))
    rows = found.mappings().all()
    for pupil, person in damaged:
        same = {
            row["source_id"]
            for row in rows
            if row["pupil_id"] == pupil and entries.key_of(dict(row), person.points, pupil="") == row["source_id"]
            and all(map(_same, _full(person.values), _full(row)))
        }  # fmt: skip
        if len(same) == 1:
            person.key = person.values["source_id"] = same.pop()


async def aliases(session: Session, people: Sequence[Person]) -> dict[str, Values]:
    """Let rows with an id that was merged into another contact be about that one, and say nothing of who it is.

    Of a person with two rows, that of the contact who stayed says names and languages; the other adds children, phones
    and mailboxes. Gives, by the key of each contact who has such a row, what holds whatever its own row says: that it
    has died, or has not agreed to something.
    """
    query = sa.select(ALIAS, CONTACT.c.source_id.label("stays")).join(CONTACT, CONTACT.c.id == ALIAS.c.contact_id)
    found = {row["source_id"]: dict(row) for row in (await session.execute(query)).mappings()}
    for person in people:
        if (row := found.get(person.key)) is None:
            continue
        said = {name: person.values[name] for name in STRICT if name in person.values}
        if any(row[name] != value for name, value in said.items()):
            await session.execute(sa.update(ALIAS).where(ALIAS.c.source_id == person.key).values(said))
            row |= said
        person.key, person.values, person.also = row["stays"], {}, True
    holds = dict[str, Values]()
    for row in found.values():
        holds.setdefault(row["stays"], {}).update({name: no for name, no in STRICT.items() if row[name] == no})
    return holds


def keep_names(claims: Claims[str], existing: Mapping[str, sa.RowMapping]) -> None:
    """Let no name with lost letters take the place of the right one."""
    for key, claim in claims.items():
        if row := existing.get(key):
            for column in NAMES:
                if column in claim.values and letters.may_be(claim.values[column], row[column]):
                    claim.values[column] = row[column]


async def _by_upn(session: Session, upns: set[str]) -> dict[str, sa.RowMapping]:
    """The pupils by UPN; one that two pupils have says nothing."""
    if not upns:
        return {}
    rows = (await session.execute(sa.select(PUPIL).where(PUPIL.c.upn.in_(upns)))).mappings().all()
    held = [row["upn"] for row in rows]
    return {row["upn"]: row for row in rows if held.count(row["upn"]) == 1}


def _agree(entry: Entry, row: sa.RowMapping) -> bool:
    values = entry.pupil or {}
    born = values.get("born")
    return _same(str(values["forename"]), row["forename"]) or (born is not None and born == row["born"])


def _same(one: str, known: str) -> bool:
    return identity.folded(one) == identity.folded(known) or letters.may_be(one, known)


def _full(values: Mapping[str, object] | sa.RowMapping) -> tuple[str, str]:
    get: Callable[[str, str], object] = values.get
    return str(get("forename", "")), str(get("surname", ""))


def _two_children(entry: Entry, row: sa.RowMapping) -> Problem:
    return Problem(
        f"This row names the UPN of pupil {row['source_id']}, {row['forename']}, as the former one of "
        f"{(entry.pupil or {})['forename']}, but name and date of birth differ. They were taken for two children.",
        "If they are one child, correct the school's records and import again.",
    )


def _other_name(row: sa.RowMapping) -> Problem:
    return Problem(
        f"This row has the UPN of pupil {row['source_id']}, {row['forename']}, but another forename. "
        "It was taken for the same child.",
        "If they are two children, correct the UPN in the school's records and import again.",
    )
