"""``handbell import map``: what a school says of its own columns, from the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Office

CSV = "Pupil ID,Forename,Surname,Contact Forename,Contact Surname,Mum Cell,Fax\n1,Kai,Shaw,Emma,Shaw,07700 900101,\n"


def test_a_mapping_is_shown_saved_and_used(small_office: Office) -> None:
    office = small_office
    file = office.write("all.csv", CSV)
    before = office.data("import", "map", file, "--source", "sims")
    assert before["mapping"] == {}
    assert {"heading": "Mum Cell", "field": "", "said": False} in before["files"][0]["columns"]
    after = office.data("import", "map", file, "--source", "sims", "Mum Cell=contact.mobile")
    assert after["mapping"] == {"Mum Cell": "contact.mobile"}
    assert {"heading": "Mum Cell", "field": "contact.mobile", "said": True} in after["files"][0]["columns"]
    assert "you said so" in office.gives("import", "map", file, "--source", "sims")
    assert "contact.mobile" in office.gives("import", "map", "--source", "sims")
    assert office.data("import", "map", "--source", "sims", "--forget", "mum cell")["mapping"] == {}


def test_a_word_that_is_no_field_lists_those_there_are(small_office: Office) -> None:
    sentence = small_office.refuses("import", "map", "--source", "sims", "Mum Cell=mobile")
    assert "There is no field “mobile”" in sentence
    assert "contact.mobile" in sentence


def test_saving_needs_the_name_of_a_source(small_office: Office) -> None:
    assert small_office.type("import", "map", "Mum Cell=contact.mobile").exit_code == 2
    assert small_office.type("import", "map").exit_code == 2
