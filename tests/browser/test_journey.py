"""A whole day in one browser, against one daemon: from the first link to the audit log that is as it was written.

Nothing is set up behind the pages but the installation itself, and the register, which a program sends as it would.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from support import processes, staff, website, windows
from support.waiting import until

from config import settings as reading
from gateway.practice import setup
from gateway.wiring import building

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Forename, surname, form, and the language that their mother reads.
CHILDREN = (
    ("Ana", "Nowak", "3A", "Polish"), ("Tom", "Hill", "3A", "English"), ("Amina", "Haddad", "3A", "Arabic"),
    ("Zara", "Khan", "4B", "Urdu"), ("Liban", "Warsame", "4B", "Somali"), ("Ilie", "Popescu", "4B", "Romanian"),
)  # fmt: skip
LATE = 20_000.0  #: milliseconds; a busy machine may need them
SKIPPED = timedelta(minutes=15)  #: by which the school's clock is put on: late at night it is tomorrow there
POLISH = re.compile("szkoła|Szkoła")


@dataclass(frozen=True)
class Here:
    """Where the daemon listens; all that a window asks of a site."""

    url: str


@dataclass
class Day:
    """The daemon, and the window of whoever came in first."""

    here: Here
    link: str
    window: windows.Window
    files: Sequence[Path]


@pytest_asyncio.fixture(loop_scope="session")
async def day(browser: Browser, tmp_path: Path) -> AsyncIterator[Day]:
    """A practice school without anybody in it, and its daemon."""
    [port] = setup.free_ports(1)
    place, _ = setup.prepare(
        tmp_path / "practice", seed=1, port=port, fresh=False, today=date(2026, 11, 23), say=lambda _: None
    )
    await building.set_up(reading.load(place.settings, environ={}, credentials=None))
    log = tmp_path / "said.log"
    daemon = await processes.start("gateway.cli", "--config", str(place.settings), "run", log=log)
    try:
        await until(lambda: _link(daemon), "the first link")
        here = Here(f"http://127.0.0.1:{port}")
        window = await windows.open_window(browser, staff.Browser(cast(website.Running, here)))
        yield Day(here, _link(daemon), window, _files(tmp_path))
        assert window.faults == []
        await window.page.context.close()
    finally:
        await daemon.stop()


def _link(daemon: processes.Process) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", daemon.said())
    assert daemon.child.returncode is None, plain
    found = re.search(r"come_in=http://[^/]+(/first-run/[\w-]+)", plain)
    return found[1] if found else ""


def _files(folder: Path) -> list[Path]:
    """What the school system exports: six children, a mother each."""
    pupils = ["Adno,Forename,Surname,DOB,Year,Reg"]
    contacts = [
        "Adno,Contact ID,Forename,Surname,Relationship,Priority,Parental Responsibility,Mobile,Email,Written Language"
    ]
    for number, (forename, surname, form, language) in enumerate(CHILDREN, 1):
        pupils.append(f"P{number},{forename},{surname},01/02/2018,{form[0]},{form}")
        contacts.append(
            f"P{number},C{number},Mother,{surname},Mother,1,Yes,07700 90010{number},m{number}@example.com,{language}"
        )
    found = [folder / "pupils.csv", folder / "contacts.csv"]
    for file, lines in zip(found, (pupils, contacts), strict=True):
        file.write_text("\n".join(lines) + "\n", "utf-8")
    return found


async def test_a_day(day: Day) -> None:
    window, page = day.window, day.window.page
    await _come_in(day)
    await _import(day)
    await _announce(window)
    await _read_a_reply(window)
    await _account_for_a_child(day)
    await _tell_good_news(window)
    await _check_a_translation(window)
    await window.go("/audit")
    await page.get_by_role("button", name="Check it now").click()
    await expect(page.locator("#seal")).to_have_text("Nothing is missing and nothing has been changed")
    log = page.locator(".audit")
    for words in ("Imported pupils and contacts", "Checked Handbell’s own words", "Reply received", "Wrote good news"):
        await window.go(f"/audit?q={quote(words)}")
        await expect(log).to_contain_text(words)
    await window.assert_clean()


async def _come_in(day: Day) -> None:
    page = day.window.page
    await day.window.go(day.link)
    await page.get_by_label("Your name, as the school says it").fill("Mrs Okafor")
    await page.get_by_label("School email").fill("okafor@school.example")
    await page.get_by_label("Head", exact=False).first.check()
    await page.get_by_label("A password, 12 characters or more").fill("three odd words")
    await page.get_by_role("button", name="Come in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Begin with the school’s own lists")


async def _import(day: Day) -> None:
    page = day.window.page
    await page.get_by_label("Files from the school system").set_input_files(day.files)
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "These files would add 6 children and 6 grown-ups", timeout=LATE
    )
    await page.get_by_role("button", name="Take it over").click()
    await expect(page.get_by_text("Taken over", exact=True)).to_be_visible()


async def _announce(window: windows.Window) -> None:
    """In six languages, and to everybody while one looks."""
    page = window.page
    await window.go("/announcements/new")
    await page.get_by_label("Whole school").check()
    await page.get_by_label("Name").fill("The school is closed")
    await page.get_by_label("Wording").select_option(label=await _wording(page))
    await page.get_by_role("button", name="Use this wording").click()
    await page.get_by_label("Date").fill(f"{_today() + timedelta(days=3):%Y-%m-%d}")
    await page.get_by_label("Why").fill("burst water pipe")
    await page.get_by_role("button", name="Check before sending").last.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check before sending")
    for _, _, _, language in CHILDREN:
        await expect(page.locator("main")).to_contain_text(language)
    await page.get_by_role("button", name="Send to 6 families").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing has left yet")
    where = page.url
    await _skip(window)
    await page.goto(where)
    await window.live()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("6", timeout=LATE)
    await expect(page.locator("#stand")).to_contain_text("Finished", timeout=LATE)


async def _wording(page: Page) -> str:
    options = await page.get_by_label("Wording").locator("option").all_inner_texts()
    return next(one for one in options if "clos" in one.casefold())


async def _skip(window: windows.Window) -> None:
    """Fifteen minutes of the school's own clock."""
    await window.go("/practice")
    before = await window.page.locator("#state").inner_text()
    await window.page.get_by_role("button", name="Skip 15 minutes").click()
    await expect(window.page.locator("#state")).not_to_have_text(before)


