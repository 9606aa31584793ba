"""The bank holidays that come with Handbell, by the rules of the Act; and when somebody must add a year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from dateutil import easter

from gateway.calendars import bank_holidays


def nth_monday(year: int, month: int, place: int) -> date:
    days = [date(year, month, day) for day in range(1, 32) if month != 2 or day < 29]
    return [day for day in days if day.weekday() == 0][place]


def by_rule(year: int) -> set[date]:
    """England and Wales: the Banking and Financial Dealings Act 1971, with substitute days for weekends."""
    good_friday = easter.easter(year) - timedelta(days=2)
    found = {good_friday, good_friday + timedelta(days=3)}
    found |= {nth_monday(year, 5, 0), nth_monday(year, 5, -1), nth_monday(year, 8, -1)}
    for day in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        while day.weekday() > 4 or day in found:
            day += timedelta(days=1)
        found.add(day)
    return found


def test_the_days_of_england_and_wales_are_those_of_the_rules() -> None:
    listed = bank_holidays.of("england-and-wales")
    years = {day.year for day in listed}
    for year in years:
        # No day was added or moved by proclamation in these years; a year that has one is to be looked up.
        assert {day for day in listed if day.year == year} == by_rule(year)
    assert bank_holidays.known().until == date(max(years), 12, 31)
    assert all(len(bank_holidays.of(division)) >= 8 * len(years) for division in ("scotland", "northern-ireland"))


def test_somebody_must_add_a_year_soon() -> None:
    """Fails half a year before the list ends: add what https://www.gov.uk/bank-holidays.json says by then."""
    assert datetime.now(UTC).date() + timedelta(days=183) < bank_holidays.known().until
