"""Faults of the way to a provider: nobody there, names that nobody knows, certificates that do not fit, dead lines."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from support import engine
from support.engine import Engine, S
from support.gate import pass_through
from support.mail_gate import at
from support.waiting import until

from channels.base import Medium
from gateway.database import Database
from gateway.models import Message

MANY = 12


async def others_go_on(works: Engine, medium: Medium) -> None:
    for other in works.gates:
        if other is not medium:
            [one] = await works.queue(other)
            await until(lambda one=one: works.got(one) == 1, f"{other} goes on")  # type: ignore[misc]


async def all_went_out(works: Engine, messages: list[Message]) -> None:
    await until(lambda: works.all_are(messages, S.ACCEPTED, S.DELIVERED), "everything is sent after the fault")
    assert [works.got(message) for message in messages] == [1] * len(messages)


async def nothing_is_burnt(works: Engine, medium: Medium) -> list[Message]:
    """Messages for a way that is closed: the lane is held, and none of them has lost a try."""
    messages = await works.queue(medium, MANY)
    await until(lambda: works.held(medium), "the lane backs off")
    await others_go_on(works, medium)
    rows = await works.rows(messages)
    assert {row.state for row in rows} <= {S.QUEUED, S.SENDING}
    assert not any(row.retries for row in rows)
    assert sum(row.attempt for row in rows) <= MANY, "nobody is called twice"
    return messages


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.VOICE, Medium.EMAIL])
async def test_nobody_listens(database: Database, medium: Medium) -> None:
    async with engine.running(database) as works:
        await works.gates[medium].shut()
        messages = await nothing_is_burnt(works, medium)
        await works.gates[medium].heal()
        await all_went_out(works, messages)


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.VOICE, Medium.EMAIL])
async def test_the_other_side_vanishes_without_a_word(sqlite_database: Database, medium: Medium) -> None:
    """A kept connection goes silent, and so does every new one: a firewall forgot us, a server lost its power."""
    async with engine.running(sqlite_database) as works:
        await all_went_out(works, await works.queue(medium, 4))
        works.gates[medium].silent = True
        messages = await works.queue(medium, MANY)
        await until(lambda: works.held(medium), "the lane backs off")
        await others_go_on(works, medium)
        await works.gates[medium].heal()
        await all_went_out(works, messages)


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.VOICE, Medium.EMAIL])
async def test_kept_lines_that_the_other_side_has_closed(sqlite_database: Database, medium: Medium) -> None:
    """What lay idle is cut; the next message notices, and none is lost or doubled by that."""
    async with engine.running(sqlite_database) as works:
        for _ in range(3):
            await all_went_out(works, await works.queue(medium, 4))
            await works.gates[medium].drop()


@pytest.mark.parametrize(
    ("medium", "settings"),
    [(Medium.SMS, {"api_base_url": "https://twilio.invalid"}), (Medium.EMAIL, {"host": "mail.invalid"})],
)
async def test_a_name_that_nobody_knows(sqlite_database: Database, medium: Medium, settings: dict[str, str]) -> None:
    given = {"texts": settings} if medium is Medium.SMS else {"smtp": settings}
    async with engine.running(sqlite_database, **given) as works:  # type: ignore[arg-type]
        await nothing_is_burnt(works, medium)


@dataclass(frozen=True)
class Papers:
    """Certificates for 127.0.0.1 of an authority that the channel trusts, and one of another."""

    ca_file: str
    good: ssl.SSLContext
    bad: dict[str, ssl.SSLContext]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    ours, strangers = trustme.CA(), trustme.CA()
    file: Path = tmp_path_factory.mktemp("papers") / "ca.pem"
    ours.cert_pem.write_to_path(file)
    now = datetime.now(UTC)

    def shown(authority: trustme.CA, name: str, *, until: datetime) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, not_before=now - timedelta(days=90), not_after=until).configure_cert(context)
        return context

    later, over = now + timedelta(days=90), now - timedelta(days=1)
    return Papers(
        str(file),
        shown(ours, "127.0.0.1", until=later),
        {
            "expired": shown(ours, "127.0.0.1", until=over),
            "another name": shown(ours, "mail.example.com", until=later),
            "a stranger's": shown(strangers, "127.0.0.1", until=later),
        },
    )


@pytest.mark.parametrize("which", ["expired", "another name", "a stranger's", "none at all"])
async def test_mail_by_tls(sqlite_database: Database, papers: Papers, which: str) -> None:
    settings = {"security": "tls", "ca_file": papers.ca_file}
    async with engine.running(sqlite_database, smtp=settings, tls=papers.bad.get(which)) as works:
        messages = await nothing_is_burnt(works, Medium.EMAIL)
        gate = works.gates[Medium.EMAIL]
        await gate.shut()
        gate.tls = papers.good
        await gate.open()
        await all_went_out(works, messages)


async def test_starttls_is_stripped(sqlite_database: Database, papers: Papers) -> None:
    """Somebody on the way takes the offer of a secure line out: nothing goes over an open one."""
    settings = {"security": "starttls", "ca_file": papers.ca_file}
    async with engine.running(sqlite_database, smtp=settings, world={"smtp_tls": papers.good}) as works:
        await works.gates[Medium.EMAIL].go_wrong(at("EHLO", b"250-practice.example\r\n250 8BITMIME\r\n"))
        messages = await nothing_is_burnt(works, Medium.EMAIL)
        await works.gates[Medium.EMAIL].heal()
        await all_went_out(works, messages)


@pytest.mark.parametrize("which", ["expired", "another name", "a stranger's", "none at all"])
async def test_texts_by_tls(sqlite_database: Database, papers: Papers, which: str) -> None:
    """Twilio's certificate does not fit, or plain HTTP answers on its port: nothing leaves the house."""
    async with engine.running(sqlite_database, texts={"api_base_url": "https://127.0.0.1:{port}"}) as works:
        gate = works.gates[Medium.SMS]
        await gate.shut()
        gate.tls = papers.bad.get(which)
        await gate.open()
        gate.behaviour = pass_through
        messages = await nothing_is_burnt(works, Medium.SMS)
        await works.clock.passes(minutes=2)
        assert not any(works.got(message) for message in messages)
