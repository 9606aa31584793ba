"""Pupils and contacts in the shape of Wonde's API: the JSON of ``/students`` with education_details and contacts.

Seen in public programs that read the API: id, upi, mis_id, surname, forename, legal_surname, legal_forename,
date_of_birth (a ``date`` in an object, or a word), is_leaver; education_details (upn, former_upn, current_nc_year,
leaving_date); extended_details (sen_status, english_as_additional_language, free_school_meals,
premium_pupil_indicator); year (code, name) and form_group (name); contacts with ``relationship`` (relationship,
priority, parental_responsibility, lives_with_pupil) and contact_details (phones: phone, primary, home, mobile, work;
emails: email, primary, home, work); every include wrapped in ``data``; ``meta.pagination.more`` beside a page. Not
verified, taken where they are there: relationship.court_order, deceased, the languages in extended_details, names of
groups and classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gateway.errors import BadInput, Problem
from gateway.importing import jsonmaps, records
from gateway.importing.jsonmaps import Place, cell, inner, listed
from gateway.importing.records import Fields, Record
from gateway.importing.report import Remarks
from gateway.importing.tables import Source

#: Where pupils stand: in a page, a list, a list of pages, one by itself, or one or a page on each line.
PLACES: tuple[Place, ...] = (("data", "item"), ("item",), ("item", "data", "item"), ("data",), ())
#: Where a page says whether another follows it.
MORE: tuple[Place, ...] = (("meta", "pagination", "more"), ("item", "meta", "pagination", "more"))
#: What an object has that is a pupil, or some other person.
MARKS = frozenset({"surname", "forename", "legal_surname", "legal_forename", "upi"})

HEADINGS = {
    "pupil.id": "id",
    "pupil.upn": "upn",
    "pupil.former_upn": "former_upn",
    "pupil.forename": "forename",
    "pupil.surname": "surname",
    "pupil.known_as": "forename",
    "pupil.born": "date_of_birth",
    "pupil.year": "current_nc_year",
    "pupil.form": "form_group",
    "pupil.groups": "groups",
    "pupil.sen": "sen_status",
    "pupil.eal": "english_as_additional_language",
    "pupil.fsm": "free_school_meals",
    "pupil.pupil_premium": "premium_pupil_indicator",
    "pupil.home_language": "home_language",
    "pupil.left_on": "leaving_date",
    "pupil.deceased": "deceased",
    "contact.id": "contacts.id",
    "contact.title": "contacts.title",
    "contact.forename": "contacts.forename",
    "contact.surname": "contacts.surname",
    "contact.relation": "relationship",
    "contact.priority": "priority",
    "contact.parental_responsibility": "parental_responsibility",
    "contact.lives_with": "lives_with_pupil",
    "contact.no_contact": "court_order",
    "contact.mobile": "phones.mobile",
    "contact.phone": "phones.phone",
    "contact.home_phone": "phones.home",
    "contact.work_phone": "phones.work",
    "contact.email": "emails",
    "contact.deceased": "contacts.deceased",
}


def recognises(path: Path) -> bool:
    """Whether it is JSON: by its name, or because it begins like JSON that holds objects."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return False
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return True
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"[", b"]"))


def look(path: Path) -> list[Source]:
    """Look through a file without keeping it. Raises :class:`BadInput` with what is wrong, and the line."""
    try:
        place = jsonmaps.find(path, PLACES, keys=MARKS)
        if place is None:
            what = "This is JSON, but there are no pupils in it as Wonde writes them."
            cure = "Export the students, with education_details, contacts and contacts.contact_details."
            raise BadInput([Problem(what, cure, path.name)])
        remarks, whole = _remarks(path, place)
        read = partial(_read, path, place)
        return [*records.tables(path, read, format_="wonde", headings=HEADINGS, whole_roll=whole, remarks=remarks)]
    except OSError as error:
        cure = "Check its name, and close it in other programs."
        raise BadInput([Problem("The file cannot be opened.", cure, path.name)]) from error


def _remarks(path: Path, place: Place) -> tuple[Remarks, bool]:
    """Leavers who have no leaving date, and whether the last page of the list is there."""
    remarks, last = Remarks(), dict.fromkeys(MORE)
    for pupil, line, _ in jsonmaps.each(path, place, watched=last):
        if inner(pupil, "is_leaver") is True and not _day(inner(pupil, "education_details", "leaving_date")):
            what = f"Pupil {cell(inner(pupil, 'id'))} has left, but it is not said when, and is still written to."
            cure = "Enter the leaving date in the school's records and export again."
            remarks.problems.add(Problem(what, cure, path.name, line, "is_leaver"))
    more = True in last.values()
    if more:
        what = "The file says that another page follows. Pupils who are not in it were not taken for gone."
        remarks.warnings.add(Problem(what, "Put every page into one list, or each on a line of its own.", path.name))
    return remarks, not more


