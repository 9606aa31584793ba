"""Whose contact is whose: the links of an export, and every one of them that leads nowhere."""

from __future__ import annotations

from gateway.errors import Problem
from gateway.importing.parts import Part
from gateway.importing.roster import NAMED, Roster

BULK = "Import a complete export (bulk)."
LINK = "INSERT INTO links SELECT min(line), pupil, contact, max(relation) FROM fitting GROUP BY pupil, contact"
#: In a list of changes, a contact's pupil need not have changed; whether there is one, the importer knows.
LINK_UNLISTED = """
INSERT INTO links SELECT min(line), other, person, max(relation) FROM pairs
WHERE a_family AND NOT listed GROUP BY other, person
"""
#: A pupil's contact who is not listed, or of whom nobody says what they are, may be a contact still.
LINK_LOST = """
INSERT INTO links SELECT min(line), person, other, '' FROM pairs
WHERE a_pupil AND NOT b_gone AND (NOT listed OR NOT b_known) GROUP BY person, other
"""


def link(roster: Roster, *, part: Part, delta: bool) -> None:
    """Tie contacts to pupils, whichever of the two names the other, and report what cannot be tied.

    ``part`` is the file that the ties stand in. In a ``delta`` not everybody who is tied is listed.
    """
    roster.scratch.change(LINK)
    if delta:
        roster.scratch.change(LINK_UNLISTED)
        _tell_of_unlisted(roster, part)
        _tell_of_deleted(roster)
    else:
        roster.scratch.change(LINK_LOST)
        _tell_of_missing(roster, part)
    _tell_of_strange(roster, part)
    _tell_of_unknown(roster, cure=BULK if delta else "Correct it in the school's records.")
    _tell_of_loose(roster, delta=delta)


def _tell_of_missing(roster: Roster, part: Part) -> None:
    query = "SELECT line, person, other FROM pairs WHERE NOT listed AND (a_pupil OR a_family) ORDER BY line"
    for line, person, other in roster.scratch.rows(query):
        part.tell(
            line, f"User {person} is tied to {other}, who is not in {roster.users.member.name}. Nobody was guessed."
        )


def _tell_of_unlisted(roster: Roster, part: Part) -> None:
    for (pupils,) in roster.scratch.rows("SELECT count(DISTINCT person) FROM pairs WHERE a_pupil AND NOT listed"):
        if pupils:
            what = f"Pupils whose contacts are not all in this list of changes: {pupils}. Those stay as they are."
            roster.remarks.warnings.add(Problem(what, f"{BULK[:-1]} if any of them are new.", part.label))


def _tell_of_deleted(roster: Roster) -> None:
    for line, id_ in roster.scratch.rows("SELECT line, id FROM parts WHERE family AND gone ORDER BY line"):
        what = f"Contact {id_} was deleted in the school's records, but a list of changes takes no contact off."
        roster.users.warn(line, what, "Import a complete export (bulk) to take the contact off.")


def _tell_of_strange(roster: Roster, part: Part) -> None:
    """Ties between others than a pupil and family; of those whom nobody knows, the next function tells."""
    query = """
    SELECT line, person, other FROM pairs WHERE listed AND NOT b_gone AND b_known AND (a_pupil OR b_pupil)
    AND NOT (a_pupil AND b_family) AND NOT (a_family AND b_pupil) ORDER BY line
    """
    for line, person, other in roster.scratch.rows(query):
        what = f"Users {person} and {other} are tied, but are not a pupil and family. The tie was left out."
        part.warn(line, what, "Give whoever is a contact the role of a parent or guardian.")


def _tell_of_unknown(roster: Roster, *, cure: str) -> None:
    query = "SELECT line, id FROM parts WHERE NOT known AND NOT pupil AND NOT family ORDER BY line"
    for line, id_ in roster.scratch.rows(query):
        roster.users.leave_out(line, f"It is not said what user {id_} is: pupil, family or staff.", cure)


def _tell_of_loose(roster: Roster, *, delta: bool) -> None:
    """Contacts of nobody. In a list of changes, one of them may have a new number, so each is named."""
    if delta:
        for line, id_ in roster.scratch.rows("SELECT line, id FROM loose ORDER BY line"):
            roster.users.leave_out(line, f"Contact {id_} has changed, but it is not said whose contact this is.", BULK)
        return
    ids = [id_ for (id_,) in roster.scratch.rows("SELECT id FROM loose ORDER BY line LIMIT ?", NAMED)]
    for (count,) in roster.scratch.rows("SELECT count(*) FROM loose"):
        if count:
            more = ", …" if count > len(ids) else ""
            what = f"Contacts who are tied to no pupil, and were left out: {count} ({', '.join(ids)}{more})."
            cure = "Tie them to their pupils in the school's records."
            roster.remarks.warnings.add(Problem(what, cure, roster.users.label))
