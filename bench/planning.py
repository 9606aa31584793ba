"""Planning: one notice to everybody in twelve languages, against a bare ``executemany`` of the same rows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy import orm

from bench import postgres
from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway import audit, bulk, context, migrate, notices, runs, wiring
from gateway.database import Database
from gateway.definitions import reading
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    PointKind,
    PointState,
    Pupil,
    Sender,
)
from gateway.models.types import core

ROUNDS = 3
SIBLINGS = 4  #: one family in so many has a second child, who is on roll in another place
SHARED = 10  #: in one family in so many both parents have one phone
BARRED = 50  #: and in one in so many a parent is barred
MIXED = 6  #: in one family in so many each parent reads another language
PARENTS = 2

WORDS = {
    "en": "The school is closed on {day}: the boiler has failed. {children} will have lessons at home.",
    "pl": "Szkoła jest zamknięta: {day}. Awaria kotła. {children}: lekcje w domu.",
    "ur": "اسکول بند ہے: {day}۔ {children} گھر پر پڑھیں گے۔",
    "ro": "Școala este închisă: {day}. {children} va învăța acasă.",
    "pa": "ਸਕੂਲ ਬੰਦ ਹੈ: {day}। {children} ਘਰੋਂ ਪੜ੍ਹਾਈ ਕਰੇਗਾ।",
    "bn": "স্কুল বন্ধ: {day}। {children} বাড়িতে পড়বে।",
    "ar": "المدرسة مغلقة: {day}. {children} يدرس في البيت.",
    "pt": "A escola está fechada: {day}. {children} terá aulas em casa.",
    "so": "Dugsigu waa xiran yahay: {day}. {children} guriga ayuu wax ku baran doonaa.",
    "tr": "Okul kapalı: {day}. {children} evde ders yapacak.",
    "fr": "L'école est fermée : {day}. {children} travaillera à la maison.",
    "es": "La escuela está cerrada: {day}. {children} tendrá clases en casa.",
}
TAGS = list(WORDS)
FIRST = ["Ana", "Zofia", "Bilal", "Chloe", "Ștefan", "Noor", "Oluwaseun", "Mia", "علی", "José"]
SECOND = ["Rose", "Li", "May", "Kaur", "Ray", "Łucja", "Jo", "Çelik", "Ben", "Ama", "Zoë", "Max", "Eve", "Tom", "Ida"]
#: As many as there are children's names in a portion, so that few children are called like another.
THIRD = ["", "-Lee", "-Mae", "-Jay", "-Ann", "-Kai", "-Fox", "-Sky"]
NAMES = [f"{first} {second}{third}" for first in FIRST for second in SECOND for third in THIRD]
DEFINITION = {
    "key": "closure",
    "title": "Closed",
    "purpose": "emergency",
    "text": WORDS,
    "values": {"day": "2026-12-01"},
    "audience": {"whole_school": True, "tell": "everyone"},
    "media": ["sms"],
}


async def fill(database: Database, contacts: int) -> None:
    """A school with so many contacts; no number of theirs has as many digits as a number can have."""
    families = contacts // PARENTS
    async with database.write() as session:
        session.add(Sender(channel="twilio-sms", medium=Medium.SMS, address="+441134960001", rate=1e6, burst=1e6))
    for first in range(1, families + 1, 2000):
        some = range(first, min(first + 2000, families + 1))
        async with database.write() as session:
            for table, rows in _families(some, families).items():
                values = [tuple(row.values()) for row in rows]
                await session.run_sync(partial(_insert_all, core(table), list(rows[0]), values))


def _insert_all(table: sa.Table, columns: list[str], rows: list[tuple[Any, ...]], session: orm.Session) -> None:
    bulk.insert(session.connection(), table, columns, rows)


def _families(some: range, families: int) -> dict[type[Any], list[dict[str, Any]]]:
    pupils, people, ties, points = [], [], [], []
    for family in some:
        children = [family] + ([families + family] if family % SIBLINGS == 0 else [])
        pupils += [_child(pupil_id) for pupil_id in children]
        for turn in range(PARENTS):
            contact_id = PARENTS * family - turn
            people.append(_parent(contact_id, TAGS[(family + (turn if family % MIXED == 0 else 0)) % len(TAGS)]))
            shares = family % SHARED == 0
            points.append(_phone(contact_id, PARENTS * family if shares else contact_id))
            barred = family % BARRED == 0 and turn == 1
            ties += [_tie(pupil_id, contact_id, turn + 1, barred=barred) for pupil_id in children]
    return {Pupil: pupils, Contact: people, Guardianship: ties, ContactPoint: points}


def _child(number: int) -> dict[str, Any]:
    return {
        "id": number, "source_id": f"p{number}", "upn": "", "forename": NAMES[number % len(NAMES)],
        "surname": "Example", "known_as": "", "born": date(2010 + number % 9, 1 + number % 12, 1),
        "year": str(1 + number % 6), "form": f"{1 + number % 6}A", "home_language": "", "deceased": False,
    }  # fmt: skip


def _parent(number: int, language: str) -> dict[str, Any]:
    return {
        "id": number, "source_id": f"c{number}", "title": "Ms", "forename": NAMES[number % len(NAMES)],
        "surname": "Example", "written_language": language, "spoken_language": "",
        "deceased": False, "marketing_consent": False, "further_languages": "", "likely_language": "",
        "likely_because": "", "interpreter": False, "postal_address": "",
    }  # fmt: skip


def _phone(contact_id: int, number: int) -> dict[str, Any]:
    return {
        "contact_id": contact_id, "kind": PointKind.PHONE, "address": f"+447700900{number:08d}",
        "line_type": LineType.MOBILE, "label": "", "rank": 1, "state": PointState.WORKING, "strikes": 0,
        "bad_days": [], "last_bad_reason": "",
    }  # fmt: skip


def _tie(pupil_id: int, contact_id: int, priority: int, *, barred: bool) -> dict[str, Any]:
    return {
        "pupil_id": pupil_id, "contact_id": contact_id, "relation": "", "priority": priority,
        "parental_responsibility": True, "lives_with": True, "no_contact": barred,
    }  # fmt: skip


def gateway(database: Database) -> context.Gateway:
    settings = Settings(
        school=sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="020 7946 0123"),
        languages=sections.Languages(allow_drafts=True),
        quiet=sections.Quiet(enabled=False),
    )
    return context.Gateway(
        settings=settings, database=database, log=audit.Log(b"k" * 32), secret=b"s" * 32, channels={}
    )


async def ours(database: Database) -> tuple[float, float]:
    """Seconds until everything is planned and committed, and until the first message is."""
    desk = gateway(database)
    async with database.write() as session:
        await notices.submit(session, desk, reading.read(DEFINITION), author="bench")
    begun, first = time.perf_counter(), 0.0
    while True:
        async with database.write_here() as session:
            planned = await notices.plan_due(session, desk)
        first = first or time.perf_counter() - begun
        if planned is None:
            await _check(database)
            return time.perf_counter() - begun, first


async def _check(database: Database) -> None:
    """A plan that broke off is no measurement."""
    async with database.read() as session:
        state = await session.scalar(sa.text("SELECT state FROM notice"))
    assert state == "done", state


async def bare(database: Database, rows: Sequence[Sequence[Any]], about: Sequence[Sequence[Any]]) -> float:
    """Seconds of the driver's own ``executemany`` for the same rows, ready made, in one transaction."""
    message, named = core(Message), core(About)
    columns = [column.name for column in message.columns]
    if database.is_sqlite:
        statement = _insert(message.name, columns, "?"), _insert(named.name, ["message_id", "pupil_id"], "?")
        begun = time.perf_counter()
        await asyncio.to_thread(_into_sqlite, str(database.url.database), statement, rows, about)
        return time.perf_counter() - begun
    connection = await asyncpg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False))
    begun = time.perf_counter()
    async with connection.transaction():
        await connection.executemany(_insert(message.name, columns, "$"), rows)
        await connection.executemany(_insert(named.name, ["message_id", "pupil_id"], "$"), about)
    taken = time.perf_counter() - begun
    await connection.close()
    return taken


