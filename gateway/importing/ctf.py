"""The DfE's Common Transfer File (XML), which every English MIS writes when pupils change school.

It has no court orders, languages of contacts or consent, so these stay as Handbell knows them. Contacts have no id:
:func:`gateway.importing.entries.key_of` makes one of name and first number. Element names are those that public writers
and readers of CTF use (domain notes, 5.2). The specification could not be opened, so these are not verified: what the
codes of EnrolStatus mean (nothing is taken from it), how a deceased pupil would be marked (as far as seen, not at
all), and the names below SchoolHistory/School.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from gateway import upn
from gateway.errors import BadInput, Problem
from gateway.importing import records, xmlnodes
from gateway.importing.records import Fields, Record
from gateway.importing.report import Remarks
from gateway.importing.tables import Source
from gateway.importing.xmlnodes import Node

HEADER, PUPIL = ("CTfile", "Header"), ("CTfile", "CTFpupilData", "Pupil")
DOCUMENT = "Common Transfer File"

#: Our fields, and how CTF spells them.
HEADINGS = {
    "pupil.id": "ApplicationReference",
    "pupil.upn": "UPN",
    "pupil.former_upn": "FormerUPN",
    "pupil.forename": "Forename",
    "pupil.surname": "Surname",
    "pupil.known_as": "PreferredForename",
    "pupil.born": "DOB",
    "pupil.year": "NCyearActual",
    "pupil.home_language": "Language",
    "pupil.left_on": "LeavingDate",
    "contact.title": "Title",
    "contact.forename": "Forename",
    "contact.surname": "Surname",
    "contact.relation": "Relationship",
    "contact.priority": "Order",
    "contact.parental_responsibility": "Responsibility",
    "contact.lives_with": "AddressAsPupil",
    "contact.mobile": "PhoneNo",
    "contact.phone": "PhoneNo",
    "contact.home_phone": "PhoneNo",
    "contact.work_phone": "PhoneNo",
    "contact.address": "Address",
    "contact.email": "Email",
}


@dataclass(frozen=True, slots=True)
class School:
    """A school by its local authority's and its own number."""

    lea: str
    estab: str
    name: str = ""

    def is_one(self) -> bool:
        """Whether the numbers are those of one school: «LLLL» and «XXXX» stand for an authority or an unknown one."""
        return self.lea.isdigit() and self.estab.isdigit()

    def is_same(self, other: School) -> bool:
        """Whether both are the same school, whatever they are called."""
        return (self.lea, self.estab) == (other.lea, other.estab)

    @property
    def label(self) -> str:
        """Name and numbers, whichever are known."""
        numbers = "/".join(filter(None, (self.lea, self.estab)))
        return f"{self.name} ({numbers})" if self.name and numbers else self.name or numbers or "an unnamed school"


def recognises(path: Path) -> bool:
    """Whether it is XML at all: then it is a CTF, or :func:`look` says what it is instead. Web pages are left out."""
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError:
        return False
    for bom in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        start = start.removeprefix(bom)
    start = start.replace(b"\0", b"").lstrip().lower()
    return start.startswith(b"<") and not start.startswith((b"<!doctype html", b"<html", b"<table"))


def look(path: Path) -> list[Source]:
    """Look through a file without keeping it. Raises :class:`BadInput` with what is wrong, and the line."""
    header = _header(path)
    left = School(header.find("SourceSchool", "LEA"), header.find("SourceSchool", "Estab"))
    source = School(left.lea, left.estab, header.find("SourceSchool", "SchoolName"))
    goal = School(header.find("DestSchool", "LEA"), header.find("DestSchool", "Estab"))
    moving = goal.is_one() and not goal.is_same(source)
    return [
        *records.tables(
            path,
            partial(_read, path, left=left if left.is_one() and not moving else None, codes=_codes()),
            format_="ctf",
            headings=HEADINGS,
            whole_roll=False,  # whoever is handed over, or chosen
            whole_lists=header.find("DocumentQualifier").casefold() != "partial",
            remarks=_remarks(path, header, source, goal if moving else None),
        )
    ]


def _header(path: Path) -> Node:
    node = next((node for node, _ in xmlnodes.read(path, wanted=[HEADER, PUPIL])), None)
    problem = None
    if node is None or node.name != "Header":
        problem = Problem("This file has no header.", xmlnodes.CURE, path.name, node.line if node else 0)
    elif node.find("DocumentName").casefold() != DOCUMENT.casefold():
        what = f"This is a “{node.find('DocumentName')[:40]}”, not a “{DOCUMENT}”."
        problem = Problem(what, "Export a Common Transfer File.", path.name, node.line, "DocumentName")
    if node is None or problem:
        raise BadInput([problem] if problem else [])
    return node


