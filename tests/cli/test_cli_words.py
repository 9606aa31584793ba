"""``handbell words`` in a school: what is covered, what a volunteer gets and brings back, and where it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select
from support import school

from gateway import context
from gateway.database import Database, Session
from gateway.models import Audit, Contact
from templates import own_words, pofiles

if TYPE_CHECKING:
    from conftest import Office


@pytest.fixture(autouse=True)
def _forget(tmp_path: Path) -> Iterator[None]:
    """This process has used a school's words: they are forgotten."""
    yield
    own_words.use(tmp_path / "none")


def reads(office: Office, language: str, number: int) -> None:
    async def job(session: Session) -> None:
        people = [Contact(source_id=f"{language}{n}", written_language=language) for n in range(number)]
        session.add_all(people)

    office.change(job)


def test_coverage_is_weighted_by_the_schools_own_families(office: Office) -> None:
    reads(office, "pl", 2)
    reads(office, "vi", 1)
    reads(office, "", 5)
    found = office.data("words", "coverage")
    families = {row["language"]: row["families"] for row in found["languages"]}
    assert (families["pl"], families["vi"], families["en"], families["so"]) == (2, 1, 5, 0)
    closure = next(row for row in found["notices"] if row["notice"] == "closure")
    assert (closure["reviewed"], closure["draft"], closure["missing"]) == (5 / 8, 2 / 8, 1 / 8)
    printed = office.gives("words", "coverage")
    assert "Drafts are not sent: English goes instead" in printed
    office.gives("words", "accept", "pl", "closure", "phrases/message", "--by", "Anna Kowalska")
    found = office.data("words", "coverage")
    closure = next(row for row in found["notices"] if row["notice"] == "closure")
    assert (closure["reviewed"], closure["draft"]) == (7 / 8, 0.0)


def test_a_call_in_a_language_without_a_voice_counts_as_missing(small_office: Office) -> None:
    reads(small_office, "so", 1)
    reads(small_office, "", 3)
    with small_office.settings.open("a") as file:
        file.write('\n[[twilio.voice_senders]]\naddress = "+441134960002"\n')
    for medium, missing in (("sms", 0.0), ("voice", 1 / 4)):
        found = small_office.data("words", "coverage", "--medium", medium)
        assert next(row["missing"] for row in found["notices"] if row["notice"] == "closure") == missing
    assert "handbell voice status" in small_office.gives("words", "coverage", "--medium", "voice")


FROM_THE_LIBRARY = """
key = "boiler"
title = "School closed"
purpose = "emergency"
template = "closure"
media = ["sms"]

[values]
date = 2026-11-24
reason = "burst pipe"

[audience]
whole_school = true
"""


def test_who_has_read_the_words_is_told_wherever_they_are_chosen(school_office: Office) -> None:
    file = school_office.write("boiler.toml", FROM_THE_LIBRARY)
    assert "draft: " in school_office.gives("notice", "check", file)
    assert "A line in the family's own language" in school_office.gives("notice", "preview", file)
    school_office.gives("words", "accept", "pl", "closure", "phrases/message", "--by", "Anna Kowalska")
    (checked,) = json.loads(school_office.gives("notice", "check", file, "--json"))
    assert (checked["words"]["en"], checked["words"]["pl"], checked["words"]["ur"]) == ("source", "reviewed", "draft")
    assert [row["state"] for row in school_office.data("notice", "preview", file)["totals"]] == ["reviewed"]


def test_a_notice_and_a_message_keep_who_had_read_their_words(small_office: Office) -> None:
    async def planned(database: Database) -> str:
        now = context.utc_now()
        sender, run = await school.sender(database), await school.run(database, now=now)
        ids = [
            await school.message(database, sender, now=now, run=run, language=language, words_state=state)
            for language, state in (("en", "source"), ("pl", "reviewed"), ("pl", "reviewed"))
        ]
        return ids[-1]

    last = small_office.do(planned)
    key = small_office.data("notice", "list")[0]["key"]
    said = {
        (row["language"], row["words"]): row["messages"] for row in small_office.data("notice", "show", key)["words"]
    }
    assert said == {("en", "source"): 1, ("pl", "reviewed"): 2}
    assert "reviewed" in small_office.gives("notice", "show", key)
    assert "pl (reviewed)" in small_office.gives("message", "show", last)


