"""The two-way desk: what is promised to whoever writes, what staff do about it, and whose words nobody else sees."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from support import closing, desk, school

from channels import base, email_smtp, mail_in, mail_reading
from channels.base import Medium
from gateway import alerting, answers, context, errors, intake, outgoing, replies, tasks, turns
from gateway.database import Database, Session
from gateway.desk import answering, arriving, complaints, deeds, overdue, promise, thread
from gateway.models import (
    About,
    Audit,
    Conversation,
    ConversationState,
    Message,
    MessageState,
    PointKind,
    Promise,
    Reply,
    Sender,
    Task,
)
from gateway.models.types import core
from gateway.understanding import library

OFFICE, MAILBOX = "+441134960001", "office@oakfield.example"
OPEN, CLOSED = ConversationState.OPEN, ConversationState.CLOSED
_events = itertools.count(1)


@dataclass
class Desk:
    """An office with families who write; Monday, nine o'clock, unless a test turns the clock."""

    database: Database
    drafts: bool = True
    alerts: Sequence[str] = ()
    clock: desk.Clock = field(default_factory=desk.Clock)

    def __post_init__(self) -> None:
        made = desk.gateway(self.database, self.clock, drafts=self.drafts)
        absence = made.settings.absence.model_copy(update={"alert_numbers": tuple(self.alerts)})
        settings = made.settings.model_copy(update={"absence": absence})
        self.gateway = dataclasses.replace(made, settings=settings)
        self.rules = promise.load(self.gateway.settings)

    async def open(self) -> Desk:
        rows = [("twilio-sms", Medium.SMS, OFFICE), ("smtp", Medium.EMAIL, MAILBOX)]
        await school.add(
            self.database,
            *[Sender(channel=one, medium=medium, address=at, rate=100, burst=100) for one, medium, at in rows],
        )
        return self

    async def parent(self, name: str = "Maria", *, mail: str = "", number: str = "", **fields: Any) -> tuple[int, str]:
        """A parent of a child, with a mobile."""
        number = number or school.number()
        contact_id = await school.contact(self.database, name, **fields)
        await school.point(self.database, contact_id, number)
        if mail:
            await school.point(self.database, contact_id, mail, kind=PointKind.EMAIL)
        await school.tie(self.database, await school.pupil(self.database), contact_id, lives_with=True)
        return contact_id, number

    async def writes(
        self,
        sender: str,
        words: str,
        *,
        raw: dict[str, str] | None = None,
        look: bool = True,
        medium: Medium = Medium.SMS,
        **fields: Any,
    ) -> None:
        """Words come in, and the desk looks at them."""
        mail = "@" in sender
        event = base.Reply(
            medium=Medium.EMAIL if mail else medium, sender=sender, to=MAILBOX if mail else OFFICE, body=words,
            at=self.clock.now, event_id=f"desk{next(_events)}", raw=raw or {}, **fields,
        )  # fmt: skip
        async with self.database.write() as session:
            await intake.store(session, "smtp" if mail else "twilio-sms", [event], now=self.clock.now)
        gateway = self.gateway
        answering = answers.Answering(gateway.school(), gateway.costs(), gateway.settings.answers)
        await intake.handle_waiting(self.database, log=desk.LOG, now=self.clock.now, answering=answering)
        if look:
            await self.turn()

    async def turn(self) -> None:
        async with self.database.write() as session:
            await overdue.tell(session, log=desk.LOG, now=self.clock.now)
            await arriving.turn(session, self.gateway, self.rules, library.load())
        async with self.database.write() as session:
            await alerting.alert(session, self.gateway)

    async def rows(self, kind: type[Any]) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(kind).order_by(next(iter(core(kind).primary_key)))))

    async def conversation(self, address: str) -> Conversation:
        """The one with whoever has the address now."""
        return next(row for row in await self.rows(Conversation) if row.address == address and not row.left_at)

    async def said_to(self, address: str) -> list[Message]:
        return [row for row in await self.rows(Message) if row.address == address]

    async def do(self, deed: Any) -> Any:
        async with self.database.write() as session:
            return await deed(session)

    async def answer(self, conversation_id: int, words: str = "", **fields: Any) -> Message:
        said = answering.Answer(words, **fields)
        found: Message = await self.do(
            lambda session: answering.answer(session, self.gateway, conversation_id, said, by="Mrs Office")
        )
        return found

    async def close(self, conversation_id: int, outcome: str = "answered") -> None:
        await self.do(lambda session: deeds.close(session, self.gateway, conversation_id, outcome, by="Mrs Office"))

    async def thread(self, address: str) -> thread.Thread:
        conversation = await self.conversation(address)
        async with self.database.read() as session:
            return await thread.read(session, conversation.id or 0)


