"""A free text drafted, corrected and reviewed from the command line, against a service on loopback."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select
from support import school, translators
from support.translators import KEY, Service

from gateway.database import Database, Session
from gateway.models import Audit, KnownSentence, PointKind

if TYPE_CHECKING:
    from conftest import Office

CLUB = """\
# Every author has a comment of their own.
key = "choir"
title = "Choir on Thursday"
purpose = "service"
media = ["sms", "email"]   # both

[text]
en = "Choir ends at 4.15pm. Ana sings for {children}. Ring 0113 496 0000 from 8 to 9am about the book fair."

[audience]
whole_school = true

[replies]
options = [{ key = "1", label = { en = "Coming" } }]
"""


@pytest.fixture
def service() -> Iterator[Service]:
    with translators.in_a_thread() as here:
        yield here


@pytest.fixture
def club(school_office: Office, service: Service) -> Path:
    """The file; the office has a service, and a glossary of its own."""
    glossary = school_office.write("glossary.toml", '[pl]\n"book fair" = "kiermasz"\n')
    with school_office.settings.open("a", encoding="utf-8") as settings:
        settings.write(
            f'\n[translation]\nservice = "libretranslate"\nurl = "{service.url}"\nkey = "{KEY}"\n'
            f'pence_per_million_characters = 1_000_000\nglossary = "{glossary}"\n'
        )
    school_office.do(urdu)
    return Path(school_office.write("club.toml", CLUB))


async def urdu(database: Database) -> None:
    ben = await school.pupil(database, "Zed", form="4B", year="4")
    for number in ("+447700900333", "+447700900444"):
        reader = await school.contact(database, "Amna", written_language="ur")
        await school.tie(database, ben, reader, priority=1, parental_responsibility=True)
        await school.point(database, reader, number)
    await school.point(database, reader, "amna@families.example", kind=PointKind.EMAIL)


def read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8"))


async def memories(session: Session) -> list[KnownSentence]:
    return list((await session.scalars(select(KnownSentence).order_by(KnownSentence.id))).all())


def test_nothing_is_sent_where_no_service_is_set(school_office: Office) -> None:
    file = school_office.write("club.toml", CLUB)
    said = school_office.refuses("notice", "translate", file, "--yes")
    assert "No translation service is set, and nothing was sent anywhere." in said
    assert Path(file).read_text("utf-8") == CLUB


def test_a_draft_is_shown_first_then_written_with_what_it_says_in_english(
    school_office: Office, service: Service, club: Path
) -> None:
    asked = school_office.type("notice", "translate", str(club), input="n\n")
    assert asked.exit_code == 1
    assert (service.heard, club.read_text("utf-8")) == ([], CLUB)
    row = next(line for line in asked.stdout.splitlines() if line.strip().startswith("Urdu"))
    assert row.split() == ["Urdu", "2", "5", "0", "0", "172", "£1.72"]

    (planned, _) = school_office.data("notice", "translate", str(club))["to_be_sent"]
    assert (planned["language"], planned["readers"], planned["pence"], service.heard) == ("ur", 2, 172, [])
    said = school_office.gives("notice", "translate", str(club), "--to", "ur", "--to", "Polish", "--yes")
    assert "Polish, by LibreTranslate, not reviewed" in said
    # No name, no number to ring and no placeholder has left the house.
    assert not any(secret in service.words for secret in ("Ana", "0113", "children", "4.15pm"))
    assert "book fair" not in str([question for question in service.heard if "pl" in question.values()])
    text = club.read_text("utf-8")
    assert text.startswith("# Every author has a comment of their own.")
    assert "# both" in text
    data = read(club)
    assert data["text"]["pl"] == (
        "PL: Choir ends at 16:15. PL: Ana sings for {children}. "
        "PL: Ring 0113 496 0000 from 08:00 to 09:00 about the kiermasz."
    )
    assert data["subject"] == {"en": "Choir on Thursday", "ur": "UR: Choir on Thursday", "pl": "PL: Choir on Thursday"}
    assert data["replies"]["options"][0]["label"] == {"en": "Coming", "ur": "UR: Coming", "pl": "PL: Coming"}
    note = data["translations"]["pl"]
    assert note["by"] == "LibreTranslate"
    assert (
        note["back"]["text"]
        == "Choir ends at 4.15pm. Ana sings for {children}. Ring 0113 496 0000 from 8 to 9am about the book fair."
    )
    # A sentence with a name in it is nobody's to remember.
    kept = school_office.change(memories)
    assert {row.source for row in kept if row.language == "pl"} == {
        "Choir ends at 4.15pm.", "Ring {#1} from 8 to 9am about the book fair.", "Choir on Thursday", "Coming",
    }  # fmt: skip
    assert school_office.gives("notice", "check", str(club)).count("not reviewed; families get the English.") == 2


def test_what_is_known_is_not_asked_again_and_a_change_makes_the_rest_stale(
    school_office: Office, service: Service, club: Path
) -> None:
    school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")
    service.heard.clear()
    club.write_text(club.read_text("utf-8").replace("Choir ends at 4.15pm.", "Choir is off on Monday."), "utf-8")
    assert "pl: the English has changed since this was drafted" in school_office.gives("notice", "check", str(club))
    service.says = lambda words, target: translators.plainly(words, target).replace("Monday", "Tuesday")
    found = school_office.data("notice", "translate", str(club), "--to", "pl", "--yes")
    assert [len(question["q"]) for question in service.heard] == [2, 2]
    assert "comes back with Tuesday" in found["drafts"][0]["doubts"][0]
    sent = [re.sub("<span.*?</span>", "", words) for question in service.heard for words in question["q"]]
    assert found["characters"] == found["pence"] == len("".join(sent))


def test_a_review_names_the_reviewer_and_is_remembered(school_office: Office, service: Service, club: Path) -> None:
    school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")
    drafted = club.read_text("utf-8")
    club.write_text(drafted.replace("PL: Choir ends at 16:15.", "Chór kończy się o 16.15."), "utf-8")
    said = school_office.gives("notice", "review", str(club), "pl", "--by", "Anna Kowalska")
    assert "Polish is reviewed by Anna Kowalska. 4 sentences remembered." in said
    kept = {row.source: row.text for row in school_office.change(memories) if row.state == "reviewed"}
    assert kept == {
        "Choir ends at 4.15pm.": "Chór kończy się o 16.15.",
        "Ring {#1} from 8 to 9am about the book fair.": "PL: Ring {#1} from 08:00 to 09:00 about the kiermasz.",
        "Choir on Thursday": "PL: Choir on Thursday",
        "Coming": "PL: Coming",
    }
    note = read(club)["translations"]["pl"]
    assert (note["reviewed_by"], "back" in note) == ("Anna Kowalska", False)
    assert "pl: reviewed by Anna Kowalska" in school_office.gives("notice", "check", str(club))
    assert "typed by" not in school_office.refuses("notice", "translate", str(club), "--to", "pl", "--yes")

    again = Path(school_office.write("again.toml", CLUB.replace("choir", "choir-again")))
    service.heard.clear()
    found = school_office.data("notice", "translate", str(again), "--to", "pl", "--yes")
    assert found["drafts"][0]["reviewed_before"] == 4
    assert found["drafts"][0]["text"]["text"].startswith("Chór kończy się o 16.15. PL: Ana")
    assert len(service.heard[0]["q"]) == 1
    assert "translation.reviewed" in [row.action for row in school_office.change(lines)]
    assert not any("Choir" in str(row.body) for row in school_office.change(lines))


def test_a_reviewer_may_write_a_name_as_the_language_does(school_office: Office, club: Path) -> None:
    club.write_text(club.read_text("utf-8").replace("Ana sings for", "Miss Ana sings for"), "utf-8")
    school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")
    text = club.read_text("utf-8").replace("PL: Miss Ana sings for", "Pani Ana śpiewa dla")
    club.write_text(text, "utf-8")
    said = school_office.gives("notice", "review", str(club), "pl", "--by", "Anna Kowalska")
    assert "Polish is reviewed by Anna Kowalska. 4 sentences remembered." in said


async def lines(session: Session) -> list[Audit]:
    return list((await session.scalars(select(Audit))).all())


def test_a_draft_that_is_too_long_for_a_text_is_told_at_once(
    school_office: Office, service: Service, club: Path
) -> None:
    service.says = lambda words, target: translators.plainly(words, target) + " ąę" * (0 if "en" in target else 200)
    assert "the text in “pl” needs" in school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")


def test_a_lost_placeholder_refuses_its_language_and_the_others_go_on(
    school_office: Office, service: Service, club: Path
) -> None:
    service.says = lambda words, target: (translators.forgetful if target == "ur" else translators.plainly)(
        words, target
    )
    found = school_office.data("notice", "translate", str(club), "--to", "ur", "--to", "pl", "--to", "so", "--yes")
    assert [one["language"] for one in found["drafts"]] == ["pl"]
    why = {one["language"]: one["why"] for one in found["refused"]}
    assert why["ur"] == "“Choir ends at 4.15pm.”: “4.15pm” got lost."
    assert why["so"] == "LibreTranslate does not translate into “so”."
    assert set(read(club)["text"]) == {"en", "pl"}


def test_a_review_of_a_text_without_its_placeholder_is_refused_with_its_line(school_office: Office, club: Path) -> None:
    club.write_text(CLUB.replace("\n\n[audience]", '\npl = "Bez dzieci."\n\n[audience]'), "utf-8")
    said = school_office.refuses("notice", "review", str(club), "pl", "--by", "Anna Kowalska")
    assert "club.toml, line 9, “text.pl”: {children} is missing." in said
    assert school_office.change(memories) == []


def test_a_template_is_reviewed_elsewhere(school_office: Office) -> None:
    shut = """
        key = "shut"
        title = "School closed"
        purpose = "emergency"
        template = "closure"
        media = ["sms"]
        values = { date = "2026-12-01", reason = "flood" }
        audience = { whole_school = true }
        """
    file = school_office.write("shut.toml", shut)
    said = school_office.refuses("notice", "review", file, "pl", "--by", "Anna Kowalska")
    assert "handbell words coverage" in said


def test_nothing_to_do_is_data_too(school_office: Office, service: Service, club: Path) -> None:
    club.write_text(CLUB.replace("\n\n[audience]", '\npl = "!"\nur = "!"\n\n[audience]'), "utf-8")
    assert school_office.data("notice", "translate", str(club)) == {"to_be_sent": []}


def test_what_staff_have_typed_is_theirs(school_office: Office, service: Service, club: Path) -> None:
    club.write_text(CLUB.replace("\n\n[audience]", '\npl = "{children}!"\n\n[audience]'), "utf-8")
    assert "typed by staff" in school_office.refuses("notice", "translate", str(club), "--to", "pl", "--yes")
    assert [one["language"] for one in school_office.data("notice", "translate", str(club), "--yes")["drafts"]] == [
        "ur"
    ]
    school_office.gives("notice", "review", str(club), "pl", "--by", "Anna Kowalska")
    note = read(club)["translations"]["pl"]
    assert (note.get("by"), note["reviewed_by"]) == (None, "Anna Kowalska")


def test_the_memory_is_listed_and_forgotten(school_office: Office, club: Path) -> None:
    school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")
    rows = school_office.data("memory", "list", "--language", "pl")
    assert {row["state"] for row in rows} == {"machine"}
    school_office.gives("memory", "forget", *[str(row["id"]) for row in rows])
    assert school_office.data("memory", "list") == []
    assert school_office.refuses("memory", "forget", "1").strip() == "There is no such sentence."


def test_the_doctor_says_which_languages_the_service_can_do(
    school_office: Office, service: Service, club: Path
) -> None:
    service.codes = ("en", "pl")
    said = school_office.type("doctor").stdout
    assert "LibreTranslate answers." in said
    assert "does not translate into Urdu" in " ".join(said.split())


def test_sentences_in_another_order_are_not_remembered(school_office: Office, service: Service, club: Path) -> None:
    two = CLUB.replace("Choir ends at 4.15pm. Ana sings for {children}.", "School is shut. Choir sings for the Queen.")
    club.write_text(two, "utf-8")
    school_office.gives("notice", "translate", str(club), "--to", "pl", "--yes")
    drafted = club.read_text("utf-8")
    swapped = "PL: Choir sings for the dear Queen. PL: School is shut."
    club.write_text(drafted.replace("PL: School is shut. PL: Choir sings for the Queen.", swapped), "utf-8")
    said = school_office.gives("notice", "review", str(club), "pl", "--by", "Anna Kowalska")
    assert "text: its sentences seem to stand in another order" in " ".join(said.split())
    kept = {row.source for row in school_office.change(memories) if row.state == "reviewed"}
    assert kept == {"Choir on Thursday", "Coming"}


def test_what_comes_back_beyond_all_measure_is_no_draft(school_office: Office, service: Service, club: Path) -> None:
    service.says = lambda words, target: translators.plainly(words, target) + " ąę" * (0 if "en" in target else 9000)
    before = club.read_text("utf-8")
    result = school_office.type("notice", "translate", str(club), "--to", "pl", "--yes")
    assert result.exit_code == 1
    assert "it came back with 27," in result.output
    assert club.read_text("utf-8") == before
