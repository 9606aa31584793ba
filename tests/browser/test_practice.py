"""The practice phones in a real browser: be the parents, live, on a telephone, and without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import expect
from support import practice, windows
from support.databases import Fresh

from gateway.models import Contact, Pupil

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def school(fresh: Fresh, tmp_path: Path, opened: list[windows.Window]) -> AsyncIterator[practice.School]:
    async with fresh() as database, practice.opened(database, tmp_path) as found:
        yield found
        for window in opened:  # before what they look at is gone
            await window.page.context.close()


async def test_be_the_parents(open_window, school: practice.School) -> None:
    window = await open_window(school.site)
    page = window.page
    await window.go("/practice")
    await window.live()
    await expect(page.get_by_text("All phones are quiet")).to_be_visible()
    await window.assert_clean()
    practice.text_arrives(school)
    await expect(page.get_by_text("Lena is not in school.")).to_be_visible()  # by itself
    school.simulator.world.add_mail(
        sender="a@b.example", to="ewa@example.com", raw=b"Subject: Swimming kit\r\n\r\nBring it"
    )
    await expect(page.get_by_text("Swimming kit")).to_be_visible()
    practice.call_comes(school, "+447700900123")
    await expect(page.get_by_role("button", name="Answer")).to_be_visible()
    await window.assert_clean()
    await window.shoot("practice")
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_text("Press 1 for ill")).to_be_visible()
    await window.assert_clean()
    await page.get_by_role("button", name="1", exact=True).click()
    await expect(page.get_by_role("button", name="Hang up")).to_have_count(0)
    await page.get_by_role("button", name="Text 1 as Ewa Example").click()
    await expect(page.locator(".bub.me")).to_have_text("1")
    before = await page.locator("#state").inner_text()
    await page.get_by_role("button", name="Skip 15 minutes").click()
    await expect(page.locator("#state")).not_to_have_text(before)
    await expect(page.locator("#state")).to_contain_text("9:45am")
    phone = await open_window(school.site, width=windows.PHONE)
    await phone.go("/practice")
    await phone.live()
    await phone.assert_clean()
    await phone.shoot("practice")


async def test_without_scripts(open_window, school: practice.School) -> None:
    practice.text_arrives(school)
    window = await open_window(school.site, width=windows.PHONE, scripts=False)
    page = window.page
    await window.go("/practice")
    await page.get_by_label("Type as Ewa Example").fill("Lena jest chora")
    await page.get_by_role("button", name="Send as Ewa Example").click()
    await expect(page.locator(".bub.me")).to_have_text("Lena jest chora")
    await page.get_by_text("Make something go wrong").click()
    await page.get_by_role("button", name="Number not in use").click()
    await expect(page.get_by_text("Nothing arrives here")).to_be_visible()
    await page.get_by_role("button", name="Make it work again").click()
    await expect(page.get_by_label("Type as Ewa Example")).to_be_visible()


async def test_names_of_a_hundred_letters_widen_no_phone(open_window, school: practice.School) -> None:
    async with school.site.gateway.database.write() as session:
        for table in (Pupil, Contact):
            await session.execute(sa.update(table).values(forename="Wilhelmina" * 10, surname="Featherstone" * 9))
    for width in (windows.DESK, windows.PHONE):
        window = await open_window(school.site, width=width)
        await window.go("/practice?show=all")
        await expect(window.page.get_by_text("Wilhelmina").first).to_be_visible()
        assert await window.overflow() <= 0, width
