"""The daemon as a whole: when it says that it is ready, what it watches, and the order in which it stops."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from support import closing, desk, school, tampering
from support.waiting import PATIENCE, until

from channels.base import FindResult, Found, Medium, Outcome, Outgoing, SendResult
from config import sections
from config.settings import Settings
from gateway import audit, daemon, errors, sweeping, wiring
from gateway import clock as clocks
from gateway.database import Database
from gateway.models import Attempt, Message, MessageState
from gateway.practice import setup
from gateway.web import server
from gateway.wiring import mail as mails
from gateway.wiring import phones, world


class Wire:
    """A channel whose calls and looks wait for the test."""

    name = "wire"

    def __init__(self, medium: Medium = Medium.SMS) -> None:
        self.medium = medium
        self.calls: list[str] = []
        self.looks: list[str] = []
        self.answer, self.show = asyncio.Event(), asyncio.Event()
        self.most_looks = self._looking = 0
        self.closed = False
        self.spoilt = self.unwritable = ""

    async def open(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def send(self, message: Outgoing) -> SendResult:
        self.calls.append(message.id)
        await self.answer.wait()
        return SendResult(Outcome.ACCEPTED, ref=f"ref-{message.id}")

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        self.looks.append(message.id)
        self._looking += 1
        self.most_looks = max(self.most_looks, self._looking)
        await self.show.wait()
        self._looking -= 1
        if message.id == self.spoilt:
            raise RuntimeError("a bug")
        if message.id == self.unwritable:  # no database takes half a character
            return FindResult(Found.HERE, ("\ud800",))
        return FindResult(Found.HERE, (f"ref-{message.id}",))

    async def check(self) -> str:
        return "fine"

    def speaks(self, locale: str) -> bool:
        return True


def listening(port: int) -> Callable[[], daemon.Serve]:
    return partial(server.serve, Starlette(), host="127.0.0.1", port=port)


async def ended(work: Awaitable[None]) -> None:
    await asyncio.wait_for(work, PATIENCE)


async def test_ready_is_said_only_when_it_answers(sqlite_database: Database) -> None:
    [port], told = setup.free_ports(1), list[str]()

    def ready() -> None:
        with socket.create_connection(("127.0.0.1", port)):
            told.append("ready")

    works = daemon.Daemon(desk.gateway(sqlite_database), listen=listening(port), roles=("web",), ready=ready)
    running = asyncio.create_task(works.run())
    await until(lambda: bool(told) or running.done())
    await closing.let_in()
    works.stop()
    await ended(running)
    assert told == ["ready"]


async def test_a_port_in_use_is_its_sentence_and_nobody_was_told_ready(sqlite_database: Database) -> None:
    told: list[str] = []
    wire = Wire()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        works = daemon.Daemon(
            desk.gateway(sqlite_database, channels={"wire": wire}),
            listen=listening(taken.getsockname()[1]),
            ready=lambda: told.append("ready"),
        )
        with pytest.raises(errors.NotReady, match="is in use by another program"):
            await works.run()
    assert told == []
    assert wire.closed


async def test_a_loop_that_dies_alone_is_raised_itself_and_no_job_runs_on(sqlite_database: Database) -> None:
    async def broken(_stopping: asyncio.Event, answering: asyncio.Event) -> None:
        answering.set()
        await asyncio.sleep(0.05)
        raise errors.NotReady("The web server has gone.")

    works = daemon.Daemon(desk.gateway(sqlite_database), listen=lambda: broken)
    with pytest.raises(errors.NotReady, match="has gone"):
        await works.run()
    assert works.stopping.is_set()
    turned = dict(works.jobs.ticker.last_run)
    await asyncio.sleep(1.2)  # longer than the sealer's interval
    assert works.jobs.ticker.last_run == turned


async def test_a_log_that_was_unsealed_meanwhile_is_not_signed_again(sqlite_database: Database) -> None:
    gateway = desk.gateway(sqlite_database)
    works = daemon.Daemon(gateway, listen=None, roles=("clock",))
    async with sqlite_database.write() as session:
        await gateway.log.record(session, [audit.Line("notice.sent"), audit.Line("notice.sent")], now=gateway.now())
    await works.jobs.seal()
    await works.jobs.seal()
    async with sqlite_database.write() as session:
        await tampering.unguard(session)
        await session.execute(sa.text("DELETE FROM audit WHERE id = 2"))
        await session.execute(sa.text("UPDATE audit SET link = NULL, hash = ''"))
        await session.execute(sa.text("DELETE FROM audit_end"))
        await tampering.forget_last_number(session, 1)
    await works.jobs.seal()
    async with sqlite_database.read() as session:
        assert "not ours" in (await gateway.log.verify(session)).fault


async def test_lanes_claim_nothing_more_once_it_stops(sqlite_database: Database) -> None:
    wire, clock = Wire(), desk.Clock()
    sender = await school.sender(sqlite_database, channel="wire")
    await school.message(sqlite_database, sender, now=clock.now)
    works = daemon.Daemon(
        desk.gateway(sqlite_database, clock, channels={"wire": wire}), listen=None, roles=("sender", "clock")
    )
    running = asyncio.create_task(works.run())
    await until(lambda: len(wire.calls) == 1)
    holding = asyncio.Event()

    async def slow() -> None:
        holding.set()
        await release.wait()

    release = asyncio.Event()
    works.jobs.ticker.every(0.01, "slow", slow)
    await until(holding.is_set)
    works.stop()  # a job is under way, and may be for long
    await school.message(sqlite_database, sender, now=clock.now)
    works.wake()
    await asyncio.sleep(0.3)
    assert len(wire.calls) == 1
    assert not running.done(), "the call on the wire and the job are waited for"
    release.set()
    wire.answer.set()
    await ended(running)
    assert wire.closed


async def test_mail_in_flight_is_no_more_than_the_connections(sqlite_database: Database) -> None:
    wire, clock = Wire(Medium.EMAIL), desk.Clock()
    sender = await school.sender(sqlite_database, channel="wire", medium=Medium.EMAIL)
    for _ in range(8):
        await school.message(sqlite_database, sender, now=clock.now, medium=Medium.EMAIL)
    gateway = desk.gateway(sqlite_database, clock, channels={"wire": wire})
    works = daemon.Daemon(gateway, listen=None, roles=("sender",))
    running = asyncio.create_task(works.run())
    urgent = 2  # of the four connections, half are kept for what is urgent
    await until(lambda: len(wire.calls) >= gateway.settings.smtp.pool_size - urgent)
    await asyncio.sleep(0.2)
    assert len(wire.calls) == gateway.settings.smtp.pool_size - urgent
    wire.answer.set()
    await until(lambda: len(wire.calls) == 8)
    works.stop()
    await ended(running)


CLOCK_JOBS = (
    "calendar", "campaigns", "calendar feeds", "plan", "leases", "sweep", "seal", "gauges", "desk", "events", "surveys",
    "good news", "contact details", "silence", "digest", "failover", "restored", "audit head", "retention", "scrub",
)  # fmt: skip


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        (("web",), {"intake", "calendar job", "ready job"}),
        (("web", "clock"), {"intake", "ready job", *(f"{job} job" for job in CLOCK_JOBS)}),
    ],
)
async def test_every_loop_and_job_is_watched(
    sqlite_database: Database, roles: tuple[str, ...], names: set[str]
) -> None:
    clock = desk.Clock()
    told: list[bool] = []
    works = daemon.Daemon(
        desk.gateway(sqlite_database, clock), listen=None, roles=roles, ready=lambda: told.append(True)
    )
    running = asyncio.create_task(works.run())
    await until(lambda: bool(told))
    assert works.stuck() == []
    clock.pass_(minutes=2)
    assert set(works.stuck()) <= {"intake"}, "a job may take longer than a loop"
    clock.pass_(hours=1)
    assert set(works.stuck()) == names
    works.arrived()
    await until(lambda: "intake" not in works.stuck())
    if "clock" in roles:
        await until(lambda: "seal job" not in works.stuck())
    works.stop()
    await ended(running)


async def test_a_practice_clock_that_was_put_on_lets_no_loop_hang(sqlite_database: Database, tmp_path: Path) -> None:
    moved = clocks.Movable(desk.Clock(), tmp_path / "practice.clock")
    told: list[bool] = []
    gateway = replace(desk.gateway(sqlite_database, desk.Clock()), now=moved)
    works = daemon.Daemon(
        gateway, listen=None, roles=("web", "clock"), ready=lambda: told.append(True), unmoved=moved.unmoved
    )
    running = asyncio.create_task(works.run())
    await until(lambda: bool(told))
    moved.skip(timedelta(hours=8))
    assert works.stuck() == []
    works.stop()
    await ended(running)


async def test_a_job_that_fails_comes_round_all_the_same(sqlite_database: Database) -> None:
    clock = desk.Clock()
    works = daemon.Daemon(desk.gateway(sqlite_database, clock), listen=None, roles=("clock",))
    failed: list[int] = []

    async def broken() -> None:
        failed.append(1)
        raise OSError("the database is away")

    works.jobs.every(0.05, "broken", broken)
    running = asyncio.create_task(works.run())
    await until(lambda: bool(failed))
    clock.pass_(hours=1)
    seen = len(failed)
    await until(lambda: len(failed) > seen + 1)
    assert "broken job" not in works.stuck()
    works.stop()
    await ended(running)


async def doubtful(database: Database, wire_sender: int, clock: desk.Clock) -> str:
    found = await school.message(
        database, wire_sender, now=clock.now, state=MessageState.UNKNOWN, attempt=1, lease_until=clock.now
    )
    await school.add(database, Attempt(message_id=found, number=1, worker="w", begun_at=clock.now))
    return found


async def test_doubts_are_looked_up_several_at_once_and_a_bug_in_one_spares_the_rest(
    sqlite_database: Database,
) -> None:
    wire, clock = Wire(), desk.Clock()
    sender = await school.sender(sqlite_database, channel="wire")
    doubts = [await doubtful(sqlite_database, sender, clock) for _ in range(sweeping.LOOKS_AT_ONCE + 3)]
    wire.spoilt, wire.unwritable = doubts[:2]
    clock.now += timedelta(seconds=90)
    works = daemon.Daemon(desk.gateway(sqlite_database, clock, channels={"wire": wire}), listen=None)
    working = asyncio.create_task(works.jobs.sweep())
    await until(lambda: len(wire.looks) >= sweeping.LOOKS_AT_ONCE)
    await asyncio.sleep(0.05)
    assert len(wire.looks) == sweeping.LOOKS_AT_ONCE
    wire.show.set()
    await ended(working)
    assert wire.most_looks == sweeping.LOOKS_AT_ONCE
    assert sorted(wire.looks) == sorted(doubts)
    async with sqlite_database.read() as session:
        states = {one: (await session.get_one(Message, one)).state for one in doubts}
    assert {states.pop(doubts[0]), states.pop(doubts[1])} == {MessageState.UNKNOWN}
    assert set(states.values()) == {MessageState.ACCEPTED}


class Hanging(Wire):
    """A provider whose list does not come, until our patience is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()
        self.asked: list[str] = []

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        self.asked.append(message.id)
        await self.over.wait()
        raise TimeoutError


