"""OneRoster 1.1 and 1.2 CSV bundles (1EdTech, «OneRoster CSV Tables»): a folder or a ZIP of CSV files.

The format has no language, no priority, no court order and no relationship: what Handbell knows of those stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from gateway import upn
from gateway.errors import BadInput, Problem
from gateway.importing import bundles, cells, manifests, parts, roster, ties
from gateway.importing.bundles import Bundle
from gateway.importing.manifests import ABSENT, BULK, DELTA, UNSAID, Manifest
from gateway.importing.parts import Needed, Part
from gateway.importing.report import Remarks
from gateway.importing.roster import FAMILY, OTHER, PUPIL, WAS, Column, Roster
from gateway.importing.tables import Source

T = TypeVar("T")

MARKS = frozenset({"manifest.csv", "users.csv"})
#: Columns that tell its list of users from Microsoft's, which has sourcedId, givenName and familyName as well.
OWN = frozenset({"enabledUser", "agentSourcedIds", "dateLastModified"})

#: Roles of those who are told about a pupil. They say nothing of the relationship: «guardian» must not take the place
#: of the «Mother» that another export gave us. Systems' own words, such as aunt, do say it: ``roster.RELATIONS``.
FAMILY_ROLES = frozenset({"parent", "guardian", "relative"})
GONE = frozenset({"tobedeleted", "inactive"})
IDS = re.compile(r"\{([^:{}]*):([^{}]*)\}")  # blanks are stripped after: in the pattern they would cost their cube


def recognises(path: Path) -> bool:
    """Whether it is a bundle, or the list of users out of one."""
    seen = bundles.glance(path)
    if seen.alone:
        return {"sourcedId", "givenName"} <= set(seen.header) and bool(OWN & set(seen.header))
    # A list of users that cannot be read at all is recognised too, so that look() says what is wrong with it.
    own = "manifest.csv" in seen.names or not seen.header or bool(OWN & set(seen.header))
    return bundles.USERS in seen.names and own


def look(path: Path) -> list[Source]:
    """Look through a bundle: its pupils, then their contacts. Raises :class:`BadInput` when it cannot be used."""
    if path.is_file() and bundles.glance(path).alone:
        what = "This is one file of a OneRoster export; by itself it does not say who is whose contact."
        raise BadInput([Problem(what, "Name the folder or the ZIP that it came in.", path.name)])
    remarks = Remarks()
    bundle = bundles.look(path, marks=MARKS)
    manifest = manifests.look(bundle, remarks)
    export = Roster(bundle, _users(bundle, manifest, remarks), remarks, format="oneroster")
    export.fill("people", _people(export.users))
    unmarked = next(export.scratch.rows("SELECT 1 FROM people WHERE marked LIMIT 1"), None) is None
    mode = manifest.mode("users") or (BULK if unmarked else UNSAID)
    by_roles = _read_roles(export, manifest)
    export.whole = mode == BULK and not export.users.lost and not (by_roles and by_roles.lost)
    export.fill("ties", _agents(export))
    rest = _read_rest(export, manifest, whole=mode == BULK)
    export.sort()
    if mode != DELTA:
        for table, part in rest.items():
            export.strangers(table, part)
    ties.link(export, part=export.users, delta=mode == DELTA)
    if mode != BULK:
        _tell_of_undated(export)
    export.name_schools()
    if not manifest.given:
        told = "" if mode == BULK else " Nothing was taken to be gone, and no groups were taken."
        what = f"There is no manifest.csv, so the export does not say whether it is complete.{told}"
        remarks.warnings.add(Problem(what, bundles.ANEW, bundle.name))
    return _sources(export, rest, by_roles, leavers=mode != BULK)


def _part(export: Roster, manifest: Manifest, name: str, *needed: Needed) -> Part | None:
    if manifest.mode(name) == ABSENT:
        return None
    return parts.maybe(export.bundle, f"{name}.csv", needed=needed, remarks=export.remarks)


def _users(bundle: Bundle, manifest: Manifest, remarks: Remarks) -> Part:
    if manifest.mode("users") == ABSENT:
        what = "The manifest says that there is no list of users."
        raise BadInput([Problem(what, "Export the users too.", bundle.label("manifest.csv"))])
    users = parts.look(bundle, "users.csv", needed=("sourcedId", "givenName", "familyName"), remarks=remarks)
    if not users.has("role") and not bundle.member("roles.csv"):
        what = "Nothing says who is a pupil: there is no roles.csv (OneRoster 1.2), and no column “role” here (1.1)."
        raise BadInput([Problem(what, bundles.ANEW, users.label, users.header_line)])
    missing = [name for name in ("agentSourcedIds", "email", "sms", "phone", "grades") if not users.has(name)]
    if missing:
        what = f"Columns are missing: {', '.join(missing)}."
        users.warn(users.header_line, what, "What is known of it stays as it is.")
    return users


def _people(users: Part) -> Iterator[tuple[object, ...]]:
    # enabledUser is not asked: it says whether somebody may sign in to software. A pupil who may not is still a pupil,
    # and a mother who may not still her mother.
    columns = ("sourcedId", "status", "dateLastModified", "identifier", "userIds", "grades")
    as_they_are = ("givenName", "familyName", "preferredGivenName", "sms", "phone", "email")
    links = ("role", "orgSourcedIds", "agentSourcedIds")
    for line, at, (id_, status, modified, identifier, ids, grades, *rest) in users.rows(*columns, *as_they_are, *links):
        if not id_:
            users.lost += 1
            users.leave_out(line, "This user has no sourcedId.")
            continue
        gone, left_on = status.lower() in GONE, ""
        if gone:
            day = cells.day(modified[:10])
            left_on = "" if isinstance(day, Problem) else day.isoformat()
        forename, surname, known_as, mobile, phone, email, role, orgs, agents = rest
        year = roster.grade(grades)
        yield (
            line, at, id_, gone, bool(status), left_on, _upn(identifier, ids), forename, surname, known_as, year,
            mobile, phone, email, role, orgs, agents,
        )  # fmt: skip


def _upn(identifier: str, ids: str) -> str:
    """The unique pupil number, if one is among somebody's ids. Microsoft's UPN is an address and none of ours."""
    known = [(kind.strip(), value.strip()) for kind, value in IDS.findall(ids)]
    called = [value for kind, value in known if kind.upper() == "UPN" and "@" not in value]
    others = [value for value in (identifier, *(value for _, value in known)) if value and _is_upn(value)]
    return next(iter([*called, *others]), "")


def _is_upn(value: str) -> bool:
    return isinstance(upn.read(value), str)


def _agents(export: Roster) -> Iterator[tuple[object, ...]]:
    """Whom each user names as belonging to them: pupils their contacts, contacts their pupils, or both."""
    for line, id_, agents in export.scratch.rows("SELECT line, id, agents FROM people WHERE agents <> '' AND NOT gone"):
        yield from ((line, id_, other, "") for other in _list(agents))


def _list(cell: str) -> list[str]:
    return [one for part in cell.split(",") if (one := part.strip())]


def _read_roles(export: Roster, manifest: Manifest) -> Part | None:
    """Read roles, of 1.2 from a file of their own, which is given back, else from the users."""
    own = None
    if export.bundle.member("roles.csv") and (manifest.version.startswith("1.2") or not export.users.has("role")):
        own = parts.look(export.bundle, "roles.csv", needed=("userSourcedId", "role"), remarks=export.remarks)
    export.fill("roles", _roles(own) if own else _roles_of_users(export))
    return own


def _roles(part: Part) -> Iterator[tuple[object, ...]]:
    names = ("status", "userSourcedId", "role", "roleType", "orgSourcedId", "endDate")
    for line, _, (status, person, role, kind, org, end) in part.rows(*names):
        what, relation = _meaning(role)
        was = WAS if status.lower() in GONE else ""
        yield line, person, was + what, relation, org, part.day(line, end), kind.lower() == "primary", ""


def _roles_of_users(export: Roster) -> Iterator[tuple[object, ...]]:
    for line, id_, role, orgs in export.scratch.rows("SELECT line, id, role, orgs FROM people WHERE role <> ''"):
        what, relation = _meaning(role)
        for org in _list(orgs) or [""]:
            yield line, id_, what, relation, org, "", True, ""


def _meaning(role: str) -> tuple[str, str]:
    """What a role comes to, and the relationship that it tells."""
    word = roster.word(role.lower().removeprefix("ext:"))
    if word in FAMILY_ROLES or word in roster.RELATIONS:
        return FAMILY, roster.RELATIONS.get(word, "")
    return (PUPIL if word == "student" else OTHER), ""


def _read_rest(export: Roster, manifest: Manifest, *, whole: bool) -> dict[str, Part]:
    """Read birthdays, schools, sessions, and groups if all of them are listed. Gives some files, by their table."""
    found = dict[str, Part]()
    # Drafts of the standard, and systems that were built on them, head these columns otherwise.
    id_and_day = (("sourcedId", "userSourcedId"), ("birthDate", "birthdate"))
    if part := _part(export, manifest, "demographics", *id_and_day):
        names = ("status", *(part.one_of(*spellings) for spellings in id_and_day))
        born = ((n, who, part.day(n, day)) for n, _, (status, who, day) in part.rows(*names) if _here(status))
        export.fill("born", born)
        found["born"] = part
    if part := _part(export, manifest, "orgs", "sourcedId", "name", "type"):
        orgs = part.rows("status", "sourcedId", "name", "type")
        schools = ((id_, name) for _, _, (status, id_, name, kind) in orgs if _here(status) and kind == "school")
        export.fill("orgs", schools)
    if part := _part(export, manifest, "academicSessions", "endDate"):
        export.fill("sessions", ((part.day(line, end),) for line, _, (end,) in part.rows("endDate")))
    classes = _part(export, manifest, "classes", "sourcedId", "title")
    enrollments = _part(export, manifest, "enrollments", "classSourcedId", "userSourcedId", "role")
    listed = all(manifest.mode(name) != DELTA for name in ("classes", "enrollments"))
    if whole and listed and classes and enrollments:
        export.fill("classes", _classes(classes))
        rows = enrollments.rows("status", "role", "userSourcedId", "classSourcedId")
        places = ((n, who, what) for n, _, (status, role, who, what) in rows if _here(status) and role == "student")
        export.fill("places", places)
        found["places"] = enrollments
    return found


def _classes(part: Part) -> Iterator[tuple[object, ...]]:
    for line, _, (status, id_, title, code, kind) in part.rows(
        "status", "sourcedId", "title", "classCode", "classType"
    ):
        if _here(status):
            yield line, id_, roster.group_name(title), code, kind.lower() == "homeroom"


def _here(status: str) -> bool:
    return status.lower() not in GONE


def _tell_of_undated(export: Roster) -> None:
    query = "SELECT line, id FROM pupils WHERE gone AND left_on = '' ORDER BY line"
    for line, id_ in export.scratch.rows(query):
        what = f"Pupil {id_} was deleted in the school's records, but it is not said when."
        export.users.leave_out(line, what, "Fill in the day on which the pupil left.")


def _sources(export: Roster, rest: Mapping[str, Part], by_roles: Part | None, *, leavers: bool) -> list[Source]:
    """The lists of pupils and contacts, with a column for no more than this export can say."""
    users, ends = export.users, bool(by_roles and by_roles.has("endDate"))
    pupils = [
        Column("pupil.id", "sourcedId", "id"),
        Column("pupil.upn", "userIds", "upn"),
        Column("pupil.forename", "givenName", "forename"),
        Column("pupil.surname", "familyName", "surname"),
        *_if(users.has("preferredGivenName"), Column("pupil.known_as", "preferredGivenName", "known_as")),
        *_if("born" in rest, Column("pupil.born", "birthDate", "born")),
        *_if(users.has("grades"), Column("pupil.year", "grades", "year")),
        *_if("places" in rest, Column("pupil.homeroom", "classes.csv", "form")),
        *_if("places" in rest, Column("pupil.groups", "classes.csv", "groups")),
        *_if(leavers, Column("pupil.left_on", "dateLastModified", "left_on")),
        *_if(ends and not leavers, Column("pupil.left_on", "endDate", "ended")),
    ]
    contacts = [
        Column("pupil.id", "agentSourcedIds", "pupil"),
        Column("contact.id", "sourcedId", "id"),
        Column("contact.forename", "givenName", "forename"),
        Column("contact.surname", "familyName", "surname"),
        *_if(users.has("sms"), Column("contact.mobile", "sms", "mobile")),
        *_if(users.has("phone"), Column("contact.phone", "phone", "phone")),
        *_if(users.has("email"), Column("contact.email", "email", "email")),
    ]
    lists: list[Source] = [
        export.pupils(pupils, leavers=leavers),
        export.contacts(contacts, condition="WHERE relation = ''"),
    ]
    # Only a role of a system's own, such as aunt, tells a relationship. The others go without the column.
    if next(export.scratch.rows("SELECT 1 FROM contacts WHERE relation <> '' LIMIT 1"), None):
        telling = [*contacts, Column("contact.relation", "role", "relation")]
        lists.append(export.contacts(telling, condition="WHERE relation <> ''"))
    return lists


def _if(condition: bool, *items: T) -> tuple[T, ...]:
    return items if condition else ()
