"""Audit log, import, settings and search in a browser: on the screen and the telephone, with and without scripts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from support import office, website, windows
from support.databases import Fresh

from config import sections
from gateway import context, tasks
from gateway.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])
PUPILS = "Adno,Forename,Surname,DOB,Year,Reg\nP1,Ana,Nowak,01/02/2018,3,3A\nP2,Ben,Nowak,3/4/16x,5,5B\n"
CONTACTS = "Adno,Contact ID,Forename,Surname,Relationship,Priority,Mobile\nP1,C1,Ewa,Nowak,Mother,1,07700 900\n"


@WIDTHS
async def test_the_pages_are_clean(open_window, morning: office.Office, width: int) -> None:
    gateway = morning.site.gateway
    async with gateway.database.write() as session:
        ask = tasks.Ask("test", f"width:{width}", "A number is in use twice.", "Ask the family.", urgent=True)
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
    window = await open_window(morning.site, role=Role.HEAD, width=width)
    for name in ("audit", "settings", "settings/all", "settings/health?look=all", "settings/senders",
                 "settings/tokens", "settings/tasks", "search?q=example", "menu"):  # fmt: skip
        await window.go(f"/{name}")
        await window.assert_clean()
        await window.shoot(re.sub(r"\W+", "-", name))


async def test_the_log_is_checked_and_searched(open_window, own_morning: office.Office) -> None:
    window = await open_window(own_morning.site, role=Role.HEAD)
    page = window.page
    await window.go("/audit")
    await page.get_by_role("button", name="Check it now").click()
    await expect(page.get_by_role("heading", name="Nothing is missing and nothing has been changed")).to_be_visible()
    await expect(page.get_by_text("Checked again in")).to_be_visible()
    await page.get_by_label("What", exact=True).select_option("absences")
    await page.get_by_label("Name or words").fill("benedict")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("tbody tr").first).to_contain_text("Benedict-Alexander")
    await window.assert_clean()
    await page.keyboard.press("Escape")
    await page.locator("h1").click()
    await page.keyboard.press("/")
    await expect(page).to_have_url(re.compile("/search$"))


@pytest_asyncio.fixture(loop_scope="session")
async def empty(fresh: Fresh, tmp_path: Path) -> AsyncIterator[website.Running]:
    def changed(gateway: context.Gateway) -> context.Gateway:
        local = website.here(gateway)
        state = sections.Database(state_dir=tmp_path / "state")
        return dataclasses.replace(local, settings=local.settings.model_copy(update={"database": state}))

    async with fresh() as database, website.running_on(database, changed=changed) as running:
        yield running


@pytest.mark.parametrize(("width", "scripts"), [(windows.DESK, True), (windows.PHONE, False)])
async def test_files_are_taken_over_and_put_back(
    open_window, empty: website.Running, tmp_path: Path, width: int, scripts: bool
) -> None:
    for name, text in (("pupils.csv", PUPILS), ("contacts.csv", CONTACTS)):
        (tmp_path / name).write_text(text, "utf-8")
    window = await open_window(empty, width=width, scripts=scripts)
    page = window.page
    await window.go("/")
    await expect(page.get_by_role("heading", name="Begin with the school’s own lists")).to_be_visible()
    if scripts:
        await window.assert_clean()
    await window.shoot("import-empty")
    await page.get_by_label("Files from the school system").set_input_files(
        [tmp_path / "pupils.csv", tmp_path / "contacts.csv"]
    )
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.locator("h1")).to_have_text("These files would add 2 children and 1 grown-up")
    await expect(page.get_by_text("pupils.csv, line 3, “DOB”")).to_be_visible()
    if scripts:
        await window.assert_clean()
    await window.shoot("import-waiting")
    await page.get_by_role("button", name="Take it over").click()
    await expect(page.get_by_text("Taken over", exact=True)).to_be_visible()
    if scripts:
        await window.assert_clean()
    await window.shoot("import-one")
    await page.get_by_role("button", name="Put this import back").click()
    await expect(page.get_by_text(re.compile("^Put back on"))).to_be_visible()
    await window.go("/import")
    if scripts:
        await window.assert_clean()
    await window.shoot("import")
