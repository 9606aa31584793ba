"""A campaign by the real daemon and pretend phones: it goes out, a snow day stops it, a person has it all the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support import processes
from support import school as people

from gateway.database import Database

DEFINITION = """
key = "reading"
title = "Reading at home"
purpose = "service"
media = ["sms"]
text.en = "Please read together tonight."
[audience]
whole_school = true
[schedule]
cron = "* * * * *"
school_days = "skip"
"""
CALENDAR = """
weekdays = [0, 1, 2, 3, 4, 5, 6]
bank_holidays = "none"
[sessions.am]
begins = 08:45:00
closes = 09:15:00
until = 12:00:00
[sessions.pm]
begins = 13:00:00
closes = 13:10:00
until = 15:15:00
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_campaign_goes_out_rests_on_a_snow_day_and_is_had_by_hand(
    school: processes.School, world: processes.World
) -> None:
    await school.handbell("migrate")
    database = Database(school.database_url)
    phone = people.number()
    mother = await people.contact(database, "Maria")
    await people.point(database, mother, phone)
    await people.tie(database, await people.pupil(database), mother, parental_responsibility=True)
    await database.close()
    calendar, definition = school.folder / "calendar.toml", school.folder / "reading.toml"
    calendar.write_text(CALENDAR, "utf-8")
    definition.write_text(DEFINITION, "utf-8")
    await school.run()
    await school.handbell("calendar", "import", str(calendar))
    # Closed until long after this test: not one of the minutes that pass is one of its own.
    london = ZoneInfo("Europe/London")
    today = datetime.now(UTC).astimezone(london).date()
    last = today + timedelta(days=2)
    await school.handbell("calendar", "close", f"{today}", "--until", f"{last}", "--because", "Snow")
    await school.handbell("notice", "send", str(definition))
    coming = json.loads(await school.handbell("campaign", "next", "reading", "--count", "1", "--json"))
    assert {one["why"] for one in coming if one["at"] is None} == {"Snow"}
    [fires] = [datetime.fromisoformat(one["at"]) for one in coming if one["at"]]
    assert fires.astimezone(london).date() == last + timedelta(days=1)
    assert "leaves the day out: Snow" in await school.handbell("campaign", "explain", "reading", "--date", f"{last}")
    await school.handbell("campaign", "run-now", "reading", "--as", "Mrs Okafor")

    async def arrived() -> bool:
        phones = (await world.look("phones"))["phones"]
        return any(one["number"] == phone and one["texts"] for one in phones)

    await processes.until(arrived, what="the family has it", every=0.2)
    explained = await school.handbell("campaign", "explain", "reading", "--date", f"{today}")
    assert "Mrs Okafor had it go out at" in explained
    assert school.process is not None
    await school.process.stop()
