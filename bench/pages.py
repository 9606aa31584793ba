"""Pages: how long the office's pages take at a large school on a full morning, and what thirty open ones cost."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import sqlalchemy as sa

from bench import house, planning, rounds
from channels.base import Medium
from gateway import audit, clock, ids, notices
from gateway.accounts import means, sessions, staff
from gateway.database import Database
from gateway.definitions import reading
from gateway.emergency import alarm
from gateway.models import (
    AbsenceCase,
    AbsenceStep,
    AnnouncementDraft,
    CaseState,
    Contact,
    ContactPoint,
    Conversation,
    DaySession,
    Guardianship,
    Inbound,
    LineType,
    Mark,
    Message,
    MessageState,
    PointKind,
    Reply,
    Sender,
)
from gateway.models.types import core
from gateway.practice import setup
from gateway.roles import Role

PUPILS: Final = 1_500
WITHIN_MS: Final = 100  #: what the project asks of a page's HTML
OPEN: Final = 30  #: pages that are open at once
_PATHS: Final = (
    "/today", "/absences/8", "/replies", "/replies/18", "/menu", "/announcements", "/announcements/new",
    "/announcements/draft/check", "/announcements/closure", "/emergency", "/emergency/gas",
    "/audit", "/audit?q=example&when=week", "/import", "/settings", "/settings/all", "/settings/health",
    "/settings/tasks", "/search?q=example",
    "/families?q=example", "/families/8", "/contact-details", "/wording", "/wording/verify_details/pl",
    "/wording/pl", "/data-protection",
)  # fmt: skip
#: How the children stand who are away: state, rung of the ladder, how many.
_AWAY: Final = (
    (CaseState.HANDED_OVER, 5, 4),
    (CaseState.ALARM, 1, 3),
    (CaseState.ASKING, 5, 10),  # the task to ring now is given
    (CaseState.UNREAD, 2, 12),
    (CaseState.TO_CONFIRM, 2, 16),
    (CaseState.ASKING, 2, 20),
    (CaseState.EXPLAINED, 1, 35),
)
_EVERY_DAY: Final = """
[absence]
calendar = "{folder}/calendar.toml"
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one page, of these the daemon's own processor time, and how large it is."""

    name: str
    bytes: int
    times: list[float]
    cpu: float


