"""The office in a real browser: Debian's Chromium, driven by Playwright; the gateway really listens on this machine.

One browser and one event loop serve all of these tests, as starting either takes longer than a test: a test module here
has ``pytestmark = pytest.mark.asyncio(loop_scope="session")``, and a fixture ``loop_scope="session"``.

``HANDBELL_SHOTS=folder pytest tests/browser`` keeps a picture of every page that is looked at.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from support import databases, office, programs, staff, windows
from support.website import Running

from gateway.database import Database
from gateway.roles import Role

#: Gives copies of the database of a morning, and says what is in it.
Mornings = tuple[Callable[[], AbstractContextManager[str]], office.Played]

#: The two widths that every page is looked at.
WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def played(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Mornings:
    """A morning that was played once, as it takes longer than most tests: a copy of its database, and what is in it."""
    folder = tmp_path_factory.mktemp("morning")
    file = folder / "morning.sqlite"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite+aiosqlite:///{file}")
    then = await office.played(database)
    await database.close()  # which writes all of it into the one file
    return partial(databases.sqlite_copy, file, folder), then


@contextlib.asynccontextmanager
async def _copy(played: Mornings) -> AsyncIterator[office.Office]:
    with played[0]() as url:
        database = Database(url)
        try:
            async with office.again(database, played[1]) as opened:
                yield opened
        finally:
            await database.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser. Where there is none, a test says so and is left out."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=programs.browser(), args=list(windows.ARGUMENTS))
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def morning(played: Mornings) -> AsyncIterator[office.Office]:
    """The office at ten to ten, a child in each state. Nobody may change it: it is everybody's."""
    async with _copy(played) as opened:
        yield opened


Open = Callable[..., Awaitable[windows.Window]]
_names = itertools.count(1)


@pytest.fixture
def opened() -> list[windows.Window]:
    """The windows of a test."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def own_morning(played: Mornings, opened: list[windows.Window]) -> AsyncIterator[office.Office]:
    """The same for one test, which may change it."""
    async with _copy(played) as own:
        yield own
        for window in opened:  # before what they look at is gone
            await window.page.context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(browser: Browser, opened: list[windows.Window]) -> AsyncIterator[Open]:
    """Opens windows on a site, signed in as somebody; at the end no page may have done what no page may."""

    async def one(
        site: Running, *, role: Role | None = Role.OFFICE, width: int = windows.DESK, scripts: bool = True,
        forms: tuple[str, ...] = (),
    ) -> windows.Window:  # fmt: skip
        name = f"Jo Whitfield {next(_names)}"
        desk = await staff.desk(site, role, name=name, forms=forms) if role else staff.Browser(site)
        opened.append(await windows.open_window(browser, desk, width=width, scripts=scripts))
        return opened[-1]

    yield one
    for window in opened:
        await window.page.context.close()
    assert [fault for window in opened for fault in window.faults] == []
