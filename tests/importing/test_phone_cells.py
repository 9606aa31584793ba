"""Telephone cells as offices really type them: the table beside this file, and what holds whatever is typed."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from gateway import phone_cells, phone_notes
from gateway.models.types import LineType

TABLE = [
    json.loads(line) for line in Path(__file__).with_name("phone_cells.jsonl").read_text(encoding="utf-8").splitlines()
]
DRAMA = ("07700900{:03}", "0113496{:04}", "02079460{:03}", "01632960{:03}")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: ascii(row["raw"])[:40])
def test_the_table(row: dict[str, object]) -> None:
    cell = phone_cells.read(str(row["raw"]))
    found = [[n.e164, n.line_type.value, *([n.label] if n.label else [])] for n in cell.numbers]
    assert found == row["numbers"]
    assert [problem.what for problem in cell.problems] == row.get("why", [])


def test_the_table_is_long_enough_and_says_each_thing_once() -> None:
    raws = [row["raw"] for row in TABLE]
    assert len(raws) == len(set(raws)) >= 200


@pytest.mark.parametrize("row", TABLE, ids=lambda row: ascii(row["raw"])[:40])
def test_every_refusal_has_a_cure_and_quotes_no_digit(row: dict[str, object]) -> None:
    for problem in phone_cells.read(str(row["raw"])).problems:
        assert problem.cure
        assert not any(map(str.isdigit, str(problem)))


@pytest.mark.parametrize("prefix", ["7797 7", "7829 7", "7937 7", "7781 1", "7839 1", "7911 1", "7624 1", "7924 1"])
def test_mobiles_of_the_islands_may_be_texted(prefix: str) -> None:
    (number,) = phone_cells.read(f"0{prefix}23456").numbers
    assert (number.line_type, number.sms) == (LineType.MOBILE, True)


national = st.builds(
    lambda shape, tail: shape.format(tail % (10_000 if ":04" in shape else 1000)),
    st.sampled_from(DRAMA),
    st.integers(0, 9999),
)
joins = st.sampled_from(["", " ", "-", ".", "  ", " - ", "\u00a0", "\u2011"])
begins = st.sampled_from(["0", "+44", "+44 ", "+44 (0)", "0044", "0044 (0)", "(+44) ", "+44-"])
words = st.sampled_from(["", "", "mum", "(mum work)", "H", "work", "not Tuesdays", "after 6pm", "Nan's", "ext 12"])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number of drama as somebody may write it, and in E.164."""
    digits = draw(national)[1:]
    cuts = sorted(draw(st.sets(st.integers(1, len(digits) - 1), max_size=3)))
    parts = [digits[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    return draw(begins) + draw(joins).join(parts), f"+44{digits}"


def unlabelled(text: str) -> bool:
    """A date may be hidden in the way a number is cut: 01-13-49 60 123."""
    return all(not pattern.search(text) for pattern, _ in phone_notes.LOOKS)


@settings(deadline=None)
@given(written(), words, words)
def test_a_number_is_read_however_it_is_written(number: tuple[str, str], before: str, after: str) -> None:
    raw = f"{before} {number[0]} {after}"
    assume(unlabelled(raw))
    cell = phone_cells.read(raw)
    assert ([n.e164 for n in cell.numbers], cell.problems) == ([number[1]], ())


@settings(deadline=None)
@given(
    written(),
    written(),
    st.sampled_from(["/", " / ", ", ", ";", " or ", " and ", " & ", "\n", "\r\n", " | ", " (mum) ", "  ", " "]),
)
def test_two_numbers_are_both_read(one: tuple[str, str], other: tuple[str, str], between: str) -> None:
    raw = f"{one[0]}{between}{other[0]}"
    assume(unlabelled(raw))
    assert [n.e164 for n in phone_cells.read(raw).numbers] == list(dict.fromkeys((one[1], other[1])))


@pytest.mark.parametrize("piece", ["a", "1 ", "(", "+4", "1) ", "07700 900123 ", "a@", " O", "9am-"])
def test_a_page_in_a_cell_is_refused_and_a_long_note_is_quick(piece: str) -> None:
    (problem,) = phone_cells.read(piece * 100_000).problems
    assert "far more" in problem.what
    cell = phone_cells.read((piece * 500)[:500])
    assert cell.numbers or cell.problems


def figures(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="0123456789+() -/.,;\nabOoxEp:@£#", max_size=45)))
def test_no_digit_is_ever_made_up(raw: str) -> None:
    cell = phone_cells.read(raw)
    assert cell.numbers or cell.problems
    for number in cell.numbers:
        assert re.fullmatch(r"\+[1-9]\d{6,14}", number.e164)
        parsed = phonenumbers.parse(number.e164)
        assert phonenumbers.national_significant_number(parsed) in figures(raw)


@settings(deadline=None)
@given(st.sampled_from(["FR", "IE", "PL", "RO", "PK", "US", "DE", "IT", "JE", "GG", "IM"]), st.booleans())
def test_numbers_from_abroad_need_their_country_code(region: str, dialled: bool) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    raw = shown.replace("+", "00") if dialled else shown
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    assert [(n.e164, n.sms) for n in phone_cells.read(raw).numbers] == [(e164, True)]
