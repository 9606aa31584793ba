"""The language handshake: asked once, in English and in the likely language; only the family decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from support import desk, school
from support.desk import LOG, NOW, definition

from channels import base
from channels.base import Medium
from gateway import answers, context, deciding, guard, handshake, ids, intake, likely, notices, outbox, runs
from gateway.database import Database
from gateway.models import (
    Attempt,
    Audit,
    Contact,
    ContactPoint,
    Conversation,
    Message,
    MessageState,
    Notice,
    PointKind,
    Reply,
    Sender,
)
from gateway.models.types import core
from templates import choosing, segments, translations

MUM, DAD, OFFICE = "+447700900001", "+447700900002", "+441134960001"


async def family(database: Database, *, phone: str = MUM, home: str = "ur", **fields: Any) -> int:
    """A mother of whom nobody has asked what she reads; her child's home language is on file."""
    mother = await school.contact(database, fields.pop("name", "Saima"), **fields)
    await school.point(database, mother, phone)
    await school.tie(database, await school.pupil(database, home_language=home), mother, parental_responsibility=True)
    return mother


async def office(database: Database, medium: Medium = Medium.SMS) -> None:
    await school.add(database, Sender(channel=f"twilio-{medium}", medium=medium, address=OFFICE, rate=100, burst=100))


async def send(gateway: context.Gateway, **changes: Any) -> list[Message]:
    """Plan a notice, and give every text that there is."""
    async with gateway.database.write() as session:
        await notices.submit(session, gateway, definition(**changes), author="office")
    async with gateway.database.write() as session:
        wanted = definition(**changes)
        notice = (await session.scalars(select(Notice).where(Notice.key == wanted.key))).one()
        run = await runs.begin(session, gateway, notice, wanted, fire_at=gateway.now())
        await runs.advance(session, gateway, notice, wanted, run)
    return await messages(gateway.database)


async def messages(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(select(Message).order_by(col(Message.created_at), col(Message.id))))


def questions(found: list[Message]) -> list[Message]:
    return [one for one in found if one.slot.startswith(handshake.SLOT)]


async def leave(database: Database, found: list[Message], *, now: datetime = NOW, routine: int = 5) -> list[Message]:
    """What is due goes out; a question waits a moment for the text that it goes beside. Gives it in its order."""
    [sender] = {one.sender_id for one in found if one.sender_id}
    left = list[str]()
    for moment in (now, now + outbox.PUT_OFF):
        while (claim := await desk.claim(database, sender, now=moment, routine=routine)).messages:
            left += [row["id"] for row in claim.messages]
    return sorted([one for one in await messages(database) if one.id in left], key=lambda one: left.index(one.id))


async def texted(gateway: context.Gateway, body: str, *, sender: str = MUM, media: int = 0) -> None:
    at = gateway.now() + timedelta(minutes=1)  # by when what was sent has left
    reply = base.Reply(
        medium=Medium.SMS, sender=sender, to=OFFICE, body=body, event_id=ids.new_id(), at=at, media=media
    )  # fmt: skip
    async with gateway.database.write() as session:
        await intake.store(session, "twilio-sms", [reply], now=at)
    await intake.handle_waiting(gateway.database, log=LOG, answering=gateway.answering(), now=at)


async def contact(database: Database, contact_id: int) -> Contact:
    async with database.read() as session:
        return await session.get_one(Contact, contact_id)


async def test_asked_once_in_both_languages_and_answered_with_2(database: Database) -> None:
    await office(database)
    mother = await family(database)
    gateway = desk.gateway(database, desk.Clock(), drafts=True)
    found = await send(gateway)
    [question] = questions(found)
    assert question.body.startswith(
        "Oakfield: we can write to you in English or in \u2068اردو\u2069. Reply 1 for English"
    )
    assert "2" in question.body.splitlines()[-1]
    assert not question.body.splitlines()[-1].isascii()
    assert (question.address, question.keys, question.run_id, question.priority) == (MUM, "12", None, 3)
    await leave(database, found)
    assert len(questions(await send(gateway, key="second"))) == 1, "once and never again"

    await texted(gateway, "2")
    saima = await contact(database, mother)
    assert (saima.written_language, saima.spoken_language) == ("ur", "")
    assert saima.languages_confirmed_at is not None
    thanks = (await messages(database))[-1]
    assert thanks.language == "ur"
    assert not thanks.body.isascii()
    assert (question.words_state, thanks.words_state) == ("draft", "draft")
    async with database.read() as session:
        assert (await session.scalars(select(Reply))).all() == [], "it says nothing of a child"
        assert (await session.scalars(select(Conversation))).all() == []
        lines = list(await session.scalars(select(Audit.action)))
    assert {"contact.language_asked", "contact.languages_chosen"} <= set(lines)
    third = await send(gateway, key="third", text={"en": "Hello.", "ur": "سلام۔"})
    assert any(one.body.endswith("سلام۔") for one in third)


