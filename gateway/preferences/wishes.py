"""What somebody has chosen to hear of, by which medium: at once, once a day with the rest, or not at all.

What a phone said by text (STOP MENUS) holds for that phone, whoever has it, and goes before what its owners chose. A
choice for one topic goes before one for all of them. Where nothing was chosen, everything comes at once.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bulk, errors, people, suppressing
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Preference, Wish
from gateway.models.types import core
from gateway.preferences.topics import EVERY

MEDIA: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What these contacts and phones want of one topic."""

    phones: Mapping[tuple[str, Medium], Wish] = field(default_factory=dict[tuple[str, Medium], Wish])
    contacts: Mapping[tuple[int, Medium], Wish] = field(default_factory=dict[tuple[int, Medium], Wish])

    def __bool__(self) -> bool:
        return bool(self.phones or self.contacts)

    def of(self, contact_id: int, address: str, medium: Medium) -> Wish:
        """How a contact wants to hear by a phone or mailbox."""
        said = self.phones.get((address, medium))
        return said or self.contacts.get((contact_id, medium)) or Wish.AT_ONCE


async def load(session: Session, topic: str, *, contact_ids: Collection[int], addresses: Collection[str]) -> Wishes:
    """What these contacts, and these phones and mailboxes, want of a topic."""
    given = {"topic": topic, "ids": people.packed(contact_ids), "addresses": bulk.packed_ids(addresses)}
    phones, contacts = dict[tuple[str, Medium], Wish](), dict[tuple[int, Medium], Wish]()
    # Those for all topics come first, so that one for this topic takes their place.
    for contact_id, address, medium, wish in await session.execute(_question(people.dialect(session)), given):
        if contact_id is None:
            phones[address, Medium(medium)] = Wish(wish)
        else:
            contacts[contact_id, Medium(medium)] = Wish(wish)
    return Wishes(phones, contacts)


