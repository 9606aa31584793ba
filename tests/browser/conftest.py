"""The office in a real browser: Debian's Chromium, driven by Playwright; the gateway really listens on this machine.

One browser and one event loop serve all of these tests, as starting either takes longer than a test: a test module here
has ``pytestmark = pytest.mark.asyncio(loop_scope="session")``, and a fixture ``loop_scope="session"``.

``HANDBELL_SHOTS=folder pytest tests/browser`` keeps a picture of every page that is looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from support import office, programs, windows
from support.databases import Fresh


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser. Where there is none, a test says so and is left out."""
    programs.need("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=programs.find("chromium"), args=list(windows.ARGUMENTS)
        )
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def morning(fresh: Fresh) -> AsyncIterator[office.Office]:
    """The office at ten to ten, a child in each state. Nobody may change it: it is everybody's."""
    async with fresh() as database, office.opened(database) as opened:
        yield opened


Open = Callable[..., Awaitable[windows.Window]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(browser: Browser, morning: office.Office) -> AsyncIterator[Open]:
    """Opens windows of the office, signed in; at the end no page may have done what no page may."""
    opened = list[windows.Window]()

    async def one(*, width: int = windows.DESK, token: str = morning.token) -> windows.Window:
        opened.append(await windows.open_window(browser, morning.url, token=token, width=width))
        return opened[-1]

    yield one
    for window in opened:
        await window.page.context.close()
    assert [fault for window in opened for fault in window.faults] == []