def _read(path: Path, place: Place) -> Iterator[Record]:
    for pupil, line, position in jsonmaps.each(path, place):
        contacts = [(line, _contact(one)) for one in listed(pupil, "contacts")]
        yield Record(line, position, _pupil(pupil), contacts)


def _pupil(pupil: dict[str, Any]) -> Fields:
    education, more = inner(pupil, "education_details"), inner(pupil, "extended_details")
    used, legal = cell(inner(pupil, "forename")), cell(inner(pupil, "legal_forename"))
    return records.said(
        [
            # Not mis_id: two schools of a trust number their pupils alike.
            ("pupil.id", _first(inner(pupil, "id"), inner(pupil, "mis_id"))),
            ("pupil.upn", _first(inner(education, "upn"), inner(pupil, "upn"))),
            ("pupil.former_upn", cell(inner(education, "former_upn"))),
            ("pupil.forename", legal or used),
            ("pupil.surname", _first(inner(pupil, "surname"), inner(pupil, "legal_surname"))),
            ("pupil.known_as", used if legal and used != legal else ""),
            ("pupil.born", _day(inner(pupil, "date_of_birth"))),
            ("pupil.year", _first(inner(education, "current_nc_year"), *_names(inner(pupil, "year")))),
            ("pupil.form", _first(inner(pupil, "form_group", "name"), inner(pupil, "form_group"))),
            ("pupil.groups", _groups(pupil)),
            ("pupil.sen", cell(inner(more, "sen_status"))),
            ("pupil.eal", cell(inner(more, "english_as_additional_language"))),
            ("pupil.fsm", cell(inner(more, "free_school_meals"))),
            ("pupil.pupil_premium", cell(inner(more, "premium_pupil_indicator"))),
            ("pupil.home_language", _language(pupil, more)),
            ("pupil.left_on", _day(inner(education, "leaving_date"))),
            ("pupil.deceased", _if_so(inner(pupil, "deceased")) or _if_so(inner(more, "deceased"))),
        ]
    )


def _contact(contact: dict[str, Any]) -> Fields:
    tie, details = inner(contact, "relationship"), inner(contact, "contact_details")
    phones, emails = inner(details, "phones"), inner(details, "emails")
    named = {name: _first(inner(phones, name), inner(contact, name)) for name in ("mobile", "home", "work")}
    others = {cell(inner(phones, name)) for name in ("phone", "primary")} | {cell(inner(contact, "telephone"))}
    mailboxes = [cell(inner(emails, name)) for name in ("primary", "email", "home", "work")]
    return records.said(
        [
            ("contact.id", _first(inner(contact, "id"), inner(contact, "mis_id"))),
            ("contact.title", cell(inner(contact, "title"))),
            ("contact.forename", _first(inner(contact, "forename"), inner(contact, "legal_forename"))),
            ("contact.surname", _first(inner(contact, "surname"), inner(contact, "legal_surname"))),
            ("contact.relation", _first(tie, inner(tie, "relationship"))),
            ("contact.priority", cell(inner(tie, "priority"))),
            ("contact.parental_responsibility", cell(inner(tie, "parental_responsibility"))),
            ("contact.lives_with", cell(inner(tie, "lives_with_pupil"))),
            ("contact.no_contact", _if_so(inner(tie, "court_order"))),
            ("contact.mobile", named["mobile"]),
            # A number that has a place of its own is not told twice: it would lose its label.
            *(("contact.phone", number) for number in sorted(others - set(named.values()))),
            ("contact.home_phone", named["home"]),
            ("contact.work_phone", named["work"]),
            *(("contact.email", mailbox) for mailbox in dict.fromkeys([*mailboxes, cell(inner(contact, "email"))])),
            ("contact.deceased", _if_so(inner(contact, "deceased"))),
        ]
    )


def _if_so(value: Any) -> str:
    """Yes, or nothing: false may only mean that the MIS has no such field. It must not lift a bar or raise the dead."""
    word = cell(value)
    return "" if word.casefold() in {"no", "false", "0"} else word


def _first(*values: Any) -> str:
    return next((word for value in values if (word := cell(value))), "")


def _names(value: Any) -> tuple[Any, ...]:
    return inner(value, "code"), inner(value, "name"), value


def _day(value: Any) -> str:
    """A date: by itself, or as ``date`` beside its time zone."""
    return cell(inner(value, "date")) or cell(value)


def _language(pupil: dict[str, Any], more: Any) -> str:
    spelled = [inner(where, key) for key in ("home_language", "first_language") for where in (more, pupil)]
    return _first(*(name for value in spelled for name in _names(value)))


def _groups(pupil: dict[str, Any]) -> str:
    names = [cell(inner(one, "name")) for key in ("groups", "classes") for one in listed(pupil, key)]
    return ";".join(name.replace(";", ",").replace("|", ",") for name in dict.fromkeys(names) if name)
