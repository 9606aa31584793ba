"""Answers by every way and in several languages: digits, words, keys in a call, email; and what is no answer."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest
import sqlalchemy as sa
from support.evenings import PLAIN, TIMES, Evening

from channels.base import Medium
from gateway import optout
from gateway.database import Database
from gateway.events import offers, understanding
from gateway.models import AbsenceHeard, Reply
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
