"""Families, contact details and wording as an office sees them, on a screen and a telephone, and without scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from support import families, website, windows
from support.databases import Fresh
from support.waiting import until

from gateway import context
from gateway.roles import Role
from templates import own_words

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])


@pytest_asyncio.fixture(loop_scope="session")
async def village(fresh: Fresh, tmp_path: Path, opened: list[windows.Window]) -> AsyncIterator[website.Running]:
    """The families of ``support.families``, at ten to ten."""

    def changed(gateway: context.Gateway) -> context.Gateway:
        chosen = gateway.settings.languages.model_copy(update={"folder": tmp_path})
        settings = gateway.settings.model_copy(update={"languages": chosen, "web": website.here(gateway).settings.web})
        return replace(gateway, settings=settings)

    async with fresh() as database, website.running_on(database, changed=changed) as site:
        site.clock.at = families.NOW
        async with site.gateway.database.write() as session:
            await families.settle(session)
        yield site
        for window in opened:
            await window.page.context.close()
        # What keeps pages alive reads the database a last time; it may not be closed before.
        await until(lambda: not any(one.get_name() == "live" for one in asyncio.all_tasks()), "the end of the streams")
    own_words.lay_over({})


@WIDTHS
async def test_a_family_is_found_and_asked(open_window, village: website.Running, width: int) -> None:
    window = await open_window(village, width=width)
    page = window.page
    await window.go("/families")
    await page.get_by_role("searchbox").fill("had")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("1 family matches “had”")
    await window.assert_clean()
    await window.shoot("families")
    await page.get_by_role("link", name="Haddad family").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Haddad family")
    words = page.get_by_text(families.FEVER)
    await expect(words).to_have_attribute("dir", "auto")
    assert await words.evaluate("one => getComputedStyle(one).direction") == "rtl"
    await window.assert_clean()
    await window.shoot("family")
    await page.get_by_role("link", name="Change what Ms Rania Aziz asked for").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What Ms Rania Aziz asked for")
    await window.assert_clean()
    await window.shoot("family-wishes")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Noted what Ms Rania Aziz asked for.")
    await page.get_by_role("button", name="Ask if it is right (Ms Rania Aziz)").click()
    await expect(page.get_by_text("Asked today at")).to_be_visible()
    await expect(page.get_by_role("status").first).to_contain_text("Ms Rania Aziz is asked in Arabic.")


@WIDTHS
async def test_details_are_sorted_out(open_window, village: website.Running, width: int) -> None:
    window = await open_window(village, width=width)
    page = window.page
    await window.go("/contact-details")
    await window.live()
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 child has no working number")
    await window.assert_clean()
    await window.shoot("details")
    await page.get_by_role("button", name="Use gmail.com (Ms Sian Walsh)").click()
    await expect(page.get_by_role("status").first).to_contain_text("s.walsh@gmail.com is used from now on.")
    await page.get_by_role("button", name="Use it (Ms Rania Aziz)").click()
    await expect(page.get_by_role("button", name="Save the list (2)")).to_be_visible()


@WIDTHS
async def test_a_wording_is_checked(open_window, village: website.Running, width: int) -> None:
    window = await open_window(village, width=width)
    page = window.page
    await window.go("/wording")
    await window.assert_clean()
    await window.shoot("wording")
    await page.get_by_role("link", name="Draft: Are these details still right? in Arabic").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Are these details still right? in Arabic")
    await window.assert_clean()
    await window.shoot("wording-one")
    await page.get_by_label("Somebody who reads Arabic").fill("Mrs Saleh")
    await page.get_by_role("button", name="Everything here is right").click()
    await expect(page.get_by_text("Checked by Mrs Saleh").first).to_be_visible()


async def test_all_of_it_without_scripts(open_window, village: website.Running) -> None:
    window = await open_window(village, scripts=False, role=Role.SAFEGUARDING)
    page = window.page
    await window.go("/families?q=07700+900272")
    await page.get_by_role("link", name="Haddad family").click()
    await page.get_by_role("link", name="Show them").click()
    await expect(page.locator("#locked").get_by_text("Mr Zweitname Gesperrt")).to_be_visible()
    await page.get_by_label("Show", exact=True).select_option("Good news")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.locator(".tl > li")).to_have_count(1)
    await page.get_by_role("link", name="Contact details").first.click()
    await page.get_by_role("button", name="Ask all 2").click()
    await expect(page.get_by_text("2 families are asked, each in its own language.")).to_be_visible()
