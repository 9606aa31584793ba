"""The day's absences as an office sees them: on its screen, on a telephone, on paper, live, and without scripts."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import expect
from sqlmodel import select
from support import office, windows

from channels.base import Medium
from gateway.absence import deeds, rules
from gateway.models import AbsenceCase, CaseState, Contact, Pupil, Sender
from gateway.roles import Role
from gateway.web.office import live

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])
TITLE = "5 of 8 absent children are not yet accounted for"
#: Who needs a person, the most urgent first, and what their row says.
NEEDS = [
    ("Ines Example", "Mrs Okafor has had this since"),
    ("نور Example", "should be in school. Look for the child now."),
    ("Benedict-Alexander Example", "she is with her nan"),
    ("Łucja Example", "Record illness (I)"),
]


@WIDTHS
async def test_the_board_says_who_is_missing_and_what_to_do(open_window, morning: office.Office, width: int) -> None:
    window = await open_window(morning.site, width=width)
    await window.go("/today")
    await window.live()
    page = window.page
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    rows = page.locator("#need-list > li")
    for number, (name, words) in enumerate(NEEDS):
        await expect(rows.nth(number)).to_contain_text(name)
        await expect(rows.nth(number)).to_contain_text(words)
    await expect(rows.nth(len(NEEDS))).to_contain_text(office.WORDS)
    await expect(rows.nth(len(NEEDS))).to_contain_text("Perhaps about Hugo Example, 3A")
    assert (await page.locator(".bead").count(), await page.locator(".kid").count()) == (8, 9)  # one came in late
    kids = page.locator("#classes .kid")
    states = {(await kid.locator(".vh").first.inner_text()).strip(" :") for kid in await kids.all()}
    assert states == {
        "With a person", "Look for the child now", "Answered, needs reading", "Answered, to be confirmed",
        "Asked, waiting", "On the way, not here yet", "In school", "Explained", "Safe",
    }  # fmt: skip
    await window.assert_clean()
    await window.shoot("today")


@WIDTHS
async def test_one_absence_says_whom_to_ring_and_what_was_tried(
    open_window, morning: office.Office, width: int
) -> None:
    window = await open_window(morning.site, width=width)
    await window.go("/today")
    page = window.page
    await page.locator("#need-list").get_by_role("link", name="Benedict-Alexander Example").first.click()
    await expect(page).to_have_url(f"{morning.url}/absences/{morning.cases[CaseState.UNREAD]}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Where is Benedict-Alexander Example?")
    await expect(page.locator("#answer").get_by_text("she is with her nan")).to_be_visible()
    assert re.fullmatch(r"tel:\+447700900\d{3}", await page.locator("#phones a").first.get_attribute("href") or "")
    assert await page.get_by_role("radio").count() == 6
    await expect(page.locator("#tried li").last).to_contain_text("unless somebody reads the answer")
    await window.live()
    await window.assert_clean()
    await window.shoot("absence")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


async def test_with_names_hidden_no_name_number_or_word_is_in_the_page(open_window, morning: office.Office) -> None:
    window = await open_window(morning.site, width=windows.PHONE)
    await window.go("/today")
    page = window.page
    await page.get_by_role("button", name="Hide names").click()
    await expect(page.get_by_role("button", name="Show names")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    await window.live()
    await expect(page.locator("#need-list > li").first).to_contain_text("I. E.")
    for path in ("/today", f"/absences/{morning.cases[CaseState.UNREAD]}", "/absences/missing"):
        await window.go(path)
        content = await page.content()
        assert not re.search(r"Example|her nan|\+44|07700", content), path
        await window.assert_clean()
    await window.go("/today")
    await window.shoot("today-hidden")
    await page.get_by_role("button", name="Show names").click()
    await expect(page.locator("#need-list > li").first).to_contain_text("Ines Example")


@WIDTHS
async def test_more_lists_every_page_and_the_keys(open_window, morning: office.Office, width: int) -> None:
    window = await open_window(morning.site, width=width)
    await window.go("/today")
    page = window.page
    await page.keyboard.press("?")
    await expect(page).to_have_url(f"{morning.url}/menu#keys")
    await window.assert_clean()
    await window.shoot("more")
    await page.get_by_label("Use single keys").uncheck()
    await page.keyboard.press("Tab")
    await window.go("/today")
    await page.keyboard.press("?")
    await expect(page).to_have_url(f"{morning.url}/today")


async def test_the_keyboard_can_skip_the_menu(open_window, morning: office.Office) -> None:
    window = await open_window(morning.site)
    await window.go("/today")
    await window.page.keyboard.press("Tab")
    skip = window.page.get_by_role("link", name="Skip to main content")
    await expect(skip).to_be_focused()
    await window.page.keyboard.press("Enter")
    assert await window.page.evaluate("document.activeElement.id") == "main"


async def test_what_happens_elsewhere_comes_by_itself_and_nothing_moves_under_the_pointer(
    open_window, own_morning: office.Office
) -> None:
    window = await open_window(own_morning.site)
    await window.go("/today")
    await window.live()
    page = window.page
    await page.locator("#need-list > li").nth(2).hover()
    await _settle(own_morning, CaseState.HANDED_OVER)
    await expect(page.get_by_role("heading", level=1)).to_have_text("4 of 8 absent children are not yet accounted for")
    await expect(page).to_have_title("4 of 8 absent children are not yet accounted for – Handbell")
    assert await page.locator("#need-list > li").count() == 5, "a row went away under the pointer"
    await page.locator("h1").hover()
    await expect(page.locator("#need-list > li")).to_have_count(4)
    # Paused, it keeps back what another window has by now.
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("[data-live-word]")).to_have_text("Paused")
    await _settle(own_morning, CaseState.ALARM)
    other = await open_window(own_morning.site)
    await other.go("/today")
    await expect(other.page.get_by_role("heading", level=1)).to_have_text(re.compile("^3 of 8"))
    await page.wait_for_timeout(int(live.TURN_SECONDS * 1500))
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^4 of 8"))
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^3 of 8"))
    # Somebody who types is left alone, whatever changes around them.
    await window.go(f"/absences/{own_morning.cases[CaseState.ASKING]}")
    await window.live()
    await page.get_by_label("In their words").fill("he has a temp")
    await _settle(own_morning, CaseState.ASKING)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ana Example: explained (I)")
    await expect(page.get_by_label("In their words")).to_have_value("he has a temp")
    await expect(page.get_by_label("In their words")).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_answer_is_recorded_and_a_child_settled(
    open_window, own_morning: office.Office, scripts: bool
) -> None:
    window = await open_window(own_morning.site, scripts=scripts)
    await window.go("/today")
    page = window.page
    await page.get_by_role("button", name="Record illness (I)").click()
    await expect(page.get_by_role("status").filter(has_text="Łucja Example recorded as illness (I).")).to_be_visible()
    await expect(page.locator("#need-list")).not_to_contain_text("Łucja Example wrote")
    await page.locator("#classes").get_by_role("link", name="Ana Example").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Pick what they told you")
    window.faults.clear()  # the browser itself writes the status 422 down
    if scripts:
        await window.assert_clean()
        await window.shoot("absence-problem")
    await page.get_by_label("In their words").fill("she was sick in the night")
    await page.get_by_label("Who told you?").fill("Mother of Ana")
    await page.get_by_label("Ill", exact=False).first.check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").filter(has_text="Ana Example recorded as illness (I).")).to_be_visible()
    async with own_morning.site.gateway.database.read() as session:
        case = await session.get_one(AbsenceCase, own_morning.cases[CaseState.ASKING])
        assert (case.code, case.by, case.comment) == ("I", "Mother of Ana", "she was sick in the night")
        assert case.decided_by.startswith("office:Jo Whitfield")


async def test_the_board_and_a_chronology_are_printed_whole(open_window, morning: office.Office) -> None:
    window = await open_window(morning.site)
    page = window.page
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 680, "height": 980})  # A4 within its margins, at 96 pixels an inch
    for path, name in (("/today", "today"), (f"/absences/{morning.cases[CaseState.HANDED_OVER]}/print", "chronology")):
        await window.go(path)
        assert await window.overflow() == 0
        assert await page.get_by_role("navigation").count() == 0, "links are of no use on paper"
        assert (await page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")
        await window.shoot(f"printed-{name}")


async def test_the_codes_come_as_a_file(open_window, morning: office.Office, tmp_path: Path) -> None:
    window = await open_window(morning.site)
    await window.go("/today")
    async with window.page.expect_download() as started:
        await window.page.evaluate("location.href = '/today/codes.csv'")
    download = await started.value
    assert download.suggested_filename == "absences-2026-11-23.csv"
    await download.save_as(tmp_path / "codes.csv")
    rows = list(csv.DictReader((tmp_path / "codes.csv").read_text("utf-8-sig").splitlines()))
    codes = {row["Name"]: row["Code"] for row in rows}
    assert (codes["Fay Example"], codes["Gia Example"], codes["Ana Example"]) == ("L", "M", "")
    window.faults.clear()  # a download is a request that its page gives up


@WIDTHS
async def test_a_page_that_is_not_there_or_not_for_you_says_so_kindly(
    open_window, morning: office.Office, width: int
) -> None:
    window = await open_window(morning.site, role=Role.TEACHER, forms=("RB",), width=width)
    for path, status, title in (
        ("/nothing/here", 404, "We cannot find that page"),
        ("/absences/999", 404, "We cannot find that page"),
        (f"/absences/{morning.cases[CaseState.UNREAD]}", 403, "You cannot see this"),
    ):
        response = await window.go(path)
        assert response.status == status
        await expect(window.page.get_by_role("heading", level=1)).to_have_text(title)
        assert "Example" not in await window.page.content()
        window.faults.clear()  # the browser itself writes the status down
        await window.assert_clean()
        await window.shoot(f"error-{status}")


async def test_what_does_not_go_out_stands_on_every_page(open_window, own_morning: office.Office) -> None:
    gateway = own_morning.site.gateway
    async with gateway.database.write() as session:
        for sender in await session.scalars(select(Sender).where(Sender.medium == Medium.SMS)):
            sender.open_since, sender.open_reason = gateway.now(), "auth"
            sender.held_because = "The provider refuses our password."
            session.add(sender)
    for path, width in (("/today", windows.DESK), ("/menu", windows.PHONE), ("/account", windows.DESK)):
        window = await open_window(own_morning.site, width=width)
        await window.go(path)
        note = window.page.get_by_role("alert").filter(has_text="Texts are not going out")
        await expect(note).to_contain_text("stopped answering at 9:50am")
        await window.assert_clean()
        await window.shoot(f"down{path.replace('/', '-')}")
        if path == "/today":
            await expect(window.page.locator("#health")).to_contain_text("Texts are not going out since 9:50")


async def _settle(morning: office.Office, state: CaseState) -> None:
    """Somebody else settles a child."""
    gateway = morning.site.gateway
    async with gateway.database.write() as session:
        verdict = deeds.Verdict(CaseState.EXPLAINED, "a parent", "I")
        await deeds.settle(
            session, gateway, rules.load(gateway.settings), morning.cases[state], verdict, by="Mrs Office"
        )


async def test_names_of_a_hundred_letters_widen_no_page(open_window, own_morning: office.Office) -> None:
    """A name that somebody typed without a space is broken, whatever it stands in."""
    case = own_morning.cases[CaseState.ASKING]
    async with own_morning.site.gateway.database.write() as session:
        for table in (Pupil, Contact):
            await session.execute(sa.update(table).values(forename="Wilhelmina" * 10, surname="Featherstone" * 9))
        await session.execute(sa.update(Pupil).values(known_as="Wilhelmina" * 10))
        home = (await session.get_one(AbsenceCase, case)).pupil_id
    for width in (windows.DESK, windows.PHONE):
        window = await open_window(own_morning.site, width=width)
        for path in ("/today", f"/absences/{case}", f"/families/{home}", "/families?q=wilhelmina", "/contact-details",
                     "/absences/missing", "/replies"):  # fmt: skip
            await window.go(path)
            assert await window.overflow() <= 0, f"{path} at {width}"
