"""Answers by every way and in several languages: digits, words, keys in a call, email; and what is no answer."""

from __future__ import annotations

import tomllib
from datetime import time
from importlib import resources

import pytest
import sqlalchemy as sa
from support.evenings import PLAIN, TIMES, Evening

from channels.base import Medium
from gateway import attachments, optout, outbox
from gateway.database import Database
from gateway.events import offers, understanding
from gateway.models import AbsenceHeard, Guardianship, MessageState, Reply
from templates import library, translations

MUM, DAD, AUNT = "+447700900101", "+447700900102", "+447700900103"
LANGUAGES = sorted(tomllib.loads((resources.files("gateway.events") / "words.toml").read_text("utf-8")))


@pytest.fixture
async def evening(sqlite_database: Database) -> Evening:
    return await Evening(sqlite_database).open()


async def replies(evening: Evening) -> list[Reply]:
    async with evening.database.read() as session:
        return list(await session.scalars(sa.select(Reply)))


@pytest.mark.parametrize(
    ("language", "words", "state", "answered"),
    [
        ("pl", "Niestety nie możemy przyjść", "not_coming", "dziękujemy"),
        ("ur", "جی ہاں", "coming", "شکریہ"),
        ("ro", "Da, venim", "coming", "mulțumim"),
        ("so", "Ma imaan karo, mahadsanid", "not_coming", "mahadsanid"),
        ("bn", "আসতে পারব না", "not_coming", "ধন্যবাদ"),
        ("tr", "Geleceğiz, teşekkürler", "coming", "teşekkür"),
    ],
)
async def test_words_in_their_language_are_answered_in_it(
    evening: Evening, language: str, words: str, state: str, answered: str
) -> None:
    await evening.family(MUM, written_language=language, spoken_language=language)
    await evening.invite()
    await evening.answer(MUM, words)
    assert await evening.states() == {"Ana": state}
    assert answered in (await evening.said(MUM))[-1]
    assert (await replies(evening))[0].settled.startswith("understood")


