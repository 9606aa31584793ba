"""What a school holds of one person, as that person may read it (UK GDPR article 15): a page and JSON.

Other people's names, numbers and words are taken out: of a child's record, everybody's but those of whom asks.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from markupsafe import Markup
from sqlmodel import col, select

from gateway import audit, context, errors
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core
from gateway.privacy import belongings, holdings
from gateway.privacy.belongings import Person, Row
from gateway.privacy.holdings import Kind

EXPORTED: Final = "person.exported"
NAME, NUMBER, WORDS = "[another person]", "[a number or address]", "[words of another person]"
HEALTH: Final = "[left out: it may tell of somebody's health]"
_NUMBER = re.compile(r"(?<![\w+])(?:\+\d|0)[\d \-]{8,14}\d\b|[\w.+-]+@[\w-]+\.[\w.-]+\w")
#: Whose words these are: the contact's who is tied to the row, never the child's.
_SAID: Final = frozenset({"reply", "gist", "inbound", "voice_sound", "new_detail"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose record, ``by`` which contact where it is not their own, and whether details of health are in it."""

    person: Person
    by: int | None = None
    health: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """The record: tables with their rows, as they may be read."""

    name: str
    made: datetime
    asked: Asked
    tables: Mapping[str, Sequence[Row]]


async def read(session: Session, gateway: context.Gateway, asked: Asked) -> Export:
    """Read and redact it. Raises :class:`errors.NotFound`, and :class:`errors.Conflict` where somebody may not ask."""
    own = await belongings.load(session, asked.person)
    rows = await belongings.of(session, gateway, asked.person)
    if asked.by is not None:
        await _may_ask(session, asked)
    asking = {asked.by} if asked.person.kind == belongings.PUPIL else {asked.person.id}
    redaction = await _redaction(session, asked, own, asking - {None})
    barred = {row["pupil_id"] for row in rows.get("guardianship", []) if row["no_contact"]}
    tables = dict[str, Sequence[Row]]()
    for name, theirs in rows.items():
        if asked.person.kind == belongings.CONTACT:  # nobody learns of a child by asking for their own record
            theirs = [row for row in theirs if row.get("pupil_id") not in barred]
        tables[name] = [redaction.row(name, row) for row in theirs]
    called = f"{own.forename} {own.surname}".strip()
    return Export(called, gateway.now(), asked, {name: found for name, found in tables.items() if found})


async def record(session: Session, gateway: context.Gateway, asked: Asked, *, by: str) -> None:
    """Write down that somebody took it."""
    facts = {"for": f"contact:{asked.by}" if asked.by else "", "health": asked.health}
    await gateway.log.record(session, audit.Line(EXPORTED, asked.person.subject, facts, by), now=gateway.now())


async def _may_ask(session: Session, asked: Asked) -> None:
    t = core(Guardianship).c
    query = sa.select(t.no_contact).where(t.contact_id == asked.by, t.pupil_id == asked.person.id)
    barred = await session.scalar(query)
    if asked.person.kind != belongings.PUPIL or barred is None:
        raise errors.Conflict(f"Contact {asked.by} does not belong to {asked.person.subject}.")
    if barred:
        raise errors.Conflict(f"Contact {asked.by} must not hear of pupil {asked.person.id}.")


