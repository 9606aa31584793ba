"""The first CSV formats of Microsoft School Data Sync, «SDS Format» and «UK Format»: pupils and their classes.

Their guardians stand in two files more, known by email address alone, and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from gateway.errors import Problem
from gateway.importing import bundles, parts, roster
from gateway.importing.parts import Part
from gateway.importing.report import Remarks
from gateway.importing.roster import PUPIL, Column, Roster
from gateway.importing.tables import Source

MARKS = frozenset({"student.csv", "school.csv"})
GUARDIANS = "guardianrelationship.csv"
NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def look(path: Path) -> list[Source]:
    """Look through a bundle: its pupils. Raises :class:`gateway.errors.BadInput` when it cannot be used."""
    remarks = Remarks()
    bundle = bundles.look(path, marks=MARKS)
    users = parts.look(bundle, "student.csv", needed=("First Name", "Last Name"), remarks=remarks)
    id_ = users.one_of("SIS ID", "ID")
    export = Roster(bundle, users, remarks, format="sds")
    export.fill("people", _people(users, id_))
    everybody = "SELECT line, id, ?, '', orgs, '', 1, '' FROM people"
    export.fill("roles", export.scratch.rows(everybody, PUPIL))
    export.whole = not users.lost
    born = "SELECT line, id, role FROM people WHERE role <> ''"
    month_first = _order(day for _, _, day in export.scratch.rows(born))
    export.fill("born", ((line, who, _day(day, month_first)) for line, who, day in export.scratch.rows(born)))
    if month_first is None:
        what = "Nothing in this file shows whether its dates of birth begin with the day or the month."
        users.warn(users.header_line, f"{what} They were left out.", "Export them as year-month-day.")
    grouped = _read_classes(export)
    export.sort()
    export.name_schools()
    if bundle.member(GUARDIANS):
        what = "Contacts are not taken from this old format, which knows them by their email address alone."
        remarks.warnings.add(Problem(what, "Export School Data Sync 2.1.", bundle.label(GUARDIANS)))
    columns = [
        Column("pupil.id", id_, "id"),
        Column("pupil.forename", "First Name", "forename"),
        Column("pupil.surname", "Last Name", "surname"),
        *([Column("pupil.born", "Birthdate", "born")] if users.has("Birthdate") else []),
        *([Column("pupil.year", "Grade", "year")] if users.has("Grade") else []),
        *([Column("pupil.groups", "Section.csv", "groups")] if grouped else []),
    ]
    return [export.pupils(columns)]


def _people(users: Part, id_: str) -> Iterator[tuple[object, ...]]:
    """Read pupils. The date of birth stands in for the role until it is known in which order it is written."""
    names = ("First Name", "Last Name", "Grade", "Birthdate", users.one_of("School SIS ID", "School DfE Number"))
    for line, at, (who, forename, surname, grade, born, school) in users.rows(id_, *names):
        year = roster.grade(grade)
        yield line, at, who, False, False, "", "", forename, surname, "", year, "", "", "", born, school, ""


def _read_classes(export: Roster) -> bool:
    """Read sections and who is in them. Gives whether the bundle has them."""
    bundle, remarks = export.bundle, export.remarks
    schools = parts.maybe(bundle, "school.csv", needed=("Name",), remarks=remarks)
    if schools:
        export.fill("orgs", (cells for _, _, cells in schools.rows(schools.one_of("SIS ID", "DfE Number"), "Name")))
    sections = parts.maybe(bundle, "section.csv", needed=("Section Name",), remarks=remarks)
    enrollments = parts.maybe(bundle, "studentenrollment.csv", needed=(), remarks=remarks)
    if not (sections and enrollments):
        return False
    titles = sections.rows(sections.one_of("SIS ID", "ID"), "Section Name", "Section Number")
    export.fill("classes", ((n, id_, roster.group_name(title), code, 0) for n, _, (id_, title, code) in titles))
    places = enrollments.rows(enrollments.one_of("SIS ID", "ID"), enrollments.one_of("Section SIS ID", "Section ID"))
    export.fill("places", ((n, who, what) for n, _, (who, what) in places))
    return True


def _order(days: Iterable[str]) -> bool | None:
    """Whether dates begin with the month, by those in which only one of the two can be; None when that is unclear."""
    pairs = {(int(found[1]) > 12, int(found[2]) > 12) for day in days if (found := NUMBERS.fullmatch(day))}
    days_first, months_first = any(one for one, _ in pairs), any(other for _, other in pairs)
    return None if pairs and days_first == months_first else months_first


def _day(raw: str, month_first: bool | None) -> str:
    found = NUMBERS.fullmatch(raw)
    if not found:
        return raw
    if month_first is None:
        return ""
    one, other, year = map(int, found.groups())
    month, day = (one, other) if month_first else (other, one)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return raw  # the importer will say what is wrong with it
