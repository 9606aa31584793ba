"""Coming in: the first one, the others, the end of a sign-in, with and without scripts, on a screen and a telephone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect
from support import staff, website, windows
from support.databases import Fresh

from gateway.accounts import links
from gateway.accounts.means import Means
from gateway.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "three odd words"


@pytest_asyncio.fixture(loop_scope="session")
async def empty(fresh: Fresh) -> AsyncIterator[website.Running]:
    """A school where nobody is yet, reached by plain http on this machine."""
    async with fresh() as database, website.running_on(database, changed=website.here) as running:
        yield running


@pytest.mark.parametrize(("width", "scripts"), [(windows.DESK, True), (windows.PHONE, False)])
async def test_the_first_one_comes_in_and_lets_another_in(
    open_window, empty: website.Running, width: int, scripts: bool
) -> None:
    async with empty.gateway.database.write() as session:
        value = await links.first(session, means=Means(empty.gateway.log, empty.gateway.now()))
    window = await open_window(empty, role=None, width=width, scripts=scripts)
    page = window.page
    await window.go(f"/first-run/{value}")
    if scripts:
        await window.assert_clean()
    await window.shoot("first-run")
    await page.get_by_label("Your name, as the school says it").fill("Mrs Okafor")
    await page.get_by_label("School email").fill("okafor@school.example")
    await page.get_by_label("Head", exact=False).first.check()
    await page.get_by_label("A password, 12 characters or more").fill("mrs okafor!!")
    await page.get_by_role("button", name="Come in").click()
    await expect(page.get_by_role("alert")).to_contain_text("Others would guess this password.")
    refused(window)
    await page.get_by_label("A password, 12 characters or more").fill(WORDS)
    await page.get_by_role("button", name="Come in").click()
    await expect(page).to_have_url(re.compile("/import$"))
    await page.wait_for_load_state()
    await window.go("/staff")
    await page.get_by_label("Name, as the school says it").fill("Ms Green")
    await page.get_by_label("School email").fill("green@school.example")
    await page.get_by_label("What they are").select_option("office")
    if scripts:
        await window.assert_clean()
    await window.shoot("staff")
    await page.get_by_role("button", name="Make a link for them").click()
    link = await page.locator("code.break").inner_text()
    if scripts:
        await window.assert_clean()
    await window.shoot("staff-one")
    other = await open_window(empty, role=None, width=width, scripts=scripts)
    await other.page.goto(re.sub(r"^https?://[^/]+", empty.url, link))
    await other.shoot("new-password")
    await other.page.get_by_label("12 characters or more").fill(WORDS)
    await other.page.get_by_role("button", name="Come in").click()
    await expect(other.page).to_have_url(re.compile("/import$"))
    await other.page.wait_for_load_state()
    await other.go("/account")
    if scripts:
        await other.assert_clean()
    await other.shoot("account")
    await other.go("/account/codes")
    if scripts:
        await other.assert_clean()
    await other.shoot("account-codes")


async def test_whoever_types_a_wrong_password_is_told_and_goes_on(open_window, empty: website.Running) -> None:
    jo = await staff.person(empty, Role.OFFICE)
    window = await open_window(empty, role=None)
    page = window.page
    await window.go("/account?x=1")
    await window.assert_clean()
    await window.shoot("sign-in")
    await page.get_by_label("School email").fill(jo.email)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_label("Password")).to_have_attribute("type", "text")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    refused(window)
    await window.assert_clean()
    await page.get_by_label("Password").fill(staff.PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{empty.url}/account?x=1")


async def test_one_is_warned_before_the_end_and_what_was_typed_is_kept(open_window, empty: website.Running) -> None:
    jo = await staff.person(empty, Role.HEAD, name="Jo Whitfield")
    window = await open_window(empty, role=None)
    page = window.page
    await page.clock.install()
    await window.go("/sign-in")
    await sign_in(page, jo.email)
    await window.go("/staff")
    await page.get_by_label("Name, as the school says it").fill("Ms Green")
    await pass_by(empty, page, minutes=18, seconds=1)
    toast = page.get_by_role("alert")
    await expect(toast).to_contain_text("Are you there?")
    await window.assert_clean()
    await window.shoot("warned")
    await toast.get_by_role("button", name="Stay signed in").click()
    await expect(toast).to_have_count(0)
    await pass_by(empty, page, minutes=18, seconds=1)
    await expect(toast).to_contain_text("Are you there?")
    await pass_by(empty, page, minutes=2)
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fstaff&ended=1$"))
    await expect(page.get_by_text("nothing was done here for 20 minutes")).to_be_visible()
    await sign_in(page, jo.email)
    await expect(page).to_have_url(f"{empty.url}/staff")
    await expect(page.get_by_label("Name, as the school says it")).to_have_value("Ms Green")


async def sign_in(page: windows.Page, email: str) -> None:
    await page.get_by_label("School email").fill(email)
    await page.get_by_label("Password").fill(staff.PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    await page.wait_for_load_state()


def refused(window: windows.Window) -> None:
    """The browser itself writes down that a form was refused; nothing else may have gone wrong."""
    assert all(re.search(r"responded with a status of 422", fault) for fault in window.faults), window.faults
    window.faults.clear()


async def pass_by(site: website.Running, page: windows.Page, **span: int) -> None:
    """Let time go by here and in the browser."""
    site.clock.pass_by(**span)
    await page.clock.run_for(timedelta(**span) / timedelta(milliseconds=1))
