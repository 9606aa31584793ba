"""Few people in a row: nobody can be found from what is left, and nothing is lost. And CSV that no spreadsheet runs."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.reports import figures, page, sheets

LONDON = ZoneInfo("Europe/London")
Rows = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(Rows)
def test_rows_of_few_are_added_up_and_cannot_be_told_from_the_sum(counts: list[tuple[int, int]]) -> None:
    rows = [(f"form {number}", *one) for number, one in enumerate(counts)]
    found = figures.gathered(rows)
    for column in (1, 2):
        assert sum(int(row[column]) for row in found) == sum(int(row[column]) for row in rows)
    kept = [row for row in found if row[0] != figures.OTHERS]
    assert all(int(row[1]) >= figures.FEWEST for row in kept)
    assert all(tuple(row) in rows for row in kept)
    for row in found[len(kept) :]:  # alone only where the whole school is so few
        assert int(row[1]) >= figures.FEWEST or not kept


@given(st.lists(st.integers(1, 30), max_size=8))
def test_what_has_a_median_is_put_together_by_the_same_rule(counts: list[int]) -> None:
    groups = {f"month {number}": [number] * count for number, count in enumerate(counts)}
    found = figures.together(groups)
    added_up = figures.gathered((name, len(each)) for name, each in groups.items())
    assert {name: len(each) for name, each in found.items()} == {str(row[0]): row[1] for row in added_up}
    assert sorted(one for each in found.values() for one in each) == sorted(one for e in groups.values() for one in e)


def test_the_days_of_a_report() -> None:
    today = date(2026, 11, 23)
    asked = figures.period(None, None, today=today, timezone=LONDON)
    assert (asked.first, asked.last) == (date(2026, 9, 1), today)
    assert figures.period(None, date(2027, 7, 20), today=today, timezone=LONDON).first == date(2026, 9, 1)
    with pytest.raises(errors.BadInput, match="later than"):
        figures.period(date(2026, 11, 24), None, today=today, timezone=LONDON)
    clocks = figures.Period(date(2026, 10, 25), date(2026, 10, 25), LONDON)
    assert (clocks.ends - clocks.begins).total_seconds() == 25 * 3600


def report(name: str, share: float | None) -> figures.Report:
    table = figures.Table("=Title", ("form", "of all"), [[name, share]], note="A note.", drawn="of all")
    return figures.Report("reach", "Reach", ["A sentence."], [table])


def test_no_cell_of_the_csv_is_a_formula() -> None:
    text = sheets.csv_of(report('=HYPERLINK("http://evil.example")', 0.5))
    assert text == '\'=Title\r\nform,of all\r\n"\'=HYPERLINK(""http://evil.example"")",0.5\r\n'


@pytest.mark.parametrize(
    ("share", "words", "width"), [(0.5, "50%", 120), (1.5, "150%", 240), (None, "", 0), (0.0, "0%", 0)]
)
def test_the_page_draws_shares_and_runs_nothing(share: float | None, words: str, width: int) -> None:
    asked = figures.period(None, None, today=date(2026, 11, 23), timezone=LONDON)
    text = page.html([report("<b>3A", share)], school="Oak & Field", period=asked, made=asked.ends)
    assert f'width="{width}"' in text
    assert f"<td>{words}</td>" in text
    assert "&lt;b&gt;3A" in text
    assert "Oak &amp; Field" in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