@pytest.fixture
async def office(database: Database) -> Desk:
    return await Desk(database).open()


@pytest.fixture
async def small(sqlite_database: Database) -> Desk:
    return await Desk(sqlite_database).open()


async def test_who_writes_is_told_at_once_in_polish_who_answers_and_by_when(office: Desk) -> None:
    _, number = await office.parent(written_language="pl")
    await office.writes(number, "O której kończy się klub?")
    (told,) = await office.said_to(number)
    assert (told.language, told.state, told.purpose) == ("pl", MessageState.QUEUED, "service")
    assert told.words_state == "draft"
    assert "Kto odpowie: sekretariat szkoły" in told.body
    assert "24 listopada" in told.body
    found = await office.conversation(number)
    assert (found.state, found.kind, found.urgent) == (OPEN, "question", False)
    assert found.due_at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    (promised,) = await office.rows(Promise)
    assert (promised.message_id, promised.due_at, promised.kept_at) == (told.id, found.due_at, None)
    assert told.not_after == found.due_at, "it must not leave when it is no longer true"


async def test_who_reads_a_second_language_is_answered_in_it_before_english(small: Desk) -> None:
    _, number = await small.parent(written_language="ps", further_languages="pl")
    await small.writes(number, "When does the club end?")
    (told,) = await small.said_to(number)
    assert told.language == "pl"


async def test_where_drafts_may_not_go_the_english_comes_with_a_line_in_their_language(
    sqlite_database: Database,
) -> None:
    desk = await Desk(sqlite_database, drafts=False).open()
    _, number = await desk.parent(written_language="pl")
    await desk.writes(number, "O której kończy się klub?")
    (told,) = await desk.said_to(number)
    first, last = told.body.splitlines()
    assert (told.language, told.words_state) == ("en", "source")
    assert first.startswith("Oakfield: thank you")
    assert last.startswith("Ta wiadomosc jest po angielsku")


async def test_a_stretch_of_waiting_has_one_promise_and_one_acknowledgement(office: Desk) -> None:
    _, number = await office.parent()
    await office.writes(number, "What time does the club end?")
    office.clock.pass_(hours=1)
    await office.writes(number, "Is there a bus afterwards, too?")
    assert len(await office.said_to(number)) == len(await office.rows(Promise)) == 1
    conversation = await office.conversation(number)
    await office.answer(conversation.id or 0, "At half past four.")
    office.clock.pass_(hours=1)
    await office.writes(number, "And on Friday? Is it the same?")
    assert len(await office.rows(Promise)) == 2
    assert [one.slot.split(":")[0] for one in await office.said_to(number)] == ["answer", "desk", "answer"]


async def test_two_workers_promise_once(office: Desk) -> None:
    numbers = [(await office.parent())[1] for _ in range(3)]
    for number in numbers:
        await office.writes(number, "What time does the club end?", look=False)
        await office.writes(number, "Is there a bus afterwards, too?", look=False)
    await asyncio.gather(*[turns.again(office.turn) for _ in range(4)])
    await office.turn()  # whoever was passed over
    assert [len(await office.said_to(number)) for number in numbers] == [1, 1, 1]
    assert len(await office.rows(Promise)) == 3
    assert all(row.sorted_at for row in await office.rows(Reply))


async def test_today_and_in_english_it_is_said_as_people_say_it(small: Desk) -> None:
    _, number = await small.parent()
    await small.writes(number, "Ana has been crying about her absence yesterday, we had a funeral")
    (told,) = await small.said_to(number)
    assert told.body.startswith("Oakfield: thank you, we have your message. You will get an answer from the school")
    assert "office by 9:15am today." in told.body
    assert (await small.conversation(number)).kind == "absence"


@pytest.mark.parametrize("words", ["STOP", "Thanks", "ok thank you", "HELP"])
async def test_nothing_is_promised_to_whoever_asks_nothing(small: Desk, words: str) -> None:
    _, number = await small.parent()
    await small.writes(number, words)
    assert (await small.said_to(number), await small.rows(Promise)) == ([], [])
    found = await small.conversation(number)
    assert (found.state, found.due_at) == (OPEN, None)  # a person reads it, and that is all
    (reply,) = await small.rows(Reply)
    await small.do(lambda s: replies.mark_seen(s, reply.id, by="Mrs Office", log=desk.LOG, now=small.clock.now))
    assert (await small.conversation(number)).outcome == "read"


