"""``handbell conversation``, and what the lists leave out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from support.desk import NOW

from channels import base
from channels.base import Medium
from config.settings import Settings
from gateway import context, intake
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.models import PhoneCall, VoiceMessage
from gateway.understanding import library

if TYPE_CHECKING:
    from conftest import Office


def write(office: Office, *words: str, at: datetime = NOW, sender: str = "+447700900111") -> None:
    """A parent texts, and the desk has looked at it."""

    async def job(database: Database) -> None:
        settings = Settings()
        gateway = context.Gateway(
            settings=settings, database=database, log=office.log, secret=b"s" * 32, channels={}, now=lambda: at
        )
        events = [
            base.Reply(medium=Medium.SMS, sender=sender, to="", body=text, at=at, event_id=text, raw={})
            for text in words
        ]
        async with database.write() as session:
            await intake.store(session, "twilio-sms", events, now=at)
        while await intake.handle_waiting(database, log=office.log, now=at):
            pass
        async with database.write() as session:
            await arriving.turn(session, gateway, promise.load(settings), library.load())

    office.do(job)


def test_a_conversation_is_taken_answered_and_closed(school_office: Office) -> None:
    office = school_office
    write(office, "What time does the club end?")
    (found,) = office.data("conversation", "list", "--waiting")
    number = str(found["id"])
    assert (found["kind"], found["owner"], found["due_at"]) == ("question", "", "2026-11-24T09:00:00+00:00")
    office.gives("conversation", "take", number, "--as", "Mr Reilly")
    office.gives("conversation", "note", number, "Ask the coach.", "--as", "Mr Reilly")
    assert "kind complaint" in office.gives("conversation", "kind", number, "complaint")
    assert [row["id"] for row in office.data("conversation", "list", "--mine", "--as", "Mr Reilly")] == [found["id"]]
    assert office.data("conversation", "list", "--mine", "--as", "Mrs Office") == []
    assert "on its way" in office.gives("conversation", "answer", number, "At half past four.", "--as", "Mr Reilly")
    printed = office.gives("conversation", "show", number)
    assert "What time does the club end?" in printed
    assert "NOTE by Mr Reilly: Ask the coach." in printed
    assert "At half past four." in printed
    office.gives("conversation", "close", number, "answered")
    assert office.data("conversation", "list") == []
    assert office.data("conversation", "list", "--closed")[0]["outcome"] == "answered"
    assert "closed already" in office.refuses("conversation", "close", number, "answered")
    assert "no outcome" in office.refuses("conversation", "close", number, "whatever")
    assert office.data("replies", "list", "--waiting") == []


def test_a_voice_message_says_how_it_is_played(school_office: Office) -> None:
    office = school_office
    write(office, "Voice message, 9 seconds.", "And the coat?")

    async def speak(database: Database) -> None:
        async with database.write() as session:
            call = PhoneCall(line="line", ref="CA1", caller="+447700900111", called="", began_at=NOW)
            session.add(call)
            await session.flush()
            voice = VoiceMessage(line="line", ref="RE1", call_id=call.id or 0, inbound_id=1, seconds=9, recorded_at=NOW)
            session.add(voice)

    office.do(speak)
    (found,) = office.data("conversation", "list")
    printed = office.gives("conversation", "show", str(found["id"]))
    assert "(reply 1, voice): Voice message, 9 seconds. To hear it: handbell replies play 1 --out" in printed
    assert "(reply 2, sms): And the coat?\n" in printed
    said = office.data("conversation", "show", str(found["id"]))["said"]
    assert [(one["id"], one["voice"]) for one in said if one["kind"] == "reply"] == [("1", True), ("2", False)]


def test_what_nobody_answers_is_overdue(school_office: Office) -> None:
    write(school_office, "What time does the club end?", at=datetime(2020, 11, 23, 9, 0, tzinfo=UTC))
    (found,) = school_office.data("conversation", "list", "--overdue")
    assert found["due_at"] == "2020-11-24T09:00:00+00:00"
    assert school_office.data("conversation", "list", "--closed") == []
    assert "Only one of" in school_office.refuses("conversation", "list", "--overdue", "--closed")


def test_canned_answers_are_the_school_s_own_and_mistakes_are_named_with_their_line(school_office: Office) -> None:
    office = school_office
    assert "back-on" in office.gives("conversation", "canned")
    own = office.write(
        "canned.toml", '[answers.club]\ntitle = "Club"\ntext.en = "The club ends at {time}."\n'
        'values.time = { type = "time", help = "When" }\n',
    )  # fmt: skip
    office.settings.write_text(f'{office.settings.read_text("utf-8")}\n[desk]\ncanned = "{own}"\n', "utf-8")
    write(office, "What time does the club end?")
    (found,) = office.data("conversation", "list")
    office.gives("conversation", "answer", str(found["id"]), "--canned", "club", "--value", "time=16:30")
    assert "The club ends at 4:30pm." in office.gives("conversation", "show", str(found["id"]))
    assert "is no time" in office.refuses(
        "conversation", "answer", str(found["id"]), "--canned", "club", "--value", "time=late"
    )
    office.write("canned.toml", '[answers.club]\ntitle = "Club"\ntext.en = "It ends at {tme}."\n')
    assert "canned.toml, line" in office.type("doctor").output