@dataclass(frozen=True, slots=True)
class _Redaction:
    asked: Asked
    asking: frozenset[int]  #: the contacts whose own words and numbers stay
    own: frozenset[str]  #: their numbers and mailboxes
    others: re.Pattern[str] | None  #: names of everybody else

    def row(self, table: str, row: Row) -> Row:
        held = holdings.HOLDINGS[table]
        ours = row.get("contact_id") in self.asking or self.asked.person.kind == belongings.CONTACT
        return {
            name: self._value(held.columns.get(name), value, said=table in _SAID, ours=ours)
            for name, value in row.items()
            if held.columns.get(name) is not None or name in _SHOWN or isinstance(value, date)
        }

    def _value(self, kind: Kind | None, value: Any, *, said: bool, ours: bool) -> Any:
        if not value:
            return value
        if kind is Kind.HEALTH and not self.asked.health:
            return HEALTH
        if said and not ours and kind is not None:
            return WORDS
        if kind is Kind.ADDRESS and not ours and value not in self.own:  # where somebody lives has no shape of its own
            return NUMBER
        return self.text(value)

    def text(self, value: Any) -> Any:
        """A value without other people's names and numbers."""
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dict):
            return {name: self.text(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.text(one) for one in value]
        if not isinstance(value, str):
            return value
        text = self.others.sub(NAME, value) if self.others else value
        return _NUMBER.sub(lambda found: found[0] if found[0] in self.own else NUMBER, text)


#: Columns beside those that tell of a person, with which a row makes sense.
_SHOWN: Final = frozenset(
    {"id", "kind", "medium", "state", "reason", "language", "written_language", "spoken_language", "relation",
     "priority", "parental_responsibility", "lives_with", "no_contact", "year", "form", "session", "code", "topic",
     "wish", "purpose", "outcome", "option", "line_type", "pupil_id", "contact_id", "message_id"}
)  # fmt: skip


async def _redaction(session: Session, asked: Asked, own: Contact | Pupil, asking: set[Any]) -> _Redaction:
    points = await session.scalars(select(ContactPoint.address).where(col(ContactPoint.contact_id).in_(asking)))
    addresses = set(points)
    national = {f"0{one.removeprefix('+44')}" for one in addresses if one.startswith("+44")}
    contacts, pupils = await belongings.family(session, asked.person)
    children = await _children(session, asked.person)
    keep = {own.surname.casefold(), own.forename.casefold()}
    if isinstance(own, Pupil):
        keep.add(own.known_as.casefold())
    found = set[str]()
    for pupil in await session.scalars(select(Pupil)):
        if pupil.id in children:
            continue
        found |= {f"{pupil.forename} {pupil.surname}", f"{pupil.called} {pupil.surname}"}
        if pupil.id in pupils:
            found |= {pupil.forename, pupil.called}
    for contact in await session.scalars(select(Contact)):
        if contact.id in asking or (asked.person.kind == belongings.CONTACT and contact.id == asked.person.id):
            continue
        found |= {f"{contact.forename} {contact.surname}", f"{contact.title} {contact.surname}"}
        if contact.id in contacts:
            found.add(contact.forename)
    names = sorted({name.strip() for name in found if len(name.strip()) > 1} - {""}, key=len, reverse=True)
    names = [name for name in names if name.casefold() not in keep]
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b", re.IGNORECASE) if names else None
    return _Redaction(asked, frozenset(asking), frozenset(addresses | national), pattern)


async def _children(session: Session, person: Person) -> set[int]:
    """Who may be named: the child itself, or a contact's own children, but none of whom they must not hear."""
    if person.kind == belongings.PUPIL:
        return {person.id}
    query = select(Guardianship.pupil_id).where(Guardianship.contact_id == person.id, ~col(Guardianship.no_contact))
    return set(await session.scalars(query))


def plain(export: Export) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "person": export.asked.person.subject,
        "name": export.name,
        "made": export.made,
        "health_details": export.asked.health,
        "tables": {
            name: {"what": holdings.HOLDINGS[name].what, "why": holdings.HOLDINGS[name].why, "rows": rows}
            for name, rows in export.tables.items()
        },
    }


def json_of(export: Export) -> str:
    """The same as a file for programs."""
    return json.dumps(plain(export), ensure_ascii=False, indent=2, default=_iso)


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_PAGE: Final = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>What {school} holds of {name}</title>'
    "<style>body{{font:16px/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}}"
    "table{{border-collapse:collapse;margin:.5rem 0}}td,th{{border:1px solid #999;padding:.2rem .5rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}}th{{background:#eee}}</style>"
    "<h1>What {school} holds of {name}</h1><p>Made on {day} by Handbell, the school's messaging gateway. What is in "
    "square brackets was taken out: it tells of somebody else{health}. How long each is kept is in the school's "
    "data-protection page; ask the school to correct what is wrong.</p>{body}</html>"
)


def html(export: Export, *, school: str) -> str:
    """The same for people."""
    body = Markup("").join(_section(name, rows) for name, rows in export.tables.items())
    health = "" if export.asked.health else ", or of anybody's health"
    return str(_PAGE.format(school=school, name=export.name, day=f"{export.made:%d/%m/%Y}", health=health, body=body))


def _section(name: str, rows: Sequence[Row]) -> Markup:
    held = holdings.HOLDINGS[name]
    known = dict.fromkeys(column for row in rows for column in row)  # a moment that never was is not in its row
    columns = [column for column in known if any(row.get(column) not in ("", None, [], {}) for row in rows)]
    head = Markup("").join(Markup("<th>{}</th>").format(column.replace("_", " ")) for column in columns)
    lines = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_said(row.get(column))) for column in columns)
        )
        for row in rows
    )
    return Markup("<h2>{}</h2><p>Held {}.</p><table><tr>{}</tr>{}</table>").format(held.what, held.why, head, lines)


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M} UTC"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
