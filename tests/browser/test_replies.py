"""Replies in a real browser: by keys, on a telephone, live, and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect
from sqlmodel import select
from support import absences, office, windows

from gateway.models import AbsenceCase, CaseState, Conversation, Message, MessageState
from gateway.models.types import core

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])


@WIDTHS
async def test_list_and_conversation(open_window, morning: office.Office, width: int) -> None:
    window = await open_window(morning.site, width=width)
    page = window.page
    await window.go("/replies")
    await window.live()
    await expect(page.get_by_role("heading", level=1)).to_have_text("3 replies need a person")
    conversation = page.get_by_role("region", name="Mother of")
    await expect(conversation).to_be_visible(visible=width == windows.DESK)
    await window.assert_clean()
    await window.shoot("replies")
    await page.locator(".thr a", has_text="Łucja").click()
    await window.live()
    await expect(conversation.get_by_text("Because they chose 1.")).to_be_visible()
    await expect(page.locator(".thr")).to_be_visible(visible=width == windows.DESK)
    await window.assert_clean()
    await window.shoot("replies-one")
    await page.go_back()
    await page.locator(".thr a", has_text="07700").click()
    await expect(page.get_by_text("Perhaps about Hugo Example, 3A")).to_be_visible()
    await window.assert_clean()
    await window.shoot("replies-stranger")
    await window.go("/replies?show=mine")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is yours to answer")
    await window.assert_clean()


async def test_a_morning_by_keys(open_window, own_morning: office.Office) -> None:
    site = own_morning.site
    window = await open_window(site)
    page = window.page
    await window.go("/replies")
    await page.keyboard.press("j")
    await page.wait_for_url("**/replies/*")
    await window.live()
    await expect(page.get_by_role("heading", level=2, name="Mother of Łucja")).to_be_visible()
    await page.keyboard.press("2")
    await expect(page.get_by_text("Medical or dental appointment").first).to_be_visible()
    await page.keyboard.press("1")
    await expect(page.get_by_role("status").get_by_text("Łucja Example recorded as illness (I)")).to_be_visible()
    await expect(page.get_by_role("heading", level=2, name="07700 900199")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", level=2, name="Mother of Łucja")).to_be_visible()
    async with site.gateway.database.read() as session:
        found = await session.get_one(AbsenceCase, own_morning.cases[CaseState.TO_CONFIRM])
        states = list(await session.scalars(select(Message.state).where(core(Message).c.slot.like("desk:%"))))
    assert (found.state, states) == (CaseState.TO_CONFIRM, [MessageState.CANCELLED])
    await window.live()
    await page.keyboard.press("r")
    await page.keyboard.type("1 or 2? I mean 4")  # keys are off while somebody types
    await expect(page.locator("#words")).to_have_value("1 or 2? I mean 4")
    t = core(Conversation).c
    async with site.gateway.database.read() as session:
        mum = (await session.scalars(select(Conversation).where(t.id == int(page.url.split("/")[-1])))).one()
    clock: Any = site.gateway.now
    later = absences.Morning(site.gateway.database, clock=clock)
    await later.answer(mum.address, "Gorączka <b>39</b>")
    await expect(page.locator("#talk")).to_contain_text("Gorączka <b>39</b>")
    await expect(page.locator("#words")).to_have_value("1 or 2? I mean 4")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("status").get_by_text("Your text leaves in 10 seconds.")).to_be_visible()
    await window.live()
    await expect(page.get_by_role("heading", level=2, name="07700 900199")).to_be_visible()
    await page.keyboard.press("4")
    await expect(page.get_by_role("status").get_by_text("Sorted. Nothing was sent.")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("2 replies need a person")
    await window.live()
    await window.assert_clean()


async def test_without_scripts(open_window, own_morning: office.Office) -> None:
    window = await open_window(own_morning.site, width=windows.PHONE, scripts=False)
    page = window.page
    await window.go("/replies")
    await page.locator(".thr a", has_text="Benedict").click()
    await page.get_by_label("To be answered by").select_option(index=1)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("It is yours now.")).to_be_visible()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Write an answer first")
    window.faults.clear()  # the browser says that a form was answered with 422
    await page.get_by_label("Or write your own answer").fill("Which nan?")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("Your text leaves in 10 seconds.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Taken back. Nothing was sent.")).to_be_visible()
    await page.get_by_text("Choose a code").click()
    await page.locator(".another .choice").first.click()
    await page.get_by_role("button", name="Record it").click()
    await expect(page.get_by_text("recorded as illness (I)")).to_be_visible()
