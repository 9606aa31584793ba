"""Mail that a real Postfix hands over: 250 only for what is stored, and everything else stays in its queue."""

from __future__ import annotations

import asyncio
import grp
import hashlib
import logging
import os
import smtplib
import socket
import stat
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import closing
from support.mailservers import Postfix
from support.waiting import PATIENCE, until

from channels import base, mail_in, mail_lmtp
from gateway.practice import setup

OFFICE, BOUNCE = "office@school.example", "bounce+01JMAIL@bounces.school.example"
MAIL = b"From: parent@example.com\r\nSubject: answer\r\n\r\nThank you\r\n"


class Store:
    """What was stored, as mails; fails as long as ``away``."""

    def __init__(self) -> None:
        self.mails: list[mail_in.Mail] = []
        self.events: dict[str, base.Event] = {}
        self.away = False
        self.held: asyncio.Event | None = None

    def read(self, one: mail_in.Mail) -> Sequence[base.Event]:
        self.mails.append(one)
        if b"Subject: nothing" in one.raw:
            return ()
        if b"Subject: bug" in one.raw:
            raise ValueError(one.raw.decode("latin-1"))
        digest = hashlib.sha256(one.raw).hexdigest()
        return [base.Reply(base.Medium.EMAIL, "parent@example.com", one.envelope_to[0], "words", digest, one.at)]

    async def deliver(self, events: Sequence[base.Event]) -> None:
        if self.held:
            await self.held.wait()
        if self.away:
            raise OSError("the database is away")
        self.events |= {event.event_id: event for event in events}


Start = Callable[..., Awaitable[mail_lmtp.LmtpDoor]]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def start(store: Store) -> AsyncIterator[Start]:
    """Open the door until the end of the test, on a port of its own unless told otherwise."""
    running: list[tuple[mail_lmtp.LmtpDoor, asyncio.Task[None]]] = []

    async def begin(**options: Any) -> mail_lmtp.LmtpDoor:
        usual = {"addresses": (OFFICE,), "bounce_domain": "bounces.school.example"}
        door = mail_lmtp.Door(**(usual | options))
        receiver = mail_lmtp.LmtpDoor(door, read=store.read, now=lambda: datetime.now(UTC), jitter=lambda: 1.0)
        await receiver.open()
        running.append((receiver, asyncio.create_task(receiver.receive(store.deliver))))
        while not receiver.trouble and "Nobody" in await receiver.check():
            await asyncio.sleep(0.01)
        return receiver

    yield begin
    await closing.let_in()
    for receiver, task in running:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await receiver.close()


@pytest.fixture
def start_postfix(start: Start, start_postfix: Callable[..., Postfix]) -> Callable[..., Postfix]:
    """A Postfix that ends before the door does: it would knock again while the door is closing."""
    return start_postfix


async def hand_in(relay: Postfix, content: bytes, *to: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """Send by SMTP, from a thread: gives the recipients that were refused."""

    def send() -> dict[str, Any]:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=PATIENCE) as client:
            return client.sendmail("parent@example.com", to or (OFFICE,), content, mail_options=options)

    return await asyncio.to_thread(send)


async def lhlo(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await say(reader, writer, None)
    await say(reader, writer, "LHLO relay")
    return reader, writer


async def bye(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is: a connection that outlives its test is found in another."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await writer.wait_closed()


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str | None, *, answers: int = 1) -> str:
    """Say a line and give the last answer of so many."""
    if line is not None:
        writer.write(f"{line}\r\n".encode())
    said = ""
    for _ in range(answers):
        said = (await asyncio.wait_for(reader.readline(), PATIENCE)).decode()
        while said[3:4] == "-":
            said = (await asyncio.wait_for(reader.readline(), PATIENCE)).decode()
    return said.strip()


@pytest.fixture
async def relay(start_postfix: Callable[..., Postfix], start: Start) -> Postfix:
    """A Postfix that hands everything to our door."""
    [port] = setup.free_ports(1)
    await start(port=port)
    return start_postfix(deliver=f"lmtp:inet:127.0.0.1:{port}", settings=["lmtp_destination_recipient_limit = 50"])


def test_it_keeps_the_contract() -> None:
    receiver = mail_lmtp.LmtpDoor(mail_lmtp.Door(), read=lambda _mail: (), now=lambda: datetime.now(UTC))
    assert isinstance(receiver, base.Receiver)


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        (OFFICE, True),
        ("Office@School.Example", True),
        ("office+01JMAIL@school.example", True),
        (BOUNCE, True),
        ("bounce+x@BOUNCES.school.example", True),
        ("bounce@bounces.school.example", False),
        ("head@school.example", False),
        ("office@other.example", False),
        ("office@bounces.school.example", False),
        ("büro@schüle.example", True),
        ("büro@xn--schle-mva.example", True),
        ("", False),
        ("office", False),
    ],
)
def test_which_addresses_are_ours(address: str, ours: bool) -> None:
    door = mail_lmtp.Door(addresses=(OFFICE, "büro@schüle.example"), bounce_domain="bounces.school.example")
    assert door.is_ours(address) is ours


