"""Instants at which clocks do something odd, and zones in which they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

#: Half an hour of summer time, a change at midnight, a change before midnight, two more, and none.
ZONES = ["Europe/London", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "America/New_York", "UTC"]
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts() -> st.SearchStrategy[datetime]:
    """Give instants near both clock changes, 29 February, the ends of years, and anywhere."""
    near = [
        *(f"{year}-03-{day}" for year, day in ((2026, 28), (2027, 27), (2028, 25))),
        *(f"{year}-10-{day}" for year, day in ((2026, 24), (2027, 30), (2028, 28))),
        *(
            "2028-02-28",
            "2027-02-28",
            "2026-12-31",
            "2026-11-01",
            "2026-03-08",
            "2026-10-29",
            "2026-04-23",
            "2026-04-04",
        ),
    ]
    hours = st.integers(0, 24 * 60).map(lambda n: n * MINUTE)
    anywhere = st.integers(0, 4 * 366 * 24 * 60).map(lambda n: utc("2025-01-01") + n * MINUTE)
    return st.one_of(st.tuples(st.sampled_from(near).map(utc), hours).map(lambda pair: pair[0] + pair[1]), anywhere)
