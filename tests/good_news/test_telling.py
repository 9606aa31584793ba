"""The day's praise: one message for each family, at a kind hour, in its language, by the medium it likes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from support import school
from support.praises import Staffroom

from channels.base import Medium
from gateway import errors
from gateway.database import Database
from gateway.good_news import praising, telling
from gateway.models import LineType, Message, MessageState, PointKind
from gateway.models.types import core


@pytest.fixture
async def room(database: Database) -> Staffroom:
    made = Staffroom(database)
    await made.open()
    return made


async def test_one_message_for_each_family_and_day_in_its_language(room: Staffroom) -> None:
    maria, ivan = await room.parent(), await room.parent("Ivan", written_language="pl")
    ana = await room.child("Ana", maria, ivan)
    ben = await room.child("Ben", maria)
    await room.praise("Ana", "effort")
    await room.praise("Ana", "kindness", "She waited for a friend.", staff="Mr Hill")
    await room.praise("Ben", "other", "Ben read a whole book aloud.")
    assert (await room.kind_hour("16:29")).messages == 0
    assert await room.kind_hour() == telling.Sent(3, 2)
    assert (await room.kind_hour("16:45")).messages == 0

    (mothers,), (fathers,) = await room.said(maria.number), await room.said(ivan.number)
    assert mothers == (
        "Oakfield: good news about Ana and Ben.\n"
        "Ana worked very hard and did not give up.\n"
        "Ana was very kind to somebody at school. She waited for a friend.\n"
        "Ben read a whole book aloud.\n"
        "Ms Okafor, Mr Hill\n"
        "You can call us on 020 7946 0123."
    )
    # His is about Ana alone; the sentences are Polish, the teacher's words are English, with a line.
    assert "Ben" not in fathers
    assert "Ana bardzo się stara i nie poddaje się." in fathers
    assert "She waited for a friend.\nTa wiadomość jest po angielsku." in fathers
    rows = {row.address: row for row in await room.messages()}
    assert await room.about(rows[maria.number]) == [ana, ben]
    assert await room.about(rows[ivan.number]) == [ana]
    # A lane that is held, or a family's digest, may let it wait: it is still good news then.
    assert {row.not_after for row in rows.values()} == {datetime(2026, 12, 14, 16, 30, tzinfo=UTC)}


async def test_one_kind_for_all_is_the_notice_that_people_have_read(room: Staffroom) -> None:
    maria = await room.parent()
    await room.child("Ana", maria)
    await room.child("Ben", maria)
    await room.praise("Ana", "progress", "Her handwriting is so clear now.")
    await room.praise("Ben", "progress")
    await room.kind_hour()
    (text,) = await room.said(maria.number)
    assert text == (
        "Oakfield: good news. Ana and Ben have made very good progress.\n"
        "Ana: Her handwriting is so clear now.\n"
        "Ms Okafor\n"
        "You can call us on 020 7946 0123."
    )


async def test_by_the_medium_that_comes_first_and_nothing_to_whoever_is_barred(room: Staffroom) -> None:
    maria, gran = await room.parent(mail="maria@example.com"), await room.parent("Gran")
    async with room.database.write() as session:  # her mailbox comes first
        await session.execute(sa.text("UPDATE contact_point SET rank = 2 WHERE kind = 'phone'"))
    landline = await school.contact(room.database, "Olga")
    await school.point(room.database, landline, "+441134960123", line_type=LineType.LANDLINE)
    ivan = await room.parent("Ivan")
    child = await room.child("Ana", maria)
    await school.tie(room.database, child, landline, priority=2, parental_responsibility=True)
    await school.tie(room.database, child, ivan.id, priority=3, parental_responsibility=True, no_contact=True)
    await school.tie(room.database, child, gran.id, priority=4)
    await room.praise("Ana")
    await room.kind_hour()
    rows = {(row.medium, row.address) for row in await room.messages()}
    assert rows == {(Medium.EMAIL, "maria@example.com"), (Medium.VOICE, "+441134960123")}
    async with room.database.read() as session:
        t = core(Message).c
        reasons = list(await session.scalars(sa.select(t.reason).where(t.state == MessageState.SKIPPED)))
    assert reasons == ["barred"]


async def test_as_families_prefer_it(room: Staffroom) -> None:
    """Each parent is a preference of its own: the digest, email, nothing; and one who declines while it waits."""
    later, mails, never = (
        await room.parent("Later"),
        await room.parent("Mails", mail="m@example.com"),
        await room.parent("No"),
    )
    changes, plain = await room.parent("Changes"), await room.parent("Plain")
    for name, one in (("Ana", later), ("Ben", mails), ("Cem", never), ("Dia", changes), ("Eli", plain)):
        await room.child(name, one)
        await room.praise(name)
    for one, wish in ((later, "digest"), (mails, "off"), (never, "off"), (changes, "digest")):
        await room.prefer(one, sms=wish)
    await room.kind_hour()
    assert [len(await room.heard(one.number)) for one in (later, mails, never, changes, plain)] == [0, 0, 0, 0, 1]
    assert [row.medium for row in await room.messages() if row.address == "m@example.com"] == [Medium.EMAIL]
    async with room.database.read() as session:
        states = await telling.outcomes(session, [one.praise for one in await praising.listed(session)])
    assert [states[number] for number in range(1, 6)] == [
        "with the digest", "told", "told nobody", "with the digest", "told",
    ]  # fmt: skip

    await room.prefer(changes, sms="off")
    await room.digest("15:59", 24)
    assert await room.heard(later.number) == []
    await room.digest("16:00", 24)
    assert len(await room.heard(later.number)) == 1
    assert await room.heard(changes.number) == []


async def test_no_more_texts_than_a_family_may_get(database: Database) -> None:
    room = Staffroom(database, load={"texts_per_day": 1, "texts_per_week": 2})
    await room.open()
    maria = await room.parent()
    await room.child("Ana", maria)
    for day, said in ((23, 1), (24, 2), (25, 2)):
        await room.praise("Ana")
        await room.kind_hour(day=day)
        assert len(await room.heard(maria.number)) == said
    await room.digest("16:00", 26)  # the third of the week is not lost
    assert len(await room.heard(maria.number)) == 3


async def test_a_child_of_whom_her_phone_may_not_hear_comes_by_email(room: Staffroom) -> None:
    """Ben's father is barred, and has his mother's phone; of Ana it may hear."""
    maria = await room.parent(mail="maria@example.com")
    async with room.database.write() as session:
        await session.execute(sa.text("UPDATE contact_point SET rank = 2 WHERE kind = 'email'"))
    await room.child("Ana", maria)
    ben = await room.child("Ben", maria)
    ivan = await room.parent("Ivan", number=maria.number)
    await school.tie(room.database, ben, ivan.id, priority=3, no_contact=True)
    await room.praise("Ana")
    await room.praise("Ben")
    await room.kind_hour()
    said = {row.address: row.body for row in await room.messages()}
    assert said.keys() == {maria.number, "maria@example.com"}
    assert ("Ben" in said[maria.number], "Ben" in said["maria@example.com"]) == (False, True)


async def test_what_comes_late_or_at_a_weekend_waits_for_the_next_school_day(room: Staffroom) -> None:
    await room.child("Ana", await room.parent())
    room.clock_at("16:40", 27)  # a Friday
    late = await room.praise("Ana")
    monday = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    assert late.due_at == monday
    for day in (28, 29):
        assert (await room.kind_hour(day=day)).messages == 0
    assert (await room.kind_hour("18:59", day=30)).messages == 1


async def test_what_nobody_could_send_in_time_goes_the_day_after(room: Staffroom) -> None:
    maria = await room.parent()
    await room.child("Ana", maria)
    praise = await room.praise("Ana")
    assert (await room.kind_hour("19:00")).messages == 0  # the machine was off until now
    assert await room.waiting() == [(praise.id, datetime(2026, 11, 24, 16, 30, tzinfo=UTC))]
    assert (await room.kind_hour(day=24)).messages == 1


async def test_a_second_praise_of_the_day_waits_for_the_next(room: Staffroom) -> None:
    maria = await room.parent()
    await room.child("Ana", maria)
    await room.praise("Ana")
    await room.kind_hour("16:31")
    room.clock_at("16:31")
    again = await room.praise("Ana", "kindness")
    assert again.due_at == datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    await room.kind_hour("17:00")
    assert len(await room.said(maria.number)) == 1


async def test_ten_at_once_send_it_once(room: Staffroom) -> None:
    maria = await room.parent()
    await room.child("Ana", maria)
    await room.praise("Ana")
    room.clock_at("16:30")
    sent = await asyncio.gather(*(telling.turn(room.gateway) for _ in range(10)))
    assert sum(one.messages for one in sent) == 1
    assert len(await room.said(maria.number)) == 1


async def test_taken_back_before_it_leaves_and_never_after(room: Staffroom) -> None:
    maria = await room.parent()
    await room.child("Ana", maria)
    first, second = await room.praise("Ana"), await room.praise("Ana", "kindness")
    async with room.database.write() as session:
        await praising.withdraw(session, room.gateway, first.id or 0, by="anna")
    await room.kind_hour()
    assert [one.count("very kind") for one in await room.said(maria.number)] == [1]
    for praise_id, sentence in ((first.id, "was taken back by anna"), (second.id, "has left at 16:30")):
        async with room.database.write() as session:
            with pytest.raises(errors.Conflict, match=sentence):
                await praising.withdraw(session, room.gateway, praise_id or 0, by="anna")


async def test_a_child_who_has_left_since_is_not_spoken_of(room: Staffroom) -> None:
    maria = await room.parent()
    child = await room.child("Ana", maria)
    await room.praise("Ana")
    async with room.database.write() as session:
        await session.execute(sa.text("UPDATE pupil SET left_on = '2026-11-20' WHERE id = :id"), {"id": child})
    assert (await room.kind_hour()).messages == 0
    assert await room.waiting() == []
    assert "praise.withdrawn" in await room.deeds()


async def test_too_much_for_a_text_goes_without_the_teachers_words(room: Staffroom) -> None:
    maria = await room.parent(written_language="ur")
    for name in ("Ana", "Ben", "Cem"):
        await room.child(name, maria)
        await room.praise(name, "effort", f"{name} went on and on. " + "Nothing could stop it. " * 7)
    await room.kind_hour()
    (text,) = await room.said(maria.number)
    assert "went on" not in text
    assert "Cem" in text


async def test_what_no_text_holds_in_a_language_comes_in_english(room: Staffroom) -> None:
    """There is no sentence of ours for it, so nothing of it may be left out, and nobody else goes without."""
    maria, ivan = await room.parent(written_language="ur"), await room.parent("Ivan")
    await room.child("Ana", maria, ivan)
    words = [f"Ana read us {number} pages. " + "She read so very well. " * 7 for number in (3, 4)]
    for one in words:
        await room.praise("Ana", "other", one)
    await room.kind_hour()
    for parent in (maria, ivan):
        (text,) = await room.said(parent.number)
        assert text.startswith("Oakfield: good news about Ana.")
        assert all(one.strip() in text for one in words)
    for _ in range(5):  # and where English is too long, too
        await room.praise("Ana", "other", f"{_} " + "She read so very well. " * 8)
    await room.kind_hour(day=24)
    assert len(await room.said(maria.number)) == 1
    assert len(await room.tasks("good_news.words")) == 1


async def test_whom_nothing_reaches_is_told_nobody(room: Staffroom) -> None:
    contact = await school.contact(room.database, "Maria")
    await school.point(room.database, contact, "+447700900123", kind=PointKind.PHONE, state="dead")  # type: ignore[arg-type]
    child = await school.pupil(room.database, "Ana", form="3A")
    await school.tie(room.database, child, contact, parental_responsibility=True)
    praise = await room.praise("Ana")
    await room.kind_hour()
    async with room.database.read() as session:
        (listed,) = await praising.listed(session)
        assert await telling.outcomes(session, [listed.praise]) == {praise.id: "told nobody"}


async def test_praise_that_cannot_be_put_into_words_holds_up_nobody(room: Staffroom) -> None:
    maria, ewa = await room.parent(), await room.parent()
    await room.child("Ana", maria)
    await room.child("Ben", ewa)
    praise = await room.praise("Ana")
    await room.praise("Ben")
    async with room.database.write() as session:  # its wording is gone since
        await session.execute(sa.text("UPDATE praise SET kind = 'neatness' WHERE id = :id"), {"id": praise.id})
    await room.kind_hour()
    assert len(await room.said(ewa.number)) == 1
    assert await room.said(maria.number) == []
    assert [one.subject for one in await room.tasks("good_news.words")] == [f"praise:{praise.id}"]
    assert await room.waiting() == []
