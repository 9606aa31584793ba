"""The question below good news: to whom it is put and to whom never, and who is asked in a message of its own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlmodel import select
from support import school
from support.desk import LOG
from support.household import DAD, MUM, PRAISE, House, mailbox

from channels.base import Medium
from gateway.freshness import nagging
from gateway.models import Contact, ContactPoint, LineType, Message, PointState, Reply, Wish
from gateway.preferences import wishes

MENU = {
    "purpose": "service", "key": "trip", "text": {"en": "May {children} come along?"},
    "replies": {"options": [{"key": "1", "label": {"en": "coming"}}, {"key": "2", "label": {"en": "not coming"}}]},
}  # fmt: skip


async def keys(house: House) -> str:
    """Of five good news, the menus that came with them."""
    return "".join([(await house.praise()).keys for _ in range(5)])


async def test_never_beside_another_question(sqlite_house: House) -> None:
    house = sqlite_house
    await house.send(**MENU)
    assert await keys(house) == ""
    house.clock.pass_(days=15)
    assert (await house.praise()).keys == "12", "when nobody can answer that any more"


async def test_never_on_a_phone_that_two_share(sqlite_house: House) -> None:
    house = sqlite_house
    await school.point(house.database, house.father, MUM)
    assert await keys(house) == ""
    assert MUM not in {one.address for one in await house.questions()}


async def test_of_two_who_press_at_once_one_asks(house: House) -> None:
    async def ask() -> bool:
        async with house.database.write() as session:
            return await nagging.ask_now(session, house.gateway, house.mother, by="office:Jo")

    found = await asyncio.gather(*[ask() for _ in range(4)], return_exceptions=True)
    assert sorted(str(one) for one in found) == sorted(["True", *["They were asked today already."] * 3])


async def test_in_the_language_of_the_family_and_of_the_good_news(sqlite_house: House) -> None:
    house = sqlite_house
    async with house.database.write() as session:
        mother = await session.get_one(Contact, house.mother)
        mother.written_language = "pl"
        session.add(mother)
    *_, last = [await house.praise() for _ in range(5)]
    assert last.language == "pl"
    assert "Is this still" not in last.body
    assert last.keys == "12"


async def test_below_an_email_above_its_footer(sqlite_house: House) -> None:
    house = sqlite_house
    await mailbox(house, house.mother)
    for _ in range(5):
        found = await house.send(**{**PRAISE, "media": ["email"]})
    [mail] = [one for one in found if one.address == "maria@example.com"]
    assert mail.body.index("best email address") < mail.body.index("To stop emails")
    await house.hears("1", sender="maria@example.com", medium=Medium.EMAIL)
    [box] = [one for one in (await house.points(house.mother)).values() if one.kind == "email"]
    assert box.confirmed_at is not None


async def test_a_key_after_an_absence_question_may_be_ours_and_is_read_by_a_person(sqlite_house: House) -> None:
    """«1» would explain a missing child by illness, where the parent says that the number is right."""
    house = sqlite_house
    assert await keys(house) == "12"
    await house.send(**MENU)
    await house.hears("1")
    [reply] = await house.all(Reply)
    assert (reply.option, await house.waiting()) == ("", ["1"])


async def test_asked_once_in_a_while_and_never_with_the_setting_off(sqlite_house: House) -> None:
    house = sqlite_house
    assert [(await house.praise()).keys for _ in range(7)] == ["", "", "", "", "12", "", ""]
    house.change(ask_every=0)
    house.clock.pass_(days=15)
    assert [(await house.praise()).keys for _ in range(7)] == [""] * 7


async def test_wrong_number_in_answer_to_it(sqlite_house: House) -> None:
    house = sqlite_house
    assert await keys(house) == "12"
    await house.hears("sorry, you have the wrong number")
    assert (await house.point(house.phone)).state is PointState.WRONG
    assert await house.waiting() == []
    assert "number" in await house.tasks()


async def silence(house: House) -> None:
    """Handbell has written for half a year, and nothing was ever heard."""
    await house.send()
    async with house.database.write() as session:
        for one in (await session.scalars(select(ContactPoint))).all():
            one.state, one.last_good_at = PointState.UNPROVEN, None
            session.add(one)
    house.clock.pass_(days=200)


async def nags(house: House) -> list[Message]:
    return [one for one in await house.messages() if one.slot and "still the right" in one.body]


async def test_a_nag_only_when_all_else_is_silent_and_once_a_term(house: House) -> None:
    await house.slow_turn()
    assert await nags(house) == [], "on the day when a school begins, everybody is silent"
    await silence(house)
    await mailbox(house, house.father, "ivan@example.com")
    await house.hears("hello", sender="ivan@example.com", medium=Medium.EMAIL)
    await house.slow_turn(processes=3)
    [text] = await nags(house)
    assert (text.address, text.keys, text.purpose) == (MUM, "12", "service"), "something was heard of the father"
    await house.leave()
    house.clock.pass_(days=3)
    await house.slow_turn()
    assert len(await nags(house)) == 1
    await house.hears("1")
    assert (await house.point(house.phone)).confirmed_at is not None
    house.clock.pass_(days=95)
    await house.slow_turn()
    assert len(await nags(house)) == 1, "it was confirmed three months ago"


async def test_a_landline_is_asked_by_a_call_and_answers_by_a_key(sqlite_house: House) -> None:
    house = sqlite_house
    async with house.database.write() as session:
        point = await session.get_one(ContactPoint, house.phone)
        point.line_type = LineType.LANDLINE
        session.add(point)
    await silence(house)
    await house.slow_turn()
    [call] = [one for one in await nags(house) if one.address == MUM]
    assert call.medium is Medium.VOICE
    await house.leave()
    await house.hears("", medium=Medium.VOICE, keys="1", to_message=call.id)
    assert (await house.point(house.phone)).confirmed_at is not None


async def test_no_nag_at_night_or_on_a_sunday(sqlite_house: House) -> None:
    house = sqlite_house
    await silence(house)
    for span in (timedelta(hours=-6), timedelta(days=5), timedelta(days=6, hours=11)):
        house.clock.now += span
        async with house.database.read() as session:
            local = house.clock().astimezone(house.gateway.timezone)
            expected = local.weekday() < 5 and 10 <= local.hour < 16
            assert await nagging.is_due(session, house.gateway) is expected
        house.clock.now -= span


async def test_never_in_a_digest_where_no_key_could_be_its_answer(sqlite_house: House) -> None:
    house = sqlite_house
    async with house.database.write() as session:
        wish = {Medium.SMS: Wish.DIGEST}
        await wishes.choose(session, house.mother, "*", wish, by="office", log=LOG, now=house.clock())
    for _ in range(6):
        await house.send(**PRAISE)
    assert {one.keys for one in await house.to(MUM)} == {""}
    assert MUM not in {one.address for one in await house.questions()}


async def test_who_pressed_the_wrong_key_answers_again(sqlite_house: House) -> None:
    house = sqlite_house
    assert await keys(house) == "12"
    await house.hears("1")
    assert (await house.point(house.phone)).confirmed_at is not None
    await house.hears("2")
    assert (await house.point(house.phone)).confirmed_at is None, "the latest counts, however much later"
    assert "number" in await house.tasks()
    await house.hears("1")
    assert (await house.point(house.phone)).confirmed_at is not None
    await house.turn()
    assert [one.answer for one in await house.questions() if one.address == MUM] == ["confirmed"]


async def test_whoever_cannot_be_asked_does_not_stand_before_those_who_can(sqlite_house: House) -> None:
    house = sqlite_house
    for pair in range(6):  # more than are asked at once: each phone is shared, so nobody could say who answered
        for name in ("Ann", "Bob"):
            one = await school.contact(house.database, name)
            await school.point(house.database, one, f"+4477009002{pair:02d}")
            await school.tie(house.database, house.child, one, parental_responsibility=True)
    dead = await school.contact(house.database, "Late", deceased=True)
    zoe = await school.contact(house.database, "Zoe")
    for one, address in ((dead, "+447700900298"), (zoe, "+447700900299")):
        await school.point(house.database, one, address)
        await school.tie(house.database, house.child, one, parental_responsibility=True)
    await silence(house)
    for sender in (MUM, DAD):
        await house.hears("hello", sender=sender)
    await house.slow_turn()
    assert {one.address for one in await nags(house)} == {"+447700900299"}
    async with house.database.read() as session:
        assert not await nagging.is_due(session, house.gateway), "nobody is left who could be asked"
