"""The day's absences as an office sees them: on its screen, on a telephone, on paper and as a file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.async_api import expect
from support import office, windows

from gateway.models import CaseState

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: The whole board, the most urgent first.
BOARD = [
    ("نور Example", "Look for the child now"),
    ("Ines Example", "With a person"),
    ("Benedict-Alexander Example", "Answered, needs reading"),
    ("Łucja Example", "Answered, to be confirmed"),
    ("Ana Example", "Asked, waiting"),
    ("Zoë Example", "On the way, not here yet"),
    ("Fay Example", "In school"),
    ("Gia Example", "Explained"),
    ("Hugo Example", "Safe"),
]
WIDTHS = pytest.mark.parametrize("width", [windows.DESK, windows.PHONE])


@WIDTHS
async def test_the_board_says_who_is_missing_and_what_to_do(open_window, width: int) -> None:
    window = await open_window(width=width)
    await window.go("/office/absences")
    page = window.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("5 of 9 absent children are not yet accounted for")
    rows = page.get_by_role("table").first.get_by_role("row")
    shown = [
        (await row.get_by_role("rowheader").get_by_role("link").inner_text(), await row.locator(".state").inner_text())
        for row in (await rows.all())[1:]
    ]
    assert sorted(shown, key=lambda row: row[0]) == sorted(BOARD, key=lambda row: row[0])
    assert [state for _, state in shown][:2] == ["Look for the child now", "With a person"]
    assert {state for _, state in shown[-3:]} == {"In school", "Explained", "Safe"}
    urgent = rows.filter(has_text="نور").first
    await expect(urgent).to_contain_text("goes first")
    await expect(page.get_by_text(office.WORDS)).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text=office.STRANGER)).to_contain_text("Hugo Example, 3A")
    assert await window.overflow() == 0
    await window.shoot("absences")


@WIDTHS
async def test_a_case_is_read_from_the_board_and_back(open_window, morning: office.Office, width: int) -> None:
    window = await open_window(width=width)
    await window.go("/office/absences")
    page = window.page
    await page.get_by_role("link", name="Benedict-Alexander Example").click()
    await expect(page).to_have_url(f"{morning.url}/office/absences/{morning.cases[CaseState.UNREAD]}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chronology: Benedict-Alexander Example")
    await expect(page.get_by_text("“she is with her nan")).to_be_visible()
    assert await window.overflow() == 0
    await window.shoot("chronology")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("not yet accounted for")


async def test_the_board_and_a_chronology_are_printed_whole(open_window, morning: office.Office) -> None:
    window = await open_window()
    page = window.page
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 680, "height": 980})  # A4 within its margins, at 96 pixels an inch
    for path, name in (("absences", "absences"), (f"absences/{morning.cases[CaseState.HANDED_OVER]}", "chronology")):
        await window.go(f"/office/{path}")
        assert await window.overflow() == 0
        assert await page.get_by_role("navigation").count() == 0, "links are of no use on paper"
        assert (await page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")
        await window.shoot(f"printed-{name}")


async def test_the_codes_come_as_a_file(open_window, tmp_path: Path) -> None:
    window = await open_window()
    await window.go("/office/absences")
    async with window.page.expect_download() as started:
        await window.page.get_by_role("link", name="Codes and comments").click()
    download = await started.value
    assert download.suggested_filename == "absences-2026-11-23.csv"
    await download.save_as(tmp_path / "codes.csv")
    rows = list(csv.DictReader((tmp_path / "codes.csv").read_text("utf-8-sig").splitlines()))
    codes = {row["Name"]: row["Code"] for row in rows}
    assert (codes["Fay Example"], codes["Gia Example"], codes["Ana Example"]) == ("L", "M", "")


@WIDTHS
async def test_whoever_has_no_token_reads_where_one_comes_from(open_window, width: int) -> None:
    window = await open_window(width=width, token="hb_wrong")
    response = await window.go("/office/absences")
    assert response.status == 401
    await expect(window.page.get_by_role("heading", level=1)).to_have_text("Sign in with a token")
    assert "Example" not in await window.page.content()
    assert await window.overflow() == 0
    await window.shoot("sign-in")
    # The browser itself writes the status down; nothing else may have gone wrong.
    assert window.faults == [
        "console: Failed to load resource: the server responded with a status of 401 (Unauthorized)"
    ]
    window.faults.clear()
