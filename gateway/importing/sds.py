"""Microsoft School Data Sync (SDS), CSV formats 2.1 and 2: users, roles, relationships and classes.

Source: Microsoft, «SDS V2.1 CSV file format». The older formats are read in :mod:`gateway.importing.sds_old`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import BadInput, Problem
from gateway.importing import bundles, parts, roster, sds_old, ties
from gateway.importing.parts import Part
from gateway.importing.report import Remarks
from gateway.importing.roster import FAMILY, OTHER, PUPIL, Column, Roster
from gateway.importing.tables import Source

MARKS = frozenset({"users.csv"})
OWN = frozenset({"activeDirectoryMatchId", "orgSourcedIds", "username"})  #: beside sourcedId and givenName

#: Relationships that make somebody a contact.
FAMILY_ROLES = {"parent": "Parent", "guardian": "Guardian", "relative": "Relative", **roster.RELATIONS}
#: Those that tell little, in SQL: they are taken where no relation is known (``contact.role``), and do not take the
#: place of the «Mother» that another export gave us.
LITTLE = "relation IN ('', 'Parent', 'Guardian', 'Relative')"
#: Relationships that do not. A text about an absent child is for its family: a doctor or an aide has other ways to
#: know, and of «other», which SDS also gives to those without a word, nobody can say who it is. As SDS has no priority
#: either, such a person could become the first to be told. Each sort is named in the report.
NOT_TOLD = frozenset({"aide", "doctor", "child", "administrator", "other", ""})


def recognises(path: Path) -> bool:
    """Whether it is a bundle of any of the formats, or the list of users out of one."""
    seen = bundles.glance(path)
    if seen.alone or "users.csv" in seen.names:
        return {"sourcedId", "givenName"} <= set(seen.header) and bool(OWN & set(seen.header))
    return seen.names >= sds_old.MARKS


def look(path: Path) -> list[Source]:
    """Look through a bundle: its pupils, then their contacts. Raises :class:`BadInput` when it cannot be used."""
    seen = bundles.glance(path)
    if seen.alone:
        what = "This is one file of a School Data Sync export; by itself it does not say who is whose contact."
        raise BadInput([Problem(what, "Name the folder or the ZIP that it came in.", path.name)])
    if "users.csv" not in seen.names:
        return sds_old.look(path)
    remarks = Remarks()
    bundle = bundles.look(path, marks=MARKS)
    users = parts.look(bundle, "users.csv", needed=("sourcedId", "givenName", "familyName"), remarks=remarks)
    export = Roster(bundle, users, remarks, format="sds")
    export.fill("people", _people(users))
    roles = _read_roles(export)
    relationships = parts.maybe(
        bundle,
        "relationships.csv",
        needed=("userSourcedId", "relationshipUserSourcedId", "relationshipRole"),
        remarks=remarks,
    )
    if relationships:
        _read_relationships(export, relationships)
    export.whole = not any(part.lost for part in (users, roles, relationships) if part)
    rest = _read_rest(export)
    export.sort()
    for table, part in rest.items():
        export.strangers(table, part)
    if relationships:
        export.strangers("ties", relationships)
    ties.link(export, part=relationships or users, delta=False)
    export.name_schools()
    return _sources(export, rest, roles, tied=relationships is not None)


def _people(users: Part) -> Iterator[tuple[object, ...]]:
    names = ("givenName", "familyName", "preferredGivenName", "grade", "sms", "phone", "email", "role", "orgSourcedIds")
    for line, at, (id_, forename, surname, known_as, grade, *rest) in users.rows("sourcedId", *names):
        if id_:
            year = roster.grade(grade)
            yield line, at, id_, False, False, "", "", forename, surname, known_as, year, *rest, ""
        else:
            users.lost += 1
            users.leave_out(line, "This user has no sourcedId.")


def _read_roles(export: Roster) -> Part | None:
    """Read who is a pupil: from a file of its own in 2.1, which is given back, from the users in 2."""
    if export.bundle.member("roles.csv"):
        roles = parts.look(export.bundle, "roles.csv", needed=("userSourcedId", "role"), remarks=export.remarks)
        export.fill("roles", _roles(roles))
        return roles
    if not export.users.has("role"):
        what = "Nothing says who is a pupil: there is no roles.csv (SDS 2.1), and no column “role” here (SDS 2)."
        raise BadInput([Problem(what, bundles.ANEW, export.users.label, export.users.header_line)])
    query = "SELECT line, id, role, orgs FROM people WHERE role <> ''"
    export.fill(
        "roles",
        (
            (line, id_, _part_of(role), "", org.strip(), "", True, "")
            for line, id_, role, orgs in export.scratch.rows(query)
            for org in orgs.split(",")
        ),
    )
    return None


def _roles(part: Part) -> Iterator[tuple[object, ...]]:
    names = ("userSourcedId", "role", "orgSourcedId", "roleEndDate", "isPrimary", "grade")
    for line, _, (person, role, org, end, primary, grade) in part.rows(*names):
        main = primary.lower() == "true"
        yield line, person, _part_of(role), "", org, part.day(line, end), main, roster.grade(grade)


def _part_of(role: str) -> str:
    """What a role comes to. Who is family, the relationships say: SDS need not give a guardian any role."""
    return PUPIL if roster.word(role) == "student" else OTHER


def _read_relationships(export: Roster, part: Part) -> None:
    """Read the contacts of pupils and report relationships that make nobody a contact."""
    left_out = Counter[str]()

    def found() -> Iterator[tuple[object, ...]]:
        for line, _, (pupil, contact, role) in part.rows(
            "userSourcedId", "relationshipUserSourcedId", "relationshipRole"
        ):
            word = roster.word(role)
            if word not in FAMILY_ROLES and word not in NOT_TOLD:
                part.leave_out(line, f"“{role}” is no relationship of a family.", "Write parent, guardian or relative.")
            left_out[word] += word in NOT_TOLD
            yield line, pupil, contact, FAMILY_ROLES.get(word, "")

    export.fill("ties", found())
    tied = "SELECT line, other, CASE relation WHEN '' THEN ? ELSE ? END, relation, '', '', 0, '' FROM ties"
    export.fill("roles", export.scratch.rows(tied, OTHER, FAMILY))
    export.scratch.change("DELETE FROM ties WHERE relation = ''")
    if +left_out:
        each = ", ".join(f"{word or 'without a word'} ({count})" for word, count in (+left_out).most_common())
        what = f"Only family is told about a pupil. Relationships that were left out: {each}."
        cure = "If one of them is a contact, make the relationship parent, guardian or relative."
        export.remarks.warnings.add(Problem(what, cure, part.label))


def _read_rest(export: Roster) -> dict[str, Part]:
    """Read birthdays, schools, sessions and classes. Gives the files that name users, by their table."""
    bundle, remarks, found = export.bundle, export.remarks, dict[str, Part]()
    if part := parts.maybe(bundle, "demographics.csv", needed=("userSourcedId", "birthDate"), remarks=remarks):
        rows = part.rows("userSourcedId", "birthDate")
        export.fill("born", ((n, who, part.day(n, day)) for n, _, (who, day) in rows))
        found["born"] = part
    if part := parts.maybe(bundle, "orgs.csv", needed=("sourcedId", "name"), remarks=remarks):
        export.fill("orgs", (cells for _, _, cells in part.rows("sourcedId", "name")))
    if part := parts.maybe(bundle, "academicSessions.csv", needed=("endDate",), remarks=remarks):
        export.fill("sessions", ((part.day(n, end),) for n, _, (end,) in part.rows("endDate")))
    classes = parts.maybe(bundle, "classes.csv", needed=("sourcedId", "title"), remarks=remarks)
    needed = ("classSourcedId", "userSourcedId", "role")
    enrollments = parts.maybe(bundle, "enrollments.csv", needed=needed, remarks=remarks)
    if classes and enrollments:
        titles = classes.rows("sourcedId", "title", "code")
        export.fill("classes", ((n, id_, roster.group_name(title), code, 0) for n, _, (id_, title, code) in titles))
        places = enrollments.rows("userSourcedId", "classSourcedId", "role")
        export.fill("places", ((n, who, what) for n, _, (who, what, role) in places if _part_of(role) == PUPIL))
        found["places"] = enrollments
    return found


def _sources(export: Roster, rest: dict[str, Part], roles: Part | None, *, tied: bool) -> list[Source]:
    """The lists of pupils and contacts, with a column for no more than this export can say."""
    users = export.users
    graded = [Column("pupil.year", "grade", "grade")] if roles else [Column("pupil.year", "grade", "year")]
    pupils = [
        Column("pupil.id", "sourcedId", "id"),
        Column("pupil.forename", "givenName", "forename"),
        Column("pupil.surname", "familyName", "surname"),
        *([Column("pupil.known_as", "preferredGivenName", "known_as")] if users.has("preferredGivenName") else []),
        *([Column("pupil.born", "birthDate", "born")] if "born" in rest else []),
        *(graded if (roles or users).has("grade") else []),
        *([Column("pupil.groups", "classes.csv", "groups")] if "places" in rest else []),
        *([Column("pupil.left_on", "roleEndDate", "ended")] if roles and roles.has("roleEndDate") else []),
    ]
    points = {"sms": "mobile", "phone": "phone", "email": "email"}
    contacts = [
        Column("pupil.id", "userSourcedId", "pupil"),
        Column("contact.id", "sourcedId", "id"),
        Column("contact.forename", "givenName", "forename"),
        Column("contact.surname", "familyName", "surname"),
        *(Column(f"contact.{name}", heading, name) for heading, name in points.items() if users.has(heading)),
    ]
    lists: list[Source] = [export.pupils(pupils)]
    if tied:
        role, relation = (Column(name, "relationshipRole", "relation") for name in ("contact.role", "contact.relation"))
        lists.append(export.contacts([*contacts, role], condition=f"WHERE {LITTLE}"))
        if next(export.scratch.rows(" ".join(["SELECT 1 FROM contacts WHERE NOT", LITTLE, "LIMIT 1"])), None):
            lists.append(export.contacts([*contacts, relation], condition=f"WHERE NOT {LITTLE}"))
    return lists