async def test_who_has_read_it_has_not_answered_yet(small: Desk) -> None:
    _, number = await small.parent()
    await small.writes(number, "What time does the club end?")
    (reply,) = await small.rows(Reply)
    await small.do(lambda s: replies.mark_seen(s, reply.id, by="Mrs Office", log=desk.LOG, now=small.clock.now))
    found = await small.conversation(number)
    assert (found.waiting_since, found.state, found.due_at is not None) == (None, OPEN, True)


async def test_what_may_mean_a_child_is_not_safe_is_due_now_and_told_to_staff(small: Desk) -> None:
    small.clock.now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # a Sunday, at night
    _, number = await small.parent()
    await small.writes(number, "She left for school at 8 and never arrived, where is my daughter??")
    found = await small.conversation(number)
    assert (found.urgent, found.due_at) == (True, small.clock.now)
    (task,) = await small.rows(Task)
    assert (task.kind, task.urgent) == ("desk.urgent", True)
    (told,) = await small.said_to(number)
    assert "passed it on at once" in told.body
    small.clock.pass_(hours=1)
    await small.turn()
    assert len(await small.rows(Task)) == 1


MISSING = "She left for school at 8 and never arrived, where is my daughter??"


@pytest.mark.parametrize("before", ["promised", "overdue", "taken", "read"])
async def test_urgent_words_win_whatever_was_promised_before(office: Desk, before: str) -> None:
    _, number = await office.parent()
    await office.writes(number, "What time does the club end?")
    conversation_id = (await office.conversation(number)).id or 0
    office.clock.pass_(days=before == "overdue", minutes=2)
    await office.turn()
    if before == "taken":
        await office.do(lambda s: deeds.take(s, office.gateway, conversation_id, "Mr Reilly", by="Mr Reilly"))
    if before == "read":
        (reply,) = await office.rows(Reply)
        await office.do(lambda s: replies.mark_seen(s, reply.id, by="Mrs Office", log=desk.LOG, now=office.clock.now))
    await office.writes(number, MISSING)
    found = await office.conversation(number)
    assert (found.urgent, found.kind, found.due_at is not None) == (True, "absence", True)
    assert found.due_at is not None
    assert found.due_at <= office.clock.now
    assert [one.urgent for one in await office.rows(Task) if one.kind == "desk.urgent"] == [True]
    await office.writes(number, "PLEASE where is she she never arrived")
    _, told = await office.said_to(number)
    assert "passed it on at once" in told.body  # once, though another answer had just gone out
    (promised,) = await office.rows(Promise)
    assert (promised.message_id, promised.due_at) == (told.id, found.due_at)


STAFF = "+447700900990"


@pytest.mark.parametrize("sender", ["text of a parent", "text of a stranger", "email"])
async def test_staff_are_texted_of_urgent_words_whichever_way_they_came(database: Database, sender: str) -> None:
    office = await Desk(database, alerts=(STAFF,)).open()
    _, number = await office.parent(mail="maria@example.com")
    address = {"text of a stranger": school.number(), "email": "maria@example.com"}.get(sender, number)
    await office.writes(address, "What time does the club end?")
    assert await office.said_to(STAFF) == []
    await office.writes(address, MISSING)
    number_of_it = (await office.conversation(address)).id
    (text,) = await office.said_to(STAFF)
    assert text.body == f"Oakfield: a child may be missing or unsafe. Act now: conversation {number_of_it}."
    await asyncio.gather(*[turns.again(office.turn) for _ in range(3)])
    office.clock.pass_(minutes=1)
    await office.writes(address, "PLEASE where is she she never arrived")
    assert len(await office.said_to(STAFF)) == 1  # nobody who writes ten texts makes ten alerts
    office.clock.pass_(minutes=9)
    await office.turn()
    assert len(await office.said_to(STAFF)) == 2  # what came since is news all the same