async def test_from_postfix_into_the_store(relay: Postfix, store: Store) -> None:
    assert await hand_in(relay, MAIL, OFFICE, BOUNCE) == {}
    await until(lambda: len(store.mails) > 0 and not relay.queue())
    assert {address for one in store.mails for address in one.envelope_to} == {OFFICE, BOUNCE}
    assert {one.envelope_from for one in store.mails} == {"parent@example.com"}
    assert all(one.raw.endswith(b"\r\n\r\nThank you\r\n") for one in store.mails)
    await until(lambda: not relay.queue())


async def test_a_bounce_has_no_sender(relay: Postfix, store: Store) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=PATIENCE) as client:
            client.sendmail("", [BOUNCE], MAIL)

    await asyncio.to_thread(send)
    await until(lambda: len(store.events) == 1)
    assert store.mails[0].envelope_from == ""


async def test_while_the_database_is_away_postfix_keeps_it(relay: Postfix, store: Store) -> None:
    store.away = True
    await hand_in(relay, MAIL)
    await until(lambda: "status=deferred" in relay.said())
    [held] = relay.queue()
    assert "451 4.3.0 Not stored" in str(held)
    assert store.events == {}
    store.away = False
    relay.flush()
    await until(lambda: len(store.events) == 1)
    await until(lambda: not relay.queue())


async def test_a_mail_that_our_reader_fails_on_stays_with_postfix(
    relay: Postfix, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await hand_in(relay, b"Subject: bug\r\n\r\nprivate words\r\n")
    await until(lambda: "status=deferred" in relay.said())
    assert len(relay.queue()) == 1
    assert "ValueError" in caplog.text
    assert "private" not in caplog.text


async def test_an_unknown_address_is_refused_and_the_other_served(relay: Postfix, store: Store) -> None:
    await hand_in(relay, MAIL, "nobody@school.example", OFFICE)
    await until(lambda: "550 5.1.1" in relay.said())
    await until(lambda: len(store.events) == 1)
    assert [one.envelope_to for one in store.mails] == [(OFFICE,)]


async def test_a_mail_that_says_nothing_is_taken_all_the_same(relay: Postfix, store: Store) -> None:
    await hand_in(relay, b"Subject: nothing\r\n\r\nnewsletter\r\n")
    await until(lambda: "status=sent" in relay.said())
    assert store.events == {}


async def test_eight_bits_and_letters_of_every_alphabet(relay: Postfix, store: Store) -> None:
    body = "Dziękuję, شكراً 🌷\r\n".encode() + bytes(range(128, 256)) + b"\r\n..dots\r\n.\r\nend\r\n"
    content = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body
    await hand_in(relay, content, "office+zoë@school.example", options=["SMTPUTF8", "BODY=8BITMIME"])
    await until(lambda: len(store.events) == 1)
    assert store.mails[0].raw.partition(b"\r\n\r\n")[2] == body
    assert store.mails[0].envelope_to == ("office+zoë@school.example",)


async def test_a_mail_that_is_too_large_is_refused_for_good(
    start_postfix: Callable[..., Postfix], start: Start, store: Store
) -> None:
    [port] = setup.free_ports(1)
    await start(port=port, most_bytes=100_000)
    relay = start_postfix(deliver=f"lmtp:inet:127.0.0.1:{port}")
    await hand_in(relay, MAIL + b"large\r\n" * 20_000)
    await until(lambda: "status=bounced" in relay.said())
    assert store.mails == []


async def test_forty_megabytes_are_refused_and_the_next_mail_is_taken(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    assert (await say(reader, writer, f"MAIL FROM:<> SIZE={40 * 2**20}")).startswith("552"), "where its size is told"
    await say(reader, writer, "MAIL FROM:<>")
    await say(reader, writer, f"RCPT TO:<{OFFICE}>")
    await say(reader, writer, "DATA")
    for _ in range(40):
        writer.write((b"x" * 1022 + b"\r\n") * 1024)
        await writer.drain()
    assert "larger than Handbell takes" in await say(reader, writer, ".")
    for line in ("MAIL FROM:<>", f"RCPT TO:<{OFFICE}>", "DATA"):
        await say(reader, writer, line)
    assert (await say(reader, writer, "Subject: x\r\n\r\nx\r\n.")).startswith("250")
    assert len(store.mails) == 1
    await bye(writer)


async def test_by_a_unix_socket_that_only_the_group_may_use(
    start_postfix: Callable[..., Postfix], start: Start, store: Store, mail_folder: Callable[[], Path]
) -> None:
    folder = mail_folder()
    folder.mkdir()
    os.chown(folder, -1, grp.getgrnam("postfix").gr_gid)
    folder.chmod(0o2750)  # as docs/mail.md says: new files belong to postfix's group
    receiver = await start(path=folder / "lmtp")
    assert stat.S_IMODE((folder / "lmtp").stat().st_mode) == 0o660
    relay = start_postfix(deliver=f"lmtp:unix:{folder}/lmtp")
    await hand_in(relay, MAIL)
    await until(lambda: len(store.events) == 1)
    assert str(folder) in await receiver.check()
    second = await start(path=folder / "lmtp")
    assert "is another program there" in second.trouble
    await hand_in(relay, MAIL + b"again\r\n")
    await until(lambda: len(store.events) == 2)


async def test_a_socket_left_behind_is_replaced_and_a_file_is_not(
    start: Start, store: Store, mail_folder: Callable[[], Path]
) -> None:
    folder = mail_folder()
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "lmtp"))
    assert (await start(path=folder / "lmtp")).trouble == ""
    (folder / "file").write_text("somebody's")
    assert "a file is there" in (await start(path=folder / "file")).trouble
    assert (folder / "file").read_text() == "somebody's"


