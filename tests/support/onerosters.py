"""Small schools as OneRoster bundles, and what a reader makes of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from gateway.importing.headings import Kind
from gateway.importing.tables import Source

Rows = Sequence[dict[str, str]]

USERS_11 = [
    "sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds",
    "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades",
    "password", "metadata.favouriteColour",
]  # fmt: skip
USERS_12 = [
    "sourcedId", "status", "dateLastModified", "enabledUser", "username", "userIds", "givenName", "familyName",
    "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password",
    "userMasterIdentifier", "preferredGivenName", "preferredMiddleName", "preferredFamilyName",
    "primaryOrgSourcedId", "pronouns",
]  # fmt: skip
ROLES = [
    "sourcedId",
    "status",
    "dateLastModified",
    "userSourcedId",
    "roleType",
    "role",
    "beginDate",
    "endDate",
    "orgSourcedId",
]
CLASSES = ["sourcedId", "status", "title", "classCode", "classType", "schoolSourcedId", "termSourcedIds"]
ENROLLMENTS = ["sourcedId", "status", "classSourcedId", "userSourcedId", "role", "primary"]
UPN = "H801200001001"

SCHOOL: Rows = [
    {
        "sourcedId": "s1", "role": "student", "givenName": "Zofia", "familyName": "Kowalska", "grades": "05",
        "agentSourcedIds": "g1", "userIds": "{LDAP:zk},{UPN:zk@example.org}", "identifier": UPN, "enabledUser": "false",
        "orgSourcedIds": "o1",
    },
    {"sourcedId": "s2", "role": "student", "givenName": "Jan", "familyName": "Kowalski", "grades": "KG"},
    {"sourcedId": "s3", "role": "student", "givenName": "Noor", "familyName": "Khan", "agentSourcedIds": "g2,g1"},
    {
        "sourcedId": "g1", "role": "guardian", "givenName": "Anna", "familyName": "Kowalska", "enabledUser": "false",
        "agentSourcedIds": "s1,s2", "sms": "07700 900101", "phone": "0113 496 0101", "email": "anna@example.com",
    },
    {"sourcedId": "g2", "role": "parent", "givenName": "Saima", "familyName": "Khan", "sms": "07700 900103"},
    {"sourcedId": "t1", "role": "teacher", "givenName": "Tina", "familyName": "Teach", "email": "t@example.com"},
]  # fmt: skip


def table(columns: Sequence[str], rows: Rows) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows({key: value for key, value in row.items() if key in columns} for row in rows)
    return out.getvalue()


def manifest(version: str = "1.1", **modes: str) -> str:
    rows = [("manifest.version", "1.0"), ("oneroster.version", version)]
    rows += [(f"file.{name}", mode) for name, mode in modes.items()]
    return table(["propertyName", "value"], [{"propertyName": name, "value": value} for name, value in rows])


def save(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


def save_11(folder: Path, rows: Rows = SCHOOL, *, mode: str = "bulk", **files: str) -> Path:
    return save(folder, manifest=manifest(users=mode), users=table(USERS_11, rows), **files)


def save_12(folder: Path, rows: Rows, roles: Rows, **files: str) -> Path:
    modes = {"users": "bulk", "roles": "bulk"}
    return save(
        folder, manifest=manifest("1.2", **modes), users=table(USERS_12, rows), roles=table(ROLES, roles), **files
    )


def words(source: Source) -> list[dict[str, str]]:
    """The cells of each row by their field."""
    columns = source.layout.columns
    return [{field: cells[at] for field, (at,) in columns.items()} for _, cells, _ in source.rows()]


def problems(sources: Sequence[Source]) -> list[str]:
    return [text for source in sources for text in source.remarks.problems.texts()]


def warnings(sources: Sequence[Source]) -> list[str]:
    return [text for source in sources for text in source.remarks.warnings.texts()]


def links(sources: Sequence[Source]) -> set[tuple[str, str]]:
    lists = [source for source in sources if source.layout.kind is Kind.CONTACTS]
    return {(row["pupil.id"], row["contact.id"]) for source in lists for row in words(source)}
