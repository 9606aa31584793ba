"""What each column of a file is, found by the headings that are listed in ``aliases.toml``."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files

from gateway.errors import BadInput, Problem


class Kind(StrEnum):
    """What the rows of a file are about."""

    PUPILS = "pupils"
    CONTACTS = "contacts"  #: a row for each pupil and contact, the pupil by id only
    COMBINED = "combined"  #: the same, with the pupil's own columns on every row


@dataclass(frozen=True, slots=True)
class Aliases:
    """``normalised heading -> field``; fields are ``pupil.x`` and ``contact.x``, or ``either.x``.

    ``mapped`` is what a person said of this ``source``, heading as written -> field or ``""``. It goes before the rest.
    """

    fields: Mapping[str, str]
    repeatable: frozenset[str]
    marks_contacts: frozenset[str]
    mapped: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    source: str = ""

    def choices(self) -> list[str]:
        """The fields that a column can be mapped to."""
        return sorted({name for name in self.fields.values() if not name.startswith("either.")})

    def said(self, heading: str) -> str | None:
        """What a person said that a heading means, None when nobody did."""
        word = plain(heading)
        return next((name for written, name in self.mapped.items() if plain(written) == word), None)

    def vanished(self, headings: Sequence[str]) -> list[Problem]:
        """The columns that the saved mapping counts on and that none of these headings is."""
        there = set(map(plain, headings))
        return [
            Problem(
                f"The column “{written}” is in none of these files, and the saved mapping of “{self.source}” takes "
                f"{name} from it.",
                f"Put it back into the export, or: handbell import map --source '{self.source}' --forget '{written}'",
            )
            for written, name in self.mapped.items()
            if name and plain(written) not in there
        ]

    def field(self, heading: str) -> str:
        """The field that a heading means, ``""`` when it is none of ours."""
        if (said := self.said(heading)) is not None:
            return said
        inner, outer = plain(heading), plain(re.sub(r"[(\[{][^()\[\]{}]*[)\]}]", "", heading))
        return self.fields.get(inner) or self.fields.get(outer, "")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each field stands in a row: ``columns["pupil.id"]`` are its indexes, ``headings`` the row of headings."""

    kind: Kind
    columns: Mapping[str, tuple[int, ...]]
    headings: Sequence[str]

    def has(self, *fields: str) -> bool:
        """Whether there is a column for any of the fields."""
        return any(field in self.columns for field in fields)

    def heading(self, field: str) -> str:
        """How the file itself spells the field, ``""`` when it has no such column."""
        return self.headings[self.columns[field][0]].strip() if field in self.columns else ""

    def unused(self) -> tuple[str, ...]:
        """The headings that nothing is taken from: perhaps one is misspelt."""
        taken = {
            column
            for field, columns in self.columns.items()
            if self.kind is not Kind.PUPILS or field.startswith("pupil.")
            for column in columns
        }
        return tuple(name.strip() for column, name in enumerate(self.headings) if column not in taken and name.strip())


def aliases() -> Aliases:
    """Read the table of headings that comes with Handbell."""
    data = tomllib.loads(files("gateway.importing").joinpath("aliases.toml").read_text(encoding="utf-8"))
    flags = data.pop("fields")
    fields = {
        plain(heading): f"{part}.{field}"
        for part, listed in data.items()
        for field, spellings in listed.items()
        for heading in spellings
    }
    return Aliases(fields, frozenset(flags["repeatable"]), frozenset(flags["marks_contacts"]))


def layout(headings: Sequence[str], *, known: Aliases, file: str = "", line: int = 1) -> Layout:
    """Work out what the columns are and so what the file is.

    Raises :class:`BadInput` when two columns claim one field, or a needed column is missing.
    """
    found: dict[str, list[int]] = {}
    for index, heading in enumerate(headings):
        if field := known.field(heading):
            found.setdefault(field, []).append(index)
    about_contacts = bool(known.marks_contacts & found.keys())
    columns: dict[str, list[int]] = {}
    for field, indexes in found.items():
        if whose := _settle(field, found, about_contacts=about_contacts):
            columns.setdefault(whose, []).extend(indexes)
    for field, indexes in columns.items():
        chosen = [index for index in indexes if known.said(headings[index])]
        if chosen and field not in known.repeatable:
            columns[field] = chosen
    kind = _kind(columns, about_contacts=about_contacts)
    problems = [*_doubles(columns, headings, known), *_missing(columns, kind)]
    if problems:
        raise BadInput([Problem(p.what, p.cure, file, line, p.field) for p in problems])
    return Layout(kind, {field: tuple(indexes) for field, indexes in columns.items()}, list(headings))


def _kind(columns: Mapping[str, Sequence[int]], *, about_contacts: bool) -> Kind:
    if not about_contacts:
        return Kind.PUPILS
    return Kind.COMBINED if "pupil.forename" in columns and "pupil.surname" in columns else Kind.CONTACTS


def _settle(field: str, found: Mapping[str, Sequence[int]], *, about_contacts: bool) -> str:
    """Say whose the bare «Forename» or «ID» is: the contact's, then the pupil's, or nobody's if both have their own."""
    part, _, name = field.partition(".")
    if part != "either":
        return field
    whose = ("contact", "pupil") if about_contacts else ("pupil",)
    return next((f"{part}.{name}" for part in whose if f"{part}.{name}" not in found), "")


def _doubles(columns: Mapping[str, Sequence[int]], headings: Sequence[str], known: Aliases) -> list[Problem]:
    problems = []
    for field, indexes in columns.items():
        spelled = [headings[index].strip() for index in indexes]
        if len(set(map(plain, spelled))) < len(spelled):
            problems.append(
                Problem("This heading stands over more than one column.", "Rename or remove one.", field=spelled[0])
            )
        elif len(indexes) > 1 and field not in known.repeatable:
            names = " and ".join(f"“{name}”" for name in spelled)
            problems.append(
                Problem(
                    f"The columns {names} mean the same thing to Handbell.",
                    "Remove the one that is not wanted from the export.",
                    field=spelled[0],
                )
            )
    return problems


def _missing(columns: Mapping[str, Sequence[int]], kind: Kind) -> list[Problem]:
    wanted: list[tuple[str, tuple[str, ...]]] = [("“Pupil ID” or “UPN”", ("pupil.id", "pupil.upn"))]
    if kind is Kind.CONTACTS:
        wanted.append(("“Contact Forename” or “Contact Surname”", ("contact.forename", "contact.surname")))
    else:
        wanted += [("“Forename”", ("pupil.forename",)), ("“Surname”", ("pupil.surname",))]
    return [
        Problem(
            f"This looks like a list of {'pupils' if kind is Kind.PUPILS else 'contacts'}, but no column is {name}.",
            "Add it to the export, with a heading in the first row of the file.",
            field=name.strip("“”"),
        )
        for name, fields in wanted
        if not any(field in columns for field in fields)
    ]


def plain(heading: str) -> str:
    """A heading as it is compared: without case, spaces, accents and punctuation, unless it is nothing else."""
    text = unicodedata.normalize("NFKD", heading).casefold()
    return "".join(c for c in text if c.isalnum()) or heading.strip()
