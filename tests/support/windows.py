"""A window of a real browser on the pages of a running gateway. It notes whatever a page may not do.

window = await windows.open_window(browser, desk, width=windows.PHONE)   # desk: somebody who is signed in (staff.desk)
await window.go("/today")
window.page                    # Playwright's page: https://playwright.dev/python/docs/api/class-page
await window.assert_clean()    # nothing found by axe, on the console, asked elsewhere, or out of sight
await window.shoot("today")    # a picture, where HANDBELL_SHOTS names a folder
window.faults                  # what was on the console, and every request that left the machine or failed
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Request, Response

from support import staff
from support.waiting import until

DESK, PHONE = 1280, 390  #: widths in pixels: an office's screen, and a telephone
_HEIGHTS = {DESK: 860, PHONE: 844}
#: Every name but this machine's own is unknown to the browser, and nothing is fetched unasked.
ARGUMENTS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-pings",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",
)
_AXE = Path(__file__).parent.parent / "browser" / "vendor" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"


@dataclass
class Window:
    """One window."""

    page: Page
    url: str
    width: int
    faults: list[str] = field(default_factory=list[str])

    async def go(self, path: str) -> Response:
        """Open a page of the gateway's, and wait until its parts have come by its stream."""
        response = await self.page.goto(f"{self.url}{path}", wait_until="load")
        assert response is not None
        return response

    async def live(self) -> None:
        """Wait until the stream of this page has brought something."""
        reader = "document.querySelector('#stream')?._htmx?.sse?.reader != null"
        await until(lambda: self.page.evaluate(reader), "a stream")

    async def assert_clean(self, *, but: tuple[str, ...] = ()) -> None:
        """Nothing that a page may not do, with its details closed and open; ``but`` names rules of axe to leave out."""
        await self._look(*but)
        if await self.page.locator("details:not([open])").count():
            await self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            await self._look(*but)
        assert not self.faults, "\n".join(self.faults)

    async def _look(self, *but: str) -> None:
        assert await self.overflow() == 0, "the page is wider than its window"
        found = await self.violations(*but)
        assert not found, "\n".join(found)

    async def violations(self, *but: str) -> list[str]:
        """What axe-core finds on the page, one line for each kind and place."""
        if not await self.page.evaluate("typeof axe === 'object'"):
            await self.page.evaluate(_axe())
        found: dict[str, Any] = await self.page.evaluate(_RUN, _RULES)
        return [
            f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:200]}"
            for one in found["violations"]
            for node in one["nodes"]
            if one["id"] not in but
        ]

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

    def failed(self, request: Request) -> None:
        ends = request.url.startswith(f"{self.url}/live?") or request.url.endswith("/look")
        begun = request.url.startswith(f"{self.url}/static/") or request.url.endswith("/preview")
        left = request.failure == "net::ERR_ABORTED" and begun
        if not ends and not left:  # a stream ends as its page is left, and so does whatever is still on its way
            self.faults.append(f"failed: {request.url} {request.failure}")


@cache
def _axe() -> str:
    return _AXE.read_text("utf-8")


async def open_window(browser: Browser, desk: staff.Browser, *, width: int = DESK, scripts: bool = True) -> Window:
    """Open a window for somebody who is signed in, or for anybody with an empty :class:`staff.Browser`.

    With ``scripts`` off the pages must do without, as on a computer that is locked down. Closed with the browser.
    """
    url = desk.site.url
    context = await browser.new_context(
        viewport={"width": width, "height": _HEIGHTS[width]},
        java_script_enabled=scripts,
        locale="en-GB",
        timezone_id="Europe/London",
    )
    for name, value in desk.cookies.items():
        await context.add_cookies([{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Lax"}])
    window = Window(await context.new_page(), url, width)
    page, faults = window.page, window.faults
    page.on("request", window.note)
    page.on("requestfailed", window.failed)
    page.on("console", lambda said: faults.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    return window
