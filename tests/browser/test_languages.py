"""A language's page and a new survey in a browser: recorded with a microphone, and asked with and without scripts."""

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

from gateway import context
from gateway.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def silent(fresh: Fresh, tmp_path: Path) -> AsyncIterator[website.Running]:
    """A school whose calls no machine voice speaks."""

    def changed(gateway: context.Gateway) -> context.Gateway:
        local = website.here(gateway)
        chosen = local.settings.languages.model_copy(update={"folder": tmp_path})
        return dataclasses.replace(local, channels={}, settings=local.settings.model_copy(update={"languages": chosen}))

    async with fresh() as database, website.running_on(database, changed=changed) as running:
        yield running


@pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])
async def test_a_phrase_is_recorded_here_and_heard(open_window, silent: website.Running, width: int) -> None:
    window = await open_window(silent, role=Role.OFFICE, width=width)
    page = window.page
    await window.go("/wording/ur")
    await window.assert_clean()
    await window.shoot("wording-language")
    row = page.locator("[data-phrase]").first
    await row.get_by_role("button").click()
    await expect(row.get_by_role("button")).to_contain_text("Stop")
    await page.wait_for_function("navigator.mediaDevices !== undefined")
    await row.get_by_role("button").click()
    await expect(row.get_by_role("button")).to_contain_text("Again")
    await expect(row.locator("audio")).to_have_attribute("src", re.compile("^/wording/ur/voice/[0-9a-f]{12}"))
    await page.reload()
    await expect(page.get_by_role("heading", name=re.compile("^1 of [0-9]+ phrases"))).to_be_visible()
    sound = await page.locator("audio").first.get_attribute("src")
    assert (await page.request.get(f"{window.url}{sound}")).headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(("width", "scripts"), [(windows.DESK, True), (windows.PHONE, False)])
async def test_families_are_asked(open_window, own_morning: office.Office, width: int, scripts: bool) -> None:
    window = await open_window(own_morning.site, width=width, scripts=scripts)
    page = window.page
    await window.go("/surveys")
    await page.get_by_role("link", name="New survey").click()
    await page.get_by_label("Whole school").check()
    await page.get_by_label("Name").fill("The new gate")
    await page.get_by_label("In English").fill("Is the gate easier?")
    await page.get_by_label("Answers to choose from").fill("easier\nharder")
    await page.get_by_role("button", name="Show what they get").click()
    await expect(page.get_by_text("Reply 1 for easier or 2 for harder").first).to_be_visible()
    if scripts:
        await window.assert_clean()
    await window.shoot("survey-new")
    await page.get_by_role("button", name=re.compile("^Ask [0-9]+ (person|people) now")).click()
    await expect(page.locator("h1")).to_contain_text("have answered")
    await expect(page.get_by_text("is on its way")).to_be_visible()
