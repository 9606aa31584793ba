"""Mail out by a real Postfix and back: its own bounces, a parent's answer and an out-of-office note, by LMTP."""

from __future__ import annotations

import email
import json
import smtplib
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlmodel import select
from support import mailservers, processes
from support.waiting import until

from gateway.database import Database
from gateway.models import Message
from gateway.practice import setup

PEOPLE = """Pupil ID,Pupil Forename,Pupil Surname,Contact ID,Forename,Surname,Priority,Parental Responsibility,Email
P1,Ana,Nowak,C1,Ewa,Nowak,1,Yes,ewa@example.com
P2,Ben,Jones,C2,Sam,Jones,1,Yes,nobody@dead.example
P3,Cai,Rees,C3,Non,Rees,1,Yes,non@policy.example
P4,Dee,Khan,C4,Ali,Khan,1,Yes,ali@full.example
"""
NOTICE = """
key = "fair"
title = "Book fair"
purpose = "statutory"
media = ["email"]
[text]
en = "The book fair is on Friday for {children}. Shall {children} come?"
[audience]
whole_school = true
[replies]
expected = true
[[replies.options]]
key = "1"
label = { en = "coming" }
"""
#: Where the school's relay takes each domain, and what the mail system of those families then says.
ROUTES = (
    "transport_maps = inline:{"
    " { bounces.oakfield.example = lmtp:inet:127.0.0.1:%(door)s }, { oakfield.example = lmtp:inet:127.0.0.1:%(door)s },"
    " { dead.example = smtp:[127.0.0.1]:%(far)s }, { policy.example = smtp:[127.0.0.1]:%(far)s },"
    " { full.example = smtp:[127.0.0.1]:%(far)s } }"
)
FATES = (
    "transport_maps = inline:{ { dead.example = error:5.1.1 User unknown },"
    " { policy.example = error:5.7.1 Message refused by policy }, { full.example = retry:4.2.2 Mailbox full } }"
)
SETTINGS = """
[mail_in]
mode = "lmtp"
lmtp_port = {door}
"""


@pytest.fixture
async def school(
    tmp_path: Path, start_postfix: Callable[..., mailservers.Postfix]
) -> AsyncIterator[tuple[processes.School, mailservers.Postfix]]:
    [door] = setup.free_ports(1)
    far = start_postfix(settings=[FATES])
    relay = start_postfix(settings=[ROUTES % {"door": door, "far": far.port}])
    async with (
        processes.school(tmp_path, f"sqlite:///{tmp_path / 'handbell.sqlite3'}") as installed,
        processes.world(tmp_path, hooks=installed.url) as world,
    ):
        installed.write_settings(world, extra=SETTINGS.format(door=door))
        smtp = f'port = {relay.port}\nbounce_domain = "bounces.oakfield.example"'
        text = installed.settings.read_text().replace(f"port = {world.smtp_port}", smtp)
        installed.settings.write_text(text)
        (tmp_path / "people.csv").write_text(PEOPLE)
        (tmp_path / "fair.toml").write_text(NOTICE)
        await installed.handbell("migrate")
        await installed.handbell("import", str(tmp_path / "people.csv"))
        yield installed, relay


async def messages(school: processes.School) -> dict[str, Message]:
    database = Database(school.database_url.replace("sqlite://", "sqlite+aiosqlite://"))
    async with database.read() as session:
        found = {row.address: row for row in await session.scalars(select(Message))}
    await database.close()
    return found


async def test_what_comes_back_finds_its_message_and_its_family(
    school: tuple[processes.School, mailservers.Postfix], tmp_path: Path
) -> None:
    installed, relay = school
    await installed.run()
    await installed.handbell("notice", "send", str(tmp_path / "fair.toml"), "--as", "Mrs Office")

    async def bounced() -> bool:
        states = {address: row.state for address, row in (await messages(installed)).items()}
        return states.get("nobody@dead.example") == "failed" and states.get("non@policy.example") == "failed"

    await until(bounced, "Postfix's own bounces are read", every=0.1)
    assert relay.said().count("sender non-delivery notification") == 2, "Postfix wrote them, not we"
    rows = await messages(installed)
    assert rows["nobody@dead.example"].reason == "bad_address"
    assert rows["non@policy.example"].reason in ("config", "content", "blocked", "auth")
    assert {rows[good].state for good in ("ewa@example.com", "ali@full.example")} == {"accepted"}

    (sent,) = [mail for mail in relay.mails() if b"ewa@example.com" in mail]
    answer(relay, sent, "1\n\nThanks,\nEwa\n\nOn Mon, the school wrote:\n> The book fair is on Friday\n")
    answer(relay, sent, "I am away until Monday.", **{"Auto-Submitted": "auto-replied", "Subject": "Out of office"})
    answer(relay, sent, "Sorry, wrong school.", sender="stranger@example.com")

    async def answered() -> bool:
        return len(json.loads(await installed.handbell("replies", "list", "--json"))) >= 2

    await until(answered, "the answers are listed", every=0.1)
    replies = json.loads(await installed.handbell("replies", "list", "--json"))
    assert sorted(reply["words"].split("\n")[0] for reply in replies) == ["1", "Sorry, wrong school."]
    people = json.loads(await installed.handbell("people", "list", "--json"))
    states = {
        point["address"]: point["state"]
        for pupil in people
        for contact in pupil["contacts"]
        for point in contact["points"]
    }
    assert states["nobody@dead.example"] == "dead"
    assert states["non@policy.example"] != "dead", "a policy is our trouble, not the family's"
    assert states["ali@full.example"] != "dead"
    tasks = json.loads(await installed.handbell("task", "list", "--json"))
    assert tasks, "somebody must look for another address, and at the policy"
    assert installed.process is not None
    for private in ("ewa@example.com", "Sorry, wrong", "book fair is on"):
        assert private not in installed.process.said()


def answer(relay: mailservers.Postfix, sent: bytes, words: str, sender: str = "ewa@example.com", **more: str) -> None:
    """Answer a mail as a mail program does, through the school's mail server."""
    original = email.message_from_bytes(sent)
    reply = EmailMessage()
    reply["From"], reply["To"] = sender, "office@oakfield.example"
    reply["Subject"] = more.pop("Subject", "Re: Book fair")
    reply["In-Reply-To"] = original["Message-ID"]
    reply["Message-ID"] = f"<{abs(hash((words, sender)))}@example.com>"
    for name, value in more.items():
        reply[name] = value
    reply.set_content(words)
    with smtplib.SMTP("127.0.0.1", relay.port) as server:
        server.send_message(reply)
