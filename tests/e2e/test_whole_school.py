"""From a school's files to texts, emails and calls, and the answers back: the real processes, end to end."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from support import processes
from support.waiting import until

from channels.base import Medium
from gateway.database import Database
from gateway.models import (
    About,
    Audit,
    Contact,
    ContactPoint,
    Guardianship,
    Message,
    MessageState,
    OptOut,
    Pupil,
    Reply,
)
from gateway.models.types import core
from gateway.practice import school as practice

NOTICE = """
key = "early-finish"
title = "School finishes early"
purpose = "statutory"
media = ["sms", "email", "voice"]

[text]
en = "School finishes at 1pm on Friday for {children}."
pl = "W piątek lekcje kończą się o 13.00: {children}."
ur = "جمعے کو سکول ایک بجے بند ہوگا: {children}"

[subject]
en = "Early finish on Friday"

[audience]
whole_school = true

[replies]
expected = true

[[replies.options]]
key = "1"
label = { en = "I will collect", pl = "odbiorę", ur = "میں لینے آؤں گا" }

[[replies.options]]
key = "2"
label = { en = "going home alone", pl = "wraca sam", ur = "خود گھر آئے گا" }
"""

LONDON = ZoneInfo("Europe/London")
OPEN = {MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED}


async def rows(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Message)))


async def mobiles(database: Database, language: str) -> list[tuple[str, int]]:
    """Numbers (and their owners) that the notice reached in a language, each belonging to one contact only."""
    message, point = core(Message).c, core(ContactPoint).c
    owners = sa.select(sa.func.count(sa.distinct(point.contact_id))).where(point.address == message.address)
    query = (
        sa.select(message.address, message.contact_id)
        .where(message.medium == Medium.SMS, message.language == language, message.state == MessageState.DELIVERED)
        .where(owners.scalar_subquery() == 1)
        .order_by(message.address)
    )
    async with database.read() as session:
        return [(address, contact_id) for address, contact_id in await session.execute(query)]


async def test_one_notice_to_the_whole_school(
    school: processes.School, world: processes.World, practice_school: practice.Summary, tmp_path: Path
) -> None:
    await school.handbell("import", *[str(file) for file in practice_school.files])
    (tmp_path / "notice.toml").write_text(NOTICE)
    school.settings.write_text(school.settings.read_text() + '[log]\nlevel = "debug"\n')
    await school.run()
    await school.handbell("notice", "send", str(tmp_path / "notice.toml"), "--as", "Mrs Office")

    database = Database(school.database_url)
    try:
        await everything_settled(database)
        await check_every_phone(database, world)
        await check_nobody_barred(database, world)
        await check_everybody_has_a_row(database)
        await check_languages(database)
        await check_answers(database, world)
    finally:
        await database.close()
    verdict = await school.handbell("audit", "verify")
    assert "Nothing was changed" in verdict
    assert school.process is not None
    assert await school.process.stop() == 0
    await no_personal_data_in(school.process.said(), school.database_url)


async def everything_settled(database: Database) -> None:
    async def done() -> bool:
        found = await rows(database)
        # A mail that was handed over stays accepted: nobody says more of it.
        waiting = [row for row in found if row.state in OPEN and row.medium is not Medium.EMAIL]
        return bool(found) and not waiting and not any(row.state is MessageState.QUEUED for row in found)

    await until(done, "every message is settled", every=0.1)


async def check_every_phone(database: Database, world: processes.World) -> None:
    """What the simulator's side really got, against what the gateway believes: each phone and mailbox once."""
    got: Counter[tuple[str, str]] = Counter()
    for phone in (await world.look("phones"))["phones"]:
        got["sms", phone["number"]] += sum(
            text["direction"] != "inbound" and text["arrived"] for text in phone["texts"]
        )
        got["voice", phone["number"]] += len(phone["calls"])
    for box in (await world.look("mailboxes"))["mailboxes"]:
        got["email", box["address"]] += len(box["mails"])
    sent = Counter(
        (row.medium.value, row.address) for row in await rows(database) if row.state is not MessageState.SKIPPED
    )
    assert +got == sent
    assert set(sent.values()) == {1}
    assert {medium for medium, _ in sent} == {"sms", "email", "voice"}
    records = await world.look("records")
    assert records["landline_texts"] == 0
    assert records["complaints"] == []
    states = Counter((row.medium.value, row.state.value) for row in await rows(database))
    assert states["sms", "delivered"] > 300, states
    assert states["voice", "delivered"] > 300, states
    assert states["email", "accepted"] > 200, states