async def waits(database: Database) -> tuple[str, str]:
    """The one reply that a person has to read: its words, and the option it was taken for."""
    async with database.read() as session:
        [reply] = await session.scalars(select(Reply))
        [conversation] = await session.scalars(select(Conversation))
    assert conversation.waiting_since is not None
    return reply.body, reply.option


async def test_a_picture_that_came_with_the_choice_is_seen(database: Database) -> None:
    await office(database)
    mother = await family(database)
    gateway = desk.gateway(database, desk.Clock(), drafts=True)
    await leave(database, await send(gateway))
    await texted(gateway, "2", media=1)
    assert (await contact(database, mother)).written_language == "ur"
    assert await waits(database) == ("2", "")
    answered = [one for one in await messages(database) if one.slot.startswith(answers.SLOT)]
    assert [one.language for one in answered] == ["ur", "ur"], "thanks, and that nobody sees pictures"


async def test_who_shares_the_phone_by_now_has_chosen_nothing(sqlite_database: Database) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database)
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    await leave(sqlite_database, await send(gateway))
    await family(sqlite_database, name="Imran")  # the same phone
    await texted(gateway, "2")
    assert (await contact(sqlite_database, mother)).written_language == ""
    assert await waits(sqlite_database) == ("2", "")


async def test_who_has_the_number_by_now_has_chosen_nothing_for_whom_it_was(sqlite_database: Database) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database)
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    await leave(sqlite_database, await send(gateway))
    async with sqlite_database.write() as session:  # an import moves the number
        await session.execute(sa.delete(ContactPoint).where(col(ContactPoint.contact_id) == mother))
    other = await family(sqlite_database, name="Imran")
    await texted(gateway, "2")
    assert [(await contact(sqlite_database, one)).written_language for one in (mother, other)] == ["", ""]
    assert await waits(sqlite_database) == ("2", "")


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ("2)", "pt-PT"), ("(2)", "pt-PT"), ("2\ufe0f\u20e3", "pt-PT"), ("2 please", "pt-PT"), ("Reply 2", "pt-PT"),
        ("reply 2.", "pt-PT"), ("Português", "pt-PT"),
        ("portugues!", "pt-PT"), ("Portuguese please", "pt-PT"), ("English, thanks", "en"), ("1 pls", "en"),
        ("Polski", ""), ("2 of us", ""), ("Reply 3", ""), ("Please ring me", ""),
    ],
)  # fmt: skip
async def test_the_choice_in_words(sqlite_database: Database, said: str, reads: str) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database, home="pt-PT")
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    await leave(sqlite_database, await send(gateway))
    await texted(gateway, said)
    assert (await contact(sqlite_database, mother)).written_language == reads
    if not reads:
        assert await waits(sqlite_database) == (said, "")


@pytest.mark.parametrize(("days", "said", "option"), [(0, "2", ""), (0, "2 please", ""), (2, "2", "2")])
async def test_a_key_that_may_answer_the_question_or_a_newer_menu(
    sqlite_database: Database, days: int, said: str, option: str
) -> None:
    """As where a child is missing, and 2 says that it has an appointment."""
    await office(sqlite_database)
    mother = await family(sqlite_database)
    clock = desk.Clock()
    gateway = desk.gateway(sqlite_database, clock, drafts=True)
    await leave(sqlite_database, await send(gateway))
    clock.pass_(days=days, minutes=5)
    menu = {"options": [{"key": "1", "label": {"en": "ill"}}, {"key": "2", "label": {"en": "appointment"}}]}
    await leave(sqlite_database, await send(gateway, key="menu", replies=menu), now=clock())
    clock.pass_(minutes=5)
    await texted(gateway, said)
    assert (await contact(sqlite_database, mother)).written_language == ""
    async with sqlite_database.read() as session:
        [reply] = await session.scalars(select(Reply))
    assert reply.option == option
    if not option:
        assert await waits(sqlite_database) == (said, "")


MENU: dict[str, Any] = {
    "options": [{"key": "1", "label": {"en": "ill"}}, {"key": "2", "label": {"en": "an appointment"}}]
}


