"""The PDF: every language shaped with a font of its own, the address in the window, and nothing without a font."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from pathlib import Path

import pytest
from support import desk, programs

from channels.base import Medium
from gateway import errors, wording
from gateway.letters import pdf
from templates import letter, paper

TAGS = ("en", "ur", "ar", "fa", "pa-Guru", "bn", "gu", "ta", "zh-Hans", "pl")
HOME = ["Mrs Amina Khan", "Flat 3, 12 Mill Lane", "Leeds", "LS1 1AA"]
#: A word of each script as a PDF gives it back only where it was set from whole glyphs.
FONTS = ("NastaliqUrdu", "NaskhArabic", "Gurmukhi", "Bengali", "Gujarati", "Tamil", "CJK")
MM = 72 / 25.4


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    programs.need("pdftotext", "fc-list")
    programs.need(besides=[f"a font for {tag}" for tag in TAGS if not told("fc-list", f":lang={tag.lower()[:2]}")])
    definition = desk.definition(
        text={}, template="closure", values={"date": "2026-12-01", "reason": "the boiler has failed"}, media=["email"]
    )
    school = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123", allow_drafts=True)
    composer = wording.Composer(definition, school, lambda _: True)
    sheets = []
    for tag in TAGS:
        made = composer.compose(Medium.EMAIL, tag, children=["Ana"], recipient="Mrs Khan")
        text = made.text.partition(letter.FOOTER_MARK)[0]
        sheets.append(paper.Letter(f"L{len(sheets) + 1}", made.language, HOME, text, date(2026, 11, 30)))
    page = paper.page(sheets, school="Oakfield Primary School", school_lines=["1 School Road", "Leeds LS2 2BB"])
    file = tmp_path_factory.mktemp("letters") / "letters.pdf"
    file.write_bytes(pdf.make(page))
    return file


def told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_sheet_for_each_and_a_font_for_every_script(letters: Path) -> None:
    assert re.search(rf"Pages:\s+{len(TAGS)}\b", told("pdfinfo", str(letters)))
    assert "A4" in told("pdfinfo", str(letters))
    fonts = told("pdffonts", str(letters))
    assert [one for one in FONTS if one not in fonts.replace("-", "")] == []
    assert " no " not in [line.split()[-6:-5] for line in fonts.splitlines()[2:]]  # every font is in the file


def test_the_address_stands_in_the_window_and_nothing_else_does(letters: Path) -> None:
    boxes = told("pdftotext", "-bbox", str(letters), "-")
    pages = re.split(r"<page ", boxes)[1:]
    assert len(pages) == len(TAGS)
    for page in pages:
        words = [
            ([float(at) / MM for at in word[:4]], word[4])
            for word in re.findall(
                r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)</word>', page
            )
        ]
        window = [text for (x, y, _, bottom), text in words if x < 110 and bottom > 40 and y < 78]
        assert " ".join(window) == " ".join(HOME)
        home = [box for box, text in words if text in ("Amina", "LS1")]
        assert all(x >= 20 and y >= 45 and right <= 110 and bottom <= 75 for x, y, right, bottom in home)


def test_right_to_left_begins_at_the_right(letters: Path) -> None:
    """The Urdu date, the first words below the window, ends at the right margin; the English one begins at the left."""
    for page, begins in ((1, True), (2, False)):
        box = told("pdftotext", "-bbox", "-f", str(page), "-l", str(page), str(letters), "-")
        below = [
            (float(x) / MM, float(right) / MM)
            for x, y, right in re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)"', box)
            if 80 * MM < float(y) < 100 * MM
        ]
        assert (min(x for x, _ in below) < 30) is begins
        assert (max(right for _, right in below) > 180) is not begins


def test_a_letter_with_boxes_for_words_is_not_made() -> None:
    programs.need("fc-list")
    with pytest.raises(errors.NotReady, match="There is no font for"):
        pdf.make("<p>\u0378</p>")  # which is no letter, so that no font has it


def test_a_letter_fetches_nothing() -> None:
    programs.need("fc-list")
    made = pdf.make('<p>Hello</p><img src="http://127.0.0.1:9/x.png"><link rel="stylesheet" href="file:///etc/passwd">')
    assert made.startswith(b"%PDF")
