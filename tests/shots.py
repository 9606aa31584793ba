"""``make shots``: pictures of the main pages for the README, from the practice school on a full morning.

Each page at two widths, small (WebP). Add a page to :data:`PAGES`; ``make shots PAGES="today more"`` takes only those.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path

import structlog
from PIL import Image
from playwright.async_api import Browser, async_playwright
from sqlmodel import col, select
from support import absences, announced, practice, programs, staff, website, windows

from config import sections
from gateway import context, migrate
from gateway.absence import deeds, listening, registers
from gateway.database import Database
from gateway.importing import people
from gateway.models import CaseState, ContactPoint, DaySession, Guardianship, PointKind, Pupil, Reply
from gateway.practice import school
from gateway.registers import marks
from gateway.roles import Role
from gateway.understanding import library
from gateway.web import site as pages
from gateway.wiring import pretending

FOLDER = Path(__file__).parent.parent / "docs" / "images"
#: Name of the picture, address of the page (in which ``{phone}`` is the case of a child to ring about), who looks.
PAGES: list[tuple[str, str, Role]] = [
    ("today", "/today", Role.OFFICE),
    ("absence", "/absences/{phone}", Role.OFFICE),
    ("good-news", "/good-news", Role.HEAD),
    ("calendar", "/calendar", Role.HEAD),
    ("reports", "/reports", Role.HEAD),
    ("replies", "/replies/{conversation}", Role.OFFICE),
    ("practice", "/practice", Role.OFFICE),
    ("more", "/menu", Role.HEAD),
    ("audit", "/audit", Role.HEAD),
    ("import", "/import", Role.OFFICE),
    ("health", "/settings/health", Role.HEAD),
    ("family", "/families/{family}", Role.OFFICE),
    ("contact-details", "/contact-details", Role.OFFICE),
    ("wording", "/wording", Role.OFFICE),
    ("announcements", "/announcements", Role.OFFICE),
    ("announcement-new", "/announcements/draft/edit", Role.OFFICE),
    ("announcement-check", "/announcements/draft/check", Role.OFFICE),
    ("announcement", "/announcements/parents-evening", Role.OFFICE),
    ("emergency", "/emergency", Role.OFFICE),
]
_HIGHEST = {windows.DESK: 1300, windows.PHONE: 1500}  #: pixels; what stands below is more of the same
_SEED = 420
_LEAD = "Mr Reilly"

#: What some families answer, in the order in which children are away.
_ANSWERS = (
    "She has had a high temperature since last night and will stay at home today.",
    "He is at the dentist at 10. I will bring him after lunch.",
    "shes not with me this week love ask her dad",
    "1",
    "3",
    "1",
    "2",
)
_BEFORE = 7  #: of the children who are away, those whom the register itself explains


@dataclass(frozen=True, slots=True)
class Scene:
    """A school in the middle of its morning, with pages that answer. ``cases`` fill the addresses of :data:`PAGES`."""

    site: website.Running
    cases: dict[str, int]


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """The practice school on Monday 23 November 2026, at twenty-four minutes past ten."""
    with tempfile.TemporaryDirectory(prefix="handbell-shots-") as name:
        folder = Path(name)
        url = f"sqlite+aiosqlite:///{folder / 'shots.sqlite'}"
        await migrate.upgrade(url)
        database = Database(url)
        try:
            morning = await _morning(database, folder)
            cases = await _play(morning)

            def changed(gateway: context.Gateway) -> context.Gateway:
                return replace(morning.gateway, secret=gateway.secret, channels=gateway.channels)

            phones = pages.Practice(pretending.Pretend(await practice.mirrored(database, now=morning.clock)))
            async with website.running_on(database, practice=phones, changed=changed) as site:
                yield Scene(site, cases)
        finally:
            await database.close()


async def _morning(database: Database, folder: Path) -> absences.Morning:
    heard = listening.by_words(library.load(None), registers_close=lambda: time(9, 15))
    morning = await absences.Morning(database, absence={"safeguarding_lead": _LEAD}, understanding=heard).open()
    settings = morning.gateway.settings.model_copy(update={"practice": sections.Practice(enabled=True)})
    morning.gateway = replace(morning.gateway, settings=settings)
    summary = school.write(folder, seed=_SEED, today=absences.TODAY)
    gateway = morning.gateway
    async with database.write() as session:
        await people.load(
            summary.files, session, log=gateway.log, now=gateway.now(), today=gateway.today(), progress=lambda *_: None
        )
    return morning


async def _play(morning: absences.Morning) -> dict[str, int]:
    """Registers come in, families are asked, and some of them answer."""
    morning.clock.now = datetime(2026, 11, 23, 8, 50, tzinfo=UTC)
    async with morning.database.read() as session:
        pupils = list(await session.scalars(select(Pupil).order_by(col(Pupil.form), col(Pupil.id))))
    forms = {form: list(some) for form, some in itertools.groupby(pupils, key=lambda pupil: pupil.form)}
    away = [some[number % 4 + 3 * turn] for turn in (0, 1) for number, some in enumerate(forms.values())][:23]
    for number, some in enumerate(forms.values()):
        await morning.at(f"{8 + (56 + number) // 60:02}:{(56 + number) % 60:02}")
        await _register(morning, some, away)
    await morning.at("09:28")
    await morning.deliver()
    asked = away[_BEFORE:]
    for minute, (pupil, words) in enumerate(zip(asked, _ANSWERS, strict=False), 36):
        await morning.at(f"09:{minute}")
        if number_ := await _phone(morning, pupil):
            await morning.answer(number_, words)
    for clock in ("09:50", "10:00", "10:12", "10:24"):
        await morning.at(clock)
        await morning.deliver()
    await morning.turn()
    await announced.half_way(morning.gateway)
    cases = {pupil.id: await morning.case(pupil.id or 0) for pupil in asked}
    silent = [case for case in cases.values() if case.state is CaseState.ASKING]
    async with morning.database.write() as session:
        verdict = deeds.Verdict(CaseState.HANDED_OVER, _LEAD, comment="Second day with no reason")
        await deeds.settle(
            session, morning.gateway, morning.rules, silent[0].id or 0, verdict, by="office:Jo Whitfield"
        )
    async with morning.database.read() as session:
        talk = (await session.scalars(select(Reply.conversation_id).where(Reply.body == _ANSWERS[0]))).first()
    return {"phone": silent[1].id or 0, "conversation": talk or 0, "family": asked[0].id or 0}


async def _register(morning: absences.Morning, some: Sequence[Pupil], away: Sequence[Pupil]) -> None:
    codes = dict(zip([pupil.id for pupil in away[:_BEFORE]], "IIMICII", strict=True))
    codes |= dict.fromkeys([pupil.id for pupil in away[_BEFORE:]], "N")
    given = [
        marks.Given(pupil.id or 0, absences.TODAY, DaySession.AM, codes.get(pupil.id, "/"), None) for pupil in some
    ]
    async with morning.database.write() as session:
        source = marks.Source("file", "handbell")
        await registers.take_in(session, morning.gateway, morning.rules, given, source)


async def _phone(morning: absences.Morning, pupil: Pupil) -> str:
    """The phone that is asked first about a child."""
    query = (
        select(ContactPoint.address)
        .join(Guardianship, col(Guardianship.contact_id) == col(ContactPoint.contact_id))
        .where(Guardianship.pupil_id == pupil.id, ContactPoint.kind == PointKind.PHONE)
        .order_by(col(Guardianship.priority), col(ContactPoint.rank))
    )
    async with morning.database.read() as session:
        return (await session.scalars(query)).first() or ""


async def shoot(browser: Browser, made: Scene, wanted: Sequence[str]) -> None:
    """Take the pictures."""
    desks = {
        role: await staff.desk(made.site, role, name=f"Jo {role.name.title()}") for role in Role if role in _roles()
    }
    for name, path, role in PAGES:
        for width in (windows.DESK, windows.PHONE):
            if wanted and name not in wanted:
                continue
            window = await windows.open_window(browser, desks[role], width=width)
            await window.go(path.format(**made.cases))
            if await window.page.locator("#stream").count():
                await window.live()
            if await window.page.locator("[hx-post$='/look']").count():  # what a form shows beside itself
                await window.page.locator("#preview .bub, #capacity .bar").first.wait_for(state="attached")
            raw = await window.page.screenshot(full_page=True, animations="disabled")
            await window.page.context.close()
            picture = Image.open(io.BytesIO(raw)).convert("RGB")
            picture = picture.crop((0, 0, width, min(picture.height, _HIGHEST[width])))
            file = FOLDER / f"{name}-{width}.webp"
            picture.save(file, quality=72, method=6)
            print(f"{file.relative_to(FOLDER.parent.parent)}: {file.stat().st_size // 1024} KB")  # noqa: T201 - a command


def _roles() -> set[Role]:
    return {role for _, _, role in PAGES}


async def main(wanted: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async with scene() as made, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=programs.browser(), args=list(windows.ARGUMENTS))
        await shoot(browser, made, wanted)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
