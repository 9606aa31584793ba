"""A family says that its number has changed: asked, proposed, proved, approved, told, contested."""

from __future__ import annotations

import re

import pytest
from support import school
from support.household import DAD, MUM, NEW, House, mailbox

from channels.base import Medium
from gateway import audit, errors
from gateway.freshness import approving, letters
from gateway.models import Contact, ContactPoint, DetailState, LineType, PointKind, PointState
from gateway.one_person import joining


def code_in(body: str) -> str:
    found = re.search(r"\b\d{6}\b", body)
    assert found, body
    return found[0]


async def asked_and_changed(house: House) -> None:
    for _ in range(5):
        await house.praise()
    await house.hears("2")
    await house.hears("my number is 07700 900123")
    await house.leave()


async def approve(house: House, **how: bool) -> None:
    [row] = [one for one in await house.details() if one.open_key]
    async with house.database.write() as session:
        await approving.approve(session, house.gateway, row.id, by="Mrs Okafor", **how)
    await house.leave()


async def test_the_fifth_good_news_asks_and_1_confirms(house: House) -> None:
    found = [await house.praise() for _ in range(5)]
    assert [one.keys for one in found] == ["", "", "", "", "12"]
    assert found[-1].body.endswith("Is this still the best number for you? Reply 1 for yes or 2 if it has changed.")
    assert found[-1].parts > found[0].parts
    assert len(await house.questions()) == 2, "the father was asked too, about his own"
    before = (await house.point(house.phone)).confirmed_at
    await house.hears("1")
    assert before is None
    assert (await house.point(house.phone)).confirmed_at is not None
    assert (await house.point(house.other_phone)).confirmed_at is None
    assert await house.waiting() == []
    assert [(await house.praise()).keys for _ in range(6)] == [""] * 6, "confirmed a moment ago"


async def test_a_new_number_is_proved_approved_and_the_old_one_told(house: House) -> None:
    await mailbox(house, house.mother)
    await asked_and_changed(house)
    assert "number" in await house.tasks(), "the office knows, should they tell no new one"
    [row] = await house.details()
    assert (row.state, row.address, row.replaces, row.old_point_id) == (DetailState.WAITING, NEW, True, house.phone)
    [text] = await house.to(NEW)
    for name in ("Ana", "Maria", "Example"):
        assert name not in text.body, "nothing of the child: it may be a stranger's"
    assert text.contact_id is None

    await house.hears(code_in(text.body), sender=NEW)
    [row] = await house.details()
    assert (row.state, row.tries) == (DetailState.PROVED, 0)
    assert NEW not in await house.points(house.mother), "the office decides"
    assert await house.waiting() == []

    await approve(house)
    now = await house.points(house.mother)
    assert (now[NEW].state, now[NEW].rank, now[NEW].line_type) == (PointState.WORKING, 1, LineType.MOBILE)
    assert now[NEW].confirmed_at is not None
    assert now[MUM].state is PointState.WRONG
    for told in (MUM, "maria@example.com"):
        [text] = await house.to(told, letters.TOLD)
        assert "reply NO" in text.body
        assert text.state == "delivered", "the wall lets it through"
    assert (await house.point(house.other_phone)).rank == 1, "the other parent's details are not touched"
    last = await house.send()
    assert sorted(one.address for one in last if one.body) == [DAD, NEW]
    async with house.database.read() as session:
        lines = await audit.lines_about(session)
    assert {"details.proposed", "details.code_sent", "details.proved", "details.approved"} <= {x.action for x in lines}
    assert not any(NEW in line.body or MUM in line.body for line in lines)


async def test_no_puts_the_old_number_back(house: House) -> None:
    await asked_and_changed(house)
    await house.hears(code_in((await house.to(NEW))[0].body), sender=NEW)
    await approve(house)
    await house.hears("No! That was not me")
    [row] = await house.details()
    assert row.state is DetailState.CONTESTED
    now = await house.points(house.mother)
    assert (now[NEW].state, now[NEW].confirmed_at) == (PointState.WRONG, None)
    assert now[MUM].state is PointState.WORKING
    assert now[MUM].rank < now[NEW].rank
    assert "details.contested" in await house.tasks()
    assert await house.waiting() == []


async def test_no_puts_the_old_number_back_also_where_two_contacts_are_one_by_now(sqlite_house: House) -> None:
    """The other had the old number, too: of the two rows of it one is no more."""
    house = sqlite_house
    await asked_and_changed(house)
    await house.hears(code_in((await house.to(NEW))[0].body), sender=NEW)
    await approve(house)
    async with house.database.write() as session:
        kept = Contact(source_id="C77", forename="Maria")
        session.add(kept)
        await session.flush()
        session.add(ContactPoint(contact_id=kept.id or 0, kind=PointKind.PHONE, address=MUM))
        await session.flush()
        log, now = house.gateway.log, house.clock.now
        await joining.merge(session, kept.id or 0, house.mother, by="Mrs Okafor", log=log, now=now)
    assert (await house.points(kept.id or 0))[MUM].state is PointState.WRONG
    await house.hears("No! That was not me")
    found = await house.points(kept.id or 0)
    assert (found[MUM].state, found[NEW].state) == (PointState.WORKING, PointState.WRONG)


