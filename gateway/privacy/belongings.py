"""Everything that hangs on one person, in every table: found by the tables' own ties, so that no list can be short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import context, errors, numbers
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Guardianship, Pupil, Sender
from gateway.models.types import core

CONTACT, PUPIL = "contact", "pupil"

#: Ties that do not make a row the person's: who said it, of a case that is the child's; what only answers a message.
_NOT: Final[Mapping[str, frozenset[str]]] = {
    CONTACT: frozenset(
        {"absence_case.contact_id", "absence_reason.contact_id", "reply.message_id", "phone_report.call_id"}
    ),
    PUPIL: frozenset(
        {
            "new_detail.reply_id",
            "fresh_question.message_id",
            "survey_taker.message_id",
            "promise.reply_id",
            "promise.message_id",
        }
    ),
}
#: Ties that are no foreign key of the row itself: (table, column) is the person's where (of, its column) is.
_MORE: Final = (
    ("message", "id", "about", "message_id"),
    ("inbound", "id", "reply", "inbound_id"),
    ("inbound", "id", "phone_report", "inbound_id"),
    ("inbound", "id", "voice_message", "inbound_id"),
    ("inbound", "message_id", "message", "id"),
    ("reply", "id", "absence_reason", "reply_id"),
    ("reply", "id", "absence_step", "reply_id"),
    ("event_guest", "id", "event_party", "guest_id"),
    ("conversation", "merged_into_id", "conversation", "id"),
    ("conversation", "address", "contact_point", "address"),
    ("phone_call", "caller", "contact_point", "address"),
    ("preference", "address", "contact_point", "address"),
    ("next_try", "address", "contact_point", "address"),
    ("trial_guest", "address", "contact_point", "address"),
    ("message", "address", "new_detail", "address"),  # the code that was sent to it, before it is anybody's
)
#: What a message named is also somebody else's: from a contact's messages nothing is followed on to the children.
_ENDS: Final = {CONTACT: frozenset({"about"}), PUPIL: frozenset({"event_guest"})}
_AT_ONCE = 500

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom it is about: ``kind`` is ``contact`` or ``pupil``."""

    kind: str
    id: int

    @property
    def subject(self) -> str:
        """As the audit log names them."""
        return f"{self.kind}:{self.id}"


def named(text: str) -> Person:
    """Read ``contact:12`` or ``pupil:7``. Raises :class:`errors.BadInput`."""
    kind, _, number = text.strip().lower().partition(":")
    if kind not in (CONTACT, PUPIL) or not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise errors.BadInput([errors.Problem("PERSON", f"“{text}” is neither contact:12 nor pupil:7")])
    return Person(kind, int(number))


def contact_named(text: str) -> int:
    """Read ``contact:12``, or ``12`` alone where only a contact can be meant. Raises :class:`errors.BadInput`."""
    found = named(text if ":" in text else f"{CONTACT}:{text}")
    if found.kind != CONTACT:
        raise errors.BadInput([errors.Problem("CONTACT", f"“{text}” is no contact, such as contact:12")])
    return found.id


async def load(session: Session, person: Person, *, lock: bool = False) -> Contact | Pupil:
    """The person's own row. Raises :class:`errors.NotFound`."""
    model = Contact if person.kind == CONTACT else Pupil
    found: Contact | Pupil | None = await session.get(model, person.id, with_for_update=lock or None)
    if found is None:
        raise errors.NotFound(f"There is no {person.kind} {person.id}.")
    return found


async def of_the_school(session: Session, gateway: context.Gateway) -> set[str]:
    """Numbers and mailboxes of the school itself: a parent who gave one of them as theirs does not take it along."""
    senders = set(await session.scalars(sa.select(core(Sender).c.address)))
    phone = numbers.read(gateway.settings.school.phone)  # written as people write it
    found = senders | gateway.settings.own_addresses | ({phone.e164} if isinstance(phone, numbers.Number) else set())
    return {address.lower() for address in found}


