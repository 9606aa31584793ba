"""What one row says: a pupil, a contact, what the one is to the other, and how the contact can be reached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from gateway import addresses, phone_notes, upn
from gateway.errors import Problem
from gateway.importing import bars, cells
from gateway.importing.headings import Kind
from gateway.importing.rows import Row, Values
from gateway.models.types import LineType, PointKind
from gateway.numbers import Number

#: Columns of telephones in the order of preference, with the label of a number that carries no note.
PHONES = (("contact.mobile", ""), ("contact.phone", ""), ("contact.home_phone", "home"), ("contact.work_phone", "work"))

#: Where a note puts a number among those columns.
PLACES = {"mobile": 0, "home": 2, "work": 3}

MADE_UP = "auto-"  #: what the keys begin with that we make for contacts without an id

#: Columns that say yes or no of a pupil: each is a group of that name, and a list of its own beside all others.
REGISTERS = {
    "pupil.sen": "SEN",
    "pupil.eal": "EAL",
    "pupil.fsm": "FSM",
    "pupil.pupil_premium": "Pupil premium",
}

ROW_OUT = "The row was left out."
POINT_OUT = "The contact was taken without it."
NUMBERS_OUT = "The other number in the cell was taken."


@dataclass(frozen=True, slots=True)
class Point:
    """A telephone or mailbox. ``label`` is a note from the cell, or the sort of telephone. ``rank`` 1 is preferred."""

    kind: PointKind
    address: str
    line_type: LineType
    label: str
    rank: int


@dataclass(slots=True)
class Person:
    """The contact's half of a row. ``unsure`` when a telephone or mailbox could not be read.

    ``also`` where the row has a further id of somebody who was on file twice: what stands on file goes before it.
    """

    key: str
    values: Values
    link: Values
    points: list[Point]
    unsure: bool
    also: bool = False


@dataclass(slots=True)
class Entry:
    """A row. ``pupil`` is None when it only refers to a pupil, ``groups`` None when there is no such column.

    ``registers`` says of each of :data:`REGISTERS` whether the pupil is on it, of those that the row says anything of.
    ``former_upn`` is one that the pupil had before. ``contact_lost`` when the row has a contact who could not be taken.
    """

    line: int
    pupil_id: str
    upn: str
    former_upn: str = ""
    pupil: Values | None = None
    groups: tuple[str, ...] | None = None
    registers: dict[str, bool] = field(default_factory=dict[str, bool])
    contact: Person | None = None
    contact_lost: bool = False


def read(row: Row) -> Entry | None:
    """Read the row, or give None when it has to be left out; then the report says why."""
    entry = Entry(row.line, row.words("pupil.id"), _upn(row, "pupil.upn"), _upn(row, "pupil.former_upn"))
    if not (entry.pupil_id or entry.upn):
        name = "pupil.id" if row.layout.has("pupil.id") else "pupil.upn"
        row.wrong(name, Problem("It is not said which pupil this is.", "Fill in the pupil's id or UPN."), note=ROW_OUT)
        return None
    if row.layout.kind is not Kind.CONTACTS:
        entry.pupil = _pupil(row, entry)
        if entry.pupil is None:
            return None
        entry.groups = cells.listed(row.cell("pupil.groups")) if row.has("pupil.groups") else None
        entry.registers = _registers(row)
    if row.layout.kind is not Kind.PUPILS and _has_contact(row):
        entry.contact = _contact(row, entry)
        entry.contact_lost = entry.contact is None
    return entry


def _pupil(row: Row, entry: Entry) -> Values | None:
    values: Values = {"source_id": entry.pupil_id or entry.upn}
    if entry.upn:
        values["upn"] = entry.upn
    for column in ("forename", "surname"):
        values[column] = row.name(f"pupil.{column}")
        if not values[column]:
            row.wrong(f"pupil.{column}", Problem("The pupil's name is missing.", "Fill it in."), note=ROW_OUT)
            return None
    row.take(values, "pupil.known_as", lambda _: row.name("pupil.known_as"), empty="")
    row.take(values, "pupil.born", lambda raw: _past(raw, row.today))
    row.take(values, "pupil.year", cells.year, empty="")
    row.take(values, "pupil.form", cells.form, empty="")
    if row.words("pupil.homeroom"):  # where there is none, the form may stand in another export
        values["form"] = cells.form(row.cell("pupil.homeroom"))
    row.take_language(values, "pupil.home_language", "home_language")
    row.take(values, "pupil.deceased", lambda raw: cells.deceased(raw, today=row.today))
    row.take(values, "pupil.left_on", cells.day)
    if row.has("pupil.left_on") and cells.says_nothing(row.cell("pupil.left_on")):
        values["left_on"] = None  # an empty cell says that the pupil is on roll
    return values


def _registers(row: Row) -> dict[str, bool]:
    found = dict[str, bool]()
    for name, group in REGISTERS.items():
        said = cells.register(row.cell(name)) if row.has(name) else None
        if isinstance(said, Problem):
            what = f"{said.what} It was left out, here and on other rows."
            row.warn(name, what, said.cure, once=row.words(name).casefold())
        elif said is not None:
            found[group] = said
    return found


def _has_contact(row: Row) -> bool:
    """Whether the row has a contact at all: in a combined file, a pupil with nobody stands alone."""
    names = (name for name in row.layout.columns if name.startswith("contact."))
    return row.layout.kind is Kind.CONTACTS or any(row.cell(name).strip() for name in names)


def _contact(row: Row, entry: Entry) -> Person | None:
    parts = [part for part in ("title", "forename", "surname") if row.has(f"contact.{part}")]
    values: Values = {part: row.name(f"contact.{part}") for part in parts}
    if not (values.get("forename") or values.get("surname")):
        name = "contact.surname" if row.layout.has("contact.surname") else "contact.forename"
        if row.line:  # a row without a line stands for somebody whom the reader of a bundle has reported already
            row.wrong(name, Problem("The contact's name is missing.", "Fill it in."), note="The contact was left out.")
        return None
    for column in ("written_language", "spoken_language"):
        own = f"contact.{column}"
        row.take_language(values, own if row.layout.has(own) else "contact.language", column)
    row.take(values, "contact.interpreter", cells.yes)
    row.take(values, "contact.marketing_consent", cells.yes)
    row.take(values, "contact.deceased", lambda raw: cells.deceased(raw, today=row.today))
    if address := cells.address([*row.every("contact.address"), *row.every("contact.postcode")]):
        values["postal_address"] = address  # an empty one says nothing: somebody may have written it down here
    link = _link(row)
    points, unsure = _points(row)
    key = row.words("contact.id") or key_of(values, points, pupil=entry.pupil_id or entry.upn)
    return Person(key, values | {"source_id": key}, link, points, unsure)


def _link(row: Row) -> Values:
    values: Values = {}
    row.take(values, "contact.relation", cells.text, empty="")
    row.take(values, "contact.role", cells.text)  # a relation for who has none: tying.py
    row.take(values, "contact.priority", cells.priority)
    row.take(values, "contact.parental_responsibility", cells.yes)
    row.take(values, "contact.lives_with", cells.yes)
    return values | bars.read(row)


def _points(row: Row) -> tuple[list[Point], bool]:
    """The telephones and mailboxes, each once, and whether one could not be read."""
    phones, unsure = _phones(row)
    mailboxes = dict[str, Point]()
    for raw in _mailboxes(row):
        address = addresses.read(raw)
        if isinstance(address, Problem):
            row.wrong("contact.email", address, note=POINT_OUT)
            unsure = True
        elif address not in mailboxes:
            mailboxes[address] = Point(PointKind.EMAIL, address, LineType.NONE, "", len(mailboxes) + 1)
    cut = row.is_cut(["contact.email", *(name for name, _ in PHONES)])  # there may be more of them than were read
    return [*phones, *mailboxes.values()], unsure or cut


def _phones(row: Row) -> tuple[list[Point], bool]:
    """The telephones as they come. A note such as ``H`` or ``work`` ranks a number as the column of that name would."""
    found, unsure = dict[str, tuple[int, Number]](), False
    for column, (name, label) in enumerate(PHONES):
        for raw in row.every(name):
            cell = row.phones(raw)
            for problem in cell.problems:
                row.wrong(name, problem, note=NUMBERS_OUT if cell.numbers else POINT_OUT)
                unsure = True
            for number in cell.numbers:
                said = phone_notes.place(number.label)
                at = PLACES[said] if said else column
                found.setdefault(number.e164, (at, replace(number, label=number.label or label)))
    ranked = sorted(found, key=lambda e164: found[e164][0])
    ranks = {e164: rank for rank, e164 in enumerate(ranked, start=1)}
    points = [
        Point(PointKind.PHONE, e164, number.line_type, number.label, ranks[e164]) for e164, (_, number) in found.items()
    ]
    return points, unsure


def _mailboxes(row: Row) -> Iterator[str]:
    for cell in row.every("contact.email"):
        yield from addresses.split(cell)


def _upn(row: Row, name: str) -> str:
    values: Values = {}
    row.take(values, name, upn.read)
    return str(values.get(name.partition(".")[2], ""))


def _past(raw: str, today: date) -> date | Problem:
    born = cells.day(raw)
    if isinstance(born, date) and born > today:
        return Problem("This date of birth is still to come.", "Correct it in the school's records.")
    return born


def key_of(values: Values, points: list[Point], *, pupil: str) -> str:
    """A key for an export without contact ids: the name and the first number, or mailbox, or the pupil.

    The same person on the rows of two pupils gets the same key. A person whose first number changes gets a new one:
    then a new contact takes the place of the old one on the pupil's list.
    """
    name = " ".join(values.get(part, "") for part in ("forename", "surname")).casefold()
    reach = points[0].address if points else f"pupil {pupil}"
    return MADE_UP + hashlib.sha256(f"{name}\0{reach}".encode()).hexdigest()[:20]
