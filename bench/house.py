"""A school's gateway as it is installed: a settings file, a database with people in it, and the daemon as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from channels.base import Medium
from gateway import audit, bulk, ids, migrate, tokens
from gateway.database import Database
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    MessageState,
    PointKind,
    PointState,
    Pupil,
    Purpose,
    Sender,
)
from gateway.models.types import core
from gateway.practice import setup

ACCOUNT = "AC" + "0" * 32
SENDER = "+441134960001"
BODY = "Oakfield: the school is closed on Tuesday 1 December (the boiler has failed)."
START_SECONDS = 60

#: A school's settings file. Everything by one account of Twilio's, and nothing is held back by the hour or the day.
_SCHOOL = """
[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"
[quiet]
enabled = false
[load]
texts_per_day = 0
texts_per_week = 0
[database]
state_dir = "{folder}"
url = "{url}"
[web]
port = {port}
public_base_url = "{public_url}"
[twilio]
account_sid = "{account}"
auth_token = "{token}"
api_base_url = "{provider}"
sms_senders = [{{ address = "{sender}", parts_per_second = {rate}, burst = {burst} }}]
"""
#: What the schools of a trust have in common, and what each has of its own.
_TRUST = """
[trust]
schools = "{folder}/schools"
[database]
state_dir = "{folder}"
url = "{url}"
[web]
port = {port}
[quiet]
enabled = false
[load]
texts_per_day = 0
texts_per_week = 0
[twilio]
account_sid = "{account}"
auth_token = "{token}"
api_base_url = "{provider}"
"""
_OF_A_TRUST = """
[school]
name = "{name} Primary School"
short_name = "{name}"
phone = "0113 496 0000"
[web]
public_base_url = "{public_url}"
[audit]
key = "{key}"
[[twilio.sms_senders]]
address = "{number}"
parts_per_second = {rate}
burst = {rate}
"""
_IN_ONE = 20_000  #: rows in one INSERT's transaction


@dataclass
class House:
    """An installation. ``database`` is open here too, beside the daemon's own."""

    folder: Path
    database: Database
    provider: str
    rate: int = 2000
    port: int = field(default_factory=lambda: setup.free_ports(1)[0])
    auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    bearer: str = ""
    pid: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Path:
        return self.folder / "handbell.toml"

    def write_settings(self) -> None:
        """Texts as fast as they go, called back by the provider."""
        text = school(
            self.folder, self.database.url.render_as_string(hide_password=False), self.port, provider=self.provider,
            token=self.auth_token, rate=self.rate, burst=self.rate, public_url=self.url,
            more='[sending]\ntrial = false\n[log]\nlevel = "warning"\n',
        )  # fmt: skip
        self.settings.write_text(text)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[float]:
        """Run the daemon; gives how many seconds it took from its start until it was ready."""
        begun = time.monotonic()
        async with daemon(self.settings, self.url, env={"HANDBELL_AUDIT__KEY": self.key.hex()}) as self.pid:
            yield time.monotonic() - begun

    async def sender_id(self) -> int:
        async with self.database.read() as session:
            found: int | None = await session.scalar(
                sa.select(core(Sender).c.id).where(core(Sender).c.address == SENDER)
            )
        assert found is not None, "The daemon makes its senders when it starts."
        return found

    async def count(self, state: MessageState) -> int:
        t = core(Message).c
        async with self.database.read() as session:
            return await session.scalar(sa.select(sa.func.count()).where(t.state == state)) or 0

    def rss_mb(self) -> float:
        """Resident memory of the daemon, in MB."""
        return resident_mb(self.pid)


def school(
    folder: Path, url: str, port: int, *, provider: str, token: str, rate: int, burst: int, public_url: str = "",
    more: str = "",
) -> str:  # fmt: skip
    """The settings of a school. ``more`` goes on in ``[twilio]``."""
    text = _SCHOOL.format(
        folder=folder, url=url, port=port, account=ACCOUNT, token=token, provider=provider, sender=SENDER, rate=rate,
        burst=burst, public_url=public_url,
    )  # fmt: skip
    return text + more


def trust(folder: Path, url: str, port: int, *, provider: str, token: str, more: str = "") -> str:
    """The settings that the schools of a trust have in common. ``more`` goes on in ``[twilio]``."""
    text = _TRUST.format(folder=folder, url=url, port=port, account=ACCOUNT, token=token, provider=provider)
    return text + more


def of_a_trust(name: str, *, public_url: str, key: str, number: str, rate: int) -> str:
    """One school's own settings."""
    return _OF_A_TRUST.format(name=name, public_url=public_url, key=key, number=number, rate=rate)


@contextlib.asynccontextmanager
async def daemon(
    settings: Path, url: str, *, env: Mapping[str, str] | None = None, patience: float = START_SECONDS
) -> AsyncIterator[int]:
    """The gateway of a settings file, ready, until the end of the block. Gives its process id.

    ``url``       where it answers
    ``patience``  seconds for its start, and for its end
    """
    said = settings.with_name("gateway.log")
    with said.open("ab") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway.cli", "--config", str(settings), "run"),
            stdout=log,
            stderr=log,
            env={**os.environ, **(env or {})},
        )
    try:
        async with asyncio.timeout(patience):
            await _ready(child, url, said)
        yield child.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), patience)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _ready(child: asyncio.subprocess.Process, url: str, said: Path) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            if child.returncode is not None:
                raise RuntimeError(f"The daemon ended: {_last_words(said)}")
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.01)