async def test_each_recipient_gets_an_answer_also_when_it_is_too_large(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port, most_bytes=1000)
    reader, writer = await lhlo(port)
    assert (await say(reader, writer, "MAIL FROM:<> SIZE=2000")).startswith("552")
    await say(reader, writer, "MAIL FROM:<>")
    for address in (OFFICE, BOUNCE):
        assert (await say(reader, writer, f"RCPT TO:<{address}>")).startswith("250")
    assert (await say(reader, writer, "RCPT TO:<no@school.example>")).startswith("550")
    await say(reader, writer, "DATA")
    assert (await say(reader, writer, "x" * 2000 + "\r\n.", answers=2)).startswith("552")
    assert (await say(reader, writer, "NOOP")).startswith("250"), "not one answer too many"
    await say(reader, writer, "MAIL FROM:<>")
    for address in (OFFICE, BOUNCE):
        await say(reader, writer, f"RCPT TO:<{address}>")
    await say(reader, writer, "DATA")
    assert (await say(reader, writer, "Subject: x\r\n\r\nx\r\n.", answers=2)) == "250 2.0.0 Stored"
    assert (await say(reader, writer, "QUIT")).startswith("221")
    assert [one.envelope_to for one in store.mails] == [(OFFICE, BOUNCE)], "read once, whoever it is for"
    await bye(writer)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"..\r\n", b".\r\n"),
        (b"Subject: a\r\n\r\n..a\r\n..\r\n.. \r\nb.\r\n", b"Subject: a\r\n\r\n.a\r\n.\r\n. \r\nb.\r\n"),
        (b"a\n.\nb\r.\rc\r\n", b"a\n.\nb\r.\rc\r\n"),
        (b"x" * 3_000_000 + b"\r\n", b"x" * 3_000_000 + b"\r\n"),
        ((b"y" * 70_000 + b"\r\n..") * 9 + b"\r\n", (b"y" * 70_000 + b"\r\n.") * 9 + b"\r\n"),
    ],
    ids=["nothing", "an empty line", "a dot", "dots", "bare line ends", "one long line", "long lines with dots"],
)
async def test_a_text_comes_as_it_was_sent(start: Start, store: Store, sent: bytes, stored: bytes) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    for line in ("MAIL FROM:<a@example.com>", f"RCPT TO:<{OFFICE}>", "DATA"):
        await say(reader, writer, line)
    writer.write(sent)
    assert await say(reader, writer, ".\r\nNOOP", answers=2) == "250 OK"
    await bye(writer)
    assert [mail.raw for mail in store.mails] == [stored]


