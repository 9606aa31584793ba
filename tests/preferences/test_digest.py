"""The digest: one text or email for the day's messages, in each family's own words; nothing is lost or doubled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select
from support import desk, school
from support.desk import LOG, definition

from channels.base import Medium, Outcome
from gateway import digest, guard, messages, notices, receipts
from gateway.agenda import holding
from gateway.events import changes
from gateway.models import About, DigestItem, Message, MessageState, SchoolEvent
from gateway.preferences import arranging
from templates import letter, segments, together

if TYPE_CHECKING:
    from conftest import House

MUM, DAD, MAIL = "+447700900001", "+447700900002", "maria@example.com"
FOUR = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
S = MessageState


async def reader(house: House, *children: int, phone: str = MUM, **media: str) -> int:
    contact = await house.parent(*children, phone=phone, mail=MAIL if "email" in media else "")
    await house.prefer(contact, "*", **(media or {"sms": "digest"}))
    return contact


def news(key: str, text: str, **changes: Any) -> Any:
    return definition(key=key, text={"en": text}, topic="news", **changes)


async def three(house: House) -> list[Message]:
    found = []
    for key, text in (("fair", "The fair is on Friday."), ("choir", "Choir sings on Monday."), ("hats", "Bring hats.")):
        found += await house.send(news(key, text))
    return found


async def whole(house: House) -> list[Message]:
    return [row for row in await house.messages() if row.slot.startswith(digest.SLOT)]


async def test_the_day_in_one_text_at_four(each_house: House) -> None:
    ana = await school.pupil(each_house.database)
    mother = await reader(each_house, ana)
    rows = await three(each_house)
    assert {(row.state, row.sender_id, row.due_at, row.remark) for row in rows} == {
        (S.QUEUED, None, FOUR, arranging.IN_DIGEST)
    }
    await each_house.digest()
    assert await each_house.leave() == []
    assert await whole(each_house) == []
    each_house.clock.now = FOUR
    await each_house.digest()
    [one] = await whole(each_house)
    assert one.body == "Oakfield:\n1) The fair is on Friday.\n2) Choir sings on Monday.\n3) Bring hats."
    assert (one.contact_id, one.address, one.parts) == (mother, MUM, segments.count(one.body).parts)
    assert one.pence == 4 * one.parts
    async with each_house.database.read() as session:
        assert list(await session.scalars(select(About.pupil_id).where(About.message_id == one.id))) == [ana]
    assert await each_house.leave() == [one.body], "one call of the provider"
    await each_house.digest()
    for row in rows:
        now = await each_house.message(row.id)
        assert (now.state, now.remark) == (S.ACCEPTED, f"Within the digest {one.id}.")
        async with each_house.database.read() as session:
            assert await digest.of(session, row.id) == one.id
    assert await each_house.leave() == []


@pytest.mark.parametrize("ends", [S.DELIVERED, S.FAILED])
async def test_a_receipt_is_one_for_each(each_house: House, ends: MessageState) -> None:
    await reader(each_house, await school.pupil(each_house.database))
    rows = await three(each_house)
    each_house.clock.now = FOUR
    await each_house.digest()
    await each_house.leave()
    [one] = await whole(each_house)
    async with each_house.database.write() as session:
        state = receipts.ReceiptState.DELIVERED if ends is S.DELIVERED else receipts.ReceiptState.FAILED
        reason = None if ends is S.DELIVERED else receipts.Reason.BAD_ADDRESS
        word = receipts.Receipt(
            message_id=one.id,
            ref=one.ref,
            state=state,
            reason=reason,
            code="",
            at=FOUR,
            event_id="e",
        )
        await receipts.apply(session, word, log=LOG, now=FOUR)
    await each_house.digest()
    found = [await each_house.message(row.id) for row in rows]
    assert {row.state for row in found} == {ends}
    assert {row.reason for row in found} == {"" if ends is S.DELIVERED else "bad_address"}


async def test_one_alone_goes_as_it_is(house: House) -> None:
    await reader(house, await school.pupil(house.database))
    [row] = await house.send(news("fair", "The fair is on Friday."))
    house.clock.now = FOUR
    await house.digest()
    assert await whole(house) == []
    assert await house.leave() == ["Oakfield: The fair is on Friday."]
    assert (await house.message(row.id)).remark == digest.ALONE


async def test_late_ones_go_tomorrow_and_what_would_be_over_goes_by_itself(house: House) -> None:
    await reader(house, await school.pupil(house.database))
    house.clock.now = FOUR
    [late] = await house.send(news("late", "Late."))
    assert late.due_at == FOUR + timedelta(days=1)
    [brief] = await house.send(news("brief", "Brief.", valid={"for": "3h"}))
    assert (brief.due_at, brief.remark) == (FOUR, arranging.OVER_SOON)
    menu = {"options": [{"key": "1", "label": {"en": "coming"}}]}
    [asking] = await house.send(news("menu", "Will you come?", replies=menu))
    assert (asking.due_at, asking.remark) == (FOUR, arranging.ASKS)
    house.clock.now = datetime(2026, 11, 27, 17, tzinfo=UTC)  # Friday: not on Saturday
    [friday] = await house.send(news("friday", "Friday."))
    assert friday.due_at == datetime(2026, 11, 30, 16, tzinfo=UTC)


async def test_two_households_and_a_barred_child_stay_apart(house: House) -> None:
    """The father has Ana at the weekend and is barred from Ben, whose mother has Ana as well."""
    ana, ben = await school.pupil(house.database), await school.pupil(house.database, "Ben")
    mother = await reader(house, ana, ben)
    father = await house.parent(ana, phone=DAD, name="Ivan", home=False)
    await school.tie(house.database, ben, father, parental_responsibility=True, no_contact=True)
    await house.prefer(father, "*", sms="digest")
    for key in ("one", "two"):
        await house.send(news(key, "News of {children}."))
    house.clock.now = FOUR
    await house.digest()
    bodies = {row.contact_id: row.body for row in await whole(house)}
    assert bodies == {
        mother: "Oakfield:\n1) News of Ana and Ben.\n2) News of Ana and Ben.",
        father: "Oakfield:\n1) News of Ana.\n2) News of Ana.",
    }
    async with house.database.read() as session:
        about = select(About.pupil_id).join(Message, col(Message.id) == col(About.message_id))
        theirs = about.where(Message.contact_id == father, col(Message.slot).startswith(digest.SLOT))
        assert list(await session.scalars(theirs)) == [ana]


async def test_each_is_asked_about_at_the_wall_before_and_the_whole_again_after(each_house: House) -> None:
    ana = await school.pupil(each_house.database)
    mother = await reader(each_house, ana)
    rows = await three(each_house)
    async with each_house.database.write() as session:
        await notices.cancel(session, each_house.gateway, "hats", actor="office")
    await each_house.texted("STOP CLUBS", sender=MUM)
    each_house.clock.now = FOUR
    await each_house.digest()
    [one] = await whole(each_house)
    assert "hats" not in one.body
    async with each_house.database.write() as session:  # after it was put together, and before it leaves
        await notices.cancel(session, each_house.gateway, "choir", actor="office")
    assert [body for body in await each_house.leave() if "1)" in body] == []
    stopped = await each_house.message(one.id)
    assert (stopped.state, stopped.reason) == (S.SKIPPED, "changed")
    await each_house.digest()
    sent = [*await each_house.leave(), *await each_house.leave()]
    assert sent == ["Oakfield: The fair is on Friday."], "what may still be said goes by itself"
    states = [(await each_house.message(row.id)).state for row in rows]
    assert states == [S.ACCEPTED, S.CANCELLED, S.CANCELLED]
    assert mother


async def test_what_is_said_of_an_event_that_is_cancelled_meanwhile_does_not_leave_in_a_digest(
    each_house: House,
) -> None:
    """Its reminders were planned and done: they were put together before anybody knew."""
    await reader(each_house, await school.pupil(each_house.database))
    await three(each_house)
    event = SchoolEvent(key="choir", title="Choir", place="hall", starts_at=FOUR + timedelta(days=7))
    await school.add(each_house.database, event)
    async with each_house.database.write() as session:
        (await notices.find(session, "choir")).event_id = event.id
    each_house.clock.now = FOUR
    await each_house.digest()
    async with each_house.database.write() as session:
        off = await session.get_one(SchoolEvent, event.id)
        off.cancelled_at = off.changed_at = FOUR
    sent = await each_house.leave()
    await each_house.digest()
    sent += [body for _ in range(3) for body in await each_house.leave()]
    assert sent == ["Oakfield: The fair is on Friday.", "Oakfield: Bring hats."]


async def test_who_declines_a_topic_meanwhile_does_not_get_it_in_a_digest(each_house: House) -> None:
    await reader(each_house, await school.pupil(each_house.database))
    await three(each_house)
    await each_house.send(definition(key="trip", topic="trips", text={"en": "The trip is off."}))
    each_house.clock.now = FOUR
    await each_house.digest()
    await each_house.texted("STOP NEWS", sender=MUM)
    await each_house.leave()
    await each_house.digest()
    sent = [body for _ in range(3) for body in await each_house.leave()]
    assert sent == ["Oakfield: The trip is off."]


@pytest.mark.parametrize("deed", ["cancelled", "moved"])
async def test_a_reminder_of_an_event_that_changes_after_the_digest_was_made_is_not_said(
    each_house: House, deed: str
) -> None:
    await reader(each_house, await school.pupil(each_house.database))
    sale = {"starts": "2026-11-27T18:00:00", "place": "the hall", "remind": "78h"}
    await each_house.send(news("sale", "The bake sale is on Friday.", kind="event", event=sale))
    each_house.clock.now = FOUR
    await each_house.digest()
    assert await each_house.leave() == ["Oakfield: The bake sale is on Friday."]
    each_house.clock.now = FOUR + timedelta(hours=20)
    await each_house.plan()
    await each_house.send(news("hats", "Bring hats."))
    each_house.clock.now = FOUR + timedelta(days=1)
    await each_house.digest()
    [one] = await whole(each_house)
    assert "a reminder" in one.body
    each_house.clock.now += timedelta(minutes=1)
    async with each_house.database.write() as session:
        if deed == "cancelled":
            await changes.cancel(session, each_house.gateway, "sale", details="", by="Head")
        else:
            later = changes.Change(starts=datetime(2026, 11, 27, 19, 0, tzinfo=UTC))
            await changes.change(session, each_house.gateway, "sale", later, by="Head")
    sent = await each_house.leave()
    await each_house.digest()
    assert [*sent, *await each_house.leave()] == ["Oakfield: Bring hats."]


async def test_a_snow_day_holds_the_digest_and_lets_it_go_whole(each_house: House) -> None:
    await reader(each_house, await school.pupil(each_house.database))
    await three(each_house)
    gateway = each_house.gateway
    async with each_house.database.write() as session:
        assert (await holding.hold(session, gateway, by="office:Jo")).notices == 3
    each_house.clock.now = FOUR
    await each_house.digest()
    assert (await whole(each_house), await each_house.leave()) == ([], [])
    each_house.clock.now = FOUR + timedelta(minutes=20)
    async with each_house.database.write() as session:
        await holding.release(session, gateway, by="office:Jo")
    await each_house.digest()
    [one] = await whole(each_house)
    assert await each_house.leave() == [one.body]
    assert "3) Bring hats." in one.body


async def test_what_waits_for_approval_goes_with_the_next_digest(house: House) -> None:
    await reader(house, await school.pupil(house.database))
    await house.send(news("fair", "The fair."))
    [row] = await house.send(news("choir", "The choir.", approval={"required": True}))
    assert (row.state, row.due_at) == (S.HELD, FOUR)
    house.clock.pass_(hours=2)
    async with house.database.write() as session:
        await notices.approve(session, house.gateway, "choir", approver="Mrs Okafor")
    row = await house.message(row.id)
    assert (row.state, row.due_at, row.sender_id) == (S.QUEUED, FOUR, None)


async def test_a_digest_that_the_provider_refuses_is_a_failure_of_each(house: House) -> None:
    await reader(house, await school.pupil(house.database))
    rows = await three(house)
    house.clock.now = FOUR
    await house.digest()
    await house.leave(outcome=Outcome.REFUSED)
    await house.digest()
    assert {(await house.message(row.id)).state for row in rows} == {S.FAILED}
    async with house.database.write() as session:
        copy = await messages.again(session, house.gateway, rows[0].id, actor="office")
    assert copy.sender_id == house.senders[Medium.SMS], "staff may send one of them again, by itself"


async def test_one_email_with_a_heading_for_each(house: House) -> None:
    await reader(house, await school.pupil(house.database), email="digest", sms="off")
    for key, text in (("fair", "The fair is on Friday."), ("choir", "Choir sings on Monday.")):
        await house.send(news(key, text, media=["email"], purpose="community", subject={"en": f"About the {key}"}))
    house.clock.now = FOUR
    await house.digest()
    [one] = await whole(house)
    body, _, footer = one.body.partition(letter.FOOTER_MARK)
    assert one.subject == "Oakfield: About the fair · About the choir"
    assert body.index("1. About the fair") < body.index("on Friday") < body.index("2. About the choir")
    assert "/u/" in footer
    assert body.count("020 7946 0123") == 1
    assert len(await house.leave(Medium.EMAIL)) == 1


async def test_a_later_step_waits_for_the_digest_and_what_it_reached(each_house: House) -> None:
    await reader(each_house, await school.pupil(each_house.database))
    await each_house.send(news("fair", "The fair."))
    ladder = {"media": [], "ladder": [{"media": ["sms"]}, {"media": ["voice"], "after": "30m"}]}
    [text, call] = await each_house.send(news("call", "The call.", **ladder))
    assert (text.due_at, call.due_at) == (FOUR, FOUR + timedelta(minutes=30))
    each_house.clock.now = FOUR
    await each_house.digest()
    [one] = await whole(each_house)
    each_house.clock.now = call.due_at
    assert await each_house.leave(Medium.VOICE) == [], "the digest is still on its way"
    await each_house.leave()
    async with each_house.database.write() as session:
        await desk.outbox.change(session, one.id, S.DELIVERED, now=each_house.clock())
    await each_house.digest()
    each_house.clock.pass_(minutes=5)
    assert await each_house.leave(Medium.VOICE) == []
    assert (await each_house.message(call.id)).reason == "reached"


async def test_several_processes_make_it_once(each_house: House) -> None:
    import asyncio

    for number in range(6):
        child = await school.pupil(each_house.database, f"P{number}")
        contact = await each_house.parent(child, phone=f"+4477009001{number:02d}")
        await each_house.prefer(contact, "*", sms="digest")
    await three(each_house)
    each_house.clock.now = FOUR
    await asyncio.gather(*(digest.work(each_house.gateway) for _ in range(5)))
    await each_house.digest()
    found = await whole(each_house)
    assert sorted(row.address for row in found) == [f"+4477009001{number:02d}" for number in range(6)]
    async with each_house.database.read() as session:
        assert len(list(await session.scalars(select(DigestItem)))) == 18


def test_more_than_a_text_holds_are_two() -> None:
    said = [together.Said("", f"Oakfield: {'word ' * 50}{n}") for n in range(6)]
    made = together.texts(said, school="Oakfield", most_parts=guard.MOST_PARTS)
    assert sum(count for _, count in made) == 6
    assert len(made) == 2
    for text, _ in made:
        assert segments.count(text).parts <= guard.MOST_PARTS


def test_each_keeps_its_own_letters_and_the_schools_name_stands_once() -> None:
    said = [
        together.Said("", "\u2068Oakfield\u2069: سلام۔"),
        together.Said("", "Oakfield: Cześć."),
        together.Said("", "Hello."),
    ]
    [(text, count)] = together.texts(said, school="Oakfield", most_parts=6)
    assert text == "Oakfield:\n1) سلام۔\n2) Cześć.\n3) Hello."
    assert count == 3
