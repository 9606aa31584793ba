"""The mail side, as a real SMTP client sees it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest
import trustme

from channels.simulator import Simulator, magic
from channels.simulator.faults import Fault, Kind

DAD = "karim@example.com"


def letter(to: str = DAD) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Lammas Green <office@school.example.com>"
    mail["To"] = to
    mail["Subject"] = "Spotkanie: środa 25 listopada"
    mail["Message-ID"] = "<01@school.example.com>"
    mail.set_content("Drodzy rodzice\n.\nkropka")
    mail.add_alternative("<p>Drodzy <b>rodzice</b></p>", subtype="html")
    return mail


@contextlib.asynccontextmanager
async def connected(simulator: Simulator, **more: object) -> AsyncIterator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=simulator.smtp_port, start_tls=False, timeout=10)
    await client.connect()
    try:
        yield client
    finally:
        client.close()


async def test_a_mail_arrives_and_is_read(simulator: Simulator) -> None:
    async with connected(simulator) as client:
        await client.send_message(letter(), sender="bounce+1@school.example.com")
        await client.send_message(letter(), sender="bounce+2@school.example.com")
    first, second = simulator.world.mails_to("Karim@Example.com")
    assert (first.number, first.sender, second.sender) == (
        1,
        "bounce+1@school.example.com",
        "bounce+2@school.example.com",
    )
    assert first.subject == "Spotkanie: środa 25 listopada"
    assert first.message_id == "<01@school.example.com>"
    assert first.text.splitlines() == ["Drodzy rodzice", ".", "kropka"]
    assert "<b>rodzice</b>" in first.html


async def test_one_mail_to_many(simulator: Simulator) -> None:
    async with connected(simulator) as client:
        await client.sendmail("a@example.com", ["b@example.com", "c@example.com"], letter().as_bytes())
    assert len(simulator.world.mails_to("b@example.com")) == len(simulator.world.mails_to("c@example.com")) == 1


@pytest.mark.parametrize(("local", "fate"), magic.MAGIC_MAILBOXES.items())
async def test_every_magic_mailbox(simulator: Simulator, local: str, fate: magic.MailFate) -> None:
    address = f"{local}@simulator.example"
    async with connected(simulator) as client:
        with pytest.raises((aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError)) as caught:
            await client.send_message(letter(address), sender="a@example.com")
    problem = caught.value
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        assert fate.stage == "rcpt"
        (refused,) = problem.recipients
        assert f"{refused.code} {refused.message}" == fate.answer
    else:
        assert fate.stage == "data"
        assert isinstance(problem, aiosmtplib.SMTPDataError)
        assert f"{problem.code} {problem.message}" == fate.answer
    assert simulator.world.mails == []
    assert magic.mail_fate(f"{local}@example.com") is None


@pytest.mark.parametrize("place", ["smtp.mail", "smtp.rcpt", "smtp.data"])
async def test_an_answer_on_demand_at_every_step(simulator: Simulator, place: str) -> None:
    simulator.faults.add(Fault(place, Kind.STATUS, answer="421 4.3.2 Closing for tea"))
    async with connected(simulator) as client:
        with pytest.raises(aiosmtplib.SMTPException):
            await client.send_message(letter(), sender="a@example.com")
    async with connected(simulator) as client:
        await client.send_message(letter(), sender="a@example.com")
    assert len(simulator.world.mails) == 1


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("kind", [Kind.CUT, Kind.HANG, Kind.STATUS])
async def test_trouble_after_the_final_dot(simulator: Simulator, kind: Kind, taken: bool) -> None:
    simulator.faults.add(Fault("smtp.data", kind, taken=taken, seconds=30))
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=simulator.smtp_port, start_tls=False, timeout=4)
    await client.connect()
    with pytest.raises(aiosmtplib.SMTPException):
        await client.send_message(letter(), sender="a@example.com")
    client.close()
    assert len(simulator.world.mails) == int(taken)


@pytest.mark.parametrize("place", ["smtp.mail", "smtp.rcpt"])
async def test_cut_before_the_mail(simulator: Simulator, place: str) -> None:
    simulator.faults.add(Fault(place, Kind.CUT))
    async with connected(simulator) as client:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.send_message(letter(), sender="a@example.com")
    assert simulator.world.mails == []


async def test_greylisting_takes_the_second_try(simulator: Simulator) -> None:
    simulator.faults.add(Fault("smtp.rcpt", Kind.GREYLIST, count=None))
    async with connected(simulator) as client:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await client.send_message(letter(), sender="a@example.com")
        await client.send_message(letter(), sender="a@example.com")
    assert len(simulator.world.mails_to(DAD)) == 1


async def test_login_and_starttls() -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    simulator = Simulator(
        account_sid="AC" + "1" * 32, auth_token="t", smtp_login=("school", "secret"), smtp_tls=server_side
    )
    await simulator.start()
    where = {"hostname": "localhost", "port": simulator.smtp_port, "start_tls": True, "tls_context": client_side}
    await aiosmtplib.send(letter(), sender="a@example.com", username="school", password="secret", **where)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await aiosmtplib.send(letter(), sender="a@example.com", username="school", password="wrong", **where)
    with pytest.raises(aiosmtplib.SMTPException):
        await aiosmtplib.send(letter(), sender="a@example.com", **where)
    assert len(simulator.world.mails_to(DAD)) == 1
    await simulator.stop()


async def test_stop_cuts_what_is_still_open() -> None:
    simulator = Simulator(account_sid="AC" + "1" * 32, auth_token="t")
    await simulator.start()
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=simulator.smtp_port, start_tls=False)
    await client.connect()
    await simulator.stop()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()
    client.close()