async def test_a_question_that_is_overtaken_by_a_menu_does_not_leave_and_is_asked_another_time(
    database: Database,
) -> None:
    """As where an absence is asked about while it waits behind the texts of a whole school."""
    await office(database)
    mother = await family(database)
    clock = desk.Clock()
    gateway = desk.gateway(database, clock, drafts=True)
    [question] = questions(await send(gateway))
    clock.pass_(minutes=2)
    found = await send(gateway, key="menu", purpose="safeguarding", replies=MENU)
    assert [one.keys for one in await leave(database, found, now=clock(), routine=0)] == ["12"]
    assert questions(await leave(database, found, now=clock())) == []
    async with database.read() as session:
        stopped = await session.get_one(Message, question.id)
    assert (stopped.state, stopped.reason) == (MessageState.SKIPPED, "another_menu")
    clock.pass_(minutes=3)
    await texted(gateway, "2")
    assert (await contact(database, mother)).written_language == ""
    assert len(questions(await send(gateway, key="soon"))) == 1, "the menu is open"
    clock.pass_(days=15)
    _, again = questions(await send(gateway, key="later"))
    assert again.contact_id == mother
    assert len(questions(await send(gateway, key="and"))) == 2, "once and never again"


async def test_a_question_and_a_menu_of_one_batch(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await family(sqlite_database)
    clock = desk.Clock()
    gateway = desk.gateway(sqlite_database, clock, drafts=True)
    found = await send(gateway)
    await leave(sqlite_database, found, now=clock() - timedelta(minutes=5))  # nothing is due yet
    clock.pass_(minutes=1)
    await send(gateway, key="menu", replies=MENU)
    assert [one.keys for one in await leave(sqlite_database, found, now=clock())] == ["", "12"]


async def test_whichever_left_first_a_key_of_both_is_for_a_person(sqlite_database: Database) -> None:
    """Two lanes may let both go at one moment: then no key of the question chooses a language."""
    await office(sqlite_database)
    mother = await family(sqlite_database)
    clock = desk.Clock()
    gateway = desk.gateway(sqlite_database, clock, drafts=True)
    await leave(sqlite_database, await send(gateway))
    await leave(sqlite_database, await send(gateway, key="menu", replies=MENU))
    async with sqlite_database.write() as session:
        [question] = questions(list(await session.scalars(select(Message))))
        late = sa.update(core(Attempt)).where(core(Attempt).c.message_id == question.id)
        await session.execute(late.values(begun_at=NOW + timedelta(minutes=5)))
    clock.pass_(minutes=9)
    await texted(gateway, "2")
    assert (await contact(sqlite_database, mother)).written_language == ""
    assert await waits(sqlite_database) == ("2", "")
    async with sqlite_database.read() as session:
        [reply] = await session.scalars(select(Reply))
    assert reply.run_id is not None, "it is looked at as what it may say of a child"


async def test_a_question_goes_only_if_its_text_went(database: Database) -> None:
    await office(database)
    mother = await family(database)
    gateway = desk.gateway(database, desk.Clock(), drafts=True)
    found = await send(gateway)
    async with database.write() as session:
        await notices.cancel(session, gateway, "fair", actor="office")
    assert await leave(database, found) == []
    [stopped] = questions(await messages(database))
    assert (stopped.state, stopped.reason) == (MessageState.SKIPPED, "not_beside")
    found = await send(gateway, key="second")
    text, question = await leave(database, found)
    assert (question.contact_id, question.in_reply_to) == (mother, text.id)
    assert len(questions(await messages(database))) == 2


async def test_a_question_beside_a_later_step_goes_with_it_or_not_at_all(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await office(sqlite_database, Medium.EMAIL)
    mother = await family(sqlite_database)
    await school.point(sqlite_database, mother, "saima@example.com", kind=PointKind.EMAIL, rank=2)
    clock = desk.Clock()
    gateway = desk.gateway(sqlite_database, clock, drafts=True)
    ladder = [{"media": ["email"]}, {"media": ["sms"], "after": "30m"}]
    found = [one for one in await send(gateway, media=[], ladder=ladder) if one.medium is Medium.SMS]
    async with sqlite_database.write() as session:
        email = core(Message).c.medium == Medium.EMAIL
        await session.execute(sa.update(core(Message)).where(email).values(state=MessageState.ACCEPTED))
    clock.pass_(minutes=31)
    assert len(found) == 2
    assert await leave(sqlite_database, found, now=clock()) == []


async def test_who_is_told_only_once_somebody_has_approved_is_asked_then(database: Database) -> None:
    await office(database)
    mother = await family(database)
    await family(database, phone=DAD, name="Jan", home="pl", written_language="pl")
    gateway = desk.gateway(database, desk.Clock(), drafts=True)
    held: dict[str, Any] = {"approval": {"required": True}}
    assert questions(await send(gateway, **held)) == []
    async with database.write() as session:
        await notices.approve(session, gateway, "fair", approver="Mrs Head")
    [question] = questions(await messages(database))
    assert (question.contact_id, question.state) == (mother, MessageState.QUEUED)
    assert [one.keys for one in await leave(database, await messages(database))] == ["", "", "12"]
    assert (await contact(database, mother)).languages_asked_at is not None


async def test_nobody_is_asked_beside_a_held_menu_or_an_emergency(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await family(sqlite_database)
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    for key, changes in {"one": {"replies": MENU}, "two": {"purpose": "emergency"}}.items():
        await send(gateway, key=key, approval={"required": True}, **changes)
        async with sqlite_database.write() as session:
            await notices.approve(session, gateway, key, approver="Mrs Head")
    assert questions(await messages(sqlite_database)) == []


async def test_english_is_a_choice_too_and_words_are_for_the_notice(sqlite_database: Database) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database)
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    found = await send(gateway)
    await leave(sqlite_database, found)
    await texted(gateway, "What time does it begin?")
    async with sqlite_database.read() as session:
        reply = (await session.scalars(select(Reply))).one()
    assert reply.message_id == next(one.id for one in found if not one.slot.startswith(handshake.SLOT))
    await texted(gateway, "1.")
    assert (await contact(sqlite_database, mother)).written_language == "en"


@pytest.mark.parametrize(
    ("why", "fields", "changes"),
    [
        ("reads a language already", {"written_language": "pl"}, {}),
        ("has chosen", {"languages_confirmed_at": NOW, "written_language": "en", "likely_language": "ur"}, {}),
        ("speaks English at home", {"home": "en"}, {}),
        ("a language that we have no words in", {"home": "yo"}, {}),
        ("an emergency", {}, {"purpose": "emergency"}),
        ("another question is asked", {}, {"replies": {"options": [{"key": "2", "label": {"en": "no"}}]}}),
        ("by email", {}, {"media": ["email"]}),
    ],
)
async def test_nobody_is_asked_who(
    sqlite_database: Database, why: str, fields: dict[str, Any], changes: dict[str, Any]
) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database, **fields)
    await office(sqlite_database, Medium.EMAIL)
    await school.point(sqlite_database, mother, "saima@example.com", kind=PointKind.EMAIL)
    found = await send(desk.gateway(sqlite_database, drafts=True), **changes)
    assert questions(found) == [], why
    assert (await contact(sqlite_database, mother)).languages_asked_at is None


async def test_nobody_is_asked_in_words_that_nobody_has_reviewed(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await family(sqlite_database)
    assert questions(await send(desk.gateway(sqlite_database, drafts=False))) == []


async def test_a_shared_phone_and_an_open_menu_are_left_alone(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await family(sqlite_database)
    await family(sqlite_database, name="Imran")  # the same phone
    third = await family(sqlite_database, phone=DAD, name="Omar")
    gateway = desk.gateway(sqlite_database, desk.Clock(), drafts=True)
    menu = {"options": [{"key": "1", "label": {"en": "coming"}}, {"key": "2", "label": {"en": "no"}}]}
    await send(gateway, replies=menu)
    assert questions(await send(gateway, key="second")) == []
    later = replace(gateway, now=lambda: NOW + likely.OPEN_FOR * 2)
    [question] = questions(await send(later, key="third"))
    assert question.contact_id == third


async def test_a_suggested_language_is_asked_for(sqlite_database: Database) -> None:
    await office(sqlite_database)
    await family(sqlite_database, home="", likely_language="pl", likely_because="reply")
    [question] = questions(await send(desk.gateway(sqlite_database, drafts=True)))
    assert "Polski" in question.body


@pytest.mark.parametrize("known", [{"also": ["prs"]}, {"hears": "pl"}])
async def test_who_has_said_something_else_is_still_asked_what_they_read(
    sqlite_database: Database, known: dict[str, Any]
) -> None:
    await office(sqlite_database)
    mother = await family(sqlite_database, home="", likely_language="ur", likely_because="writes in it")
    gateway = desk.gateway(sqlite_database, drafts=True)
    async with sqlite_database.write() as session:
        deed = deciding.Deed("Mrs Office", NOW, LOG)
        chosen = await deciding.choose_languages(session, mother, **({"reads": "", "hears": ""} | known), deed=deed)
        assert (chosen.languages_confirmed_at is None) == ("also" in known), "no import has a third language"
        assert chosen.likely_language == "ur"
    [question] = questions(await send(gateway))
    assert question.contact_id == mother


CLOSED: dict[str, Any] = {
    "template": "closure",
    "text": {},
    "values": {"date": "2026-11-24", "reason": "flood"},
    "media": ["voice"],
}


def calls(found: list[Message]) -> list[Message]:
    return [one for one in found if one.medium is Medium.VOICE]


async def pressed_0(gateway: context.Gateway, message: Message, *, times: int = 1) -> None:
    for _ in range(times):
        reply = base.Reply(
            medium=Medium.VOICE, sender=message.address, to=OFFICE, body="", event_id="CA1:language", at=gateway.now(),
            keys="0", in_reply_to=message.id,
        )  # fmt: skip
        async with gateway.database.write() as session:
            await intake.store(session, "twilio-voice", [reply], now=gateway.now())
    await intake.handle_waiting(gateway.database, log=LOG, answering=gateway.answering(), now=gateway.now())


class Voices:
    """A voice channel that speaks these languages; it is never asked to call."""

    name, medium = "twilio-voice", Medium.VOICE

    def __init__(self, *languages: str) -> None:
        self._languages = languages

    def speaks(self, locale: str) -> bool:
        return locale in self._languages

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def calling(database: Database, *languages: str) -> context.Gateway:
    channels: dict[str, Any] = {"twilio-voice": Voices(*languages)}
    return desk.gateway(database, desk.Clock(), channels=channels, drafts=True)


async def test_key_0_of_a_call_is_remembered(database: Database) -> None:
    await office(database, Medium.VOICE)
    mother = await family(database, home="pl")
    gateway = calling(database, "en", "pl")
    [call] = calls(await send(gateway, **CLOSED))
    assert call.language == "en"
    assert call.script is not None
    assert call.script["zero"]["locale"] == "pl"
    assert call.script["other"]["locale"] == "pl"
    assert "24 listopada" in call.script["other"]["body"]
    await pressed_0(gateway, call, times=2)
    maria = await contact(database, mother)
    assert (maria.spoken_language, maria.written_language) == ("pl", "")
    later = calls(await send(gateway, key="next", **CLOSED))[-1]
    assert later.language == "pl"
    assert later.script is not None
    assert later.script["other"]["locale"] == "en"


async def test_key_0_of_a_shared_phone_is_for_this_call_alone(sqlite_database: Database) -> None:
    await office(sqlite_database, Medium.VOICE)
    mother = await family(sqlite_database, home="pl")
    await family(sqlite_database, home="pl", name="Jan")  # the same phone
    gateway = calling(sqlite_database, "en", "pl")
    call = next(one for one in calls(await send(gateway, **CLOSED)) if one.script)
    await pressed_0(gateway, call)
    assert (await contact(sqlite_database, mother)).spoken_language == ""


async def test_key_0_is_for_a_person_where_no_voice_speaks_the_language(database: Database) -> None:
    await office(database, Medium.VOICE)
    mother = await family(database, home="", written_language="ur", spoken_language="ur")
    gateway = calling(database, "en", "pl")
    [call] = calls(await send(gateway, **CLOSED))
    assert (call.language, call.script and call.script["person"]) == ("en", True)
    assert call.script is not None
    assert call.script["zero"] == {"locale": "en", "text": "This message is in English. To speak to a person, press 0."}
    await pressed_0(gateway, call)
    async with database.read() as session:
        [reply] = await session.scalars(select(Reply))
        [conversation] = await session.scalars(select(Conversation))
    assert (reply.body, reply.keys) == ("By telephone key 0: would like to speak to somebody.", "0")
    assert reply.run_id is None, "whoever asks for a person has not answered"
    assert conversation.waiting_since is not None
    assert (await contact(database, mother)).spoken_language == "ur"


async def test_an_english_family_hears_of_no_key_0(sqlite_database: Database) -> None:
    await office(sqlite_database, Medium.VOICE)
    await family(sqlite_database, home="en", written_language="en")
    [call] = calls(await send(calling(sqlite_database, "en", "pl"), **CLOSED))
    assert call.script is not None
    assert not {"zero", "other", "person"} & call.script.keys()


@pytest.mark.parametrize("language", translations.languages_available()[1:])
def test_the_question_fits_and_names_its_key_in_every_language(language: str) -> None:
    asked = choosing.question(language, school="Oakfield Primary", school_phone="0113 496 0000")
    assert choosing.OWN_KEY in asked.splitlines()[-1]
    assert segments.count(asked).parts <= guard.MOST_PARTS
    assert "0" in choosing.press(language, "0")
    assert choosing.offered(language, drafts=True)
    assert not choosing.offered("en", drafts=True)
