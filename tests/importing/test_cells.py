"""Single cells: dates, years, yes and no, UPNs."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import upn
from gateway.errors import Problem
from gateway.importing import cells


@pytest.mark.parametrize(
    "raw",
    [
        "07/09/2015", "7/9/2015", "07/09/15", "2015-09-07", "2015/09/07", "7.9.2015", "07-09-2015", "7 Sep 2015",
        "07-Sep-2015", "7-Sep-15", "7 September 2015", "07/09/2015 00:00:00", "2015-09-07T00:00:00",
        "2015-09-07 00:00:00.000", "07/09/2015 12:00:00 AM", " 07/09/2015 ",
    ],
)  # fmt: skip
def test_reads_dates_day_first(raw: str) -> None:
    assert cells.day(raw) == date(2015, 9, 7)


@pytest.mark.parametrize("raw", ["31/02/2015", "09/15/2015", "42254", "soon", "2015", "07/09/85"])
def test_refuses_what_is_no_date(raw: str) -> None:
    assert isinstance(cells.day(raw), Problem)


@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)), st.sampled_from(["%d/%m/%Y", "%Y-%m-%d", "%d %B %Y"]))
def test_every_date_comes_back(day: date, shape: str) -> None:
    assert cells.day(day.strftime(shape)) == day


@pytest.mark.parametrize(
    ("raw", "year"),
    [
        ("Year 7", "7"), ("7", "7"), ("07", "7"), ("Yr 7", "7"), ("Yr. 7", "7"), ("Y7", "7"), ("year7", "7"),
        ("NC Year 7", "7"), ("Curriculum Year 7", "7"), (" Year  13 ", "13"), ("R", "R"), ("Reception", "R"),
        ("Year R", "R"), ("YR", "R"), ("0", "R"), ("N", "N"), ("N2", "N"), ("Nursery", "N"),
    ],
)  # fmt: skip
def test_reads_years(raw: str, year: str) -> None:
    assert cells.year(raw) == year


@pytest.mark.parametrize("raw", ["Year 14", "Staff", "7A", "-1", "Year"])
def test_refuses_what_is_no_year(raw: str) -> None:
    assert isinstance(cells.year(raw), Problem)


@pytest.mark.parametrize(("raw", "form"), [("7A", "7A"), (" 7 A ", "7 A"), ("Form 7A", "7A"), ("Class", "Class")])
def test_tidies_forms(raw: str, form: str) -> None:
    assert cells.form(raw) == form


@pytest.mark.parametrize(
    ("raw", "value"),
    [("T", True), ("F", False), ("Yes", True), ("no", False), ("1", True), ("0", False), ("TRUE", True), ("✓", True)],
)
def test_reads_yes_and_no(raw: str, value: bool) -> None:
    assert cells.yes(raw) is value


def test_refuses_maybe() -> None:
    assert isinstance(cells.yes("maybe"), Problem)


@pytest.mark.parametrize(("raw", "value"), [("1", 1), ("1.0", 1), ("2nd", 2), ("Priority 3", 3), ("99", 99)])
def test_reads_priorities(raw: str, value: int) -> None:
    assert cells.priority(raw) == value


@pytest.mark.parametrize("raw", ["0", "first", "1.5", "100", "-1"])
def test_refuses_what_is_no_priority(raw: str) -> None:
    assert isinstance(cells.priority(raw), Problem)


@settings(deadline=None)
@given(st.text(alphabet="0123456789", min_size=11, max_size=11), st.sampled_from("0123456789ABCXYZ"))
def test_the_check_letter_catches_every_single_slip(figures: str, last: str) -> None:
    number = upn.check_letter(figures + last) + figures + last
    assert upn.read(f" {number.lower()} ") == number
    slipped = str((int(figures[5]) + 1) % 10)
    assert isinstance(upn.read(number[:6] + slipped + number[7:]), Problem)


@pytest.mark.parametrize("raw", ["H80120000100", "H8012000010011", "8012000010011", "H80120000100O"])
def test_refuses_upns_of_another_shape(raw: str) -> None:
    assert isinstance(upn.read(raw), Problem)


def test_lists_names_once() -> None:
    assert cells.listed("Choir; Football;;Choir | Chess ") == ("Choir", "Football", "Chess")
