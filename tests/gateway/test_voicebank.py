"""The voice bank: what is to be recorded, what a call plays of it, and what it says where something is missing."""

from __future__ import annotations

import io
import wave
from datetime import date, timedelta
from typing import Any

import pytest
from support import school
from support.desk import LOG, NOW, definition

from channels.base import Medium
from gateway import errors, outgoing, wording
from gateway.database import Database
from gateway.models import Message, MessageState, Purpose
from gateway.voicebank import bank, coverage, sounds
from templates import aloud, translations, words

SCHOOL = wording.School("Oakfield Primary School", "Oakfield", "0113 496 0000", allow_drafts=True)
CLOSED: dict[str, Any] = {
    "text": {},
    "template": "closure",
    "values": {"date": "2026-11-24", "reason": {"en": "the boiler has failed", "ur": "بوائلر خراب ہے"}},
    "media": ["voice"],
}


def tone(seconds: float = 0.1) -> bytes:
    """A real WAV file, as a telephone has it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * int(8000 * seconds))
    return file.getvalue()


async def record(database: Database, language: str, pieces: list[aloud.Piece]) -> None:
    async with database.write() as session:
        for piece in pieces:
            recording = bank.Recording(language, piece.words, tone())
            await bank.keep(session, recording, by="Mrs Khan", log=LOG, now=NOW)


async def loaded(database: Database) -> bank.Bank:
    async with database.read() as session:
        return await bank.load(session)


def composer(there: bank.Bank = bank.NOTHING, **changes: Any) -> wording.Composer:
    made = wording.Composer(definition(**(CLOSED | changes)), SCHOOL, lambda language: language == "en")
    made.play(there)
    return made


def heard(pieces: list[dict[str, Any]]) -> list[str]:
    """The words of a part; those that a machine says in brackets."""
    return [one["say"] if one["clip"] else f"[{one['say']}]" for one in pieces]


def test_a_call_is_cut_at_its_joints() -> None:
    closure = words.prepare("closure", language="ur", medium="voice")
    given: dict[str, Any] = {"date": date(2026, 11, 24), "reason": "بوائلر خراب ہے", "school_phone": "01"}
    cut = aloud.body(closure, given)
    assert [(one.words, one.kind) for one in cut if one.kind != "ours"] == [
        ("منگل", "value"), ("24", "value"), ("نومبر", "value"), ("بوائلر خراب ہے", "free"), ("0", "value"),
        ("1", "value"),
    ]  # fmt: skip
    check = words.prepare("absence_check", language="ur", medium="voice")
    people = {"children": ["Ana", "Ben"], **given}
    cut = aloud.body(check, {name: people[name] for name in check.form(1, frozenset()).text.names})
    assert [one for one in cut if one.kind == "name"] == [aloud.Piece("Ana", "name"), aloud.Piece("Ben", "name")]
    assert aloud.Piece("اور") in cut


@pytest.mark.parametrize("language", translations.languages_available()[1:])
def test_the_script_has_every_piece_of_every_day(language: str) -> None:
    script = {aloud.fingerprint(language, line.piece.words) for line in aloud.script(language)}
    for key in aloud.speakable(language):
        renderer = words.prepare(key, language=language, medium="voice")
        known = renderer.known({})
        samples: dict[str, Any] = {
            "text": "x", "name": "x", "names": ["x", "y", "z"], "url": "https://example.com", "phone": "0113 496 0000",
            "number": 42, "time": "08:05", "date": "2026-02-28", "datetime": "2026-12-31 17:45",
        }  # fmt: skip
        given = {name: samples[known[name].type] for name in renderer.form(1, frozenset()).text.names if name in known}
        missing = [
            one
            for one in aloud.body(renderer, given)
            if one.kind in ("ours", "value") and aloud.fingerprint(language, one.words) not in script
        ]
        assert missing == [], key


def test_a_wording_that_changes_is_another_piece() -> None:
    assert aloud.fingerprint("ur", "آج") != aloud.fingerprint("ur", "کل")
    assert aloud.fingerprint("ur", "آج") != aloud.fingerprint("fa", "آج")
    assert aloud.fingerprint("ur", " آج \n") == aloud.fingerprint("ur", "آج")


async def test_a_call_is_played_when_every_piece_is_there(database: Database) -> None:
    assert composer().compose(Medium.VOICE, "ur", children=["Ana"]).language == "en"
    to_record = composer().to_record("ur")
    await record(database, "ur", to_record[:-1])
    there = await loaded(database)
    assert composer(there).compose(Medium.VOICE, "ur", children=["Ana"]).language == "en", "one piece is missing"
    await record(database, "ur", to_record[-1:])
    made = composer(await loaded(database)).compose(Medium.VOICE, "ur", children=["Ana"])
    assert made.language == "ur"
    assert made.script is not None
    sounds_of = made.script["sounds"]
    assert heard(sounds_of["body"])[1:4] == ["منگل", "24", "نومبر"]
    assert "[Oakfield Primary School]" in heard(sounds_of["opening"])
    assert set(sounds_of) == {"opening", "fallback", "menu", "thanks", "again", "body"}
    script = outgoing.script(made.script, clip_url=lambda clip: f"https://school.example/media/voice/{clip}")
    assert {one.locale for one in script.sounds["opening"] if not one.url} == {"en"}


async def test_the_names_of_children_are_said_and_never_asked_for(sqlite_database: Database) -> None:
    changes: dict[str, Any] = {
        "template": "absence_in_school", "values": {}, "purpose": "safeguarding", "audience": {"whole_school": True},
    }  # fmt: skip
    await record(sqlite_database, "ur", composer(**changes).to_record("ur"))
    made = composer(await loaded(sqlite_database), **changes)
    one, two = (made.compose(Medium.VOICE, "ur", children=names) for names in (["Zainab"], ["Zainab", "Ali"]))
    assert one.script is not None
    assert two.script is not None
    assert "[Zainab]" in heard(one.script["sounds"]["body"])
    assert {"[Zainab]", "[Ali]", "اور"} <= set(heard(two.script["sounds"]["body"]))
    async with sqlite_database.read() as session:
        [status] = await coverage.every(session, await bank.load(session), lambda language: language == "en")
    assert "Zainab" not in str(status)


async def test_a_greeting_a_name_and_the_answers_are_said_too(sqlite_database: Database) -> None:
    changes: dict[str, Any] = {
        "template": "", "values": {}, "purpose": "survey",
        "text": {"en": "{greeting} Shut, {recipient}. {menu}", "ur": "{greeting} سکول بند ہے، {recipient}۔ {menu}"},
        "replies": {"options": [{"key": "1", "label": {"en": "I know", "ur": "معلوم ہے"}}]},
    }  # fmt: skip
    await record(sqlite_database, "ur", [line.piece for line in aloud.script("ur")][:3])
    there = await loaded(sqlite_database)
    partly = composer(there, **changes)
    assert partly.compose(Medium.VOICE, "ur", children=["Ana"], recipient="Mrs Khan").language == "en"
    await record(sqlite_database, "ur", composer(**changes).to_record("ur"))
    made = composer(await loaded(sqlite_database), **changes)
    named, unnamed = (made.compose(Medium.VOICE, "ur", children=["Ana"], recipient=who) for who in ("Mrs Khan", ""))
    assert named.script is not None
    assert unnamed.script is not None
    said = heard(named.script["sounds"]["body"])
    assert (said.count("[Mrs Khan]"), "معلوم ہے" in said, "سکول بند ہے" in said) == (2, True, True)
    assert "[Mrs Khan]" not in heard(unnamed.script["sounds"]["body"])
    assert len(unnamed.script["sounds"]["body"]) > 1


async def test_what_is_kept_replaces_the_older_one_and_is_written_down(database: Database) -> None:
    piece = aloud.Piece("آج")
    await record(database, "ur", [piece])
    before = await loaded(database)
    async with database.write() as session:
        longer = bank.Recording("ur", "آج", tone(0.5))
        await bank.keep(session, longer, by="Mr Shah", log=LOG, now=NOW + timedelta(days=1))
    assert await loaded(database) == before, "calls that are planned know it by its id"
    async with database.write() as session:
        said = aloud.fingerprint("ur", "آج")
        assert await bank.forget(session, "ur", [said], by="Mr Shah", log=LOG, now=NOW) == 1
    assert await loaded(database) == bank.NOTHING


@pytest.mark.parametrize(
    ("state", "minutes", "kept"),
    [("queued", 600, True), ("accepted", 5, True), ("accepted", 600, False), ("delivered", 5, False)],
)
async def test_what_a_waiting_call_plays_is_not_thrown_away(
    sqlite_database: Database, state: str, minutes: int, *, kept: bool
) -> None:
    """SQLite would give the id that the call knows to the next recording, of other words."""
    await record(sqlite_database, "ur", [aloud.Piece("آج")])
    said = aloud.fingerprint("ur", "آج")
    pieces = (await loaded(sqlite_database)).put_together("ur", [aloud.Piece("آج")])
    script = {"opening": "Hello.", "other": {"locale": "ur", "body": "", "script": {"sounds": {"body": pieces}}}}
    await school.add(sqlite_database, Message(
        id="01CALL", medium=Medium.VOICE, address="+447700900001", slot="x", purpose=Purpose.SERVICE, body="Closed.",
        script=script, state=MessageState(state), due_at=NOW, created_at=NOW, changed_at=NOW,
    ))  # fmt: skip
    async with sqlite_database.write() as session:
        later = NOW + timedelta(minutes=minutes)
        if kept:
            with pytest.raises(errors.Conflict, match=said):
                await bank.forget(session, "ur", [said], by="Mr Shah", log=LOG, now=later)
        else:
            assert await bank.forget(session, "ur", [said], by="Mr Shah", log=LOG, now=later) == 1


async def test_coverage_says_what_is_missing(sqlite_database: Database) -> None:
    nothing = coverage.of(bank.NOTHING, "ur", families=3)
    assert (nothing.recorded, nothing.families, any(one.whole for one in nothing.notices)) == (0, 3, False)
    await record(sqlite_database, "ur", [line.piece for line in aloud.script("ur")])
    await record(sqlite_database, "ur", [aloud.Piece("words of last year")])
    whole = coverage.of(await loaded(sqlite_database), "ur", families=3)
    assert (whole.recorded, whole.old) == (whole.wanted, 1)
    assert all(one.whole for one in whole.notices)
    assert {one.key: one.free for one in whole.notices}["closure"] is True
    assert {one.key: one.free for one in whole.notices}["absence_in_school"] is False


def frames(head: str, length: int) -> bytes:
    """Two frames of MPEG audio, each so many bytes long."""
    return (bytes.fromhex(head).ljust(length, b"\x55")) * 2


def coded(wav: bytes, coding: int, bits: int) -> bytes:
    """The same WAV file with another coding in its head."""
    return wav[:20] + coding.to_bytes(2, "little") + wav[22:34] + bits.to_bytes(2, "little") + wav[36:]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (tone(), "audio/wav"),
        (frames("fffb9064", 417), "audio/mpeg"),  # 128 kbit/s, 44100 Hz
        (frames("fff340c4", 104), "audio/mpeg"),  # MPEG-2: 32 kbit/s, 22050 Hz
        (b"ID3\x04\0\0\0\0\x01\x02" + bytes(130) + frames("fffb9064", 417), "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\0" + bytes(5) + frames("fffb9264", 418), "audio/mpeg"),  # a padded frame
        (frames("fffb9064", 417)[:417], ""),
        (b"ID3 this is not a sound at all", ""),
        (coded(tone(), 3, 64), ""),  # floating point
        (coded(tone(), 7, 8), "audio/wav"),  # mu-law, as telephones have it
        (tone()[:-50], ""),
        (b"RIFF\x04\0\0\0WAVE", ""),
        (b"%PDF-1.7", ""),
        (b"", ""),
        (b"\xff\xf1\x50\x80", ""),  # AAC, which calls cannot play
        (tone(120), ""),
    ],
)
def test_only_what_a_call_can_play_is_kept(content: bytes, kind: str) -> None:
    if kind:
        assert sounds.kind(content, name="a.wav") == kind
        return
    with pytest.raises(errors.BadInput, match=r"a\.wav"):
        sounds.kind(content, name="a.wav")
