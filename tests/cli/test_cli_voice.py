"""``handbell voice`` and the languages of contacts: typed as staff type them."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

from support import school

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Office

    from gateway.database import Database

EVENT = """
key = "evening"
title = "Parents' evening"
kind = "event"
purpose = "service"
text = { en = "Come and see us." }
media = ["sms"]
[event]
starts = 2099-11-24T18:00:00
[audience]
whole_school = true
"""
CLOSED = """
key = "closed"
title = "Closed"
purpose = "service"
template = "closure"
media = ["voice"]
[values]
date = 2099-11-24
reason = { en = "the boiler has failed", pl = "awaria pieca" }
[audience]
whole_school = true
"""


def sound(folder: Path, name: str) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as recorded:
        recorded.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        recorded.writeframes(b"\0\1" * 800)
    (folder / name).write_bytes(file.getvalue())
    return str(folder / name)


def test_phrases_are_listed_recorded_counted_and_thrown_away(small_office: Office) -> None:
    office, folder = small_office, small_office.folder
    lines = office.data("voice", "script", "Urdu")
    assert {line["where"] for line in lines} >= {"call", "closure", "values"}
    assert "To be recorded in Urdu" in office.gives("voice", "script", "ur")
    first, second, *_ = (line["code"] for line in lines)
    files = [sound(folder, f"{first}.wav"), sound(folder, f"{second} Mrs Khan.wav")]
    assert "Kept: 2 recordings." in office.gives("voice", "import", "ur", *files, "--as", "Mrs Khan")
    assert len(office.data("voice", "script", "ur")) == len(lines) - 2
    assert len(office.data("voice", "script", "ur", "--all")) == len(lines)
    [status] = office.data("voice", "status")
    assert (status["language"], status["recorded"], status["wanted"]) == ("ur", 2, len(lines))
    assert not any(notice["can_be_said"] for notice in status["notices"])
    assert "2 of" in office.gives("voice", "status", "Urdu")
    strange = office.refuses("voice", "import", "ur", sound(folder, "closure.wav"), sound(folder, f"{first}.wav"))
    assert "closure.wav" in strange
    assert "handbell voice script ur" in strange
    (folder / f"{second}.mp3").write_bytes(b"no sound at all")
    assert "no sound that a call can play" in office.refuses("voice", "import", "ur", str(folder / f"{second}.mp3"))
    assert "Gone: 1 recording." in office.gives("voice", "forget", "ur", first)
    assert "Gone: 0 recordings." in office.gives("voice", "forget", "ur", "--old")
    assert "no words in Yoruba" in office.refuses("voice", "script", "Yoruba")
    assert "not a language" in office.refuses("voice", "status", "Klingon")


def test_the_words_of_one_notice(small_office: Office) -> None:
    definition = small_office.write("closed.toml", CLOSED)
    lines = small_office.data("voice", "script", "pl", "--notice", definition)
    said = [line["words"] for line in lines]
    assert "awaria pieca" in said
    code = lines[said.index("awaria pieca")]["code"]
    file = sound(small_office.folder, f"{code}.wav")
    assert "Begin its name" in small_office.refuses("voice", "import", "pl", file)
    small_office.gives("voice", "import", "pl", file, "--notice", definition)


def test_a_preview_tells_what_asking_for_the_language_costs(school_office: Office) -> None:
    settings = school_office.settings.read_text("utf-8")
    school_office.settings.write_text(settings + "\n[languages]\nallow_drafts = true\n", "utf-8")
    school_office.do(unasked)
    event = school_office.write("evening.toml", EVENT)
    said = school_office.gives("notice", "preview", event)
    assert "Besides, a text of its own asks 1 family for the language, which nobody knows: " in said
    asked = school_office.data("notice", "preview", event)["language_asked"]
    assert (asked["questions"], asked["pence"]) == (1, 4 * asked["parts"])


def test_a_preview_tells_of_english_in_the_midst_of_another_language(school_office: Office) -> None:
    settings = school_office.settings.read_text("utf-8")
    school_office.settings.write_text(settings + "\n[languages]\nallow_drafts = true\n", "utf-8")
    text = CLOSED.replace('["voice"]', '["sms"]')
    remark = "values.reason is in English here, in the midst of Polish words."
    assert remark not in school_office.gives("notice", "preview", school_office.write("both.toml", text))
    text = text.replace(', pl = "awaria pieca"', "")
    assert remark in school_office.gives("notice", "preview", school_office.write("english.toml", text))


async def unasked(database: Database) -> None:
    """A child who speaks Urdu at home, and whose mother nobody has asked."""
    mother = await school.contact(database, "Saima")
    await school.point(database, mother, "+447700900333")
    await school.tie(database, await school.pupil(database, home_language="ur"), mother, parental_responsibility=True)


def test_languages_and_interpreters_of_a_contact(school_office: Office) -> None:
    maria = str(school_office.data("contact", "list", "Maria")[0]["id"])
    assert school_office.data("contact", "list", "--language-suggested") == []
    school_office.gives("contact", "language", maria, "--also", "Ukrainian", "--also", "ru")
    assert "Understands also: uk ru." in school_office.gives("contact", "show", maria)
    assert school_office.data("contact", "show", maria)["contact"]["reads"] == "pl"
    school_office.gives("contact", "interpreter", maria)
    assert "Needs an interpreter" in school_office.gives("contact", "show", maria)
    event = school_office.write("evening.toml", EVENT)
    assert "Interpreters needed: Polish 1 (Maria Example)." in school_office.gives("notice", "preview", event)
    school_office.gives("notice", "send", event)
    assert school_office.data("notice", "show", "evening")["interpreters"] == {}, "nothing is planned yet"
    school_office.gives("contact", "interpreter", maria, "--no")
    assert "Interpreters" not in school_office.gives("notice", "preview", school_office.write("2.toml", EVENT))