async def test_one_text_names_everything_and_no_number_of_a_child(sqlite_database: Database) -> None:
    office = await Desk(sqlite_database, alerts=(STAFF,)).open()

    async def ask(session: Session) -> None:
        subjects = ("twilio-sms reply", "case:99", "conversation:7", "reply:3", *(f"reply:{n}" for n in range(4, 7)))
        for subject in subjects:
            loud = tasks.Ask("absence.alarm", subject, "Act.", loud=True)
            await tasks.ask(session, loud, log=desk.LOG, now=office.clock.now)

    await office.do(ask)
    await office.turn()
    (text,) = await office.said_to(STAFF)
    assert text.body.endswith("Act now: task 1; absence case 99; conversation 7; reply 3, 4 and 2 more.")


async def test_an_alert_waits_for_a_number_to_text_from(sqlite_database: Database) -> None:
    office = await Desk(sqlite_database, alerts=(STAFF,)).open()
    _, number = await office.parent()

    async def active(yes: bool) -> None:
        async with sqlite_database.write() as session:
            texts = sa.update(Sender).where(Sender.medium == Medium.SMS)
            await session.execute(texts.values(active=yes))

    await active(False)
    await office.writes(number, MISSING)
    assert await office.said_to(STAFF) == []
    await active(True)
    await office.turn()
    assert len(await office.said_to(STAFF)) == 1


async def test_a_clock_that_is_set_back_keeps_no_alert_back(sqlite_database: Database) -> None:
    office = await Desk(sqlite_database, alerts=(STAFF,)).open()
    _, number = await office.parent()
    await office.writes(number, MISSING)
    office.clock.pass_(hours=-3)
    await office.writes(number, "PLEASE where is she she never arrived")
    assert len(await office.said_to(STAFF)) == 2


async def test_a_stranger_is_told_no_name_and_a_stranger_s_mail_gets_nothing(small: Desk) -> None:
    section = small.gateway.settings.desk.model_copy(update={"answered_by": "Mrs Okafor"})
    settings = small.gateway.settings.model_copy(update={"desk": section})
    small.gateway = context.Gateway(
        settings=settings, database=small.database, log=desk.LOG, secret=b"s" * 32, channels={}, now=small.clock
    )
    stranger, (_, number) = school.number(), await small.parent()
    await small.writes(stranger, "Is there a place in Year 3?")
    await small.writes("sales@example.net", "Do you need new whiteboards?")
    await small.writes(number, "What time does the club end?")
    (told,) = await small.said_to(stranger)
    assert "the school office" in told.body
    assert "Mrs Okafor" in (await small.said_to(number))[0].body
    assert await small.said_to("sales@example.net") == []
    assert all(row.due_at for row in await small.rows(Conversation))  # somebody answers all of them


async def test_an_email_is_answered_by_email_below_the_family_s_own(small: Desk) -> None:
    await small.parent(mail="maria@example.com")
    raw = {"message-id": "<abc@mail.example.com>", "subject": "The {club}"}
    await small.writes("maria@example.com", "What time does the club end?", raw=raw)
    (told,) = await small.said_to("maria@example.com")
    assert (told.subject, told.in_reply_to) == ("Re: The {club}", "<abc@mail.example.com>")
    sent = await small.answer((await small.conversation("maria@example.com")).id or 0, "At {half past} four.")
    assert (sent.subject, sent.in_reply_to) == ("Re: The {club}", "<abc@mail.example.com>")
    assert sent.body.startswith("At (half past) four.")


class Mailbox:
    """What a mail server is handed."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(bytes(envelope.content or b""))
        return "250 2.0.0 ok"


async def test_on_the_wire_an_answer_names_the_mail_that_it_answers(small: Desk) -> None:
    """From a parent's mail as it came to the mails that leave: their program shows them below it."""
    await small.parent(mail="maria@example.com")
    raw = (
        b"From: maria@example.com\r\nTo: office@oakfield.example\r\n"
        b"Subject: =?utf-8?q?Kiedy_si=C4=99_ko=C5=84czy=3F?=\r\n"
        b"Message-ID:\r\n <CAF=abc+1@mail.example.com>\r\n\r\nWhat time does the club end?\r\n"
    )
    (event,) = mail_reading.read(mail_in.Mail(raw, small.clock.now))
    assert isinstance(event, base.Reply)
    await small.writes("maria@example.com", event.body, raw=dict(event.raw))
    await small.answer((await small.conversation("maria@example.com")).id or 0, "At half past four.")
    lane = next(row.id for row in await small.rows(Sender) if row.medium is Medium.EMAIL)
    claimed = await desk.claim(small.database, lane or 0, now=small.clock.now)
    mailbox, loop = Mailbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    smtp = email_smtp.SmtpServer("127.0.0.1", server.sockets[0].getsockname()[1], security="none")
    channel = email_smtp.SmtpEmail(smtp, now=small.clock)
    await channel.open()
    for row in claimed.messages:
        ready = outgoing.build(row, callback_url="", unsubscribe_url=lambda _: "", now=small.clock.now)
        assert (await channel.send(ready)).outcome is base.Outcome.ACCEPTED
    await channel.close()
    await closing.close(server)
    heads = [email.message_from_bytes(one, policy=policy.SMTP) for one in mailbox.mails]
    assert len(heads) == 2  # the acknowledgement, and what a person said
    for head in heads:
        assert head["In-Reply-To"] == head["References"] == "<CAF=abc+1@mail.example.com>"
        assert head["Subject"] == "Re: Kiedy się kończy?"