async def test_a_mail_of_empty_lines_takes_no_more_room_than_another(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    for line in ("MAIL FROM:<a@example.com>", f"RCPT TO:<{OFFICE}>", "DATA"):
        await say(reader, writer, line)
    size = 2_000_000
    tracemalloc.start()
    try:
        for _ in range(20):
            writer.write(b"\r\n" * (size // 40))
            await writer.drain()
        assert (await say(reader, writer, ".")).startswith("250")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await bye(writer)
    assert len(store.mails[0].raw) == size
    assert most < 10 * size


async def test_commands_may_come_all_at_once(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    lines = ["MAIL FROM:<p@example.com>", f"RCPT TO:<{OFFICE}>", "DATA", "Subject: x\r\n\r\n" + "y" * 50_000, "."]
    assert (await say(reader, writer, "\r\n".join(lines), answers=4)) == "250 2.0.0 Stored"
    assert [mail.raw for mail in store.mails] == [lines[3].encode() + b"\r\n"]
    await bye(writer)


async def test_an_address_that_is_no_text(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    writer.write(b"MAIL FROM:<\xff\xfe@example.com>\r\n")
    if (await say(reader, writer, None)).startswith("250"):
        await say(reader, writer, f"RCPT TO:<{OFFICE}>")
        await say(reader, writer, "DATA")
        assert (await say(reader, writer, "Subject: x\r\n\r\nx\r\n.")).startswith("250")
        assert (store.mails[0].envelope_from or "").encode()
    await bye(writer)


async def test_connections_beyond_the_limit_are_told_to_come_again(start: Start) -> None:
    [port] = setup.free_ports(1)
    await start(port=port, connections=2)
    lines = [await lhlo(port) for _ in range(2)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await say(reader, writer, None)).startswith("421")
    await bye(writer)
    for _reader, one in lines:
        await bye(one)


async def test_who_says_nothing_is_sent_away(start: Start) -> None:
    [port] = setup.free_ports(1)
    await start(port=port, timeout=0.3)
    reader, writer = await lhlo(port)
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    await bye(writer)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(start: Start, store: Store) -> None:
    [port] = setup.free_ports(1)
    await start(port=port)
    store.held = asyncio.Event()
    reader, writer = await lhlo(port)
    await say(reader, writer, "MAIL FROM:<>")
    await say(reader, writer, f"RCPT TO:<{OFFICE}>")
    await say(reader, writer, "DATA")
    writer.write(b"Subject: x\r\n\r\nx\r\n.\r\n")
    await until(lambda: len(store.mails) == 1)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    store.held.set()
    await asyncio.sleep(0.1)
    assert store.events == {}, "nobody heard that it was stored, so it comes again"


async def test_a_port_in_use_is_waited_for(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen: nobody answers there
        receiver = await start(port=taken.getsockname()[1])
        assert "is another program there" in receiver.trouble
    await until(lambda: receiver.trouble == "")


async def test_the_check_knows_strangers(start: Start) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 somebody else\r\n")
        await bye(writer)

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    door = mail_lmtp.Door(port=server.sockets[0].getsockname()[1])
    with pytest.raises(base.Misconfigured, match="Another program"):
        await mail_lmtp.LmtpDoor(door, read=lambda _mail: (), now=lambda: datetime.now(UTC)).check()
    await closing.close(server)


async def test_it_does_not_listen_beyond_this_machine_unless_told() -> None:
    for host in ("0.0.0.0", "192.0.2.7", "::"):
        wide = mail_lmtp.LmtpDoor(mail_lmtp.Door(host=host), read=lambda _mail: (), now=lambda: datetime.now(UTC))
        with pytest.raises(base.Misconfigured, match=r"mail_in\.lmtp_beyond"):
            await wide.open()
    told = mail_lmtp.Door(host="0.0.0.0", beyond=True)
    await mail_lmtp.LmtpDoor(told, read=lambda _mail: (), now=lambda: datetime.now(UTC)).open()


async def test_the_journal_holds_no_address(start: Start, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    [port] = setup.free_ports(1)
    await start(port=port)
    reader, writer = await lhlo(port)
    await say(reader, writer, "MAIL FROM:<parent@example.com>")
    await say(reader, writer, "RCPT TO:<stranger@example.com>")
    await bye(writer)
    assert "example.com" not in caplog.text