@functools.cache
def _question(dialect: str) -> sa.Select[Any, Any, Any, Any]:
    t, topic = core(Preference).c, sa.bindparam("topic", type_=sa.Text)
    here = t.topic.in_([topic, sa.literal(EVERY)])
    columns = (t.contact_id, t.address, sa.type_coerce(t.medium, sa.Text), sa.type_coerce(t.wish, sa.Text))
    by_contact = sa.select(*columns, t.topic).where(here, people.among(dialect, t.contact_id))
    by_address = sa.select(*columns, t.topic).where(here, bulk.among(dialect, t.address, "addresses"))
    both = by_contact.union_all(by_address).subquery("wanted")
    return sa.select(*list(both.c)[:4]).order_by(both.c.topic != EVERY)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One preference as staff and families see it. ``address`` where a phone said so itself."""

    topic: str
    medium: Medium
    wish: Wish
    since: datetime
    how: str
    address: str = ""


async def shown(session: Session, contact_id: int) -> list[Chosen]:
    """All that a contact, and the phones and mailboxes that it has, have chosen.

    Raises :class:`errors.NotFound`.
    """
    if await session.get(Contact, contact_id) is None:
        raise errors.NotFound(f"There is no contact {contact_id}. handbell contact list gives the ids.")
    theirs = select(ContactPoint.address).where(ContactPoint.contact_id == contact_id)
    query = select(Preference).where(
        sa.or_(col(Preference.contact_id) == contact_id, col(Preference.address).in_(theirs))
    )
    rows = await session.scalars(query.order_by(col(Preference.topic), col(Preference.medium), col(Preference.id)))
    return [Chosen(r.topic, r.medium, r.wish, r.since, r.how, r.address or "") for r in rows]


async def choose(
    session: Session,
    contact_id: int,
    topic: str,
    wanted: Mapping[Medium, Wish],
    *,
    by: str,
    log: audit.Log,
    now: datetime,
) -> None:
    """Note how a contact wants to hear of a topic (a key, ``other`` or ``*``); media that are not named stay.

    What a phone of theirs said by text ends where they now want texts. Raises :class:`errors.NotFound`.
    """
    if await session.get(Contact, contact_id, with_for_update={"key_share": True}) is None:
        raise errors.NotFound(f"There is no contact {contact_id}. handbell contact list gives the ids.")
    for medium, wish in wanted.items():
        if wish is Wish.DIGEST and medium is Medium.VOICE:
            raise errors.Conflict("A call is no digest: at once or off.")
        query = select(Preference).where(
            Preference.contact_id == contact_id, Preference.topic == topic, Preference.medium == medium
        )
        row = (await session.scalars(query)).one_or_none()
        row = row or Preference(contact_id=contact_id, topic=topic, medium=medium, wish=wish, since=now)
        row.wish, row.since, row.how = wish, now, by
        session.add(row)
        if wish is not Wish.OFF:
            phones = select(ContactPoint.address).where(ContactPoint.contact_id == contact_id)
            theirs = list(await session.scalars(phones))
            await _come_back(session, medium, theirs, log)
            await forget(session, theirs, topic, medium)
    await session.flush()
    facts = {"topic": topic, **{medium.value: wish.value for medium, wish in wanted.items()}}
    await log.record(session, audit.Line("preference.set", f"contact:{contact_id}", facts, by), now=now)


async def stop(
    session: Session, medium: Medium, address: str, topic: str, *, how: str, log: audit.Log, now: datetime
) -> bool:
    """Note that a phone or mailbox wants no more of a topic, whoever has it. False when it was known already."""
    query = select(Preference).where(
        Preference.address == address, Preference.topic == topic, Preference.medium == medium
    )
    if (await session.scalars(query)).one_or_none() is not None:
        return False
    row = Preference(address=address, topic=topic, medium=medium, wish=Wish.OFF, since=now, how=how)
    session.add(row)
    await session.flush()
    facts = {"topic": topic, "medium": medium, "how": how}
    await log.record(session, audit.Line("preference.stopped", f"preference:{row.id}", facts, "parent"), now=now)
    return True


async def start(
    session: Session, medium: Medium, address: str, topic: str, *, how: str, log: audit.Log, now: datetime
) -> bool:
    """Note that a phone or mailbox wants a topic again, and so does whoever has it. False when nothing had ended it."""
    await _come_back(session, medium, [address], log)
    owners = list(await session.scalars(select(ContactPoint.contact_id).where(ContactPoint.address == address)))
    ended = await forget(session, [address], topic, medium)
    declined = select(Preference).where(
        col(Preference.contact_id).in_(owners), Preference.medium == medium, Preference.wish == Wish.OFF
    )
    for row in await session.scalars(declined.where(col(Preference.topic).in_([topic, EVERY]))):
        # Of all topics that were declined, this one alone comes again.
        if row.topic == topic:
            row.wish, row.since, row.how = Wish.AT_ONCE, now, how
        elif not await _has_own(session, row.contact_id, topic, medium):
            row = Preference(
                contact_id=row.contact_id, topic=topic, medium=medium, wish=Wish.AT_ONCE, since=now, how=how
            )
        else:
            continue
        session.add(row)
        ended += 1
    await session.flush()
    if ended:
        facts = {"topic": topic, "medium": medium, "how": how, "contacts": owners}
        await log.record(session, audit.Line("preference.started", "", facts, "parent"), now=now)
    return bool(ended)


async def _come_back(session: Session, medium: Medium, addresses: Iterable[str], log: audit.Log) -> None:
    """Know again what these phones said before somebody was erased: what is said now is the last word on it."""
    rows = [{"medium": medium, "address": address} for address in addresses]
    await session.run_sync(lambda plain: suppressing.restore(plain.connection(), rows, sign=log.sign))


async def _has_own(session: Session, contact_id: int | None, topic: str, medium: Medium) -> bool:
    query = select(Preference.id).where(
        Preference.contact_id == contact_id, Preference.topic == topic, Preference.medium == medium
    )
    return (await session.scalars(query)).first() is not None


async def forget(session: Session, addresses: Iterable[str], topic: str, medium: Medium) -> int:
    """Forget what phones said of a topic, of every topic with ``*``. Gives how many that were."""
    t = core(Preference)
    gone = sa.delete(t).where(t.c.address.in_(list(addresses)), t.c.medium == medium)
    if topic != EVERY:
        gone = gone.where(t.c.topic == topic)
    return len((await session.execute(gone.returning(t.c.id))).all())


def table(chosen: Sequence[Chosen], keys: Iterable[str]) -> dict[str, dict[Medium, Wish]]:
    """How a contact hears of each of these topics by each medium, phones' own words aside."""
    own = {(one.topic, one.medium): one.wish for one in chosen if not one.address}
    return {
        key: {medium: own.get((key, medium)) or own.get((EVERY, medium)) or Wish.AT_ONCE for medium in MEDIA}
        for key in keys
    }