async def test_two_machines_do_not_chat(small: Desk) -> None:
    _, number = await small.parent()
    for _ in range(12):
        await small.writes(number, "Your message could not be delivered?")
        await small.close((await small.conversation(number)).id or 0, "not_for_us")
        small.clock.pass_(minutes=15)
    assert len(await small.said_to(number)) <= 3 * 3
    assert "loop" in {task.kind for task in await small.rows(Task)}


async def test_what_nobody_answered_is_told_once_and_is_over_when_somebody_does(office: Desk) -> None:
    _, number = await office.parent()
    await office.writes(number, "What time does the club end?")
    office.clock.pass_(days=1, minutes=1)
    await office.turn()
    await office.turn()
    (task,) = await office.rows(Task)
    assert (task.kind, task.times, task.done_at) == ("desk.overdue", 1, None)
    async with office.database.read() as session:
        assert await overdue.count(session, now=office.clock.now) == 1
    await office.answer((await office.conversation(number)).id or 0, "At half past four.")
    (task,) = await office.rows(Task)
    assert task.done_at == office.clock.now
    found = await office.conversation(number)
    assert (found.state, found.due_at, found.waiting_since, found.owner) == (OPEN, None, None, "Mrs Office")


async def test_words_that_come_while_it_is_closed_open_it_again(office: Desk) -> None:
    _, number = await office.parent()
    await office.writes(number, "What time does the club end?")
    await office.writes(number, "And may I bring my mother in a wheelchair?", look=False)
    conversation_id = (await office.conversation(number)).id or 0
    await office.close(conversation_id)  # whoever closes has not seen the last words
    found = await office.conversation(number)
    assert (found.state, found.waiting_since) == (OPEN, office.clock.now)
    await office.turn()
    found = await office.conversation(number)
    assert (found.state, found.due_at is not None) == (OPEN, True)
    office.clock.pass_(minutes=5)
    await office.close(conversation_id)
    found = await office.conversation(number)
    assert (found.state, found.waiting_since) == (CLOSED, None)


async def test_an_answer_passes_the_wall_or_is_refused_in_a_sentence(office: Desk) -> None:
    _, stopped = await office.parent()
    await office.writes(stopped, "What time does the club end?")
    await office.writes(stopped, "STOP")
    with pytest.raises(errors.Conflict, match="Asked us to stop"):
        await office.answer((await office.conversation(stopped)).id or 0, "At half past four.")
    barred, number = await office.parent("Ivan")
    child = await school.pupil(office.database, "Ben")
    await school.tie(office.database, child, barred, no_contact=True)
    await office.writes(number, "Where is my son today?")
    with pytest.raises(errors.Conflict, match="Must not be contacted"):
        await office.answer((await office.conversation(number)).id or 0, "In Year 3.")
    alias = f"ivan.{child}+home@example.com"
    await school.point(office.database, barred, alias.replace("+home", ""), kind=PointKind.EMAIL)
    await office.writes(alias, "Where is my son today?")
    with pytest.raises(errors.Conflict, match="Must not be contacted"):
        await office.answer((await office.conversation(alias)).id or 0, "In Year 3.")
    assert not [one for one in await office.rows(Message) if one.slot.startswith(answering.SLOT)]
    assert child in {row.pupil_id for row in await office.rows(About)}  # the wall stops the acknowledgement, too


async def test_nothing_is_sent_to_a_caller_who_has_shown_no_number(small: Desk) -> None:
    await small.writes("withheld", "Voice message, 9 seconds.")
    found = await small.conversation("withheld")
    with pytest.raises(errors.Conflict, match="shown no number"):
        await small.answer(found.id or 0, "At half past four.")
    assert await small.said_to("withheld") == []


