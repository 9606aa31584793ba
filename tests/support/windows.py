"""A window of a real browser on the pages of a running gateway. It notes whatever a page may not do.

window = await windows.open_window(browser, site, width=windows.PHONE)
await window.go("/office/absences")
window.page                      # Playwright's page: https://playwright.dev/python/docs/api/class-page
await window.shoot("absences")   # a picture, where HANDBELL_SHOTS names a folder
window.faults                    # what was on the console, and every request that left the machine or failed
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, Request, Response

DESK, PHONE = 1280, 390  #: widths in pixels: an office's screen, and a telephone
_HEIGHTS = {DESK: 860, PHONE: 844}
#: Every name but this machine's own is unknown to the browser, and nothing is fetched unasked.
ARGUMENTS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-pings",
)


@dataclass
class Window:
    """One window."""

    page: Page
    url: str
    width: int
    faults: list[str] = field(default_factory=list[str])

    async def go(self, path: str) -> Response:
        """Open a page of the gateway's."""
        response = await self.page.goto(f"{self.url}{path}", wait_until="networkidle")
        assert response is not None
        return response

    async def shoot(self, name: str) -> None:
        """Keep a picture of the whole page, where somebody wants to look at it."""
        if folder := os.environ.get("HANDBELL_SHOTS"):
            await self.page.screenshot(path=Path(folder) / f"{name}-{self.width}.png", full_page=True)

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window; a reader would have to scroll sideways."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        wider: int = await self.page.evaluate(script)
        return wider

    def note(self, request: Request) -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.faults.append(f"asked elsewhere: {request.url}")


async def open_window(browser: Browser, url: str, *, token: str, width: int = DESK) -> Window:
    """Open a window, which gives the token where it is asked to sign in. It is closed with the browser."""
    context = await browser.new_context(
        viewport={"width": width, "height": _HEIGHTS[width]},
        http_credentials={"username": "office", "password": token},
        locale="en-GB",
        timezone_id="Europe/London",
    )
    window = Window(await context.new_page(), url, width)
    page, faults = window.page, window.faults
    page.on("request", window.note)
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url} {request.failure}"))
    page.on("console", lambda said: faults.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    return window
