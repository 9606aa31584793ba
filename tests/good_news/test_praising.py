"""Praise in: which child is meant, and what does not belong into a teacher's words."""

from __future__ import annotations

from datetime import date

import pytest
from support.praises import Staffroom

from gateway import errors
from gateway.database import Database
from gateway.good_news import kinds, praising
from templates import phrases


@pytest.fixture
async def room(sqlite_database: Database) -> Staffroom:
    made = Staffroom(sqlite_database)
    await made.open()
    maria = await made.parent()
    await made.child("Ana", maria, surname="Nowak", source_id="S1")
    await made.child("Ana", maria, surname="Pereira", source_id="S2", form="5B")
    await made.child("Zoë", maria, surname="O'Neill", source_id="S3")
    await made.child("Grace", maria, surname="Bell", source_id="S4")
    return made


@pytest.mark.parametrize(
    ("written", "found"),
    [("S2", "S2"), ("Ana N", "S1"), ("ana pereira", "S2"), ("ANA 5b", "S2"), ("zoe", "S3"), ("Zoë oneill", "S3")],
)
async def test_the_child_that_is_meant(room: Staffroom, written: str, found: str) -> None:
    praise = await room.praise(written)
    async with room.database.read() as session:
        (listed,) = await praising.listed(session)
    assert (listed.pupil.source_id, listed.praise.id) == (found, praise.id)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("Ana", "Which “Ana”? Ana Nowak, 3A (S1); Ana Pereira, 5B (S2). Add the form, or give the id."),
        ("Annna", "Did you mean Ana Nowak"),
        ("3A", "Nobody on roll is called “3A”"),
        ("", "Nobody on roll"),
    ],
)
async def test_which_one(room: Staffroom, written: str, sentence: str) -> None:
    with pytest.raises(errors.BadInput) as raised:
        await room.praise(written)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("Well " * 60, "characters; 200 are the most"),
        ("See https://example.com now", "There is a link"),
        ("Ring me on 07700 900123", "a number to ring"),
        ("She did well despite everything", "“despite” turns praise around"),
        ("Super work with her SEN teacher", "“SEN” is private"),
        ("She helped Zoë with her sums", "“Zoë” is somebody else's name"),
        ("She helped Grace with her sums", "“Grace” is somebody else's name"),  # a word, too
        ("Grace was glad of her help", "“Grace” is somebody else's name"),
    ],
)
async def test_what_does_not_belong_into_it(room: Staffroom, words: str, sentence: str) -> None:
    with pytest.raises(errors.BadInput, match=sentence):
        await room.praise("S1", "kindness", words)
    if "“" in sentence:
        await room.praise("S1", "kindness", words, sure=True)
        return
    with pytest.raises(errors.BadInput, match=sentence):
        await room.praise("S1", "kindness", words, sure=True)


async def test_what_is_plain_praise_is_taken_and_the_same_again_is_not(room: Staffroom) -> None:
    await room.praise("S1", "kind", "With grace she gave Ana's seat up, butter-fingers or not.")
    with pytest.raises(errors.Conflict, match="is waiting to go already, as praise"):
        await room.praise("S1", "kindness", "With grace she gave Ana's seat up, butter-fingers or not.")


@pytest.mark.parametrize(
    ("kind", "more", "sentence"),
    [("lateness", {}, "is no kind"), ("other", {}, "no sentence of ours"), ("effort", {"staff": " "}, "who praises")],
)
async def test_what_is_missing(room: Staffroom, kind: str, more: dict[str, str], sentence: str) -> None:
    with pytest.raises(errors.BadInput, match=sentence):
        await room.praise("S1", kind, **more)


async def test_attendance_is_held_against_the_register(room: Staffroom) -> None:
    with pytest.raises(errors.BadInput, match="Nobody knows from which day"):
        await room.praise("S1", "attendance")  # this calendar has no terms
    praise = await room.praise("S1", "attendance", since=date(2026, 11, 2))
    assert praise.since == date(2026, 11, 2)
    async with room.database.read() as session:
        (listed,) = await praising.listed(session)
    await room.mark(listed.pupil.id or 0, "I", day=date(2026, 11, 5))
    with pytest.raises(errors.BadInput, match=r"register of 05/11/2026 says otherwise \(I\)"):
        await room.praise("S1", "attendance", since=date(2026, 11, 3))
    assert (await room.praise("S1", "attendance", "Rain or shine.", since=date(2026, 11, 6))).since == date(2026, 11, 6)
    await room.kind_hour()
    (text,) = await room.messages()
    assert "since Friday 6 November" in text.body
    assert "2 November" not in text.body  # the register has spoken since it was praised
    assert [task.subject for task in await room.tasks("good_news.untrue")] == [f"praise:{praise.id}"]


def test_each_kind_has_a_sentence_that_stands_among_others() -> None:
    assert set(kinds.every()) - {kinds.OTHER} == phrases.phrases()["praise"].keys()