async def test_an_answer_goes_without_accents_where_the_school_wants_that_and_it_is_cheaper(small: Desk) -> None:
    languages = small.gateway.settings.languages.model_copy(update={"fold_accents": ("pl",)})
    settings = small.gateway.settings.model_copy(update={"languages": languages})
    small.gateway = dataclasses.replace(small.gateway, settings=settings)
    _, number = await small.parent(written_language="pl")
    await small.writes(number, "Kiedy?")
    conversation_id = (await small.conversation(number)).id or 0
    sent = await small.answer(conversation_id, canned="back-on", values={"date": "2026-12-01"})
    assert sent.body == "Oakfield: Dziekujemy. Spodziewamy sie dziecka z powrotem w szkole: wtorek, 1 grudnia."
    assert (sent.parts, sent.pence) == (1, 4)


async def test_a_canned_answer_goes_in_the_family_s_language_with_its_blanks(small: Desk) -> None:
    _, number = await small.parent(written_language="pl")
    await small.writes(number, "Kiedy mamy przyjść?")
    conversation_id = (await small.conversation(number)).id or 0
    sent = await small.answer(conversation_id, canned="back-on", values={"date": "2026-12-01"})
    assert sent.language == "pl"
    assert sent.body == "Oakfield: Dziękujemy. Spodziewamy się dziecka z powrotem w szkole: wtorek, 1 grudnia."
    for wrong in ({"canned": "back-on"}, {"canned": "back-on", "values": {"date": "soon"}}, {"words": "x" * 2000}, {}):
        with pytest.raises(errors.BadInput):
            await small.answer(conversation_id, **wrong)
    with pytest.raises(errors.NotFound, match="There are: back-on"):
        await small.answer(conversation_id, canned="nothing")


# What may follow on what, by deed: the state after it, or None where it is refused.
TABLE = {
    (OPEN, "take"): OPEN,
    (OPEN, "note"): OPEN,
    (OPEN, "kind"): OPEN,
    (OPEN, "answer"): OPEN,
    (OPEN, "close"): CLOSED,
    (OPEN, "words"): OPEN,
    (CLOSED, "take"): OPEN,
    (CLOSED, "note"): CLOSED,
    (CLOSED, "kind"): None,
    (CLOSED, "answer"): OPEN,
    (CLOSED, "close"): None,
    (CLOSED, "words"): OPEN,
}


async def test_the_table_of_states(small: Desk) -> None:
    for (before, deed), after in TABLE.items():
        _, number = await small.parent()
        await small.writes(number, "What time does the club end?")
        conversation_id = (await small.conversation(number)).id or 0
        if before is CLOSED:
            await small.close(conversation_id)

        async def act(session: Session, deed: str = deed, conversation_id: int = conversation_id) -> None:
            means = (session, small.gateway, conversation_id)
            match deed:
                case "take":
                    await deeds.take(*means, "Mr Reilly", by="Mrs Office")
                case "note":
                    await deeds.note(*means, "Rang her.", by="Mrs Office")
                case "kind":
                    await deeds.sort(*means, "complaint", by="Mrs Office")
                case "close":
                    await deeds.close(*means, "passed_on", by="Mrs Office")

        doing = (
            small.writes(number, "One more question?") if deed == "words"
            else small.answer(conversation_id, "Yes.") if deed == "answer"
            else small.do(act)
        )  # fmt: skip
        if after is None:
            with pytest.raises(errors.Conflict):
                await doing
            after = before
        else:
            await doing
        assert (await small.conversation(number)).state is after, (before, deed)


async def test_notes_are_never_sent_and_no_words_reach_the_audit_log(small: Desk) -> None:
    _, number = await small.parent()
    await small.writes(number, "What time does the zebra club end?")
    conversation_id = (await small.conversation(number)).id or 0

    await small.do(lambda s: deeds.note(s, small.gateway, conversation_id, "A giraffe rang.", by="Mr Reilly"))
    small.clock.pass_(minutes=1)
    await small.answer(conversation_id, "The lion knows.")
    assert not [one for one in await small.rows(Message) if "giraffe" in one.body]
    bodies = " ".join(line.body for line in await small.rows(Audit))
    assert not [word for word in ("zebra", "giraffe", "lion", number) if word in bodies]
    said = [(one.kind, one.text) for one in (await small.thread(number)).said]
    assert [kind for kind, _ in said] == ["reply", "automatic", "note", "answer"]


