"""Data protection, and what follows a restore, in a browser: on the screen and the telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlmodel import select
from support import families, school, website, windows
from support.databases import Fresh

from gateway import states
from gateway.backup import gap
from gateway.models import Message
from gateway.privacy import retention
from gateway.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])


@pytest_asyncio.fixture(loop_scope="session")
async def village(fresh: Fresh, opened: list[windows.Window]) -> AsyncIterator[website.Running]:
    """The families of ``support.families``, after a night on which something went."""
    async with fresh() as database, website.running_on(database, changed=website.here) as site:
        site.clock.at = families.NOW
        async with site.gateway.database.write() as session:
            await families.settle(session)
            await retention.record(session, site.gateway, {"message": 1204, "sign_in_try": 12})
        yield site
        for window in opened:
            await window.page.context.close()


@WIDTHS
async def test_whoever_asks_is_shown_theirs_and_forgotten(
    open_window, village: website.Running, tmp_path: Path, width: int
) -> None:
    window = await open_window(village, role=Role.SAFEGUARDING, width=width)
    page = window.page
    await window.go("/data-protection")
    await window.assert_clean()
    await window.shoot("data-protection")
    await page.get_by_role("link", name="Count what goes next").click()
    await expect(page.get_by_text("How many go next")).to_be_visible()
    await window.assert_clean()
    await window.shoot("data-protection-counted")
    await page.get_by_role("searchbox").fill("haddad")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("4 people match.")
    await window.assert_clean()
    await window.shoot("data-protection-found")
    await page.get_by_role("link", name="Amira Haddad").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What we hold about Amira Haddad")
    await window.assert_clean()
    await window.shoot("person-child")
    await page.get_by_role("link", name="See what would go").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Amira Haddad cannot be erased now")
    await window.assert_clean()
    await window.shoot("person-refused")
    await window.go("/data-protection?q=samir")
    await page.get_by_role("link", name="Samir Haddad").click()
    await page.get_by_label("With what may tell of somebody’s health").check()
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="A page to read").click()
    await (await coming.value).save_as(tmp_path / "record.html")
    window.faults.clear()  # a download is a request that its page gives up
    assert "What Oakfield School holds of Samir Haddad" in (tmp_path / "record.html").read_text("utf-8")
    await page.get_by_role("link", name="See what would go").click()
    await page.get_by_role("button", name="Erase Samir Haddad for ever").click()
    await expect(page.get_by_role("alert")).to_contain_text("Please look at 2 things")
    window.faults.clear()  # the browser itself writes the status 422 down
    await window.assert_clean()
    await window.shoot("person-erase")
    await page.get_by_label("They have asked for it").check()
    subject = await page.locator("label[for=confirm] b").inner_text()
    await page.get_by_label("Type contact:").fill(subject)
    await page.get_by_role("button", name="Erase Samir Haddad for ever").click()
    await expect(page.get_by_role("status").first).to_contain_text(f"{subject} is erased, for ever.")
    await window.go("/data-protection?q=samir")
    await expect(page.get_by_role("heading", name="Nobody matches")).to_be_visible()


@WIDTHS
async def test_a_school_is_opened_after_a_restore(open_window, village: website.Running, width: int) -> None:
    gateway, now = village.gateway, village.gateway.now()
    lane = await school.sender(gateway.database)
    for name in ("a", "b", "c"):
        await school.message(gateway.database, lane, now=now, subject=name)
    async with gateway.database.write() as session:
        await session.run_sync(lambda plain: gap.close(plain.connection(), now=now))
        await gap.settle(session, gateway, copied_at=now - timedelta(hours=7), by="Mr Reilly")
        for message in await session.scalars(select(Message).where(Message.state == "held")):
            message.reason = states.RESTORED_ABSENT if message.subject != "c" else states.RESTORED_UNCLEAR
    desk = await open_window(village, width=width)
    await desk.go("/today")
    await expect(desk.page.get_by_role("heading", name="Nothing is going out: Handbell was put back")).to_be_visible()
    await desk.assert_clean()
    await desk.shoot("today-closed")
    window = await open_window(village, role=Role.HEAD, width=width)
    page = window.page
    await window.go("/settings")
    await page.get_by_role("link", name="After a restore").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing leaves until the school is opened")
    await window.assert_clean()
    await window.shoot("restored-closed")
    await page.get_by_role("button", name="Open the school").click()
    await expect(page.get_by_role("status").first).to_contain_text("New messages leave from now on.")
    decide = page.get_by_text("Decide about Answers to families")
    await decide.click()
    await window.assert_clean()
    await window.shoot("restored-open")
    await page.get_by_label("Let the 2 go that have not left").check()
    await page.get_by_role("button", name="Do it for Answers to families").click()
    await expect(page.get_by_role("status").first).to_contain_text("2 messages go out now")
    await decide.click()
    await page.get_by_label("Give it up").check()
    await page.get_by_role("button", name="Do it for Answers to families").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is set aside")
    await window.assert_clean()
    await window.shoot("restored-over")
