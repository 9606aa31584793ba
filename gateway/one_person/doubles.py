"""Which contacts may be one person: of one name, with a child, a phone or a mailbox in common. It merges nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import sqlalchemy as sa

from gateway.database import Session
from gateway.importing import identity
from gateway.models import Contact, ContactPoint, Guardianship
from gateway.models.types import core


@dataclass(frozen=True, slots=True)
class Double:
    """Two contacts who may be one, the one that is on file longer first."""

    kept: int
    other: int
    name: str
    because: str


async def find(session: Session) -> list[Double]:
    """All of them, by name. Two of one name who have nothing in common are no such pair."""
    contact, tie, point = core(Contact).c, core(Guardianship).c, core(ContactPoint).c
    named = defaultdict[str, list[int]](list)
    names = dict[int, str]()
    for contact_id, forename, surname in await session.execute(
        sa.select(contact.id, contact.forename, contact.surname).order_by(contact.id)
    ):
        names[contact_id] = f"{forename} {surname}".strip()
        if name := identity.folded(names[contact_id]):
            named[name].append(contact_id)
    several = {one for those in named.values() if len(those) > 1 for one in those}
    children, ways = defaultdict[int, set[int]](set), defaultdict[int, set[str]](set)
    for contact_id, pupil_id in await session.execute(sa.select(tie.contact_id, tie.pupil_id)):
        children[contact_id].add(pupil_id)
    for contact_id, address in await session.execute(sa.select(point.contact_id, point.address)):
        ways[contact_id].add(address)
    found = list[Double]()
    for those in named.values():
        for kept, other in combinations([one for one in those if one in several], 2):
            told = ["a phone or mailbox"] if ways[kept] & ways[other] else []
            told += ["a child"] if children[kept] & children[other] else []
            if told:
                found.append(Double(kept, other, names[kept], f"{' and '.join(told)} in common"))
    return sorted(found, key=lambda one: (one.name, one.kept, one.other))
