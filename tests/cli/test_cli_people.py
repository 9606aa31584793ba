"""``handbell people list``: the roll in a table for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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


def test_an_empty_list_is_json_too(small_office: Office) -> None:
    assert json.loads(small_office.gives("people", "list", "--json")) == []
