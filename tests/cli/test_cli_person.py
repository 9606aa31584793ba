"""``handbell person``: what is held of somebody is shown to them, put right, and erased."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import col

from channels.base import Medium
from gateway import audit, outbox
from gateway.database import Database, Session
from gateway.models import (
    About,
    ContactPoint,
    Conversation,
    Guardianship,
    Inbound,
    Letter,
    LineType,
    Mark,
    Message,
    MessageState,
    OptOut,
    PointKind,
    Preference,
    Purpose,
    Reply,
    Wish,
)

if TYPE_CHECKING:
    from conftest import Office

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MOTHER, FATHER = "+447700900111", "+447700900222"
SAID = "Ana has chickenpox. Ring Ivan on 07700 900222, or Ben's mum"


async def say(session: Session) -> None:
    """Ana's mother was told of her, and answered."""
    text = "Ana is not in school, nor is Ben. Maria, please answer."
    session.add(
        Message(id="M1", contact_id=1, contact_point_id=1, sender_id=1, medium=Medium.SMS, address=MOTHER, slot="s",
                purpose=Purpose.SAFEGUARDING, body=text, state=MessageState.DELIVERED, due_at=NOW, created_at=NOW,
                changed_at=NOW)
    )  # fmt: skip
    await session.flush()
    session.add(About(message_id="M1", pupil_id=1))
    session.add(Mark(pupil_id=1, date=date(2026, 11, 23), session="am", code="I", comment="chickenpox", set_at=NOW))
    session.add(Conversation(medium=Medium.SMS, address=MOTHER, contact_id=1, last_at=NOW))
    session.add(
        Inbound(channel="twilio-sms", event_id="e", kind="reply", event={"body": SAID}, raw={}, received_at=NOW)
    )
    session.add(Guardianship(pupil_id=2, contact_id=1, relation="Mother"))
    await session.flush()
    session.add(Reply(conversation_id=1, inbound_id=1, contact_id=1, message_id="M1", at=NOW, body=SAID))


def read(folder: Path) -> str:
    page, data = (folder / "record.html").read_text(), json.loads((folder / "record.json").read_text())
    assert page.startswith("<!doctype html>")
    return json.dumps(data, ensure_ascii=False) + page


def test_two_phones_of_which_one_was_never_reached_stand_in_one_table(
    small_school_office: Office, tmp_path: Path
) -> None:
    async def reach(session: Session) -> None:
        await session.execute(sa.update(ContactPoint).where(sa.column("id") == 1).values(last_good_at=None))
        session.add(
            ContactPoint(contact_id=1, kind=PointKind.PHONE, address="+447700900333", line_type=LineType.MOBILE,
                         last_good_at=NOW)
        )  # fmt: skip

    small_school_office.change(reach)
    for name in ("one", "again"):
        small_school_office.gives("person", "export", "contact:1", str(tmp_path / name))
        record = read(tmp_path / name)
        assert MOTHER in record
        assert "+447700900333" in record
        assert "last good at" in record


def test_a_child_s_record_says_nothing_of_others(small_school_office: Office, tmp_path: Path) -> None:
    office = small_school_office
    office.change(say)
    office.gives("person", "export", "pupil:1", str(tmp_path / "plain"), "--as", "Mrs Okafor")
    record = read(tmp_path / "plain")
    assert "Ana is not in school, nor is [another person]. [another person], please answer." in record
    for other in ("Maria", "Ivan", "Ben", MOTHER, "900222", "chickenpox", "Ring"):
        assert other not in record, other
    office.gives("person", "export", "pupil:1", str(tmp_path / "mother"), "--for", "contact:1", "--health")
    record = read(tmp_path / "mother")
    assert "Ana has chickenpox. Ring [another person] on [a number or address], or [another person]'s mum" in record
    assert MOTHER in record
    assert "Ivan" not in record
    assert "must not hear" in office.refuses("person", "export", "pupil:1", str(tmp_path / "x"), "--for", "2")
    assert "no contact" in office.refuses("person", "export", "pupil:1", str(tmp_path / "x"), "--for", "pupil:2")
    assert not (tmp_path / "x").exists()
    assert [line["actor"] for line in office.data("audit", "show", "--action", "person.exported")][-1] == "Mrs Okafor"


def test_a_child_s_record_does_not_say_where_the_other_parent_lives(
    small_school_office: Office, tmp_path: Path
) -> None:
    async def print_letter(session: Session) -> None:
        await say(session)
        await session.execute(sa.update(Guardianship).values(no_contact=False))
        session.add(
            Letter(message_id="M1", contact_id=1, lines="Maria Nowak\n63 Park Row\nLeeds\nLS99 7AN", body="Ana is ill.",
                   printed_at=NOW, printed_by="Ann")
        )  # fmt: skip

    office = small_school_office
    office.change(print_letter)
    for folder, asked in (("plain", []), ("father", ["--for", "contact:2"])):
        office.gives("person", "export", "pupil:1", str(tmp_path / folder), *asked)
        record = read(tmp_path / folder)
        assert "Park Row" not in record
        assert "LS99" not in record
        assert "Ana is ill." in record
    office.gives("person", "export", "pupil:1", str(tmp_path / "mother"), "--for", "contact:1")
    assert "63 Park Row" in read(tmp_path / "mother")


async def share(session: Session) -> None:
    """Ana's parents have one phone, and one of them answered with it: nobody can tell who. It stopped a topic."""
    await say(session)
    await session.execute(sa.update(Guardianship).values(no_contact=False))
    session.add(ContactPoint(contact_id=2, kind=PointKind.PHONE, address=MOTHER, line_type=LineType.MOBILE))
    await session.execute(sa.update(Conversation).values(contact_id=None))
    await session.execute(sa.update(Reply).values(contact_id=None))
    session.add(Preference(address=MOTHER, topic="menus", medium=Medium.SMS, wish=Wish.OFF, since=NOW))


