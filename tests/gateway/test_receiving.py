"""Receivers in the daemon: what they hand in is stored, their trouble is shown and stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import aiohttp
import pytest
from sqlmodel import select
from support import desk
from support.waiting import PATIENCE, until

from channels import base
from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway import daemon, doctor, intake
from gateway.database import Database
from gateway.models import Inbound, Reply
from gateway.practice import setup
from gateway.web import app, server
from gateway.wiring import mail as mails


def words(event: str = "e1") -> base.Reply:
    return base.Reply(Medium.EMAIL, "parent@example.com", "office@school.example", "Thank you", event, desk.NOW)


class Door:
    """A receiver that hands in what the test gives it."""

    name = "mail-in"

    def __init__(self) -> None:
        self.trouble = ""
        self.wrong = ""
        self.given: asyncio.Queue[Sequence[base.Event]] = asyncio.Queue()
        self.happened: list[str] = []

    async def open(self) -> None:
        self.happened.append("open")

    async def receive(self, deliver: base.Deliver) -> None:
        try:
            while True:
                events = await self.given.get()
                if not events:
                    raise RuntimeError("a bug")
                await deliver(events)
        finally:
            self.happened.append("ended")

    async def close(self) -> None:
        self.happened.append("close")

    async def check(self) -> str:
        if self.wrong:
            raise base.Misconfigured(self.wrong)
        return "Mail comes in."


async def stored(database: Database) -> list[Inbound]:
    async with database.read() as session:
        return list(await session.scalars(select(Inbound)))


async def test_what_it_hands_in_is_stored_and_handled_at_once(database: Database) -> None:
    door, clock = Door(), desk.Clock()
    gateway = replace(desk.gateway(database, clock), receivers=(door,))
    works = daemon.Daemon(gateway, listen=None, roles=("web",))
    running = asyncio.create_task(works.run())
    door.given.put_nowait([words()])
    door.given.put_nowait([words()])
    while not [row for row in await stored(database) if row.handled_at]:
        assert not running.done()
        await asyncio.sleep(0.02)
    [row] = await stored(database)
    assert (row.channel, row.kind, row.outcome) == ("mail-in", "reply", "reply")
    works.stop()
    await asyncio.wait_for(running, PATIENCE)
    assert door.happened == ["open", "ended", "close"]


async def test_text_that_no_database_takes_is_mended(database: Database) -> None:
    odd = replace(words("e\x001"), body="thank\x00 you \ud83d!", to="office\x00@school.example", raw={"h": "\x00"})
    async with database.write() as session:
        await intake.store(session, "mail-in", [odd], now=desk.NOW)
    await intake.handle_waiting(database, log=desk.LOG, now=desk.NOW)
    [row] = await stored(database)
    assert (row.outcome, row.event_id, row.raw) == ("reply", "e1", {"h": ""})
    async with database.read() as session:
        [reply] = await session.scalars(select(Reply))
    assert reply.body == "thank you ?!"


async def test_it_is_closed_before_the_web(sqlite_database: Database) -> None:
    door, order = Door(), []
    gateway = replace(desk.gateway(sqlite_database), receivers=(door,))

    async def web(closing: asyncio.Event, answering: asyncio.Event) -> None:
        answering.set()
        await closing.wait()
        order.extend(door.happened)

    works = daemon.Daemon(gateway, listen=lambda: web, roles=("web",))
    running = asyncio.create_task(works.run())
    await until(lambda: door.happened)
    await asyncio.sleep(0.1)
    works.stop()
    await asyncio.wait_for(running, PATIENCE)
    assert order == ["open", "ended"]


async def test_without_the_role_web_nobody_receives(sqlite_database: Database) -> None:
    door, told = Door(), []
    gateway = replace(desk.gateway(sqlite_database), receivers=(door,))
    works = daemon.Daemon(gateway, listen=None, roles=("sender", "clock"), ready=lambda: told.append(True))
    running = asyncio.create_task(works.run())
    await until(lambda: told)
    works.stop()
    await asyncio.wait_for(running, PATIENCE)
    assert door.happened == []


async def test_a_receiver_that_dies_of_a_bug_takes_the_daemon_with_it(sqlite_database: Database) -> None:
    door = Door()
    gateway = replace(desk.gateway(sqlite_database), receivers=(door,))
    works = daemon.Daemon(gateway, listen=None, roles=("web",))
    running = asyncio.create_task(works.run())
    await until(lambda: door.happened)
    await asyncio.sleep(0.3)  # not in the middle of the first look into the database
    door.given.put_nowait([])
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(running, PATIENCE)
    assert door.happened == ["open", "ended", "close"]


async def test_its_trouble_is_shown_and_stops_nothing(sqlite_database: Database) -> None:
    door, [port] = Door(), setup.free_ports(1)
    gateway = replace(desk.gateway(sqlite_database), receivers=(door,))
    works = daemon.Daemon(gateway, listen=None, roles=("web",))
    pages = app.build(gateway, stuck=works.stuck, failing=works.failing, arrived=works.arrived, planned=works.wake)
    works.listen = partial(server.serve, pages, host="127.0.0.1", port=port)
    told: list[bool] = []
    works._ready = lambda: told.append(True)
    running = asyncio.create_task(works.run())
    await until(lambda: told or running.done())
    async with aiohttp.ClientSession() as caller:

        async def ask(path: str) -> tuple[int, str]:
            async with caller.get(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, await answer.text()

        assert await ask("/readyz") == (200, '{"ready":true,"reasons":[]}')
        assert 'handbell_receiver_up{receiver="mail-in"} 1.0' in (await ask("/metrics"))[1]
        door.trouble = "The mail server does not accept our login."
        assert await ask("/readyz") == (503, f'{{"ready":false,"reasons":["{door.trouble}"]}}')
        assert 'handbell_receiver_up{receiver="mail-in"} 0.0' in (await ask("/metrics"))[1]
        assert (await ask("/healthz"))[0] == 200
    works.stop()
    await asyncio.wait_for(running, PATIENCE)


async def test_doctor_looks_at_it(sqlite_database: Database) -> None:
    door = Door()
    gateway = replace(desk.gateway(sqlite_database), receivers=(door,))
    findings = {finding.name: finding for finding in await doctor.examine(gateway)}
    assert (findings["mail-in"].state, findings["mail-in"].sentence) == ("ok", "Mail comes in.")
    door.wrong = "The mail server does not accept our login."
    findings = {finding.name: finding for finding in await doctor.examine(gateway)}
    assert (findings["mail-in"].state, findings["mail-in"].sentence) == ("bad", door.wrong)


@pytest.mark.parametrize("mode", ["off", "imap", "lmtp"])
def test_the_settings_name_the_way_in(mode: str) -> None:
    mail = sections.MailIn.model_validate({"mode": mode, "host": "mail.example.com", "username": "office"})
    smtp = sections.Smtp(from_address="office@school.example", bounce_domain="bounces.example")
    receivers = mails.receivers(Settings(mail_in=mail, smtp=smtp))
    assert [receiver.name for receiver in receivers] == ([] if mode == "off" else ["mail-in"])
