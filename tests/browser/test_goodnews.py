"""Good news, calendar, reports and surveys in a real browser: on the screen, on a telephone, without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect
from sqlmodel import select
from support import desk as words
from support import office, windows

from gateway import audit, notices
from gateway.definitions import survey as shape
from gateway.models import Praise, SurveyTally
from gateway.roles import Role
from gateway.surveys import asking

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])
GATE: dict[str, Any] = {
    "key": "gate",
    "title": "The new gate",
    "audience": {"whole_school": True},
    "questions": [
        {
            "text": {"en": "Is the new gate easier for you?"},
            "options": [{"key": "1", "label": {"en": "easier"}}, {"key": "2", "label": {"en": "harder"}}],
        }
    ],
}


async def planned(site: Any) -> None:
    """A notice for this afternoon and one of every Monday; and a survey that some have answered."""
    async with site.gateway.database.write() as session:
        for key, schedule in (("coats", {"at": "2026-11-23T14:00"}), ("kit", {"cron": "0 8 * * MON"})):
            wanted = words.definition(key=key, title=f"The {key}", schedule=schedule, valid={"for": "2d"})
            await notices.submit(session, site.gateway, wanted, author="office:Jo")
        await asking.create(session, site.gateway, shape.read(GATE), by="office:Jo")
        session.add(SurveyTally(survey_id=1, question=0, option="1", form="3A", language="en", answers=6))


@WIDTHS
async def test_a_teacher_praises_two_children(open_window, own_morning: office.Office, width: int) -> None:
    site = own_morning.site
    window = await open_window(site, width=width, role=Role.TEACHER, forms=("3A",))
    page = window.page
    await window.go("/good-news")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("had no good news yet")
    if width == windows.PHONE:
        await expect(page.locator(".pickbar")).to_be_hidden()
    await page.get_by_role("checkbox", name="Ana Example").check(force=True)
    await page.get_by_role("checkbox", name="Fay Example").check(force=True)
    await expect(page.locator("#write")).to_have_text("Good news about Ana and Fay")
    if width == windows.PHONE:
        await expect(page.locator(".pickbar")).to_have_text("Write about Ana and Fay")
        await page.locator(".pickbar").click()
    await page.get_by_role("radio", name="Worked hard").check(force=True)
    await expect(page.locator("#preview .bub")).to_have_count(2)
    await expect(page.locator("#preview .bub").first).to_contain_text("worked very hard and did not give up")
    await window.assert_clean()
    await window.shoot("good-news")
    await page.get_by_role("button", name="Send good news of 2 children").click()
    await expect(page.get_by_role("status").filter(has_text="Good news about Ana and Fay leaves")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Taken back. Nobody is told.")).to_be_visible()
    async with site.gateway.database.read() as session:
        assert all(one.withdrawn_at for one in await session.scalars(select(Praise)))


async def test_without_scripts_a_child_is_praised_all_the_same(open_window, own_morning: office.Office) -> None:
    window = await open_window(own_morning.site, scripts=False)
    page = window.page
    await window.go("/good-news/3A")
    await page.get_by_role("checkbox", name="Ana Example").check(force=True)
    await page.get_by_role("radio", name="Kind").check(force=True)
    await page.get_by_label("Your words").fill("She waited for a friend.")
    await page.get_by_role("button", name="See what families get").click()
    await expect(page.locator("#preview .bub")).to_contain_text("She waited for a friend.")
    await expect(page.get_by_label("Your words")).to_have_value("She waited for a friend.")
    await page.get_by_role("button", name="Send good news").click()
    await expect(page.get_by_text("Good news about Ana leaves")).to_be_visible()
    await page.get_by_role("button", name="Take back").click()
    await expect(page.get_by_text("Taken back. Nobody is told.")).to_be_visible()


@WIDTHS
async def test_calendar_reports_and_surveys(open_window, own_morning: office.Office, width: int) -> None:
    site = own_morning.site
    await planned(site)
    window = await open_window(site, width=width)
    page = window.page
    await window.go("/calendar")
    await expect(page.locator(".cal")).to_be_visible(visible=width == windows.DESK)
    await expect(page.get_by_text("Today 2pm")).to_be_visible()
    await window.assert_clean()
    await window.shoot("calendar")
    await page.get_by_role("button", name="Hold everything today").click()
    await expect(page.get_by_role("heading", name="Held since")).to_be_visible()
    await window.assert_clean()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("button", name="Hold everything today")).to_be_visible()
    for path, name in (
        ("/reports", "reports"), ("/good-news/balance", "balance"), ("/surveys", "surveys"),
        ("/surveys/gate", "survey"), ("/good-news/3A?pick=all", "good-news-all"),
    ):  # fmt: skip
        await window.go(path)
        await window.assert_clean()
        await window.shoot(name)
    await window.go("/surveys/gate")
    await window.live()
    await expect(page.get_by_role("heading", name="Most say: easier")).to_be_visible()
    async with site.gateway.database.write() as session:
        [tally] = await session.scalars(select(SurveyTally))
        tally.answers = 9
        session.add(tally)
        await site.gateway.log.record(session, audit.Line("survey.answered", "survey:1"), now=site.gateway.now())
    await expect(page.locator("#answers .hb .r").first).to_have_text("9")
    await page.get_by_label("You said", exact=True).fill("It is crowded.")
    await page.get_by_label("We did", exact=True).fill("A second gate opens.")
    await page.get_by_role("button", name="Close it and tell them").click()
    await expect(page.get_by_text("The survey is closed.")).to_be_visible()


async def test_the_report_prints_on_two_pages_without_names(open_window, morning: office.Office) -> None:
    window = await open_window(morning.site)
    await window.go("/reports")
    pdf = await window.page.pdf(format="A4")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 2
    assert "Example" not in await window.page.content()
