"""The practice phones as their page shows them: whose each is, and what is on it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from gateway.database import Session
from gateway.desk import inbox
from gateway.models import Contact, ContactPoint
from gateway.models.types import PointKind, core
from gateway.practice import phones
from gateway.web import site
from gateway.web.office import visitors
from templates import languages

PER_PAGE: Final = 12
_MAILS: Final = 4


@dataclass(slots=True)
class Handset:
    """A phone or a mailbox. ``people`` are those whose it is by the school's records; a stranger's has none."""

    address: str
    phone: phones.Phone | None = None
    mails: Sequence[phones.Mail] = ()
    people: list[Contact] = field(default_factory=list[Contact])
    ties: Sequence[inbox.Tie] = ()

    @property
    def key(self) -> str:
        """What its place on the page is called."""
        return key_of(self.address)

    @property
    def is_mail(self) -> bool:
        """Whether it is a mailbox."""
        return "@" in self.address

    @property
    def reads(self) -> str:
        """The language that its person reads, where that is another one than English."""
        tag = self.people[0].written_language if self.people else ""
        return languages.english(tag) if tag and tag != languages.ENGLISH else ""


def key_of(address: str) -> str:
    """What the place of a phone or mailbox on the page is called."""
    return "p" + re.sub(r"[^a-z0-9]", "", address.lower())


async def read(here: site.Site, _visitor: visitors.Visitor, given: Mapping[str, str]) -> dict[str, Any]:
    """The wall: the phones where something rings or happened last come first; or everybody's, by name."""
    practice = here.practice
    if practice is None:
        raise TypeError("the practice phones were asked for outside of practice mode")
    world, gateway = practice.world, here.gateway
    show, words = "all" if given.get("show") == "all" else "got", " ".join(given.get("q", "").split())[:80]
    places, page = world.places(), _page(given)
    async with gateway.database.read() as session:
        if words or show == "all":
            found, total = await _of_school(session, words, page)
        else:
            listed = sorted(places, key=lambda one: (one.calls, one.at), reverse=True)
            found, total = [one.address for one in listed[(page - 1) * PER_PAGE : page * PER_PAGE]], len(listed)
        handsets = [Handset(one, world.phone(one), world.mails(one) if "@" in one else ()) for one in found]
        await _name(session, handsets, gateway.today())
    return {
        "show": show,
        "words": words,
        "handsets": handsets,
        "touched": len(places),
        "page": page,
        "pages": max(1, -(-total // PER_PAGE)),
        "complaints": world.complaints(),
        "keys": "123456789*0#",
        "most_mails": _MAILS,
        "direction": direction,
        "may_skip": practice.moved is not None,
        "problems": [],
    }


def direction(text: str) -> str:
    """The way in which most of a text is read: a phone knows no language, and ours may begin with a Latin name."""
    strong = [unicodedata.bidirectional(one) for one in text]
    return "rtl" if sum(one in ("R", "AL") for one in strong) > strong.count("L") else "ltr"


def _page(given: Mapping[str, str]) -> int:
    page = given.get("part", "")
    return min(max(1, int(page)), 10_000) if page.isascii() and page.isdigit() else 1


async def _of_school(session: Session, words: str, page: int) -> tuple[list[str], int]:
    """The phones and mailboxes of the school's records, by name."""
    point, contact = core(ContactPoint).c, core(Contact).c
    first = sa.func.min(contact.surname), sa.func.min(contact.forename)
    query = sa.select(point.address, *first).join(core(Contact), contact.id == point.contact_id)
    if words:
        like = f"%{re.sub(r'[%_]', '', words)}%"
        digits = re.sub(r"\D", "", words).removeprefix("0")
        named = (contact.forename + " " + contact.surname).ilike(like) | point.address.ilike(like)
        query = query.where(named | point.address.contains(digits) if digits else named)
    query = query.group_by(point.address)
    total = await session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    part = query.order_by(*first, point.address).limit(PER_PAGE).offset((page - 1) * PER_PAGE)
    return [row.address for row in await session.execute(part)], total


async def _name(session: Session, handsets: Sequence[Handset], today: date) -> None:
    """Say whose these are."""
    wanted, point = {one.address: one for one in handsets}, core(ContactPoint).c
    query = sa.select(point.address, Contact).join(Contact, core(Contact).c.id == point.contact_id)
    for address, person in await session.execute(query.where(point.address.in_(list(wanted)))):
        wanted[address].people.append(person)
    ids = {person.id or 0 for one in handsets for person in one.people}
    ties = await inbox.ties_of(session, ids, today=today)
    for one in handsets:
        one.ties = ties.get(one.people[0].id or 0, ()) if one.people else ()


async def free_number(session: Session, world: phones.World) -> str:
    """A pretend mobile that nobody has; ``""`` where there is none left."""
    point = core(ContactPoint).c
    known = set(await session.scalars(sa.select(point.address).where(point.kind == PointKind.PHONE)))
    wanted = (f"+447700900{figures}" for figures in range(899, 99, -1))
    return next((one for one in wanted if one not in known and world.phone(one) is None), "")