def _into_sqlite(
    path: str, statements: tuple[str, str], rows: Sequence[Sequence[Any]], about: Sequence[Sequence[Any]]
) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        for statement, values in zip(statements, (rows, about), strict=True):
            connection.executemany(statement, values)
        connection.execute("COMMIT")


def _insert(table: str, columns: Sequence[str], mark: str) -> str:
    marks = ["?" if mark == "?" else f"${n}" for n in range(1, len(columns) + 1)]
    quoted = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({quoted}) VALUES ({', '.join(marks)})"


async def taken_out(database: Database) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    """What was planned, as the driver has it; the tables are empty afterwards, and nothing else is."""
    found: list[list[Sequence[Any]]] = []
    async with database.write() as session:
        connection = await session.connection()
        for table in (core(Message), core(About)):  # in the model's order: a database has what was added later last
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            rows = await connection.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')
            found.append([tuple(row) for row in rows])
        for statement in (
            ("DELETE FROM about", "DELETE FROM message") if database.is_sqlite else ("TRUNCATE message CASCADE",)
        ):
            await connection.exec_driver_sql(statement)
    return found[0], found[1]


async def section(*, quick: bool) -> str:
    """Measure on both databases, and the memory of growing schools on SQLite."""
    contacts, schools = (20_000, [10_000, 40_000]) if quick else (100_000, [10_000, 1_000_000])
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        rounds = [await _round(_sqlite(folder), contacts) for _ in range(ROUNDS)]
        lines.append(_row("SQLite", rounds))
    with postgres.short_lived() as server:
        rounds = []
        for _ in range(ROUNDS):
            async with postgres.empty(server) as url:
                rounds.append(await _round(url, contacts))
        lines.append(_row("PostgreSQL", rounds))
    memory = [(count, await _memory(count)) for count in schools]
    table, grown = "\n".join(lines), memory[-1][1] - memory[0][1]
    sizes = ", ".join(f"{peak:.0f} MB with {count:,} contacts" for count, peak in memory)
    return f"""## Planning

One notice by text to {contacts:,} contacts in {len(TAGS)} languages, every row with its words committed, in portions of
{runs.PORTION} pupils, against one `executemany` of the driver with the same rows ready made, in one transaction.
{ROUNDS} rounds.

| database | bare, rows/s | Handbell, rows/s | ratio, median | lowest to highest | first portion after |
|---|---|---|---|---|---|
{table}

Peak memory of a process that plans, on SQLite: {sizes}; it grew by {grown:.0f} MB.
"""