async def check_nobody_barred(database: Database, world: processes.World) -> None:
    """Nothing about a child went to a phone or mailbox of somebody barred today, and nothing there named the child."""
    tie, point, pupil = core(Guardianship).c, core(ContactPoint).c, core(Pupil).c
    today = datetime.now(LONDON).date()
    query = (
        sa.select(point.address, pupil.id, pupil.forename, pupil.known_as)
        .join_from(core(Guardianship), core(ContactPoint), point.contact_id == tie.contact_id)
        .join(core(Pupil), pupil.id == tie.pupil_id)
        .where(tie.no_contact.is_(True))
        .where(sa.or_(tie.no_contact_from.is_(None), tie.no_contact_from <= today))
        .where(sa.or_(tie.no_contact_until.is_(None), tie.no_contact_until >= today))
    )
    async with database.read() as session:
        barred = list(await session.execute(query))
        about = set(
            await session.execute(
                sa.select(core(Message).c.address, core(About).c.pupil_id)
                .join_from(core(Message), core(About))
                .where(core(Message).c.state != MessageState.SKIPPED)
            )
        )
    assert barred
    assert len(about) > 400  # or there would be nothing to find
    assert not {(row.address, row.id) for row in barred} & {(row.address, row.pupil_id) for row in about}
    heard: dict[str, str] = defaultdict(str)
    for phone in (await world.look("phones"))["phones"]:
        heard[phone["number"]] += " ".join(text["body"] for text in phone["texts"])
        heard[phone["number"]] += " ".join(str(part["text"]) for call in phone["calls"] for part in call["heard"])
    for box in (await world.look("mailboxes"))["mailboxes"]:
        heard[box["address"]] += " ".join(mail["text"] for mail in box["mails"])
    for row in barred:
        assert (row.known_as or row.forename) not in heard[row.address]


async def check_everybody_has_a_row(database: Database) -> None:
    """Every pupil on roll is told about, or stands on a row that says why not."""
    async with database.read() as session:
        pupils = set(await session.scalars(sa.select(Pupil.id)))
        about = set(await session.scalars(sa.select(About.pupil_id)))
        silent = list(await session.scalars(sa.select(Message).where(Message.state == MessageState.SKIPPED)))
    assert len(pupils) == 420
    assert about == pupils
    assert {"nobody", "barred", "landline", "merged"} <= {row.reason for row in silent}
    assert all(row.reason_text for row in silent)


async def check_languages(database: Database) -> None:
    languages = Counter(
        (row.medium.value, row.language) for row in await rows(database) if row.state is not MessageState.SKIPPED
    )
    assert languages["sms", "pl"]
    assert languages["sms", "ur"]
    assert languages["voice", "pl"]
    assert not languages["voice", "ur"]  # no voice speaks it: English
    assert all(row.parts >= 1 for row in await rows(database) if row.language)


async def check_answers(database: Database, world: processes.World) -> None:
    """Answers in several languages come back, each with its sender; STOP and HELP are understood."""
    english, polish, urdu = [await mobiles(database, tag) for tag in ("en", "pl", "ur")]
    said = {
        english[0]: "1",
        english[1]: "Thank you!",
        english[2]: "STOP",
        english[3]: "help",
        polish[0]: "2",
        urdu[0]: "شکریہ",
    }
    for (number, _), words in said.items():
        await world.do("reply", number=number, text=words)
    await world.do("reply", number="+447700900999", text="Who is this?", to="+441134960001")

    async def all_here() -> bool:
        async with database.read() as session:
            written = await session.scalar(sa.select(sa.func.count()).select_from(Reply).where(Reply.keys == ""))
        return written == len(said) + 1

    await until(all_here, "every reply is taken in", every=0.1)
    async with database.read() as session:
        replies = {reply.body: reply for reply in await session.scalars(sa.select(Reply).where(Reply.keys == ""))}
        for (_, contact_id), words in said.items():
            assert replies[words].contact_id == contact_id, words
            assert replies[words].run_id is not None
        assert replies["1"].option == "1"
        assert replies["2"].option == "2"
        assert replies["Who is this?"].contact_id is None
        assert replies["STOP"].keyword == "opt_out"
        assert replies["help"].keyword == "help"
        assert replies["Thank you!"].keyword is None
        stopped = list(await session.scalars(sa.select(OptOut.address)))
    assert stopped == [english[2][0]]


async def no_personal_data_in(log: str, database_url: str) -> None:
    """The daemon's log, with all that it can be made to say, names nobody, no number and no word of a message; and the
    audit log has no number and no word."""
    database = Database(database_url)
    async with database.read() as session:
        names = set[str]()
        for person in (Pupil, Contact):
            for row in await session.execute(sa.select(person.forename, person.surname)):
                names |= set(row)
        addresses = set(await session.scalars(sa.select(ContactPoint.address)))
        words = set(await session.scalars(sa.select(Message.body))) | set(await session.scalars(sa.select(Reply.body)))
        lines = [f"{line.actor} {line.subject} {line.body}" for line in await session.scalars(sa.select(Audit))]
    await database.close()
    assert '"level": "debug"' in log or '"level":"debug"' in log, "nothing to look through"
    assert len(names) > 400
    assert len(addresses) > 500
    written = set(re.findall(r"[^\W\d_]+", log))
    assert not [name for name in names if written.issuperset(re.findall(r"[^\W\d_]+", name)) and name in log]
    assert not [address for address in addresses if address in log or address.removeprefix("+44") in log]
    assert not [one for one in words if len(one) > 4 and one in log]
    deeds = "\n".join(lines)
    assert len(lines) > 400
    assert not [one for one in addresses | words if len(one) > 4 and one.removeprefix("+44") in deeds]