def _last_words(log: Path) -> str:
    return log.read_text("utf-8")[-2000:]


@contextlib.asynccontextmanager
async def house(database_url: str, provider: str, folder: Path, *, rate: int = 2000) -> AsyncIterator[House]:
    """An installation with an empty database."""
    await migrate.upgrade(database_url)
    made = House(folder, Database(database_url), provider, rate)
    made.write_settings()
    async with made.database.write() as session:
        made.bearer = await tokens.create(session, "bench", log=audit.Log(made.key), now=datetime.now(UTC))
    try:
        yield made
    finally:
        await made.database.close()


def number(n: int) -> str:
    """A made-up number. Nothing here leaves the machine, and drama numbers would not last for a hundred thousand."""
    return f"+4477009{n:05d}" if n < 100_000 else f"+447700{n:07d}"


async def people(database: Database, count: int, *, form_of: int = 30) -> None:
    """So many pupils with one contact each, who has one mobile; ``form_of`` pupils to a form."""
    point = ContactPoint(
        contact_id=0, kind=PointKind.PHONE, address="", line_type=LineType.MOBILE, state=PointState.WORKING
    )
    patterns: dict[type[SQLModel], SQLModel] = {
        Pupil: Pupil(source_id="", forename="Ana", surname="Example", year="3"),
        Contact: Contact(source_id="", forename="Ana", surname="Example", written_language="en"),
        Guardianship: Guardianship(pupil_id=0, contact_id=0, priority=1, parental_responsibility=True),
        ContactPoint: point,
    }
    for model, pattern in patterns.items():
        plain = pattern.model_dump()
        for some in _chunks(range(1, count + 1)):
            rows = [plain | _of(model, n, form_of) for n in some]
            async with database.write() as session:
                await session.execute(sa.insert(core(model)), rows)


def _of(model: type, n: int, form_of: int) -> dict[str, object]:
    """What tells the n-th row of a table from the others."""
    if model is Pupil:
        return {"id": n, "source_id": str(n), "form": f"F{n // form_of}"}
    if model is Contact:
        return {"id": n, "source_id": str(n)}
    if model is Guardianship:
        return {"id": n, "pupil_id": n, "contact_id": n}
    return {"id": n, "contact_id": n, "address": number(n)}


_OWN = ("id", "contact_id", "contact_point_id", "address", "slot")  #: what differs from message to message


def _chunks(numbers: range) -> Iterator[range]:
    for start in range(numbers.start, numbers.stop, _IN_ONE):
        yield range(start, min(start + _IN_ONE, numbers.stop))


async def messages(
    database: Database,
    numbers: range,
    *,
    sender_id: int,
    state: MessageState = MessageState.QUEUED,
    run_id: int | None = None,
    slot: str = "",
    about: bool = False,
) -> None:
    """A text for each contact of these numbers, as planning leaves it. In one run each needs another ``slot``.

    ``about``  each is about the pupil of the same number
    """
    now = datetime.now(UTC)
    common = Message(
        id="",
        sender_id=sender_id,
        medium=Medium.SMS,
        slot="",
        run_id=run_id,
        purpose=Purpose.SERVICE,
        priority=Purpose.SERVICE.priority,
        language="en",
        body=BODY,
        state=state,
        due_at=now,
        created_at=now,
        changed_at=now,
    ).model_dump(exclude=set(_OWN))
    for some in _chunks(numbers):
        rows = [(ids.new_id(), n, n, number(n), f"{slot}{n}") for n in some]
        children = [(row[0], row[1]) for row in rows] if about else []

        def store(connection: Connection, rows: Any = rows, children: Any = children) -> None:
            bulk.pour(connection, core(Message), _OWN, rows, common=common)
            bulk.pour(connection, core(About), ["message_id", "pupil_id"], children)

        await database.at_once(store)


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"Process {pid} has no resident memory.")
