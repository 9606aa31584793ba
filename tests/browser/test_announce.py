"""An announcement as an office writes, checks, sends and follows it; the same without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect
from support import announced, windows
from support.databases import Fresh
from support.website import Running

from gateway.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def office(fresh: Fresh, opened: list[windows.Window]) -> AsyncIterator[Running]:
    """Forty families, and nothing sent yet."""
    async with fresh() as database, announced.opened(database) as site:
        yield site
        for window in opened:
            await window.page.context.close()


async def write(window: windows.Window) -> None:
    """Fill in the four questions."""
    page = window.page
    await page.get_by_label("Name").fill("Parents’ evening: invitation")
    await page.get_by_label("In English").fill(announced.TEXT)
    await page.get_by_label("Phone call", exact=True).check()


async def test_from_the_four_questions_to_everybody_who_can_be_told(open_window, office: Running) -> None:
    window = await open_window(office)
    page = window.page
    await window.go("/announcements")
    await window.live()
    await expect(page.get_by_role("heading", name="Nothing has been sent yet")).to_be_visible()
    await window.assert_clean()
    await page.locator("main").get_by_role("link", name="New announcement").click()
    await expect(page.locator("#tally")).to_contain_text("Nobody is chosen yet")
    await page.get_by_role("checkbox", name="3K").check()
    await page.get_by_role("checkbox", name="3M").check()
    await expect(page.locator("#tally")).to_contain_text("14 families15 children")
    await page.get_by_label("Whole school").check()
    await expect(page.locator("#tally")).to_contain_text("40 families48 children36 can be reached4 cannot")
    assert not await page.get_by_role("checkbox", name="3K").is_checked()
    await write(window)
    await expect(page.locator("#preview .bub")).to_contain_text("Oakfield: Parents' evening is on Wednesday")
    await expect(page.locator("#cost")).to_contain_text("About £")
    await page.locator("#texts").get_by_text("Write it in Urdu").click()
    await page.get_by_label("In Urdu").fill(announced.URDU)
    urdu, bubble = page.locator("#show-ur"), page.locator("#preview .bub")
    await expect(urdu).not_to_contain_text("in English")  # what was typed has been looked at, and nothing is under way
    await urdu.click()
    await expect(bubble).to_contain_text("والدین")
    assert await bubble.evaluate("one => getComputedStyle(one).direction") == "rtl"  # it begins with a Latin name
    await page.get_by_role("button", name="Move Email up").click()
    await expect(page.locator(".order > li").first).to_contain_text("Email")
    await page.get_by_role("button", name="Move Email down").click()
    await expect(page.locator("#texts")).to_contain_text("Typed by hand")
    await window.shoot("announcement-new")
    await window.assert_clean()
    await page.get_by_role("button", name="Check before sending").last.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check before sending")
    await expect(page.locator("main")).to_contain_text("4 families cannot be reached")
    await expect(page.locator("main")).to_contain_text("25 November is a Wednesday")
    await window.shoot("announcement-check")
    await window.assert_clean()
    await page.get_by_role("button", name="Send to 36 families").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing has left yet")
    await expect(page.get_by_role("button", name="Stop it")).to_be_visible()
    await window.live()
    await window.shoot("announcement-hold")
    await window.assert_clean()
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    await announced.arrive(office.gateway.database)
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"of 40 families reached"), timeout=9000)
    await expect(page.locator("#untold")).to_contain_text("Nothing on file that we can use")
    await window.shoot("announcement-sending")
    await window.assert_clean()
    await announced.give_up(office.gateway.database)
    await window.go(page.url.removeprefix(office.url))
    await expect(page.locator("#stand")).to_contain_text("Finished, but")
    await window.shoot("announcement-done")
    await window.assert_clean()
    await window.go("/announcements")
    await expect(page.locator("#rows")).to_contain_text("of 40")
    await window.shoot("announcements")
    await window.assert_clean()


async def test_without_scripts(open_window, office: Running) -> None:
    window = await open_window(office, scripts=False)
    page = window.page
    await window.go("/announcements/new")
    await page.get_by_role("checkbox", name="3K").check(force=True)
    await page.get_by_role("button", name="Count and show").click()
    await expect(page.locator("#tally")).to_contain_text("8 families")
    await page.get_by_role("button", name="Check before sending").last.click()
    await expect(page.get_by_role("alert")).to_contain_text("Write what it should say")
    assert await page.get_by_role("checkbox", name="3K").is_checked()
    window.faults.clear()  # the browser itself writes the status 422 down
    await write(window)
    await page.get_by_role("button", name="Move Email up").click()
    await expect(page.locator(".order > li").first).to_contain_text("Email")
    await page.get_by_role("button", name="Check before sending").last.click()
    await page.get_by_role("button", name=re.compile("^Send to")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing has left yet")
    await expect(page.get_by_role("link", name="Reload")).to_be_visible()
    await expect(page.locator("[data-live]")).to_be_hidden()  # nothing here is alive without scripts
    await page.get_by_role("button", name="Stop it").click()
    await expect(page.get_by_role("status").filter(has_text="Nothing has left; it is a draft again")).to_be_visible()
    await expect(page.get_by_label("In English")).to_have_value(announced.TEXT)


async def test_a_teacher_writes_to_their_own_class(open_window, office: Running) -> None:
    window = await open_window(office, role=Role.TEACHER, forms=("3K",))
    page = window.page
    await window.go("/announcements/new")
    await expect(page.locator("#tally")).to_contain_text("8 families")
    await write(window)
    await page.get_by_role("button", name="Check before sending").last.click()
    await page.get_by_role("button", name="Hand it to the office").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("It waits for a second person")
    await window.live()
    await window.assert_clean()


async def test_an_alarm_from_its_time_to_the_all_clear(open_window, office: Running) -> None:
    window = await open_window(office)
    page = window.page
    await window.go("/emergency")
    await expect(page.locator("#capacity")).to_contain_text("people of 48 children")
    await expect(page.get_by_label("Whole school")).to_be_checked()
    await page.get_by_label("In one full sentence").fill("There is a gas leak at school.")
    await page.get_by_label("What should families do now?").fill("Please do not come to school.")
    await window.shoot("emergency")
    await window.assert_clean()
    await page.get_by_role("button", name="Check it once").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("36 people are told at once")
    await expect(page.get_by_role("heading", name="nobody would be told")).to_be_visible()
    await window.shoot("emergency-check")
    await window.assert_clean()
    await page.get_by_role("button", name=re.compile("^Alarm")).click()
    await expect(page.locator("#troubles")).to_contain_text("being planned")
    await window.live()
    await announced.plan(office)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("48 of 48 children", timeout=9000)
    row = page.locator("#uncovered-list > li").first
    await page.get_by_label("How you told them").fill("told at the gate")
    await row.get_by_role("button").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("47 of 48 children")
    await window.shoot("emergency-list")
    await window.live()
    await window.assert_clean()
    await page.get_by_role("button", name="Hide names").click()
    await expect(page.get_by_role("button", name="Show names")).to_be_visible()
    assert not re.search(r"Carter-|Nowak-|Khan-", await page.content())
    await page.get_by_role("link", name="Tell them how it goes on").click()
    await page.get_by_role("button", name="It is over").click()
    await expect(page.get_by_role("alert")).to_contain_text("Write this sentence")
    window.faults.clear()  # the browser itself writes the status 422 down
    await window.assert_clean()
    await page.get_by_label("What happens now").fill("Lessons go on as usual.")
    await page.get_by_role("button", name="It is over").click()
    await expect(page.locator("#acts")).to_contain_text("All clear")


async def test_each_page_fits_a_telephone(open_window, office: Running) -> None:
    await announced.half_way(office.gateway)
    window = await open_window(office, width=windows.PHONE)
    for path, name in (
        ("/announcements", "announcements"), ("/announcements/draft/edit", "announcement-new"),
        ("/announcements/draft/check", "announcement-check"), ("/announcements/parents-evening", "announcement"),
        ("/emergency", "emergency"),
    ):  # fmt: skip
        await window.go(path)
        if name == "announcement-new":
            await expect(window.page.locator("#tally")).to_contain_text("40 families")
        if name == "emergency":
            await expect(window.page.locator("#capacity")).to_contain_text("48 children")
        await window.shoot(name)
        await window.assert_clean()
