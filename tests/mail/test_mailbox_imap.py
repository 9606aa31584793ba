"""A mailbox on a real Dovecot: nothing is lost, nothing is taken twice, and people may go on using it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import imapclient
import pytest
import trustme
from support import mailservers
from support.mailservers import PASSWORD, USER, Dovecot
from support.waiting import PATIENCE, until

from channels import base, imap_session, mail_in, mailbox_imap

DONE, UNREAD = "Handbell.Done", "Handbell.Unread"


def mail(number: int = 1, *, body: bytes = b"Thank you\r\n") -> bytes:
    return b"From: parent@example.com\r\nSubject: answer %d\r\nMessage-ID: <%d@example.com>\r\n\r\n%b" % (
        number,
        number,
        body,
    )


def read(one: mail_in.Mail) -> Sequence[base.Event]:
    """A small reader: the whole mail as words."""
    digest = hashlib.sha256(one.raw.replace(b"\r\n", b"\n")).hexdigest()
    body = one.raw.decode("latin-1")
    return [base.Reply(base.Medium.EMAIL, "parent@example.com", "office@school.example", body, digest, one.at)]


@dataclass
class Store:
    """What has been stored, each event once; it fails as long as ``away`` says."""

    stored: dict[str, base.Event] = field(default_factory=dict)
    calls: int = 0
    away: Callable[[base.Event], bool] = lambda _event: False

    async def deliver(self, events: Sequence[base.Event]) -> None:
        self.calls += 1
        if any(self.away(event) for event in events):
            raise OSError("the database is away")
        for event in events:
            self.stored.setdefault(event.event_id, event)

    def subjects(self) -> list[int]:
        return [
            int(event.body.partition("Subject: answer ")[2].split()[0])
            for event in self.stored.values()
            if isinstance(event, base.Reply)
        ]


def make(box: Dovecot, *, reads: mail_in.Read = read, now: datetime | None = None, **options: Any) -> Any:
    usual = {"host": "127.0.0.1", "username": USER, "password": PASSWORD, "port": box.port, "security": "none"}
    settings = imap_session.Mailbox(**(usual | {"poll": 30.0, "timeout": 20.0} | options))
    return mailbox_imap.ImapMailbox(settings, read=reads, now=lambda: now or datetime.now(UTC), jitter=lambda: 1.0)


@pytest.fixture
async def watch() -> AsyncIterator[Callable[..., Awaitable[asyncio.Task[None]]]]:
    """Watch a mailbox until the end of the test."""
    running: list[tuple[Any, asyncio.Task[None]]] = []

    async def start(receiver: Any, store: Store) -> asyncio.Task[None]:
        await receiver.open()
        running.append((receiver, asyncio.create_task(receiver.receive(store.deliver))))
        return running[-1][1]

    yield start
    for receiver, task in running:
        await end(task)
        await receiver.close()
    assert not [one.name for one in threading.enumerate() if one.name.startswith("mailbox")]


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_it_keeps_the_contract() -> None:
    box = Dovecot(Path(), 1, 2)
    assert isinstance(make(box), base.Receiver)
    assert PASSWORD not in repr(imap_session.Mailbox("h", USER, PASSWORD))


async def test_what_comes_while_it_waits_is_taken_at_once(dovecot: Dovecot, watch: Any) -> None:
    store, receiver = Store(), make(dovecot, poll=600.0)
    dovecot.add(mail(1))
    await watch(receiver, store)
    await until(lambda: store.subjects() == [1])
    for number in (2, 3):
        await asyncio.sleep(0.5)  # it is idling by now; a minute would be the poll
        dovecot.add(mail(number))
        await until(lambda number=number: number in store.subjects())  # type: ignore[misc]
    await until(lambda: len(dovecot.mails(DONE)) == 3)
    await until(lambda: dovecot.mails() == [])
    assert receiver.trouble == ""


async def test_without_idle_it_looks_again_and_again(start_dovecot: Any, watch: Any) -> None:
    box, store = start_dovecot(without=["IDLE"]), Store()
    receiver = make(box, poll=0.2)
    await watch(receiver, store)
    for number in (1, 2):
        box.add(mail(number))
        await until(lambda number=number: number in store.subjects())  # type: ignore[misc]
    assert "every 0.2 seconds" in await receiver.check()


@pytest.mark.parametrize("without", [["MOVE"], ["MOVE", "UIDPLUS"], ["MOVE", "UIDPLUS", "NAMESPACE"]])
async def test_a_server_that_cannot_move_keeps_each_mail_too(
    start_dovecot: Any, watch: Any, without: list[str]
) -> None:
    box, store = start_dovecot(without=without), Store()
    box.add(mail(1), mail(2))
    box.add(mail(3), flags="T")  # somebody has marked it as deleted: it is not ours
    await watch(make(box), store)
    await until(lambda: len(box.mails(DONE)) == 2)
    box.add(mail(4))
    await until(lambda: len(box.mails(DONE)) == 3)
    assert store.subjects() == [1, 2, 4]
    assert mail(3) in box.mails(), "nobody but who marked it deletes it"
    await until(lambda: len(box.mails()) == (4 if "UIDPLUS" in without else 1))
    assert store.calls == 3


async def test_what_people_do_in_the_mailbox(dovecot: Dovecot, watch: Any) -> None:
    store = Store()
    dovecot.add(mail(1), flags="S")  # somebody has read it already
    dovecot.add(mail(2), folder="Archive")  # and put this one away
    await watch(make(dovecot), store)
    await until(lambda: len(dovecot.mails(DONE)) == 1)
    assert store.subjects() == [1]
    assert len(dovecot.mails("Archive")) == 1


async def test_flagging_leaves_mail_where_it_is_and_unread(dovecot: Dovecot, watch: Any) -> None:
    store = Store()
    dovecot.add(mail(1), mail(2))
    task = await watch(make(dovecot, taken="flag"), store)
    await until(lambda: store.subjects() == [1, 2])
    dovecot.add(mail(3))
    await until(lambda: store.subjects() == [1, 2, 3])
    await end(task)
    again = Store()
    dovecot.add(mail(4))
    await watch(make(dovecot, taken="flag"), again)
    await until(lambda: 4 in again.subjects())
    assert set(again.subjects()) <= {3, 4}, "3 may have been cut off before its mark"
    with imapclient.IMAPClient("127.0.0.1", dovecot.port, ssl=False) as client:
        client.login(USER, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        assert len(client.search("UNSEEN")) == 4
        assert not client.folder_exists("Handbell/Done")


async def test_old_mail_of_before_is_left_alone(dovecot: Dovecot, watch: Any) -> None:
    dovecot.add(mail(1))
    receiver = make(dovecot, now=datetime.now(UTC) + timedelta(days=100))
    await receiver.open()
    assert await receiver.check() == (
        "The mailbox at 127.0.0.1 accepts our login and announces new mail; mails waiting in INBOX: 0."
    )
    await receiver.close()


async def test_a_backlog_is_taken_in_order_and_each_once(dovecot: Dovecot, watch: Any) -> None:
    store = Store()
    dovecot.add(*(mail(number) for number in range(500)))
    await watch(make(dovecot), store)
    await until(lambda: len(store.stored) == 500)
    assert store.subjects() == list(range(500))
    assert store.calls == 500
    await until(lambda: len(dovecot.mails(DONE)) == 500)
    await until(lambda: dovecot.mails() == [])


async def test_the_server_dies_and_comes_back(dovecot: Dovecot, watch: Any, caplog: pytest.LogCaptureFixture) -> None:
    store, receiver = Store(), make(dovecot)
    dovecot.add(mail(1))
    await watch(receiver, store)
    await until(lambda: store.subjects() == [1])
    dovecot.kill()
    await until(lambda: bool(receiver.trouble))
    dovecot.add(mail(2))
    dovecot.start()
    await until(lambda: store.subjects() == [1, 2] and receiver.trouble == "")
    said = [record.getMessage() for record in caplog.records if record.name == mailbox_imap.__name__]
    assert said[-1] == "Mail is taken in again."
    assert len(said) == len(set(said)) or len(said) <= 4, "once for each change, not for each try"


async def test_a_wrong_password_is_said_once_and_not_tried_again_soon(
    dovecot: Dovecot, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = make(dovecot, password="wrong")
    await watch(receiver, Store())
    await until(lambda: "mail_in.password" in receiver.trouble)
    await asyncio.sleep(2)
    assert dovecot.said().count("auth failed, 1 attempts") == 1
    with pytest.raises(base.Misconfigured, match=r"mail_in\.password"):
        await receiver.check()
    assert "wrong" not in caplog.text


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_encrypted_and_only_to_whom_we_trust(
    dovecot: Dovecot, mail_authority: tuple[trustme.CA, Path], security: str
) -> None:
    port = dovecot.tls_port if security == "tls" else dovecot.port
    trusting = make(dovecot, security=security, port=port, ca_file=str(mail_authority[1]))
    await trusting.open()
    assert "accepts our login" in await trusting.check()
    await trusting.close()
    doubting = make(dovecot, security=security, port=port)
    await doubting.open()
    with pytest.raises(base.Misconfigured, match="not trusted"):
        await doubting.check()
    await doubting.close()


async def test_without_encryption_only_on_this_machine(dovecot: Dovecot) -> None:
    with pytest.raises(base.Misconfigured, match=r"mail_in\.security"):
        await make(dovecot, host="mail.example.com").open()
    with pytest.raises(base.Misconfigured, match=r"mail_in\.ca_file"):
        await make(dovecot, security="tls", ca_file="/nowhere.pem").open()


async def test_starttls_that_is_not_there(dovecot: Dovecot) -> None:
    receiver = make(dovecot, security="starttls", port=dovecot.tls_port, timeout=2.0)
    await receiver.open()
    with pytest.raises(base.Misconfigured, match=r"mail_in\.host"):
        await receiver.check()
    await receiver.close()


async def test_a_folder_that_is_missing_is_named(dovecot: Dovecot, watch: Any) -> None:
    receiver = make(dovecot, folder="Replies")
    store = Store()
    await watch(receiver, store)
    await until(lambda: "no folder Replies" in receiver.trouble)
    dovecot.add(mail(1), folder="Replies")
    await until(lambda: store.subjects() == [1] and receiver.trouble == "")
    own = make(dovecot, folder="Handbell/Done")
    await own.open()
    with pytest.raises(base.Misconfigured, match=r"mail_in\.folder"):
        await own.check()
    await own.close()


async def test_a_crash_between_storing_and_marking_stores_each_once(dovecot: Dovecot, watch: Any) -> None:
    dovecot.add(*(mail(number) for number in range(6)))
    store, stopped = Store(), asyncio.Event()

    async def store_and_hang(events: Sequence[base.Event]) -> None:
        await store.deliver(events)
        if len(store.stored) == 3:
            stopped.set()
            await asyncio.Event().wait()

    first = make(dovecot)
    await first.open()
    task = asyncio.create_task(first.receive(store_and_hang))
    await stopped.wait()
    await end(task)
    await first.close()
    assert len(dovecot.mails()) == 4, "the third is stored and not marked"
    await watch(make(dovecot), store)
    await until(lambda: len(dovecot.mails(DONE)) == 6)
    assert store.subjects() == list(range(6))
    assert store.calls == 7


async def test_while_the_database_is_away_mail_stays(dovecot: Dovecot, watch: Any) -> None:
    away = [True]
    store, receiver = Store(away=lambda _event: away[0]), make(dovecot)
    dovecot.add(mail(1), mail(2))
    await watch(receiver, store)
    await until(lambda: "cannot be stored" in receiver.trouble)
    await until(lambda: len(dovecot.mails()) == 2)
    away[0] = False
    await until(lambda: store.subjects() == [1, 2] and receiver.trouble == "")


async def test_one_mail_that_cannot_be_stored_does_not_hold_up_the_rest(dovecot: Dovecot, watch: Any) -> None:
    store = Store(away=lambda event: isinstance(event, base.Reply) and "answer 1\r" in event.body)
    dovecot.add(mail(1), mail(2), mail(3))
    receiver = make(dovecot)
    await watch(receiver, store)
    await until(lambda: store.subjects() == [2, 3])
    await until(lambda: len(dovecot.mails(DONE)) == 2)
    await until(lambda: len(dovecot.mails()) == 1)
    assert "cannot be stored" in receiver.trouble


async def test_a_mail_that_our_reader_fails_on_is_kept_apart(
    dovecot: Dovecot, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def stumbling(one: mail_in.Mail) -> Sequence[base.Event]:
        if b"answer 1\r" in one.raw:
            raise ValueError(one.raw.decode())
        return read(one) if b"answer 2\r" in one.raw else ()

    store = Store()
    dovecot.add(mail(1, body=b"private words\r\n"), mail(2), mail(3))
    await watch(make(dovecot, reads=stumbling), store)
    await until(lambda: len(dovecot.mails(DONE)) == 2)
    assert dovecot.mails(UNREAD) == [mail(1, body=b"private words\r\n")]
    assert store.subjects() == [2]
    assert "ValueError" in caplog.text
    assert "private" not in caplog.text


async def test_of_a_huge_mail_the_beginning_is_taken(dovecot: Dovecot, watch: Any) -> None:
    seen: list[mail_in.Mail] = []

    def noting(one: mail_in.Mail) -> Sequence[base.Event]:
        seen.append(one)
        return read(one)

    huge = mail(1, body=b"x" * 76 + b"\r\n") + (b"y" * 76 + b"\r\n") * 20_000
    dovecot.add(huge, mail(2))
    store = Store()
    await watch(make(dovecot, reads=noting, most_bytes=1_000_000), store)
    await until(lambda: store.subjects() == [1, 2])
    assert [one.whole for one in seen] == [False, True]
    assert huge.startswith(seen[0].raw)
    assert len(seen[0].raw) == imap_session.BEGINNING
    await until(lambda: len(dovecot.mails(DONE)) == 2)
    assert huge in dovecot.mails(DONE)


async def test_bytes_come_as_they_are(dovecot: Dovecot, watch: Any) -> None:
    seen: list[mail_in.Mail] = []
    odd = mail(1, body="Dziękuję 🌷\r\n".encode() + b"\xff\x80\r\n.\r\n" + b"z" * 5000 + b"\r\n")
    dovecot.add(odd)
    store = Store()
    await watch(make(dovecot, reads=lambda one: seen.append(one) or read(one)), store)  # type: ignore[func-returns-value]
    await until(lambda: len(store.stored) == 1)
    assert seen[0].raw == odd
    assert abs((seen[0].at - datetime.now(UTC)).total_seconds()) < 600
    assert seen[0].at.utcoffset() == timedelta(0)


async def test_a_restored_mailbox_with_another_uidvalidity(dovecot: Dovecot, watch: Any) -> None:
    store, receiver = Store(), make(dovecot)
    dovecot.add(mail(1))
    await watch(receiver, store)
    await until(lambda: len(dovecot.mails(DONE)) == 1)
    dovecot.stop()
    shutil.rmtree(dovecot.maildir)  # restored from the copy of the night before
    dovecot.add(mail(1), mail(2))
    dovecot.start()
    await until(lambda: store.subjects() == [1, 2])
    await until(lambda: len(dovecot.mails(DONE)) == 2 and receiver.trouble == "")


@pytest.mark.parametrize("moment", ["idling", "polling", "connecting"])
async def test_it_ends_at_once_when_told_to(start_dovecot: Any, moment: str) -> None:
    box = start_dovecot(without=["IDLE"] if moment == "polling" else [])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if moment == "connecting" else box.port
        receiver, store = make(box, port=port, poll=600.0, timeout=2.0), Store()
        await receiver.open()
        box.add(mail(1))
        task = asyncio.create_task(receiver.receive(store.deliver))
        if moment != "connecting":
            await until(lambda: len(box.mails(DONE)) == 1)
        await asyncio.sleep(0.5)
        await asyncio.wait_for(end(task), PATIENCE)
        await asyncio.wait_for(receiver.close(), PATIENCE)
    assert not [one for one in threading.enumerate() if one.name.startswith("mailbox")]


async def test_the_journal_never_holds_words(dovecot: Dovecot, watch: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dovecot.add(mail(1, body=b"private words\r\n"))
    store = Store()
    await watch(make(dovecot), store)
    await until(lambda: len(store.stored) == 1)
    assert "private" not in caplog.text
    assert PASSWORD not in caplog.text


def test_the_servers_are_missing_only_where_that_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("HANDBELL_ALL_TESTS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        mailservers.need("no-such-program")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        mailservers.need("no-such-program")