async def test_three_wrong_codes_end_it_and_a_right_one_comes_too_late(sqlite_house: House) -> None:
    house = sqlite_house
    await asked_and_changed(house)
    code = code_in((await house.to(NEW))[0].body)
    for wrong in ("111111", "222222", "333333"):
        await house.hears(wrong, sender=NEW)
    await house.hears(code, sender=NEW)
    [row] = await house.details()
    assert (row.state, row.tries) == (DetailState.FAILED, 3)
    assert "details" in await house.tasks()
    with pytest.raises(errors.Conflict, match="Nothing proves"):
        await approve(house)


async def test_a_code_expires(sqlite_house: House) -> None:
    house = sqlite_house
    await asked_and_changed(house)
    code = code_in((await house.to(NEW))[0].body)
    house.clock.pass_(hours=25)
    await house.turn()
    await house.hears(code, sender=NEW)
    [row] = await house.details()
    assert row.state is DetailState.EXPIRED
    await approve(house, unproved=True)
    assert (await house.points(house.mother))[NEW].state is PointState.UNPROVEN


async def test_the_code_may_come_from_the_old_number_and_from_nobody_else(sqlite_house: House) -> None:
    house = sqlite_house
    await asked_and_changed(house)
    code = code_in((await house.to(NEW))[0].body)
    await house.hears(code, sender=DAD)
    await house.hears(code, sender="+447700900777")
    assert [row.state for row in await house.details()] == [DetailState.WAITING]
    await house.hears(code, sender=MUM)
    assert [row.state for row in await house.details()] == [DetailState.PROVED]


@pytest.mark.parametrize(
    ("body", "sender"),
    [
        ("my number is 07700 900123", "+447700900777"),  # nobody knows who that is
        ("please call me on 07700 900123", MUM),  # says nothing of whose number it is
        ("my number is 07700 900123 or 07700 900124", MUM),
        ("my number is 07700 900001", MUM),  # as on file
        ("my number is 07700 90012", MUM),
    ],
)
async def test_nothing_is_proposed(sqlite_house: House, body: str, sender: str) -> None:
    await sqlite_house.hears(body, sender=sender)
    assert await sqlite_house.details() == []
    assert await sqlite_house.waiting() == [body], "a person reads it"


async def test_nothing_is_proposed_from_a_phone_that_two_share(sqlite_house: House) -> None:
    await school.point(sqlite_house.database, sqlite_house.father, MUM)
    await sqlite_house.hears("my number is 07700 900123")
    assert await sqlite_house.details() == []


@pytest.mark.parametrize(
    ("body", "address", "kind"),
    [
        ("Hi, my new number is 07700 900123. Thanks", NEW, PointKind.PHONE),
        ("mój numer to +44 7700 900123", NEW, PointKind.PHONE),
        ("میرا نمبر ۰۷۷۰۰۹۰۰۱۲۳", NEW, PointKind.PHONE),
        ("my email is Maria.New@Example.com", "maria.new@example.com", PointKind.EMAIL),
    ],
)
async def test_unasked_it_becomes_one_more_way(sqlite_house: House, body: str, address: str, kind: PointKind) -> None:
    house = sqlite_house
    await house.hears(body)
    await house.leave()
    [row] = await house.details()
    assert (row.address, row.kind, row.replaces) == (address, kind, False)
    [text] = await house.to(address)
    medium = Medium.EMAIL if kind is PointKind.EMAIL else Medium.SMS
    await house.hears(code_in(text.body), sender=address, medium=medium)
    await approve(house)
    now = await house.points(house.mother)
    assert now[address].confirmed_at is not None
    assert (now[address].rank, now[MUM].state) == (1, PointState.WORKING), "both are used, the new one first"


async def test_words_about_a_child_are_read_all_the_same(sqlite_house: House) -> None:
    body = "my new number is 07700 900123. Can you tell me when the trip is?"
    await sqlite_house.hears(body)
    assert len(await sqlite_house.details()) == 1
    assert await sqlite_house.waiting() == [body]


async def test_no_code_goes_to_somebody_who_is_barred(sqlite_house: House) -> None:
    house = sqlite_house
    barred = await school.contact(house.database, "Uncle")
    await school.point(house.database, barred, NEW)
    await school.tie(house.database, house.child, barred, no_contact=True)
    await house.hears("my new number is 07700 900123")
    assert await house.to(NEW) == []
    [row] = await house.details()
    assert row.state is DetailState.PROPOSED
    with pytest.raises(errors.Conflict, match="must not be contacted"):
        await approve(house, unproved=True)


async def test_a_landline_cannot_be_proved_by_text(sqlite_house: House) -> None:
    await sqlite_house.hears("my new number is 0113 496 0123")
    [row] = await sqlite_house.details()
    assert (row.state, row.line_type) == (DetailState.PROPOSED, LineType.LANDLINE)
    await approve(sqlite_house, unproved=True)
    assert (await sqlite_house.points(sqlite_house.mother))["+441134960123"].line_type is LineType.LANDLINE


async def test_refused_is_refused_and_said_twice_is_proposed_once(sqlite_house: House) -> None:
    house = sqlite_house
    await house.hears("my new number is 07700 900123")
    await house.hears("my new number is 07700 900123")
    waiting = [one for one in await house.details() if one.open_key]
    assert len(waiting) == 1
    async with house.database.write() as session:
        await approving.refuse(session, house.gateway, waiting[0].id, by="Mr Reilly", why="not hers")
    assert set(await house.points(house.mother)) == {MUM}
    with pytest.raises(errors.Conflict, match="refused already, by Mr Reilly"):
        async with house.database.write() as session:
            await approving.approve(session, house.gateway, waiting[0].id, by="x")