async def test_keys_in_a_call_and_a_time_that_has_gone_is_told_by_text(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite(TIMES, media=["voice", "sms"])
    calls = [next(one for one in await evening.messages(who) if one.medium is Medium.VOICE) for who in (MUM, DAD)]
    assert "3:40pm, press 2" in str((calls[0].script or {})["menu"])
    await evening.answer(MUM, keys="2", to=calls[0])
    texts = len(await evening.said(MUM))
    await evening.answer(DAD, keys="2", to=calls[1])
    assert await evening.states() == {"Ana": "coming", "Ben": "invited"}
    assert len(await evening.said(MUM)) == texts, "the caller was thanked in the call"
    assert "that time has just been taken" in (await evening.messages(DAD))[-1].body


async def test_an_email_is_answered_by_email(evening: Evening) -> None:
    await evening.family(MUM, mail="maria@example.com")
    await evening.invite(media=["email"])
    [email] = await evening.messages("maria@example.com")
    assert "You can also answer on this page: https://bell.example.com/e/1/1/" in email.body
    await evening.answer("maria@example.com", "We'll be there!", to=email)
    assert await evening.states() == {"Ana": "coming"}
    answer = (await evening.messages("maria@example.com"))[-1]
    assert answer.subject.startswith("Re: ")
    assert "thank you, we have your answer: coming." in answer.body


async def test_an_interpreter_is_asked_for_by_digit_or_words_and_the_office_has_the_list(evening: Evening) -> None:
    await evening.family(MUM, written_language="pl", spoken_language="pl")
    await evening.family(DAD, "Ben")
    await evening.family(AUNT, "Cai", interpreter=True, spoken_language="ur")
    await evening.invite()
    assert "3 " in (await evening.said(MUM))[0]
    assert "Reply 1 for coming or 2 for not coming." in (await evening.said(DAD))[0]
    await evening.answer(MUM, "3")
    await evening.answer(DAD, "we will come and need an interpreter")
    assert await evening.states() == {"Ana": "invited", "Ben": "coming", "Cai": "invited"}
    assert (await evening.whole()).interpreters == {
        "Polish": ["Maria Example"], "Urdu": ["Maria Example"], "language unknown": ["Maria Example"]
    }  # fmt: skip
    [task] = await evening.tasks("event.interpreter")
    assert task.what == "Families who need an interpreter at “Parents' evening”: 3."


async def test_what_a_person_must_read_is_left_to_one(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite()
    for words in ("Perhaps, not sure yet", "He never got to school, I can't find him!", "Who is Mrs Patel?", "7"):
        await evening.answer(MUM, words)
    assert await evening.states() == {"Ana": "invited"}
    assert [one.settled for one in await replies(evening)] == ["", "", "", ""]


async def test_a_question_beside_an_answer_still_waits_for_a_person(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite()
    await evening.answer(MUM, "We will come. Is there parking?")
    assert await evening.states() == {"Ana": "coming"}
    [reply] = await replies(evening)
    assert reply.settled == ""


async def test_an_answer_to_an_invitation_says_nothing_of_an_absence(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite()
    await evening.answer(MUM, "Sorry, we can't come, I am ill")
    async with evening.database.read() as session:
        [heard] = await session.scalars(sa.select(AbsenceHeard))
    assert heard.outcome == "event"


@pytest.mark.parametrize(
    ("words", "meaning", "clock", "digit"),
    [
        ("I can't do 3.50pm", "", None, ""),
        ("We can come, but not at 3.50", "", None, ""),
        ("Is 3.50 free?", "", None, ""),
        ("Anything after 3.50 please", "", None, ""),
        ("Is dad coming?", "", None, ""),
        ("Will they be coming home late", "", None, ""),
        ("I see you have the wrong number", "", None, ""),
        ("We will come, is there parking?", "coming", None, ""),
        ("Can we have 15:50 please?", "", time(15, 50), ""),
        ("We can come at 3.50pm", "coming", time(15, 50), ""),
        ("2 please, thanks", "", None, "2"),
        ("Option 2 pls", "", None, "2"),
        ("Not 2", "", None, ""),
        ("1 or 2", "", None, ""),
    ],
)
def test_a_time_is_chosen_only_where_nothing_else_is_said_of_it(
    words: str, meaning: str, clock: time | None, digit: str
) -> None:
    found = understanding.read(words, language="en")
    assert (found.meaning, found.clock, found.digit) == (meaning, clock, digit)


async def test_a_time_that_does_not_suit_is_not_booked_and_a_digit_may_stand_among_polite_words(
    evening: Evening,
) -> None:
    await evening.family(MUM)
    await evening.invite(TIMES)
    await evening.answer(MUM, "Sorry, I can't do 3.50pm")
    assert await evening.states() == {"Ana": "invited"}
    assert [one.settled for one in await replies(evening)] == [""]
    await evening.answer(MUM, "Number 2 please")
    assert [one.taken for one in (await evening.whole()).slots] == [0, 1, 0]


async def test_who_was_barred_since_does_not_answer_for_the_household(evening: Evening) -> None:
    mum, dad = await evening.parent(MUM), await evening.parent(DAD, "Jan")
    await evening.child("Ana", mum, dad)
    await evening.invite(TIMES)
    async with evening.database.write() as session:
        await session.execute(sa.update(Guardianship).where(sa.column("contact_id") == dad).values(no_contact=True))
    await evening.answer(DAD, "1")
    await evening.answer(DAD, "We can't come")
    assert await evening.states() == {"Ana": "invited"}
    await evening.answer(MUM, "1")
    assert await evening.states() == {"Ana": "coming"}


async def test_an_answer_to_a_text_that_had_to_go_twice_is_heard(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(TIMES)
    [first] = await evening.messages(MUM)
    async with evening.database.write() as session:
        given = {
            "sender_id": first.sender_id or 0,
            "due_at": evening.clock.now,
            "only_if": "",
            "now": evening.clock.now,
        }
        assert await outbox.copy(session, first, new_id="copy", **given)
        first.state = MessageState.FAILED
        session.add(first)
    await evening.turn()
    await evening.answer(MUM, "2")
    assert [one.taken for one in (await evening.whole()).slots] == [0, 1, 0]


async def test_the_mail_that_confirms_a_time_brings_it_for_the_calendar_and_takes_it_out_again(
    evening: Evening,
) -> None:
    await evening.family(MUM, mail="maria@example.com")
    await evening.invite(TIMES, media=["email"])
    files = attachments.Files(evening.database, school="Oakfield", now=evening.clock)
    [invited] = await evening.messages("maria@example.com")
    assert await files.of(invited.model_dump()) == ()
    found = []
    for words in ("2", "Sorry, we can't come after all"):
        await evening.answer("maria@example.com", words, to=invited)
        [file] = await files.of((await evening.messages("maria@example.com"))[-1].model_dump())
        found.append(file)
    assert b"DTSTART:20261208T154000Z" in found[0].content
    assert (b"SEQUENCE:1" in found[0].content, b"SEQUENCE:2" in found[1].content) == (True, True)
    assert b"STATUS:CANCELLED" in found[1].content


async def test_who_asks_for_silence_has_not_answered(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.family(DAD, "Ben")
    await evening.invite()
    await evening.answer(MUM, "Cancel")
    await evening.answer(DAD, "STOP")
    assert await evening.states() == {"Ana": "invited", "Ben": "invited"}


async def test_an_answer_counts_until_the_event_begins(evening: Evening) -> None:
    await evening.family(MUM)
    await evening.invite(PLAIN | {"starts": "2027-01-20T17:00:00", "ends": None, "remind": "0s"})
    await evening.pass_(days=50)
    await evening.answer(MUM, "1")
    assert await evening.states() == {"Ana": "coming"}
    await evening.pass_(days=9)
    await evening.answer(MUM, "2")
    assert await evening.states() == {"Ana": "coming"}, "too late"


def test_no_answer_word_is_one_on_which_a_network_acts() -> None:
    data = tomllib.loads((resources.files("gateway.events") / "words.toml").read_text("utf-8"))
    for language, sections in data.items():
        for section, words in sections.items():
            for word in words:
                keyword = optout.read(word).keyword
                assert keyword is None or (section, word) == ("yes", "yes"), (language, word)
    for tag in translations.languages_available():
        for what in (offers.COMING, offers.NOT_COMING, offers.NO_TIME, offers.INTERPRETER):
            label = offers.said(what, [tag])[tag]
            assert optout.read(label).keyword is None, (tag, label)
            assert label.upper() not in library.KEYWORDS


@pytest.mark.parametrize("word", sorted(library.KEYWORDS - {"YES"}))
def test_an_opt_out_word_is_never_understood_as_an_answer(word: str) -> None:
    assert understanding.read(word).meaning == ""
    assert understanding.read(word.lower()).meaning == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_means_what_its_list_says(language: str) -> None:
    """In the language on file, alone: so no list has a word that another of its lists takes."""
    data = tomllib.loads((resources.files("gateway.events") / "words.toml").read_text("utf-8"))[language]
    for section in ("yes", "no", "coming", "not_coming", "no_time"):
        meaning = {"yes": "coming", "no": "not_coming"}.get(section, section)
        for phrase in data[section]:
            assert understanding.read(phrase, language=language).meaning == meaning, phrase
    for no in data["no"] + data["negation"]:
        for coming in data["coming"]:
            assert understanding.read(f"{no} {coming}", language=language).meaning != "coming", (no, coming)
    for phrase in data["interpreter"]:
        assert understanding.read(phrase, language=language).interpreter, phrase
    for phrase in data["maybe"]:
        for coming in data["coming"]:
            assert understanding.read(f"{phrase} {coming}", language=language).meaning == "", phrase