async def of(session: Session, gateway: context.Gateway, person: Person) -> dict[str, list[Row]]:
    """Every row of theirs, by table, in the order of the tables' ties; those that have none are left out."""
    ours, shared = await of_the_school(session, gateway), await _shared(session, person)
    found = dict[str, dict[tuple[Any, ...], Row]]()
    fresh = {person.kind: await _rows(session, person.kind, "id", [person.id])}
    while fresh:
        for name, rows in fresh.items():
            found.setdefault(name, {}).update({_key(name, row): row for row in rows})
        following = dict[str, list[Row]]()
        for table, column, parent, parent_column in _ties(person.kind):
            values = {row[parent_column] for row in fresh.get(parent, ())} - {None, ""}
            if parent_column == "address":
                values -= ours
            rows = await _rows(session, table, column, values)
            if parent_column == "address":  # of a phone that two have, nobody can tell who said what
                rows = [row for row in rows if row[column] not in shared or row.get("contact_id") == person.id]
            new = [row for row in rows if _is_theirs(person, row) and _key(table, row) not in found.get(table, {})]
            following.setdefault(table, []).extend(new)
        fresh = {name: rows for name, rows in following.items() if rows}
    return {name: list(found[name].values()) for name in _in_order() if name in found}


async def _shared(session: Session, person: Person) -> set[str]:
    """Numbers and mailboxes of theirs that somebody else on file has, too."""
    if person.kind != CONTACT:
        return set()
    t = core(ContactPoint).c
    own = sa.select(t.address).where(t.contact_id == person.id)
    return set(await session.scalars(sa.select(t.address).where(t.address.in_(own), t.contact_id != person.id)))


async def family(session: Session, person: Person) -> tuple[set[int], set[int]]:
    """The contacts and the pupils who are tied to the same children, the person among them."""
    t = core(Guardianship).c
    children = {person.id}
    if person.kind == CONTACT:
        children = set(await session.scalars(sa.select(t.pupil_id).where(t.contact_id == person.id)))
    ties = (await session.execute(sa.select(t.pupil_id, t.contact_id).where(t.pupil_id.in_(children)))).all()
    contacts = {tie.contact_id for tie in ties} | ({person.id} if person.kind == CONTACT else set())
    others = await session.execute(sa.select(t.pupil_id).where(t.contact_id.in_(contacts)))
    return contacts, children | set(others.scalars())


def _is_theirs(person: Person, row: Row) -> bool:
    """Two people may share a phone: what is tied to the other one is not this one's."""
    return person.kind != CONTACT or row.get("contact_id") in (None, person.id)


def _ties(kind: str) -> Iterator[tuple[str, str, str, str]]:
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column.table.name
            own = f"{table.name}.{key.parent.name}"
            if own not in _NOT[kind] and parent not in _ENDS[kind] and _is_persons(parent):
                yield table.name, key.parent.name, parent, key.column.name
    yield from (tie for tie in _MORE if tie[2] not in _ENDS[kind])


def _is_persons(parent: str) -> bool:
    """Whether what hangs on such a row hangs on one person: on a sender, a run or an event hangs a whole school."""
    return parent not in _SHARED


_SHARED: Final = frozenset(
    {"run", "notice", "sender", "school_event", "event_slot", "emergency", "survey", "import_run", "account",
     "pupil_group"}
)  # fmt: skip


async def _rows(session: Session, name: str, column: str, values: Iterable[Any]) -> list[Row]:
    table, wanted = SQLModel.metadata.tables[name], sorted(values)
    found = list[Row]()
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(table).where(table.c[column].in_(wanted[start : start + _AT_ONCE]))
        found += [dict(row) for row in (await session.execute(query)).mappings()]
    return found


def _key(name: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in SQLModel.metadata.tables[name].primary_key)


def _in_order() -> list[str]:
    return [table.name for table in SQLModel.metadata.sorted_tables]