async def test_a_provider_that_hangs_holds_up_no_others_evidence(sqlite_database: Database) -> None:
    """Its doubts are older, and more than one round looks into."""
    wire, hanging, clock = Wire(), Hanging(), desk.Clock()
    wire.show.set()
    stuck, sender = [await school.sender(sqlite_database, channel=name) for name in ("hanging", "wire")]
    for _ in range(120):
        await doubtful(sqlite_database, stuck, clock)
    clock.now += timedelta(seconds=1)
    doubts = [await doubtful(sqlite_database, sender, clock) for _ in range(3)]
    clock.now += timedelta(seconds=90)
    works = daemon.Daemon(
        desk.gateway(sqlite_database, clock, channels={"hanging": hanging, "wire": wire}), listen=None
    )
    working = asyncio.create_task(works.jobs.sweep())
    await until(lambda: sorted(wire.looks) == sorted(doubts))
    assert len(hanging.asked) == sweeping.LOOKS_AT_ONCE
    hanging.over.set()
    await ended(working)
    assert len(hanging.asked) == sweeping.LOOKS_AT_ONCE, "the next round is not kept waiting by all of them"
    await works.jobs.sweep()
    assert len(set(hanging.asked)) > sweeping.LOOKS_AT_ONCE, "whoever was not asked about is, then"


