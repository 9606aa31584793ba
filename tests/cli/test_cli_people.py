"""``handbell people list``: the roll in a table for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.database import Session
from gateway.models import Contact, ContactPoint, PointKind

if TYPE_CHECKING:
    from conftest import Office


def test_the_roll_as_json(school_office: Office) -> None:
    ana, ben = school_office.data("people", "list")
    assert [contact["name"] for contact in ana["contacts"]] == ["Maria Example", "Ivan Example"]
    mother, father = ana["contacts"]
    assert (mother["may_be_contacted"], mother["relation"], mother["priority"]) == (True, "Mother", 1)
    assert mother["points"][0] == {
        "address": "+447700900111",
        "kind": "mobile",
        "label": "",
        "rank": 1,
        "state": "unproven",
        "opted_out": [],
        "why_no_text": "",
    }
    assert (father["may_be_contacted"], father["why_not"]) == (False, "Must not be contacted about this child.")
    assert [told["address"] for told in ana["absence_text"]] == ["+447700900111"]
    assert (ben["contacts"], ben["absence_text"]) == ([], [])


def test_the_roll_as_a_table(school_office: Office) -> None:
    said = school_office.gives("people", "list", "--form", "3a")
    assert "Maria Example" in said
    assert "+447700900111 (mobile, unproven)" in said
    assert "Ben" not in said
    assert "nobody" in school_office.gives("people", "list", "--year", "4")
    assert school_office.gives("people", "list", "--name", "Zebedee").strip() == "There are none."


def test_two_contacts_who_are_one_person_are_shown_whole_and_merged_by_a_person(school_office: Office) -> None:
    office = school_office
    [ana, _] = office.data("people", "list")
    maria, ivan = (one["name"] for one in ana["contacts"])

    async def again(session: Session) -> None:
        other = Contact(source_id="C99", forename="Maria", surname="Example")
        session.add(other)
        await session.flush()
        session.add(ContactPoint(contact_id=other.id or 0, kind=PointKind.PHONE, address="+447700900111"))

    office.change(again)
    [pair] = office.data("contact", "doubles")
    assert (pair["name"], pair["because"]) == (maria, "a phone or mailbox in common")
    ids = (str(pair["kept"]), str(pair["other"]))
    shown = office.gives("contact", "merge", *ids)
    assert "+447700900111: both, unproven." in shown
    assert "Nothing was changed." in shown
    [father] = [str(one["id"]) for one in office.data("contact", "list", "Ivan") if one["name"] == ivan]
    assert "Mind: They have different names." in office.gives("contact", "merge", ids[0], father)
    assert office.data("contact", "merge", *ids)["done"] is False
    assert "They are one" in office.gives("contact", "merge", *ids, "--yes", "--as", "Mrs Okafor")
    assert office.data("contact", "doubles") == []
    assert "Is one with C99 of the school's records." in office.gives("contact", "show", ids[0])
    assert "There is no contact" in office.type("contact", "merge", *ids).output
    assert "Every bar holds for both" in office.gives("contact", "part", ids[0], "C99")
    assert "was not merged with C99" in office.type("contact", "part", ids[0], "C99").output


def test_an_empty_list_is_json_too(small_office: Office) -> None:
    assert json.loads(small_office.gives("people", "list", "--json")) == []