def _remarks(path: Path, header: Node, source: School, goal: School | None) -> Remarks:
    remarks = Remarks()
    version = header.find("CTFversion")
    what = f"This file was made by {source.label}" + (f", as CTF {version}." if version else ", without a CTF version.")
    remarks.warnings.add(Problem(what, "Check that it is the file that you want.", path.name, header.line))
    if goal:
        what = (
            f"It hands pupils over to school {goal.label}: the days on which they left the other school were not taken."
        )
        cure = "To import leavers, export the file without a school that it goes to."
        remarks.warnings.add(Problem(what, cure, path.name, header.line, "DestSchool"))
    return remarks


def _read(path: Path, *, left: School | None, codes: Mapping[str, Mapping[str, str]]) -> Iterator[Record]:
    for node, position in xmlnodes.read(path, wanted=[PUPIL]):
        contacts = [(one.line, _contact(one, codes, home=_address(node))) for one in node.each("Contacts", "Contact")]
        yield Record(node.line, position, _pupil(node, left), contacts)


def _pupil(node: Node, left: School | None) -> Fields:
    year = _basic(node, "NCyearActual")
    return records.said(
        [
            ("pupil.id", _id(node)),
            ("pupil.upn", node.find("UPN")),
            ("pupil.former_upn", _basic(node, "FormerUPN")),
            ("pupil.forename", node.find("Forename")),
            ("pupil.surname", node.find("Surname")),
            ("pupil.known_as", _basic(node, "PreferredForename")),
            ("pupil.born", node.find("DOB")),
            ("pupil.year", "" if year.upper() == "X" else year),  # X: the national curriculum is not followed
            ("pupil.home_language", _language(node)),
            ("pupil.left_on", _left(node, left) if left else ""),
        ]
    )


def _basic(node: Node, name: str) -> str:
    """What stands in BasicDetails now, and stood beside the UPN in older versions."""
    return node.find("BasicDetails", name) or node.find(name)


def _id(node: Node) -> str:
    """The id of a pupil whose UPN cannot serve as one; «» when it can."""
    own = node.find("UPN")
    if own and isinstance(upn.read(own), str):
        return ""
    return node.find("ApplicationReference") or own


def _language(node: Node) -> str:
    kinds = [*node.each("BasicDetails", "Languages", "Type"), *node.each("Languages", "Type")]
    return next((kind.find("Language") for kind in kinds if kind.find("LanguageType").upper() == "F"), "")


def _left(node: Node, school: School) -> str:
    """The last day at the school that made the file, if the pupil did not come back afterwards."""
    stays = [
        stay
        for stay in node.each("SchoolHistory", "School")
        if School(stay.find("LEA"), stay.find("Estab")).is_same(school)
    ]
    days = [stay.find("LeavingDate") for stay in stays]
    return max(days) if days and all(days) else ""


_LINES = (
    *(f"AddressLines/AddressLine{number}" for number in range(1, 6)),
    *(f"BS7666Address/{part}" for part in ("SAON", "PAON", "Street", "Locality", "Town", "AdministrativeArea")),
    "PostCode",
    "BS7666Address/PostCode",
)


def _address(node: Node) -> list[str]:
    """The parts of an address, in the order of an envelope."""
    return [part for name in _LINES if (part := node.find("Address", *name.split("/")))]


def _contact(node: Node, codes: Mapping[str, Mapping[str, str]], *, home: Sequence[str]) -> Fields:
    own = _address(node) or (home if node.find("Address", "AddressAsPupil").casefold() in ("true", "1") else ())
    relation = node.find("Relationship")
    phones = [
        (codes["telephone"].get(phone.find("TelephoneType").upper(), "contact.phone"), phone.find("PhoneNo"))
        for phone in node.each("Phones", "Phone")
    ]
    return records.said(
        [
            ("contact.title", node.find("Title")),
            ("contact.forename", node.find("Forename")),
            ("contact.surname", node.find("Surname")),
            ("contact.relation", codes["relationship"].get(relation.upper(), relation)),
            ("contact.priority", node.find("Order")),
            ("contact.parental_responsibility", node.find("Responsibility")),
            ("contact.lives_with", node.find("Address", "AddressAsPupil")),
            *phones,
            *(("contact.address", part) for part in own),
            *(("contact.email", mailbox.text.strip()) for mailbox in node.each("Email")),
        ]
    )


def _codes() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("gateway.importing").joinpath("ctf.toml").read_text(encoding="utf-8"))