async def section(*, quick: bool) -> str:
    """One daemon, its pages asked for one after another, then thirty of them open."""
    times, seconds = (20, 6) if quick else (100, 30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
        async with house.house(url, "http://127.0.0.1:9", folder) as made:
            (folder / "calendar.toml").write_text(setup.CALENDAR, "utf-8")
            made.settings.write_text(made.settings.read_text("utf-8") + _EVERY_DAY.format(folder=folder), "utf-8")
            await house.people(made.database, PUPILS)
            await _second_parents(made.database)
            await _morning(made.database)
            await _announced(made.database)
            cookie = await _signed_in(made)
            async with made.running(), aiohttp.ClientSession(cookies={"handbell": cookie}) as client:
                found = [await _page(client, made, path, times) for path in _paths()]
                none = await _open(client, made, seconds, pages=0, deeds=False)
                idle = await _open(client, made, seconds, pages=OPEN, deeds=False)
                busy = await _open(client, made, seconds, pages=OPEN, deeds=True)
    away = sum(number for _, _, number in _AWAY)
    rows = [
        [
            one.name,
            f"{one.bytes / 1024:,.0f} KB",
            f"{one.cpu:,.0f}",
            f"{statistics.median(one.times):,.0f}",
            f"{_late(one.times):,.0f}",
        ]
        for one in found
    ]
    slow = [one.name for one in found if statistics.median(one.times) > WITHIN_MS]
    missed = f"\nMissed: {', '.join(slow)} took longer than {WITHIN_MS} ms.\n" if slow else ""
    return f"""## Pages

The office's pages of a school with {PUPILS:,} pupils on SQLite, {away} of them away: milliseconds from the request to
the last byte of the HTML, {times} requests one after another. The project asks for {WITHIN_MS} ms.

{rounds.rows(["page", "size", "of the processor, ms", "median, ms", "19 of 20 within"], rows)}
The daemon uses {none:.1%} of one core with no page open, {idle:.1%} with {OPEN} pages of Today open and nothing
happening, and {busy:.1%} with a deed each second, which changes what all of them show.
{missed}"""


def _paths() -> list[str]:
    today = datetime.now(UTC).date()
    month, year = f"/calendar/{today:%Y-%m}", f"/reports/{today.year - (today.month < 8)}"
    return [*_PATHS, "/good-news/F3", "/good-news/balance", month, year, "/surveys"]


def _late(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


async def _page(client: aiohttp.ClientSession, made: house.House, path: str, count: int) -> Took:
    times, size, before = list[float](), 0, 0.0
    for number in range(count + 3):
        before = _cpu(made.pid) if number == 3 else before
        begun = time.monotonic()
        async with client.get(f"{made.url}{path}") as answer:
            assert answer.status == 200, f"{path}: {answer.status}"
            assert answer.url.path == path.partition("?")[0]
            size = len(await answer.read())
        times.append((time.monotonic() - begun) * 1000)
    rounds.say(f"{path}: {statistics.median(times[3:]):.0f} ms")
    cpu = (_cpu(made.pid) - before) * 1000 / count
    return Took(path.replace("/8", "/{case}"), size, times[3:], cpu)


async def _open(client: aiohttp.ClientSession, made: house.House, seconds: int, *, pages: int, deeds: bool) -> float:
    """The share of a core that the daemon uses while so many pages are open."""
    ready = asyncio.Semaphore(0)
    readers = [asyncio.create_task(_read(client, made.url, ready)) for _ in range(pages)]
    try:
        for _ in readers:
            await ready.acquire()  # every stream has had its first parts
        await asyncio.sleep(2)
        before, begun = _cpu(made.pid), time.monotonic()
        while time.monotonic() - begun < seconds:
            if deeds:
                await _deed(made)
            await asyncio.sleep(1)
        return (_cpu(made.pid) - before) / (time.monotonic() - begun)
    finally:
        for one in readers:
            one.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def _read(client: aiohttp.ClientSession, url: str, ready: asyncio.Semaphore) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with client.get(f"{url}/live?page=today", timeout=timeout) as answer:
        assert answer.status == 200
        told = False
        async for line in answer.content:
            if not told and line.startswith(b"event: beat"):
                told = True
                ready.release()


async def _deed(made: house.House) -> None:
    """Something that each open page shows: a case goes to and fro."""
    t = core(AbsenceCase).c
    async with made.database.write() as session:
        case = await session.get_one(AbsenceCase, 60)
        after = CaseState.UNREAD if case.state is CaseState.ASKING else CaseState.ASKING
        await session.execute(sa.update(core(AbsenceCase)).where(t.id == 60).values(state=after))
        await audit.Log(made.key).record(session, audit.Line("bench.deed", "case:60"), now=datetime.now(UTC))


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _signed_in(made: house.House) -> str:
    """The cookie of somebody at a desk."""
    new_id, now = ids.Source(), clock.Shared(lambda: datetime.now(UTC))()
    by = means.Means(audit.Log(made.key), now)
    spans = sessions.Spans(timedelta(hours=1), timedelta(hours=1))
    async with made.database.write() as session:
        jo = await staff.add(session, new_id(), name="Jo", email="jo@oakfield.example", role=Role.HEAD, means=by)
        await staff.set_password(session, jo, "x", means=by)
        return await sessions.begin(session, jo, new_id(), spans=spans, means=by)


async def _second_parents(database: Database) -> None:
    """Each child has another grown-up, with a phone and a mailbox, who reads one of eight languages."""
    tags = ("en", "pl", "pa-Guru", "ar", "so", "ur", "ta", "ro")
    last = range(PUPILS + 1, 2 * PUPILS + 1)
    contacts = [
        Contact(id=n, source_id=str(n), forename="Ben", surname="Example", written_language=tags[n % 8]).model_dump()
        for n in last
    ]
    ties = [
        Guardianship(
            id=n, pupil_id=n - PUPILS, contact_id=n, priority=2, lives_with=True, parental_responsibility=True
        ).model_dump()
        for n in last
    ]
    phones = [
        ContactPoint(id=n, contact_id=n, kind=PointKind.PHONE, address=f"+447700{n:06}", line_type=LineType.MOBILE)
        for n in last
    ]
    mails = [
        ContactPoint(id=n + PUPILS, contact_id=n, kind=PointKind.EMAIL, address=f"p{n}@families.example") for n in last
    ]
    async with database.write() as session:
        await session.execute(sa.insert(core(Contact)), contacts)
        await session.execute(sa.insert(core(Guardianship)), ties)
        await session.execute(sa.insert(core(ContactPoint)), [one.model_dump() for one in (*phones, *mails)])


async def _announced(database: Database) -> None:
    """An announcement to the whole school that is half way, one that is being written, and an alarm."""
    desk, now = planning.gateway(database), datetime.now(UTC)
    school = {"whole_school": True, "tell": "first_contact"}
    closure = {"key": "closure", "title": "Closed", "purpose": "service", "text": {"en": "Closed on Tuesday. Call us."},
               "audience": school, "ladder": [{"media": ["sms"]}, {"media": ["voice"], "after": "2h"}]}  # fmt: skip
    typed = {"whole": ["yes"], "tell": ["first_contact"], "kind": ["service"], "title": ["Closed"], "way": ["sms"],
             "order": ["sms"], "text": ["Closed on Tuesday. Call us."], "when": ["now"]}  # fmt: skip
    message = core(Message)
    async with database.write() as session:
        for channel, medium in (("twilio-sms", Medium.SMS), ("twilio-voice", Medium.VOICE)):
            session.add(Sender(channel=channel, medium=medium, address="+441134960009", rate=10, burst=10))
    async with database.write() as session:
        await notices.submit(session, desk, reading.read(closure), author="office:Jo")
        await alarm.send(session, desk, alarm.Asked("Gas.", "Stay at home.", {"whole_school": True}, "gas"), by="Jo")
        session.add(AnnouncementDraft(id="draft", title="Closed", typed=typed, author="office:Jo", created_at=now,
                                      changed_at=now, changed_by="office:Jo"))  # fmt: skip
    planned: str | None = "?"
    while planned:
        async with database.write_here() as session:
            planned = await notices.plan_due(session, desk)
    async with database.write() as session:
        for least, state in ((0, MessageState.DELIVERED), (1_200, MessageState.ACCEPTED), (1_450, MessageState.FAILED)):
            await session.execute(
                sa.update(message).where(message.c.step == 0, message.c.contact_id > least).values(state=state)
            )
        await session.execute(
            sa.update(message).where(message.c.state == MessageState.QUEUED).values(due_at=now + timedelta(hours=9))
        )


async def _morning(database: Database) -> None:
    now = datetime.now(UTC)
    day, states = now.date(), [(state, rung) for state, rung, number in _AWAY for _ in range(number)]
    away = {1 + index * 15: one for index, one in enumerate(states)}  # spread over the forms
    codes = ("N" if n in away else "/" for n in range(1, PUPILS + 1))
    rows = [
        {"pupil_id": n, "date": day, "session": DaySession.AM, "code": code, "filed": code, "comment": "",
         "source": "bench", "set_at": now}
        for n, code in enumerate(codes, 1)
    ]  # fmt: skip
    cases, steps = list(_cases(away, now)), list(_steps(away, now))
    said = [number for number, (state, _) in enumerate(states, 1) if state in (CaseState.UNREAD, CaseState.TO_CONFIRM)]
    async with database.write() as session:
        await session.execute(sa.insert(core(Mark)), rows)
        await session.execute(sa.insert(core(Conversation)), [_conversation(number, now) for number in said])
        await session.execute(sa.insert(core(Inbound)), [_inbound(number, now) for number in said])
        await session.execute(sa.insert(core(Reply)), [_reply(number, now) for number in said])
        await session.execute(sa.insert(core(AbsenceCase)), cases)
        await session.execute(sa.insert(core(AbsenceStep)), steps)


def _cases(away: dict[int, tuple[CaseState, int]], now: datetime) -> Iterator[dict[str, Any]]:
    for number, (pupil_id, (state, rung)) in enumerate(away.items(), 1):
        code = "I" if state in (CaseState.TO_CONFIRM, CaseState.EXPLAINED) else ""
        yield AbsenceCase(
            id=number, pupil_id=pupil_id, date=now.date(), session=DaySession.AM, state=state, rung=rung, code=code,
            opened_at=now, since=now - timedelta(hours=1), changed_at=now, by="Ewa Example (mother)",
            next_at=now + timedelta(minutes=20) if state is CaseState.ASKING else None,
            decided_by="office" if state is CaseState.EXPLAINED else "",
        ).model_dump()  # fmt: skip


def _steps(away: dict[int, tuple[CaseState, int]], now: datetime) -> Iterator[dict[str, Any]]:
    for number, (state, rung) in enumerate(away.values(), 1):
        pattern = {"case_id": number, "at": now, "who": "handbell", "run_id": None, "reply_id": None}
        yield pattern | {"kind": "opened", "facts": {}}
        for one in range(min(rung, 4)):
            yield pattern | {"kind": "asked", "facts": {"rung": one + 1, "who": "main", "media": ["sms"]}}
        if state in (CaseState.UNREAD, CaseState.TO_CONFIRM):
            yield pattern | {"kind": "answer", "who": "Ewa Example (mother)", "facts": {}, "reply_id": number}


def _conversation(number: int, now: datetime) -> dict[str, Any]:
    address = house.number(number)
    return Conversation(id=number, medium=Medium.SMS, address=address, waiting_since=now, last_at=now).model_dump()


def _inbound(number: int, now: datetime) -> dict[str, Any]:
    row = Inbound(id=number, channel="b", event_id=str(number), kind="reply", event={}, raw={}, received_at=now)
    return row.model_dump() | {"handled_at": now}


def _reply(number: int, now: datetime) -> dict[str, Any]:
    words = "She has had a high temperature since last night and will stay at home today."
    return Reply(id=number, conversation_id=number, inbound_id=number, at=now, body=words, sorted_at=now).model_dump()