async def test_a_thread_never_shows_another_parents_words(office: Desk) -> None:
    """Neither by the other parent's own phone, nor by a number that was somebody else's before."""
    _, mother = await office.parent("Maria")
    _, father = await office.parent("Ivan")
    await office.writes(mother, "My address is secret: 4 Elm Road.")
    await office.writes(father, "Is she well?")
    assert "Elm" not in str((await office.thread(father)).said)
    async with office.database.write() as session:  # the network gives the mother's number to somebody else
        await session.execute(sa.text("DELETE FROM contact_point WHERE address = :a"), {"a": mother})
    await office.parent("Stranger", number=mother)
    office.clock.pass_(days=1)
    await office.writes(mother, "Which class is my son in?")
    shown = await office.thread(mother)
    assert shown.contact.startswith("Stranger")
    assert "Elm" not in str(shown.said)
    assert shown.others


async def test_text_and_email_of_one_parent_are_one_conversation_and_of_two_never(office: Desk) -> None:
    contact_id, number = await office.parent("Maria", mail="maria@example.com")
    _, other = await office.parent("Ivan")
    await office.writes(number, "What time does the club end?")
    office.clock.pass_(minutes=1)
    await office.writes("maria@example.com", "Please see my text, too?")
    await office.writes(other, "Is she well?")
    ids = {address: (await office.conversation(address)).id or 0 for address in (number, "maria@example.com", other)}

    async def merge(session: Session, into: str = number, other: str = "maria@example.com") -> None:
        await deeds.merge(session, office.gateway, ids[into], ids[other], by="Mrs Office")

    await office.do(merge)
    for into, second in ((number, other), (other, number)):
        with pytest.raises(errors.Conflict, match="not the same person"):
            await office.do(lambda session, into=into, second=second: merge(session, into, second))
    shown = await office.thread("maria@example.com")
    assert {one.address for one in shown.addresses} == {number, "maria@example.com"}
    assert [one.text for one in shown.said if one.kind == "reply"] == [
        "What time does the club end?", "Please see my text, too?",
    ]  # fmt: skip
    assert len([one for one in await office.rows(Promise) if one.kept_at is None]) == 2  # hers, and his
    sent = await office.answer(ids["maria@example.com"], "At half past four.")
    assert sent.address == "maria@example.com"  # where she wrote last
    office.clock.pass_(hours=1)
    await office.writes("maria@example.com", "And on Friday?")
    root = await office.conversation(number)
    assert (root.contact_id, root.state, root.due_at is not None) == (contact_id, OPEN, True)
    async with office.database.write() as session:  # her number goes to somebody else: they part
        await session.execute(sa.text("DELETE FROM contact_point WHERE address = :a"), {"a": number})
    await office.parent("Stranger", number=number)
    await office.writes(number, "Which class is my son in?")
    assert "club" not in str((await office.thread(number)).said)
    assert "Which class" not in str((await office.thread("maria@example.com")).said)
    for address in (number, "maria@example.com"):
        await office.close((await office.thread(address)).root.id or 0)
    assert [row.waiting_since for row in await office.rows(Conversation)][:2] == [None, None]


async def change_hands(office: Desk, address: str, name: str = "Stranger") -> None:
    """An import takes an address from whoever has it and gives it to somebody else."""
    async with office.database.write() as session:
        await session.execute(sa.text("DELETE FROM contact_point WHERE address = :a"), {"a": address})
    await office.parent(name, number=address)


async def test_a_number_that_changes_hands_takes_neither_words_nor_promise_along(office: Desk) -> None:
    mother, number = await office.parent("Maria")
    await office.writes(number, "What time does the zebra club end?")
    old = (await office.conversation(number)).id or 0
    await office.do(lambda s: deeds.take(s, office.gateway, old, "Mr Reilly", by="Mr Reilly"))
    await office.do(lambda s: deeds.note(s, office.gateway, old, "A giraffe rang.", by="Mr Reilly"))
    await change_hands(office, number)
    with pytest.raises(errors.Conflict, match="somebody else's now"):
        await office.answer(old, "At half past four.")  # nor does her answer go to somebody else
    assert "Stranger" not in (await office.thread(number)).contact
    await office.writes(number, "When does the choir end?")
    new = await office.thread(number)
    assert (new.contact, new.root.owner) == ("Stranger Example", "")
    assert not [word for word in ("zebra", "giraffe") if word in str(new.said)]
    async with office.database.read() as session:
        kept = await thread.read(session, old)
    assert (kept.root.contact_id, kept.root.owner, kept.promise is not None) == (mother, "Mr Reilly", True)
    assert [one.text for one in kept.said if one.kind in ("reply", "note")] == [
        "What time does the zebra club end?", "A giraffe rang.",
    ]  # fmt: skip
    with pytest.raises(errors.Conflict, match="somebody else's now"):
        await office.answer(old, "At half past four.")
    (task,) = await office.rows(Task)
    assert (task.kind, task.open_key is None) == ("desk.left", False)
    await office.close(old)  # she was rung
    (task,) = await office.rows(Task)
    assert task.open_key is None
    assert [one.state for one in await office.rows(Conversation)] == [CLOSED, OPEN]


