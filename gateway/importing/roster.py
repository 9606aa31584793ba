"""Who is who in an export of users, roles and links: what OneRoster and School Data Sync have in common.

A reader fills the tables of ``roster.sql`` while it reads; the views there are asked who is a pupil and whose contact
is whose, in flat memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from gateway.errors import Problem
from gateway.importing import cells
from gateway.importing.bundles import Bundle
from gateway.importing.headings import Kind, Layout
from gateway.importing.parts import Part
from gateway.importing.report import Remarks
from gateway.importing.scratch import Scratch

NAMED = 10  #: how many ids or schools a line names

PUPIL, FAMILY, OTHER = "pupil", "family", "other"  #: what a role comes to
WAS = "was "  #: before one of these: a role that the export takes away

#: The tables that readers fill, with the columns of each row.
WIDTHS = {"people": 17, "roles": 8, "ties": 4, "born": 3, "classes": 5, "places": 3, "orgs": 2, "sessions": 1}

READY = """
CREATE INDEX people_id ON people (id); CREATE INDEX roles_person ON roles (person);
CREATE INDEX born_person ON born (person); CREATE INDEX classes_id ON classes (id);
CREATE INDEX places_person ON places (person); CREATE INDEX sessions_ends ON sessions (ends);
CREATE INDEX links_contact ON links (contact)
"""
# Two classes of one title are two groups, unless the school calls them by one code: the same class in two terms.
DISTINCT = """
DELETE FROM people WHERE rowid IN (SELECT row FROM doubles);
UPDATE classes SET title = title || ' (' || coalesce(nullif(code, ''), id) || ')'
WHERE title IN (SELECT title FROM classes GROUP BY title HAVING count(*) > 1)
"""


#: Words for a relationship in the roles of exports, and how it is called here.
RELATIONS = {
    "carer": "Carer", "mother": "Mother", "father": "Father", "stepparent": "Step-parent", "stepmother": "Stepmother",
    "stepfather": "Stepfather", "grandparent": "Grandparent", "grandmother": "Grandmother",
    "grandfather": "Grandfather", "sibling": "Sibling", "sister": "Sister", "brother": "Brother",
    "aunt": "Aunt", "uncle": "Uncle", "fosterparent": "Foster parent",
}  # fmt: skip
#: Grades of the Common Education Data Standards that are not numbers of years: the two below year 1, and none at all.
GRADES = {"pk": "N", "pr": "N", "kg": "R", "tk": "R", "ug": ""}


def word(raw: str) -> str:
    """The letters of a role, as in ``step-parent`` and ``stepParent``."""
    return re.sub(r"[^a-z]", "", raw.lower())


def grade(raw: str) -> str:
    """A grade as a year group, where it has another name; what it is not known to be, the reader of cells will say."""
    return GRADES.get(raw.lower(), raw)


def group_name(title: str) -> str:
    """A class's title as the name of a group; cells of groups separate them by semicolons and bars."""
    return re.sub("[;|]", ",", cells.text(title))


@dataclass(frozen=True, slots=True)
class Column:
    """A field of ours, how the export spells it, and the column of the view that has it."""

    field: str
    heading: str
    source: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of pupils or of contacts, as the importer takes it (:class:`gateway.importing.tables.Source`)."""

    name: str
    size: int
    sha256: str
    layout: Layout
    format: str
    whole: bool
    scratch: Scratch
    query: str
    remarks: Remarks = field(default_factory=Remarks)

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        """Give each person: the line in the list of users, the cells, and the bytes of that list read so far."""
        return ((line, [cell or "" for cell in cells], at) for line, at, *cells in self.scratch.rows(self.query))


@dataclass(slots=True)
class Roster:
    """What was read of a bundle. ``whole`` is False when somebody may be missing: nobody is gone then."""

    bundle: Bundle
    users: Part
    remarks: Remarks
    format: str
    whole: bool = True
    scratch: Scratch = field(
        default_factory=lambda: Scratch(files("gateway.importing").joinpath("roster.sql").read_text(encoding="utf-8"))
    )

    def fill(self, table: str, rows: Iterator[tuple[object, ...]]) -> None:
        """Take rows in while they are read."""
        self.scratch.fill(table, rows, width=WIDTHS[table])

    def sort(self) -> None:
        """Make what was read ready to be asked, and report users who are listed twice."""
        self.scratch.change(READY)
        for line, id_ in self.scratch.rows("SELECT line, id FROM doubles ORDER BY line"):
            self.users.leave_out(line, f"User {id_} is listed on an earlier line too.")
        self.scratch.change(DISTINCT)

    def strangers(self, table: str, part: Part) -> None:
        """Report rows of a table about users whom the list of users does not have."""
        unknown = "WHERE person NOT IN (SELECT id FROM people) ORDER BY line"
        for line, person in self.scratch.rows(" ".join(["SELECT line, person FROM", table, unknown])):
            part.leave_out(line, f"There is no user {person} in {self.users.member.name}.")

    def name_schools(self) -> None:
        """Say so when the pupils are of more than one school: nobody may have meant to take them all."""
        counts = list(self.scratch.rows("SELECT name, pupils FROM schools ORDER BY pupils DESC, name LIMIT ?", NAMED))
        if len(counts) > 1:
            names = ", ".join(f"{name} ({count})" for name, count in counts)
            what = f"The pupils are of more than one school: {names}. All of them were taken."
            cure = "If that is not wanted, export one school alone."
            self.remarks.warnings.add(Problem(what, cure, self.bundle.name))

    def pupils(self, columns: Sequence[Column], *, leavers: bool = False) -> Listing:
        """The list of pupils; with ``leavers`` those too whom the export takes off. It carries the reader's remarks."""
        here = "WHERE NOT gone OR left_on <> ''" if leavers else "WHERE NOT gone"
        listing = self._listing(Kind.PUPILS, columns, f"FROM pupils {here} ORDER BY row")
        listing.remarks.problems.extend(self.remarks.problems)
        listing.remarks.warnings.extend(self.remarks.warnings)
        return listing

    def contacts(self, columns: Sequence[Column], *, condition: str = "") -> Listing:
        """The list of contacts, a row for each of their pupils, and a nameless row for each who was lost.

        A nameless row makes the importer keep whom it knows of that pupil's family. Its line is 0: it is told already.
        """
        return self._listing(Kind.CONTACTS, columns, f"FROM contacts {condition} ORDER BY row, line")

    def _listing(self, kind: Kind, columns: Sequence[Column], tail: str) -> Listing:
        indexes = {column.field: (at,) for at, column in enumerate(columns)}
        layout = Layout(kind, indexes, [column.heading for column in columns])
        query = f"SELECT line, at, {', '.join(column.source for column in columns)} {tail}"
        size, sha256 = self.users.member.size, self.bundle.sha256
        return Listing(self.users.label, size, sha256, layout, self.format, self.whole, self.scratch, query)
