"""What families prefer is kept at planning and asked again at the claim; by text, by the office; urgent news passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select
from support import school
from support.desk import definition

from channels.base import Medium
from gateway import chosen, errors, people
from gateway.audience import Listener
from gateway.models import MessageState, OptOut, Preference, Reply, Sender, Suppression, Wish
from gateway.preferences import arranging, topics, wishes
from gateway.privacy import belongings, erasing

if TYPE_CHECKING:
    from conftest import House

MUM, DAD, MAIL = "+447700900001", "+447700900002", "maria@example.com"
S = MessageState
BOTH = ["sms", "email"]


async def test_trips_by_email_only(house: House) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM, mail=MAIL)
    await house.prefer(mother, "trips", sms="off")
    [email, text] = sorted(await house.send(definition(topic="trips", media=BOTH)), key=lambda row: row.medium)
    assert (email.state, text.state, text.reason) == (S.QUEUED, S.SKIPPED, "by_email")
    [silent, moved] = sorted(
        await house.send(definition(topic="trips", key="2")), key=lambda row: row.medium, reverse=True
    )
    assert (silent.state, silent.reason) == (S.SKIPPED, "by_email")
    assert (moved.medium, moved.address, moved.remark) == (Medium.EMAIL, MAIL, arranging.BY_EMAIL)
    [text] = await house.send(definition(topic="menus", key="3"))
    assert (text.medium, text.state) == (Medium.SMS, S.QUEUED), "other topics come as they did"


async def test_nothing_moves_to_a_medium_that_the_school_does_not_have(house: House) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM, mail=MAIL)
    await house.prefer(mother, "trips", sms="off")
    async with house.database.write() as session:
        (await session.get_one(Sender, house.senders[Medium.EMAIL])).active = False
    with pytest.raises(errors.BadDefinition, match="wants no messages of this kind"):
        await house.send(definition(topic="trips"))


async def test_no_menus_at_all(house: House) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM, mail=MAIL)
    await house.prefer(mother, "menus", sms="off", email="off", voice="off")
    with pytest.raises(errors.BadDefinition, match="wants no messages of this kind"):
        await house.send(definition(topic="menus", media=BOTH))
    await house.parent(await school.pupil(house.database, "Ben"), phone=DAD)
    rows = await house.send(definition(topic="menus", media=BOTH))
    assert {row.reason for row in rows if row.contact_id == mother} == {"declined"}
    assert [row.address for row in rows if row.state is S.QUEUED] == [DAD]


@pytest.mark.parametrize("purpose", ["emergency", "safeguarding"])
async def test_what_is_urgent_passes_and_says_so(house: House, purpose: str) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM)
    await house.prefer(mother, "*", sms="off")
    await house.prefer(mother, "trips", sms="digest")
    [row] = await house.send(definition(purpose=purpose, topic="trips"))
    assert (row.state, row.remark) == (S.QUEUED, arranging.PREFERENCE_PASSED)
    assert len(await house.leave()) == 1
    [row] = await house.send(definition(purpose=purpose, key="2"))
    assert row.remark == arranging.PREFERENCE_PASSED


async def test_the_wall_asks_again(each_house: House) -> None:
    """Five hundred may be queued when a family texts STOP MENUS."""
    mother = await each_house.parent(await school.pupil(each_house.database), phone=MUM)
    father = await each_house.parent(await school.pupil(each_house.database, "Ben"), phone=DAD)
    rows = await each_house.send(definition(topic="menus"))
    fair = await each_house.send(definition(topic="clubs", key="clubs"))
    assert await each_house.texted("STOP MENUS", sender=MUM) == "topic:menus:stopped"
    await each_house.prefer(father, "*", sms="off")
    await each_house.prefer(father, "clubs", sms="at_once")
    claimed = {row["id"] for row in (await each_house.claim()).messages}
    assert claimed >= {row.id for row in fair}, "other topics, and one that he chose himself, leave"
    for row in rows:
        assert row.id not in claimed
        assert (await each_house.message(row.id)).reason == "declined"
    assert mother != father


@pytest.mark.parametrize("then", ["", "START MENUS", "the page"])
async def test_a_phones_own_stop_of_a_topic_outlasts_whoever_had_it(each_house: House, then: str) -> None:
    """Whoever is erased takes the number along; it comes back by an import, and by then may have said another word."""
    database = each_house.database
    mother = await each_house.parent(await school.pupil(database), phone=MUM)
    for words in ("STOP MENUS", "STOP CLUBS"):
        await each_house.texted(words, sender=MUM)
    async with database.write() as session:
        person = belongings.Person("contact", mother)
        planned = await erasing.plan(session, each_house.gateway, person)
        assert erasing.STAYS["opt_out"] in planned.stays
        await erasing.erase(session, each_house.gateway, person, by="office", why="")
        left = [*await session.scalars(select(Preference.address)), *await session.scalars(select(Suppression.digest))]
        assert MUM not in left
        assert len(left) == 3, "two topics, and that there are some"
    again = await each_house.parent(await school.pupil(database, "Ben"), phone=MUM)
    if then == "the page":
        await each_house.prefer(again, "menus", sms="at_once")
    elif then:
        assert await each_house.texted(then, sender=MUM) == "topic:menus:started"
    await each_house.parent(await school.pupil(database, "Cem"), phone=DAD)
    rows = [row for topic in ("menus", "clubs") for row in await each_house.send(definition(topic=topic, key=topic))]
    claimed = {row["id"] for row in (await each_house.claim()).messages}
    menus, clubs = [row.id for row in rows if row.contact_id == again]
    assert claimed >= {row.id for row in rows if row.address == DAD}
    assert (menus in claimed, clubs in claimed) == (bool(then), False)
    assert (await each_house.message(clubs)).reason == "declined"


async def test_the_wall_asks_of_what_handbell_itself_writes_too(house: House) -> None:
    """Praise has no topic, and can be declined all the same, as «other»."""
    ana = await school.pupil(house.database)
    mother = await house.parent(ana, phone=MUM)
    await house.prefer(mother, "other", sms="off")
    praise = definition(key="praise", purpose="good_news")
    async with house.database.write() as session:
        known = await people.load(session, today=house.gateway.today(), pupil_ids=[ana])
        sent = await chosen.send(session, house.gateway, praise, known, [Listener(mother, [ana])], author="handbell")
    assert (await house.claim()).messages == []
    assert (await house.message(sent.rows[0].message.id)).reason == "declined"


async def test_a_text_ends_one_topic_for_that_phone_and_brings_it_back(each_house: House) -> None:
    mother = await each_house.parent(await school.pupil(each_house.database), phone=MUM, written_language="pl")
    await each_house.prefer(mother, "menus", email="digest")
    assert await each_house.texted("Stop jadłospis.", sender=MUM) == "topic:menus:stopped"
    [sent] = await each_house.leave()
    assert (
        sent == "Oakfield: nie będziemy już wysyłać SMS-ów na temat: jadłospis. "
        "Aby znów je otrzymywać, prosimy odpisać UNSTOP jadłospis."
    )
    async with each_house.database.read() as session:
        assert (await session.scalars(select(OptOut))).all() == [], "STOP MENUS is no STOP"
        assert (await session.scalars(select(Reply))).all() == [], "it answers nothing about a child"
        rows = list(await session.scalars(select(Preference).where(Preference.address == MUM)))
    assert [(row.topic, row.medium, row.wish, row.contact_id) for row in rows] == [
        ("menus", Medium.SMS, Wish.OFF, None)
    ]
    with pytest.raises(errors.BadDefinition):
        await each_house.send(definition(topic="menus"))
    # Whoever gets the number next has not to undo it, and whoever shares it is spared too.
    await each_house.parent(await school.pupil(each_house.database, "Ben"), phone=MUM, name="Ivan")
    with pytest.raises(errors.BadDefinition):
        await each_house.send(definition(topic="menus"))
    assert await each_house.texted("UNSTOP jadłospis", sender=MUM) == "topic:menus:started"
    assert len(await each_house.send(definition(topic="menus"))) == 2
    assert {"preference.stopped", "preference.started", "preference.confirmed"} <= set(await each_house.deeds())


async def test_a_word_brings_back_what_the_office_had_noted(each_house: House) -> None:
    mother = await each_house.parent(await school.pupil(each_house.database), phone=MUM)
    await each_house.prefer(mother, "*", sms="off")
    await each_house.texted("UNSTOP trips", sender=MUM)
    assert [row.state for row in await each_house.send(definition(topic="trips"))] == [S.QUEUED]
    with pytest.raises(errors.BadDefinition):
        await each_house.send(definition(topic="menus", key="menus"))


async def test_plain_stop_still_stops_everything(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    assert await house.texted("STOP", sender=MUM) == "reply"
    async with house.database.read() as session:
        [stop] = await session.scalars(select(OptOut))
        assert stop.mandatory_too
        assert (await session.scalars(select(Preference))).all() == []
    with pytest.raises(errors.BadDefinition, match="Asked us to stop"):
        await house.send(definition())


async def test_one_who_cannot_make_up_their_mind_is_not_answered_for_ever(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    for _ in range(4):
        await house.texted("STOP MENUS", sender=MUM)
        await house.texted("UNSTOP MENUS", sender=MUM)
    assert len(await house.leave()) == 3  # answers.per_hour


async def test_of_two_who_share_a_phone_one_who_wants_it_gets_it(house: House) -> None:
    ana = await school.pupil(house.database)
    mother, father = await house.parent(ana, phone=MUM), await house.parent(ana, phone=MUM, name="Ivan")
    await house.prefer(mother, "menus", sms="off")
    sent = [row for row in await house.send(definition(topic="menus")) if row.state is S.QUEUED]
    assert [(row.contact_id, row.address) for row in sent] == [(father, MUM)]
    assert len(await house.leave()) == 1


async def test_of_two_who_share_a_phone_one_who_wants_the_digest_gets_it(house: House) -> None:
    ana = await school.pupil(house.database)
    mother, father = await house.parent(ana, phone=MUM), await house.parent(ana, phone=MUM, name="Ivan")
    await house.prefer(mother, "menus", sms="off")
    await house.prefer(father, "menus", sms="digest")
    sent = [row for row in await house.send(definition(topic="menus")) if row.state is S.QUEUED]
    assert [(row.contact_id, row.remark) for row in sent] == [(father, arranging.IN_DIGEST)]


async def test_a_choice_is_shown_and_can_be_taken_back(house: House) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM)
    await house.texted("STOP TRIPS", sender=MUM)
    await house.prefer(mother, "*", email="digest")
    await house.prefer(mother, "news", email="off")
    async with house.database.read() as session:
        chosen = await wishes.shown(session, mother)
    table = wishes.table(chosen, ["news", "trips", topics.OTHER])
    assert [table[key][Medium.EMAIL] for key in table] == [Wish.OFF, Wish.DIGEST, Wish.DIGEST]
    assert [(one.topic, one.address) for one in chosen if one.address] == [("trips", MUM)]
    await house.prefer(mother, "trips", sms="at_once")
    assert len(await house.send(definition(topic="trips"))) == 1, "the office's word ends what the phone said"
    with pytest.raises(errors.NotFound):
        await house.prefer(10_000, "trips", sms="off")
    with pytest.raises(errors.Conflict):
        await house.prefer(mother, "trips", voice="digest")


async def test_a_topic_that_is_none_is_refused_with_those_that_there_are(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    with pytest.raises(errors.BadDefinition, match="clubs, events, fundraising"):
        await house.send(definition(topic="football"))
