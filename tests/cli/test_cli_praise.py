"""``handbell praise`` and ``balance``, and what is said to bad news, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Office

WORRY = """
key = "talk"
title = "A word about today"
purpose = "service"
worrying = true
media = ["sms"]
[text]
en = "Please call us about {children} on 0113 496 0000."
[audience]
forms = ["3A"]
"""


def test_praise_is_sent_listed_and_taken_back(school_office: Office) -> None:
    said = school_office.gives("praise", "Ana", "kind", "She waited for Maya.", "--from", "Ms Okafor")
    assert "Good news of Ana Example, kindness: it goes " in said
    assert "handbell praise withdraw 1" in said
    assert "Which" not in school_office.refuses("praise", "Anna", "effort", "--from", "Ms Okafor")
    (listed,) = school_office.data("praise", "list", "--waiting")
    assert (listed["name"], listed["kind"], listed["staff"], listed["state"]) == (
        "Ana",
        "kindness",
        "Ms Okafor",
        "waits",
    )
    assert "nobody was told" in school_office.gives("praise", "withdraw", "1")
    assert "was taken back by" in school_office.refuses("praise", "withdraw", "1")
    assert "taken back by" in school_office.gives("praise", "list")
    refused = school_office.refuses("praise", "Ana", "other", "She helped Ben despite all", "--from", "Ms Okafor")
    assert "“Ben” is somebody else's name" in refused
    assert "“despite” turns praise around" in refused
    despite = ("praise", "add", "Ana", "other", "Despite rain!", "--sure")
    assert school_office.data(*despite, "--from", "Ms Okafor")["words"] == "Despite rain!"
    # Families read the name of a person, never that of whoever is logged in.
    assert "who praises" in school_office.refuses("praise", "Ana", "effort", "--as", "root")


def test_the_balance_as_a_table_and_as_a_sheet(school_office: Office) -> None:
    table = school_office.gives("balance", "--form", "3a", "--since", "01/09/2026")
    assert "Counted since 01/09/2026." in table
    assert "never" in table
    lines = school_office.gives("balance", "--csv").splitlines()
    assert lines[0] == "Pupil ID,Name,Form,Groups,Last good news,Good,Bad"
    assert len(lines) == 3
    (form, _) = school_office.data("balance", "--by", "form")
    assert form == {"name": "3A", "pupils": 1, "good": 0, "bad": 0, "without": 1}
    assert school_office.data("balance", "--by", "teacher") == []
    assert "No pupil on roll is in SEN" in school_office.refuses("balance", "--by", "teacher", "--group", "SEN")
    assert "No pupil on roll is in SEN" in school_office.refuses("balance", "--group", "SEN")
    listed = "Pupil ID,Forename,Surname,Form,Groups\nP8,Cem,Kaya,3A,SEN; FSM\nP9,Dia,Shah,4B,EAL\n"
    school_office.gives("import", "--source", "needs", school_office.write("needs.csv", listed), "--yes")
    assert [one["name"] for one in school_office.data("balance", "--group", "sen")] == ["Cem Kaya"]
    assert [one["name"] for one in school_office.data("balance", "--by", "group")] == ["EAL", "FSM", "SEN"]


def test_bad_news_asks_for_good(school_office: Office) -> None:
    file = school_office.write("talk.toml", WORRY)
    assert "This is bad news of a child" in school_office.gives("notice", "check", file)
    asked = "Ana: no good news yet: add one? handbell praise "
    assert asked in school_office.gives("notice", "preview", file)
    (said,) = school_office.data("notice", "preview", file)["worries"]
    assert said.startswith(asked)
    assert asked in school_office.gives("notice", "send", file)


def test_why_there_is_no_letter_to_print(school_office: Office) -> None:
    said = school_office.gives("letter", "list")
    assert "No letter is to be printed: nothing was sent in the last four weeks that a letter has to say." in said
    assert "has a phone or mailbox that may be used" in said
    contacts = "Pupil ID,Contact ID,Forename,Surname,PR,Address,Postcode\nP8,C8,Elif,Kaya,T,3 Park Row,LS2 2BB\n"
    pupils = school_office.write("pupils.csv", "Pupil ID,Forename,Surname,Form\nP8,Cem,Kaya,3A\n")
    school_office.gives("import", pupils, school_office.write("contacts.csv", contacts), "--yes")
    (alone,) = school_office.data("letter", "list")["by_letter_alone"]
    assert (alone["name"], alone["pupils"], alone["address"]) == (
        "Elif Kaya",
        ["P8"],
        ["3 Park Row", "LS2 2BB"],
    )
    assert "Reached by letters alone" in school_office.gives("letter", "list")
    assert "There is no notice" in school_office.refuses("letter", "list", "--notice", "fotos")
