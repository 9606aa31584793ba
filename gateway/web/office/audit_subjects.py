"""About whom or what a line of the audit log is, by name; and the lines that are about somebody whose name one knows.

A subject is a kind and an id, as ``case:12``. Names are looked up for the lines of one page together, kind by kind.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from gateway import audit, numbers
from gateway.database import Session
from gateway.models import (
    AbsenceCase,
    Account,
    ApiToken,
    Contact,
    ContactPoint,
    Conversation,
    Emergency,
    Guardianship,
    Message,
    NewDetail,
    Notice,
    PhoneCall,
    Praise,
    Pupil,
    Register,
    Reply,
    SchoolEvent,
    Sender,
    Survey,
    Task,
    TrialGuest,
)
from gateway.models.types import core
from gateway.web.office import audit_words, naming, visitors
from gateway.web.office.rights import Right
from templates import languages

_MOST_PEOPLE: Final = 40  #: whose lines are looked for at once
_LARGEST_ID: Final = 2**31 - 1
_LOCKED: Final = "Somebody who must never be contacted"
#: What a link to each page needs.
_RIGHTS: Final = {
    "families": Right.SEE_FAMILIES, "absences": Right.SEE_TODAY, "replies": Right.SEE_REPLIES,
    "announcements": Right.SEE_ANNOUNCEMENTS, "emergency": Right.SEE_EMERGENCY, "import": Right.IMPORT_PEOPLE,
    "staff": Right.MANAGE_STAFF, "settings": Right.SEE_SETTINGS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """``person`` is a name that may have to be hidden, ``more`` what stands behind it; ``href`` leads to its page."""

    person: str = ""
    more: str = ""
    href: str = ""


class Row(NamedTuple):
    """What is found of one subject."""

    id: Any
    pupil: int | None = None
    contact: int | None = None
    label: str = ""
    href: str = ""


PUPIL, CONTACT, TIE = core(Pupil).c, core(Contact).c, core(Guardianship).c
#: The columns of each kind that say whose it is, or how it is called.
_WHOSE: Final[Mapping[str, tuple[sa.Column[Any], str]]] = {
    "case": (core(AbsenceCase).c.pupil_id, "/absences/{id}"),
    "praise": (core(Praise).c.pupil_id, ""),
    "tie": (core(Guardianship).c.pupil_id, ""),
    "point": (core(ContactPoint).c.contact_id, ""),
    "detail": (core(NewDetail).c.contact_id, ""),
    "message": (core(Message).c.contact_id, ""),
    "conversation": (core(Conversation).c.contact_id, "/replies/{id}"),
    "call": (core(PhoneCall).c.contact_id, ""),
    "event": (core(SchoolEvent).c.title, ""),
    "survey": (core(Survey).c.title, ""),
    "sender": (core(Sender).c.address, "/settings/senders"),
    "account": (core(Account).c.name, "/staff/{id}"),
    "token": (core(ApiToken).c.name, "/settings/tokens"),
    "guest": (core(TrialGuest).c.name, ""),
    "task": (core(Task).c.what, "/settings/tasks"),
    "emergency": (core(Emergency).c.key, "/emergency/{label}"),
}  # fmt: skip
_TEXT_IDS: Final = frozenset({"message", "account"})


async def read(session: Session, subjects: Iterable[str], visitor: visitors.Visitor) -> dict[str, About]:
    """What each subject is. Who must never be contacted has a name only where locked details may be seen."""
    by_kind: dict[str, set[str]] = {}
    for subject in subjects:
        kind, _, id_ = subject.partition(":")
        by_kind.setdefault(kind, set()).add(id_)
    rows: dict[str, Row] = {}
    for kind, given in by_kind.items():
        for row in await _rows(session, kind, given):
            rows[f"{kind}:{row.id}"] = row
    named = await _named(session, rows, locked=visitor.may(Right.SEE_LOCKED))
    return {
        subject: about if _may_go(visitor, about.href) else replace(about, href="") for subject, about in named.items()
    }


def _may_go(visitor: visitors.Visitor, href: str) -> bool:
    return not href or visitor.may(_RIGHTS[href.split("/")[1]])


async def _rows(session: Session, kind: str, given: Collection[str]) -> list[Row]:
    if kind in ("pupil", "family"):
        return [Row(id_, pupil=id_) for id_ in _numbers(given)]
    if kind == "contact":
        return [Row(id_, contact=id_) for id_ in _numbers(given)]
    if kind == "notice":
        return await _notices(session, given)
    if kind == "reply":
        t = core(Reply).c
        found = await session.execute(sa.select(t.id, t.contact_id, t.conversation_id).where(t.id.in_(_numbers(given))))
        return [Row(id_, contact=contact, href=f"/replies/{talk}") for id_, contact, talk in found]
    if kind == "register":
        days = core(Register).c
        found = await session.execute(sa.select(days.id, days.date, days.session).where(days.id.in_(_numbers(given))))
        return [Row(id_, label=f"Register of {naming.short_day(day)}, {at.value}") for id_, day, at in found]
    if kind in _WHOSE:
        return await _whose(session, kind, given)
    return [Row(id_, label=label) for id_ in given if (label := _plain(kind, id_))]


async def _whose(session: Session, kind: str, given: Collection[str]) -> list[Row]:
    column, href = _WHOSE[kind]
    id_ = column.table.c.id
    wanted: Collection[Any] = given if kind in _TEXT_IDS else _numbers(given)
    found = list[Row]()
    for one, value in await session.execute(sa.select(id_, column).where(id_.in_(wanted))):
        if column.name in ("pupil_id", "contact_id"):
            person = {column.name.removesuffix("_id"): value}
            found.append(Row(one, href=href.format(id=one), **person))
        else:
            label = numbers.at_home(value) if kind == "sender" and numbers.is_phone(value) else value
            found.append(Row(one, label=label, href=href.format(id=one, label=value)))
    return found


async def _notices(session: Session, given: Collection[str]) -> list[Row]:
    """Announcements by their id; of a translation by its key, as it may not be sent yet."""
    t = core(Notice).c
    query = sa.select(t.id, t.key, t.title).where(sa.or_(t.id.in_(given), t.key.in_(given)))
    found = list[Row]()
    for id_, key, title in await session.execute(query):
        found += [Row(one, label=title or key, href=f"/announcements/{key}") for one in (id_, key) if one in given]
    known = {row.id for row in found}
    return found + [Row(one, label=one.replace("-", " ").replace("_", " ")) for one in given if one not in known]


def _plain(kind: str, id_: str) -> str:
    if kind == "language":
        return languages.english(id_)
    if kind == "day":
        try:
            return naming.short_day(date.fromisoformat(id_))
        except ValueError:
            return id_
    known: Mapping[str, Callable[[str], str]] = {
        "import": lambda one: f"Import {one}" if one else "",
        "file": str,
        "letters": lambda one: f"Letters {one}",
        "source": lambda _: "An export’s columns",
    }
    return known[kind](id_) if kind in known else ""


def _numbers(given: Collection[str]) -> list[int]:
    return [int(one) for one in given if one.isascii() and one.isdigit() and int(one) <= _LARGEST_ID]


async def _named(session: Session, rows: Mapping[str, Row], *, locked: bool) -> dict[str, About]:
    contacts = {row.contact for row in rows.values() if row.contact is not None}
    ties = list(
        await session.execute(
            sa.select(TIE.contact_id, TIE.pupil_id, TIE.no_contact)
            .where(TIE.contact_id.in_(contacts))
            .order_by(TIE.contact_id, TIE.pupil_id)
        )
    )
    child = {contact: pupil for contact, pupil, barred in reversed(ties) if not barred}
    hidden = set[int]() if locked else {contact for contact, _, barred in ties if barred}
    pupils = {row.pupil for row in rows.values() if row.pupil is not None} | set(child.values())
    names = await _pupils(session, pupils)
    grown_ups = await _contacts(session, contacts)
    found = dict[str, About]()
    for subject, row in rows.items():
        if row.pupil is not None:
            name, form = names.get(row.pupil, ("", ""))
            found[subject] = About(name, form, row.href or (f"/families/{row.pupil}" if name else ""))
        elif row.contact in hidden:
            found[subject] = About("", _LOCKED)
        elif row.contact is not None:
            of = child.get(row.contact)
            found[subject] = About(grown_ups.get(row.contact, ""), "", row.href or (f"/families/{of}" if of else ""))
        else:
            href = f"/import/{row.id}" if subject.startswith("import:") and row.id else row.href
            found[subject] = About("", row.label or ("A number that nobody knows" if href else ""), href)
    return found


async def _pupils(session: Session, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    query = sa.select(PUPIL.id, PUPIL.known_as, PUPIL.forename, PUPIL.surname, PUPIL.form).where(PUPIL.id.in_(ids))
    return {
        id_: (f"{known or forename} {surname}".strip(), form)
        for id_, known, forename, surname, form in await session.execute(query)
    }


async def _contacts(session: Session, ids: Collection[int]) -> dict[int, str]:
    query = sa.select(CONTACT.id, CONTACT.title, CONTACT.forename, CONTACT.surname).where(CONTACT.id.in_(ids))
    return {
        id_: " ".join(part for part in (title, forename, surname) if part)
        for id_, title, forename, surname in await session.execute(query)
    }


async def mentions(session: Session, text: str) -> audit.Mentions:
    """What lines mention these words: a person of that name and all that is theirs, an announcement, or a deed."""
    wanted = _folded(text)
    pupils = await _like(session, wanted, (PUPIL.id, PUPIL.forename, PUPIL.known_as, PUPIL.surname))
    contacts = await _like(session, wanted, (CONTACT.id, CONTACT.forename, CONTACT.surname))
    talks = sa.select(core(Conversation).c.id).where(core(Conversation).c.contact_id.in_(contacts))
    columns: list[tuple[str, sa.Column[Any], sa.ColumnElement[bool]]] = [
        ("pupil", PUPIL.id, PUPIL.id.in_(pupils)),
        ("family", PUPIL.id, PUPIL.id.in_(pupils)),
        ("contact", CONTACT.id, CONTACT.id.in_(contacts)),
        ("reply", core(Reply).c.id, core(Reply).c.conversation_id.in_(talks)),
        ("notice", core(Notice).c.id, core(Notice).c.title.icontains(text, autoescape=True)),
    ]
    for kind, (column, _) in _WHOSE.items():
        if column.name in ("pupil_id", "contact_id"):
            of = pupils if column.name == "pupil_id" else contacts
            columns.append((kind, column.table.c.id, column.in_(of)))
        elif kind in ("event", "account", "token"):
            columns.append((kind, column.table.c.id, column.icontains(text, autoescape=True)))
    parts = [sa.select(sa.literal(f"{kind}:") + sa.cast(id_, sa.Text)).where(where) for kind, id_, where in columns]
    every: sa.CompoundSelect[Any] = sa.union_all(*parts)
    return audit.Mentions(text, audit_words.that_say(text), every)


async def _like(session: Session, wanted: str, columns: tuple[sa.Column[Any], ...]) -> list[int]:
    """Who has all of these words in their name, whatever its accents."""
    words = wanted.split()
    found = await session.execute(sa.select(*columns))
    return [id_ for id_, *names in found if all(word in _folded(" ".join(filter(None, names))) for word in words)][
        :_MOST_PEOPLE
    ]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
    return "".join(one for one in plain if not unicodedata.combining(one)).casefold()