async def test_whose_text_number_is_gone_is_still_answered_by_email(small: Desk) -> None:
    _, number = await small.parent("Maria", mail="maria@example.com")
    await small.writes("maria@example.com", "See my text, please?")
    small.clock.pass_(minutes=1)
    await small.writes(number, "What time does the club end?")
    ids = [(await small.conversation(address)).id or 0 for address in (number, "maria@example.com")]
    await small.do(lambda s: deeds.merge(s, small.gateway, *ids, by="Mrs Office"))
    await change_hands(small, number)
    await small.writes(number, "When does the choir end?")
    assert [task.kind for task in await small.rows(Task)] == []
    assert (await small.answer(ids[0], "At half past four.")).address == "maria@example.com"


async def test_what_is_merged_or_sorted_anew_is_due_once(office: Desk) -> None:
    """The other's overdue task goes with it; what a person calls a complaint is urgent no more."""
    _, number = await office.parent("Maria", mail="maria@example.com")
    await office.writes("maria@example.com", "What time does the club end?")
    office.clock.pass_(days=1, minutes=1)
    await office.writes(number, "Please see my mail, too?")
    into, other = [(await office.conversation(one)).id or 0 for one in (number, "maria@example.com")]
    await office.do(lambda s: deeds.merge(s, office.gateway, into, other, by="Mrs Office"))
    await office.turn()
    open_ones = {one.subject for one in await office.rows(Task) if one.open_key}
    assert open_ones == {f"promise:{into}"}
    await office.writes(number, MISSING)
    assert (await office.conversation(number)).urgent
    await office.do(lambda s: deeds.sort(s, office.gateway, into, "complaint", by="Mrs Office"))
    found = await office.conversation(number)
    assert (found.urgent, found.kind) == (False, "complaint")
    await office.close(into)
    assert {one.subject for one in await office.rows(Task) if one.open_key} == {f"conversation:{into}"}


async def test_a_voice_message_is_taken_for_one_about_an_absence(small: Desk) -> None:
    """Nobody has heard it: it may be about this morning."""
    _, number = await small.parent()
    await small.writes(number, "Voice message, 9 seconds.", medium=Medium.VOICE, unasked=True)
    found = await small.conversation(number)
    assert (found.kind, found.due_at) == ("absence", datetime(2026, 11, 23, 9, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("I wish to make a formal complaint about Mr Reilly", "complaint"),
        ("She complained of a tummy ache and has a fever", "absence"),
        ("What time does the club end?", "question"),
    ],
)
async def test_a_complaint_has_a_promise_of_its_own(small: Desk, words: str, kind: str) -> None:
    _, number = await small.parent()
    await small.writes(number, words)
    assert (await small.conversation(number)).kind == kind


@pytest.mark.parametrize(
    ("words", "complains"),
    [
        ("Chciałabym złożyć skargę na nauczyciela", True),
        ("Bu konuda ŞİKAYETÇİ olmak istiyorum", True),
        ("میں شکایت کرنا چاہتی ہوں", True),
        ("Karın ağrısı şikayeti var", False),
        ("se queja de la barriga", False),
    ],
)
def test_complaints_of_families_and_of_tummies(words: str, complains: bool) -> None:
    assert complaints.is_one(words) is complains


async def test_a_phone_that_two_share_is_not_merged(small: Desk) -> None:
    _, number = await small.parent("Maria", mail="maria@example.com")
    await small.parent("Ivan", number=number)
    await small.writes(number, "What time does the club end?")
    await small.writes("maria@example.com", "Please see my text, too?")
    ids = [(await small.conversation(address)).id or 0 for address in ("maria@example.com", number)]
    with pytest.raises(errors.Conflict):
        await small.do(lambda s: deeds.merge(s, small.gateway, *ids, by="Mrs Office"))
