"""A year of campaigns in simulated time against an oracle that walks through it day by day and minute by minute.

In the suite a few campaigns; ``make year`` has hundreds, on both databases.
"""

from __future__ import annotations

import os
import random

import pytest
from support.year import END, START, Year, changes, known, outages, plans
from support.year_oracle import Oracle

from gateway.database import Database

WHOLE = os.environ.get("HANDBELL_YEAR") == "whole"
SEED = int(os.environ.get("HANDBELL_YEAR_SEED", "7"))


async def went_as_foretold(year: Year) -> None:
    oracle = Oracle(START, END, [(START, known(1)), *((change[0], after) for change, after in changes())], year.outages)
    await year.open()
    at_first = Oracle(START, END, [(START, known(1))], [])
    for plan in year.refused:
        assert at_first.tells(plan).fired == [], f"{plan.schedule} was refused, and fires"
    await year.live()
    fired, missed, sent = await year.came_to()
    told = {plan.key: oracle.tells(plan) for plan in year.plans}
    for plan in year.plans:
        what = f"{plan.key}: {plan.schedule}"
        assert fired[plan.key] == told[plan.key].fired, what
        assert missed[plan.key] == told[plan.key].missed, what
        assert sent[plan.key] == [at for at, _ in told[plan.key].fired], (
            what
        )  # one message each: none double, none lost
    made_up = sum(outcome == "made_up" for firings in fired.values() for _, outcome in firings)
    assert made_up
    assert sum(missed.values())
    assert year.deaths


async def test_a_year_with_both_clock_changes_snow_and_a_leap_year(sqlite_database: Database) -> None:
    pick = random.Random(SEED)
    await went_as_foretold(Year(sqlite_database, plans(pick, 15), pick, outages=outages(pick, 14)))


@pytest.mark.timeout(3600)
async def hundreds_of_campaigns(database: Database) -> None:
    pick = random.Random(SEED)
    several = [] if database.is_sqlite else [Database(database.url.render_as_string(False)) for _ in range(2)]
    try:
        year = Year(database, plans(pick, 300), pick, several, outages(pick, 40))
        await went_as_foretold(year)
    finally:
        for one in several:
            await one.close()


if WHOLE:  # make year
    test_hundreds_of_campaigns = hundreds_of_campaigns
