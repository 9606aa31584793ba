"""A family's mail into the running daemon: an answer from a real mailbox, and a bounce by LMTP."""

from __future__ import annotations

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import mailservers, processes
from support import school as people
from support.mailservers import Dovecot
from support.waiting import until

from gateway.database import Database
from gateway.models import Message, MessageState, PointKind
from gateway.practice import setup

PARENT, OFFICE = "parent@example.com", "office@oakfield.example"
NOTICE = """
key = "trip"
title = "Trip"
purpose = "service"
media = ["email"]
text.en = "The trip is on Friday."
subject.en = "Trip on Friday"
audience.whole_school = true
"""
ANSWER = """\
From: Maria Example <{parent}>
To: {office}
Subject: Re: Trip on Friday
Message-ID: <answer-1@example.com>
In-Reply-To: {message_id}
Content-Type: text/plain; charset=utf-8

Maria will be there, thank you.

On Fri, Nov 20, 2026 at 9:00 AM Oakfield Primary School <{office}> wrote:
> The trip is on Friday.
"""
BOUNCE = """\
From: MAILER-DAEMON@relay.example.com (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce-1@relay.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

No such user.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com

Final-Recipient: rfc822; {parent}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown
--b--
"""


@pytest.fixture
async def school(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[processes.School]:
    async with processes.school(tmp_path, f"sqlite:///{tmp_path}/handbell.sqlite3") as installed:
        yield installed


@pytest.fixture
async def world(tmp_path: Path, school: processes.School) -> AsyncIterator[processes.World]:
    async with processes.world(tmp_path, hooks=school.url) as simulated:
        yield simulated


async def send_notice(school: processes.School, world: processes.World, database: Database, folder: Path) -> str:
    """Write to one parent, and give the Message-ID of what she got."""
    child, mother = await people.pupil(database), await people.contact(database, "Maria")
    await people.tie(database, child, mother, priority=1, parental_responsibility=True)
    await people.point(database, mother, PARENT, kind=PointKind.EMAIL)
    (folder / "notice.toml").write_text(NOTICE)
    await school.handbell("notice", "send", str(folder / "notice.toml"), "--as", "Mrs Office")
    got: list[Any] = []

    async def arrived() -> bool:
        got[:] = (await world.look("mailboxes", address=PARENT))["mailboxes"][0]["mails"]
        return bool(got)

    await until(arrived, "the email is in the parent's mailbox", every=0.1)
    return str(got[0]["message_id"])


async def test_an_answer_in_the_mailbox_is_on_the_list(
    school: processes.School, world: processes.World, dovecot: Dovecot, tmp_path: Path
) -> None:
    mail_in = f"""
[mail_in]
mode = "imap"
host = "127.0.0.1"
port = {dovecot.port}
security = "none"
username = "{mailservers.USER}"
"""
    school.write_settings(world, extra=mail_in)
    school.env["HANDBELL_MAIL_IN__PASSWORD"] = mailservers.PASSWORD
    await school.handbell("migrate")
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/handbell.sqlite3")
    process = await school.run()
    message_id = await send_notice(school, world, database, tmp_path)
    dovecot.add(ANSWER.format(parent=PARENT, office=OFFICE, message_id=message_id).encode())
    listed: list[dict[str, Any]] = []

    async def on_the_list() -> bool:
        listed[:] = json.loads(await school.handbell("replies", "list", "--json"))
        return bool(listed)

    await until(on_the_list, "the answer is on the list", every=0.1)
    assert listed[0]["words"] == "Maria will be there, thank you."
    assert "Maria" in listed[0]["from"]
    assert len(dovecot.mails("Handbell.Done")) == 1
    assert await process.stop() == 0
    await database.close()


async def test_a_bounce_by_lmtp_fails_the_message(
    school: processes.School, world: processes.World, tmp_path: Path
) -> None:
    [port] = setup.free_ports(1)
    school.write_settings(world, extra=f'[mail_in]\nmode = "lmtp"\nlmtp_port = {port}\n')
    school.env["HANDBELL_SMTP__BOUNCE_DOMAIN"] = "bounces.oakfield.example"
    await school.handbell("migrate")
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/handbell.sqlite3")
    process = await school.run()
    message_id = await send_notice(school, world, database, tmp_path)
    tag = message_id.strip("<>").partition("@")[0].partition(".")[0]
    to = f"bounce+{tag}@bounces.oakfield.example"

    def hand_in() -> None:
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.sendmail("", [to], BOUNCE.format(to=to, parent=PARENT).replace("\n", "\r\n"))

    await asyncio.to_thread(hand_in)

    async def failed() -> bool:
        async with database.read() as session:
            return await session.scalar(sa.select(Message.state)) is MessageState.FAILED  # type: ignore[call-overload]

    await until(failed, "the message has failed", every=0.1)
    assert await process.stop() == 0
    await database.close()