async def _read_a_reply(window: windows.Window) -> None:
    """What a mother types on her telephone is read at the desk."""
    page = window.page
    await window.go("/practice?q=Nowak")
    await expect(page.locator(".bub").first).to_contain_text(POLISH, timeout=LATE)
    await page.get_by_label(re.compile("^Type as")).first.fill("Czy jutro jest lunch?")
    await page.get_by_role("button", name=re.compile("^Send as")).first.click()
    await window.go("/replies")
    await window.live()
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 reply needs a person", timeout=LATE)
    await page.locator(".thr a").first.click()
    await expect(page.get_by_text("Czy jutro jest lunch?").first).to_be_visible()


async def _account_for_a_child(day: Day) -> None:
    """From the register that says who is missing to a board on which everybody is accounted for."""
    window, page = day.window, day.window.page
    await window.go("/settings/tokens")
    await page.get_by_label("For which program").fill("register")
    await page.get_by_role("button", name="Make it").click()
    token = await page.locator("code.break").inner_text()
    await _register(day.here.url, token)
    await window.go("/today")
    await window.live()
    await expect(page.locator("#state")).to_contain_text("not yet accounted for", timeout=LATE)
    await window.go("/practice?q=Hill")
    await expect(page.get_by_text(re.compile("Tom")).first).to_be_visible(timeout=LATE)
    await page.get_by_label(re.compile("^Type as")).first.fill("1")
    await page.get_by_role("button", name=re.compile("^Send as")).first.click()
    await window.go("/today")
    await window.live()
    await page.get_by_role("button", name=re.compile(r"Record .*\(I\)")).first.click(timeout=LATE)
    await expect(page.locator("#state")).to_contain_text("Everyone is accounted for", timeout=LATE)


async def _register(url: str, token: str) -> None:
    day = _today(SKIPPED).isoformat()
    marks: list[dict[str, Any]] = [
        {"pupil": f"P{number}", "date": day, "session": "am", "code": "N" if number == 2 else "/"}
        for number in range(1, len(CHILDREN) + 1)
    ]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as client, client.post(
        f"{url}/api/v1/marks", json={"marks": marks}, headers=headers
    ) as answer:  # fmt: skip
        assert answer.status < 300, await answer.text()


def _today(ahead: timedelta = timedelta(0)) -> date:
    return (datetime.now(UTC) + ahead).astimezone(ZoneInfo("Europe/London")).date()


async def _tell_good_news(window: windows.Window) -> None:
    page = window.page
    await window.go("/good-news/3A")
    await page.get_by_role("checkbox", name="Amina Haddad").check(force=True)
    await page.get_by_role("radio", name="Worked hard").check(force=True)
    await page.get_by_role("button", name=re.compile("^Send good news")).click()
    await expect(page.get_by_role("status").filter(has_text="Good news about Amina")).to_be_visible()


async def _check_a_translation(window: windows.Window) -> None:
    page = window.page
    await window.go("/wording")
    await page.get_by_role("link", name=re.compile("^Draft: .* in Polish")).first.click()
    await page.get_by_label("Somebody who reads Polish").fill("Anna Kowalska")
    await page.get_by_role("button", name="Everything here is right").click()
    await expect(page.get_by_text("Checked by Anna Kowalska").first).to_be_visible()