def live(folder: Path, **smtp: object) -> Settings:
    return Settings(
        database=sections.Database(state_dir=folder),
        smtp=sections.Smtp.model_validate({"host": "127.0.0.1", "from_address": "office@oakfield.example"} | smtp),
        roles=("sender",),
    )


async def test_settings_of_a_channel_that_cannot_work_are_a_sentence(sqlite_database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    await sqlite_database.close()
    shutil.move(str(sqlite_database.url.database), folder / "handbell.sqlite3")
    wrong = live(folder, ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(errors.NotReady, match="ca_file"):
        await wiring.run(wrong, ready=lambda _: None)


async def test_a_database_that_is_not_ready_is_closed_again(tmp_path: Path) -> None:
    with pytest.raises(errors.NotReady, match="migrate"):
        await wiring.run(live(tmp_path), ready=lambda _: None)
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(("-wal", "-shm"))]


def test_what_the_settings_say_reaches_the_channels(tmp_path: Path) -> None:
    settings = live(tmp_path)
    mail = mails.server(settings)
    assert mail.bounce_domain == ""
    assert 2 * mail.timeout <= mail.deadline < settings.sending.lease_s
    assert mails.server(live(tmp_path, bounce_domain="b.example")).bounce_domain == "b.example"
    account = phones.account(settings, senders=3)
    assert account.connect_seconds + account.read_seconds < account.total_seconds < settings.sending.lease_s
    assert account.connections >= 3 * settings.sending.concurrency


def test_practice_without_any_provider_still_has_a_world() -> None:
    assert world.practice_world(Settings(practice=sections.Practice(enabled=True))) is not None