def test_what_was_said_with_a_shared_phone_is_in_neither_s_record(small_school_office: Office, tmp_path: Path) -> None:
    office = small_school_office
    office.change(share)
    office.gives("person", "export", "contact:2", str(tmp_path / "father"), "--health")
    assert "chickenpox" not in read(tmp_path / "father")


def test_erasing_one_of_two_who_share_a_phone_leaves_it_to_the_other(small_school_office: Office) -> None:
    async def left(session: Session) -> tuple[str, str, int]:
        [talk], [reply] = await session.scalars(sa.select(Conversation)), await session.scalars(sa.select(Reply))
        wishes = await session.scalar(sa.select(sa.func.count()).where(col(Preference.address) == MOTHER))
        return talk.address, reply.body, wishes or 0

    office = small_school_office
    office.change(share)
    office.gives("person", "erase", "contact:2", "--yes", "--as", "Ann")
    assert office.change(left) == (MOTHER, SAID.replace("07700 900222", "[erased]"), 1)  # his own number alone
    office.gives("person", "erase", "contact:1", "--yes", "--as", "Ann")  # the last one takes it along
    assert office.change(left) == ("", "", 0)


def test_a_parent_s_record_names_their_own_children_alone(small_school_office: Office, tmp_path: Path) -> None:
    office = small_school_office
    office.change(say)
    office.gives("person", "export", "contact:1", str(tmp_path / "mother"), "--health")
    record = read(tmp_path / "mother")
    assert "Ana has chickenpox. Ring [another person] on [a number or address], or Ben's mum" in record
    office.gives("person", "export", "contact:2", str(tmp_path / "father"))
    record = read(tmp_path / "father")
    assert "Ivan" in record
    assert "Ana" not in record  # who is barred learns nothing of the child


def test_what_is_wrong_is_put_right(small_school_office: Office) -> None:
    office = small_school_office
    assert "Changed: surname." in office.gives("person", "correct", "contact:1", "surname=Nowak-Łąka", "--as", "Ann")
    assert "so already" in office.gives("person", "correct", "contact:1", "surname=Nowak-Łąka")
    assert "Changed: born." in office.gives("person", "correct", "pupil:1", "born=2015-03-31")
    [line] = office.data("audit", "show", "--action", "person.corrected", "--about", "contact:1")
    assert (line["actor"], line["body"]) == ("Ann", {"fields": ["surname"]})
    assert "no such field" in office.refuses("person", "correct", "contact:1", "id=7")
    assert "a date is as" in office.refuses("person", "correct", "pupil:1", "born=yesterday")
    assert "neither" in office.refuses("person", "correct", "dog:1", "name=x")
    assert "no contact 99" in office.refuses("person", "correct", "contact:99", "surname=x")


def test_erasing_shows_first_and_a_stopped_number_stays_stopped(small_school_office: Office) -> None:
    office = small_school_office
    office.change(say)

    async def stop(session: Session) -> None:
        session.add(OptOut(medium=Medium.SMS, address=MOTHER, since=NOW, how="STOP"))

    office.change(stop)
    shown = office.gives("person", "erase", "contact:1")
    assert "Nothing was changed" in shown
    assert "Opt-outs, of one topic too, stay as a keyed hash" in shown
    assert "on roll" in office.refuses("person", "erase", "pupil:1")
    assert "nothing would stop that" in office.refuses("person", "erase", "contact:2")
    assert "is erased" in office.gives("person", "erase", "contact:1", "--yes", "--why", "by letter", "--as", "Ann")
    file = b"".join(one.read_bytes() for one in Path(office.url.partition("///")[2]).parent.glob("*.sqlite*"))
    assert MOTHER.encode() not in file
    assert office.data("audit", "verify")["fault"] is None
    [line] = office.data("audit", "show", "--action", "person.erased")
    assert line["actor"] == "Ann"
    assert line["body"]["why"] == "by letter"
    assert office.do(lambda database: again(database, office)) == ["skipped", "opted_out"]


def test_how_much_went_last_is_shown(small_school_office: Office) -> None:
    office = small_school_office
    assert office.data("retention", "show")["last_run"] is None
    assert "Done last: never." in office.gives("retention", "show")

    async def night(session: Session) -> None:
        line = audit.Line("retention.run", "retention:2026-11-23", {"gone": {"message": 3, "reply": 2}})
        await office.log.record(session, line, now=NOW)

    office.change(night)
    assert office.data("retention", "show")["last_gone"] == {"message": 3, "reply": 2}
    assert ", 5 rows. Words at the provider" in office.gives("retention", "show")


async def again(database: Database, office: Office) -> list[str]:
    """The number comes back by the next import, and somebody writes to it."""
    async with database.write() as session:
        session.add(ContactPoint(contact_id=2, kind=PointKind.PHONE, address=MOTHER, line_type=LineType.MOBILE))
        await session.flush()
        session.add(
            Message(id="M2", contact_id=2, sender_id=1, medium=Medium.SMS, address=MOTHER, slot="s2",
                    purpose=Purpose.EMERGENCY, priority=0, body="x", state=MessageState.QUEUED, due_at=NOW,
                    created_at=NOW, changed_at=NOW)
        )  # fmt: skip
    claim = await database.at_once(
        lambda connection: outbox.claim(
            connection, 1, outbox.Slots(5, 5), worker="w", lease=NOW - NOW, today=NOW.date(), now=NOW,
            sign=office.log.sign,
        )
    )  # fmt: skip
    assert claim.messages == []
    async with database.read() as session:
        return list((await session.execute(sa.text("SELECT state, reason FROM message WHERE id = 'M2'"))).one())