def test_a_volunteers_review_comes_back_into_the_schools_folder_and_the_audit_log(small_office: Office) -> None:
    office, file = small_office, str(small_office.folder / "anna.po")
    assert "made up" not in office.gives("words", "export", "Polish", file)
    letter = pofiles.read(Path(file), "pl")
    for message in pofiles.texts(letter):
        if message.context == "absence_check/answer/ill":
            message.flags.discard("fuzzy")
            message.string = "chory lub chora"
        if message.context == "closure/sms/text":
            message.flags.discard("fuzzy")
            message.string = "{szkola} zamknięta"
    pofiles.write(Path(file), letter)
    result = office.type("words", "import", file, "--by", "Anna Kowalska", "--as", "Mrs Okafor")
    assert result.exit_code == 1, "something was refused"
    assert "closure/sms/text: {szkola} is not in the English." in result.stdout
    assert "1 text read, of which 1 changed." in result.stdout
    kept = (office.folder / "words/pl/LC_MESSAGES/handbell.po").read_text("utf-8")
    assert "# state: reviewed by Anna Kowalska, " in kept
    assert "szkola" not in kept

    async def job(session: Session) -> Audit:
        lines = await session.scalars(select(Audit).where(col(Audit.action) == "words.reviewed"))
        return lines.one()

    line = office.change(job)
    assert (line.actor, line.subject) == ("Mrs Okafor", "language:pl")
    assert '"changed":1' in line.body.replace(" ", "")
    assert "chory" not in line.body


def test_what_is_still_to_be_read_is_listed(small_office: Office) -> None:
    before = small_office.data("words", "review", "pl")
    assert {"entry", "state", "english", "translated"} == before[0].keys()
    small_office.gives("words", "accept", "pl", "--all", "--by", "Anna Kowalska")
    assert small_office.data("words", "review", "pl") == []
    assert "There is no text and no notice “abscence”" in small_office.refuses(
        "words", "accept", "pl", "abscence", "--by", "Anna"
    )
    assert "at most 50 letters" in small_office.refuses("words", "accept", "pl", "--all", "--by", "x" * 51)


def test_what_else_a_notice_waits_for_is_said(small_office: Office) -> None:
    said = small_office.gives("words", "accept", "pl", "absence_check", "--by", "Anna Kowalska")
    assert "more texts of phrases/message that nobody has read" in said
    small_office.gives("words", "accept", "pl", "phrases/message", "--by", "Anna Kowalska")
    assert "phrases/message" not in small_office.gives("words", "accept", "pl", "closure", "--by", "Anna Kowalska")


def test_a_place_that_cannot_be_written_is_said(small_office: Office) -> None:
    for name in ("a.csv", "a.po"):
        below_a_file = str(small_office.settings / name)
        assert "cannot be written" in small_office.refuses("words", "export", "pl", below_a_file)


def test_doctor_tells_what_of_the_schools_words_is_not_used(small_office: Office) -> None:
    path = pofiles.path_of(small_office.folder / "words", "pl")
    po = pofiles.Po("pl")
    po.add("ill", "STOP", context="absence_check/answer/ill")
    pofiles.write(path, po)
    findings = [found for found in small_office.type("doctor", "--json").stdout.splitlines() if "STOP" in found]
    assert "is a word that stops all texts" in "".join(findings)


def test_a_file_is_checked_with_line_and_cure(small_office: Office) -> None:
    po = pofiles.Po("pl")
    po.add("Dear {recipient},", "Witam {odbiorca},", context="phrases/message/greeting_named")
    pofiles.write(small_office.folder / "mine.po", po)
    result = small_office.type("words", "check", str(small_office.folder / "mine.po"))
    assert result.exit_code == 1
    assert "{odbiorca} is not in the English. {recipient} is missing. Names in braces stay as they are" in result.stdout
    assert "not a language that Handbell knows" in small_office.refuses("words", "check", "Klingon")


def test_a_sheet_is_taken_in_its_own_language_only(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "amina.csv"
    office.gives("words", "export", "so", str(file))
    said = office.refuses("words", "import", str(file), "--language", "ur", "--by", "Amina Warsame")
    assert "It says that it is in Somali (so), and is to be taken as Urdu (ur)." in " ".join(said.split())
    assert "0 texts read" in office.gives("words", "import", str(file), "--by", "Amina Warsame")


def test_a_file_that_is_wrong_throughout_does_not_fill_the_screen(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "so.csv"
    office.gives("words", "export", "so", str(file))
    lines = file.read_text("utf-8-sig").replace(",,", ",perhaps,")
    file.write_text(lines, "utf-8-sig")
    result = office.type("words", "import", str(file), "--by", "Amina Warsame")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) < 50
    assert "more, which --json would list." in result.output
