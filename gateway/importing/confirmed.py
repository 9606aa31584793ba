"""What a family confirmed and what the school decided, held against what a file says: the questions that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from gateway import numbers
from gateway.importing import bars, conflicts
from gateway.importing.conflicts import Question, Topic
from gateway.importing.rows import Values
from gateway.models import Contact, ContactPoint, Guardianship, PointKind
from gateway.models.types import core
from templates import languages as tongues

LANGUAGES: Mapping[str, str] = {"written_language": "to read", "spoken_language": "to hear"}

CONTACT, POINT, LINK = core(Contact), core(ContactPoint), core(Guardianship)


def languages(row: Mapping[str, Any] | sa.RowMapping, values: Values) -> dict[Topic, Question | None]:
    """The languages that a family chose, held against a file's. One that nobody chose yet may be filled in."""
    found: dict[Topic, Question | None] = {}
    if row["languages_confirmed_at"] is None:
        return found
    for column, verb in LANGUAGES.items():
        ours, theirs = row[column], values.get(column, "")
        if not (ours and theirs):
            continue
        what = f"{_person(row)} chose {verb} {_tongue(ours)}; these files say {_tongue(theirs)}."
        change = conflicts.change(CONTACT, row["id"], ours={column: ours}, theirs={column: theirs})
        found[f"contact:{row['id']}", column] = None if ours == theirs else Question(ours, theirs, what, change)
    return found


def rank(row: Mapping[str, Any] | sa.RowMapping, theirs: int, *, who: str) -> dict[Topic, Question | None]:
    """The place of a confirmed phone or mailbox among a contact's, held against a file's, which has it."""
    what = f"Contact {who} confirmed a {called(row)}, no. {row['rank']} to be used; these files make it no. {theirs}."
    change = conflicts.change(POINT, row["id"], ours={"rank": row["rank"]}, theirs={"rank": theirs})
    subject = f"point:{row['id']}"
    question = None if row["rank"] == theirs else Question(str(row["rank"]), str(theirs), what, change)
    return {(subject, "rank"): question, (subject, "on file"): None}


def gone(row: sa.RowMapping, *, who: str) -> dict[Topic, Question | None]:
    """A confirmed phone or mailbox that a file does not have any more."""
    what = f"Contact {who} confirmed a {called(row)} that these files do not have. It was kept."
    change = conflicts.change(POINT, row["id"], theirs=None)
    return {(f"point:{row['id']}", "on file"): Question(called(row), "not in the files", what, change)}


def bar(row: sa.RowMapping, stated: Values, *, who: str) -> tuple[Values, dict[Topic, Question | None]]:
    """A bar that a person set or lifted, held against a file's: what is to be written if nobody has answered yet.

    A file never lifts or shortens such a bar, and it always bars at once.
    """
    ours = {column: row[column] for column in bars.COLUMNS}
    theirs = bars.effective(ours | stated if ours["no_contact"] else stated)
    topic = (f"tie:{row['id']}", "no_contact")
    if theirs == bars.effective(ours):
        return {}, {topic: None}
    change = conflicts.change(LINK, row["id"], ours=ours, theirs=theirs, stamp="bar_confirmed_at")
    decided = f"In Handbell the school decided that contact {who} is {words(ours)}; these files say: {words(theirs)}."
    if not theirs["no_contact"]:
        write: Values = {}
        what = f"{decided} The bar stands."
    elif ours["no_contact"]:
        write = bars.widest(ours, theirs)
        what = f"{decided} The longer time holds until somebody answers."
    else:
        # From now on it is a file's bar, which a file may lift.
        write = theirs | {"bar_confirmed_at": None}
        what = f"{decided} The contact is barred until somebody answers."
    return write, {topic: Question(words(ours), words(theirs), what, change)}


def words(bar: Values) -> str:
    """A bar for people."""
    start: date | None = bar["no_contact_from"]
    end: date | None = bar["no_contact_until"]
    if not bar["no_contact"]:
        return "not barred"
    begins, ends = f" from {start:%d/%m/%Y}" if start else "", f" until {end:%d/%m/%Y}" if end else ""
    return f"barred{begins}{ends}"


def called(row: Mapping[str, object] | sa.RowMapping) -> str:
    """A phone or mailbox as a report may name it."""
    phone = row["kind"] == PointKind.PHONE
    return f"telephone {numbers.masked(str(row['address']))}" if phone else "mailbox"


def _tongue(tag: str) -> str:
    known = tongues.table().get(tag)
    return known.english if known else tag


def _person(row: Mapping[str, Any] | sa.RowMapping) -> str:
    return f"Contact {row['source_id']}, {row['forename']} {row['surname']},"