def _row(name: str, rounds: Sequence[tuple[int, float, float, float]]) -> str:
    ratios = [bare_seconds / seconds for _, seconds, _, bare_seconds in rounds]
    rows, seconds, first, plain = (statistics.median(column) for column in zip(*rounds, strict=True))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return (
        f"| {name} | {rows / plain:,.0f} | {rows / seconds:,.0f} | {statistics.median(ratios):.2f} | {spread} "
        f"| {first * 1000:.0f} ms |"
    )


async def _round(url: str, contacts: int) -> tuple[int, float, float, float]:
    """Rows, our seconds, our seconds to the first portion, and those of the bare insert."""
    await migrate.upgrade(url)
    database = Database(url)
    try:
        await fill(database, contacts)
        if not database.is_sqlite:
            async with database.write() as session:
                await session.execute(sa.text("ANALYZE"))
        gc.collect()
        gc.freeze()  # this and the next as the daemon does, for both sides
        gc.set_threshold(*wiring.COLLECTED)
        seconds, first = await ours(database)
        rows, about = await taken_out(database)
        return len(rows), seconds, first, await bare(database, rows, about)
    finally:
        await database.close()


def _sqlite(folder: str) -> str:
    return f"sqlite+aiosqlite:///{Path(folder) / uuid.uuid4().hex}.sqlite"


async def _memory(contacts: int) -> float:
    """Peak resident MB of a process of its own that plans for a school of so many contacts."""
    with tempfile.TemporaryDirectory() as folder:
        url = _sqlite(folder)
        for job in ("fill", "plan"):  # filling takes memory of its own, so it is another process
            command = [sys.executable, "-m", "bench.planning", job, url, str(contacts)]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            said, _ = await process.communicate()
            assert process.returncode == 0
        return float(json.loads(said)["peak_mb"])


async def _work(job: str, url: str, contacts: int) -> None:
    database = Database(url)
    if job == "fill":
        await migrate.upgrade(url)
        await fill(database, contacts)
    else:
        await ours(database)
        print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    await database.close()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
