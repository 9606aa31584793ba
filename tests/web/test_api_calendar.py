"""The calendar and the campaigns by the API."""

from __future__ import annotations

from typing import Any

import pytest
from support.website import Family, Running

CALENDAR: dict[str, Any] = {
    "terms": [
        {"name": "Autumn, first half", "first": "2026-09-02", "last": "2026-10-23"},
        {"name": "Autumn, second half", "first": "2026-11-02", "last": "2026-12-18"},
    ],
    "closed": [{"day": "2026-11-27", "why": "INSET day"}],
    "sessions": {
        "am": {"begins": "08:45:00", "closes": "09:15:00", "until": "12:00:00"},
        "pm": {"begins": "13:00:00", "closes": "13:10:00", "until": "15:15:00"},
    },
}
NOTICE: dict[str, Any] = {
    "key": "newsletter", "title": "Newsletter", "purpose": "service", "media": ["sms"],
    "text": {"en": "The newsletter is on our website."}, "audience": {"whole_school": True},
    "schedule": {"cron": "0 15 * * *", "school_days": "next"},
}  # fmt: skip


async def test_a_calendar_is_handed_in_and_a_day_closed(api: Running, family: Family) -> None:
    assert (await api.api("GET", "/calendar")).json["handed_in"] is False
    held = await api.api("PUT", "/calendar", json=CALENDAR)
    assert (held.status, held.json["handed_in"]) == (200, True)
    assert held.json["calendar"]["terms"] == CALENDAR["terms"]
    assert (await api.api("POST", "/notices", json=NOTICE)).status == 201
    closing = {"first": "2026-11-23", "why": "Snow"}
    first = await api.api("POST", "/calendar/closures", key="snow", json=closing)
    again = await api.api("POST", "/calendar/closures", key="snow", json=closing)
    assert (first.status, again.status, again.json["id"]) == (201, 201, first.json["id"])
    days = (await api.api("GET", "/calendar/days?first=2026-11-23&last=2026-11-28")).json
    assert [day["why"] for day in days] == ["Snow", "", "", "", "INSET day", "no school on this weekday"]
    campaign = (await api.api("GET", "/campaigns/newsletter")).json
    assert campaign["next_fire_at"] == "2026-11-24T15:00:00Z"
    undone = await api.api("POST", f"/calendar/closures/{first.json['id']}/undo")
    assert (undone.status, undone.json["undone_by"]) == (200, "api:office")
    assert (await api.api("POST", f"/calendar/closures/{first.json['id']}/undo")).status == 409
    assert (await api.api("GET", "/campaigns")).json[0]["next_fire_at"] == "2026-11-23T15:00:00Z"


async def test_what_no_calendar_may_say_is_refused(api: Running) -> None:
    wrong = CALENDAR | {"terms": [{"first": "2026-10-23", "last": "2026-09-02"}]}
    refused = await api.api("PUT", "/calendar", json=wrong)
    assert (refused.status, "ends before it begins" in refused.text) == (422, True)
    feed = await api.api("PUT", "/calendar", json=CALENDAR | {"feed": "https://school.example/terms.ics"})
    assert (feed.status, "cannot be given here" in feed.text) == (422, True)
    local = await api.api("PUT", "/calendar", json=CALENDAR | {"feed": "http://169.254.169.254/latest"})
    assert local.status == 422
    assert (await api.api("GET", "/calendar/days?first=2026-01-01&last=2036-01-01")).status == 422
    assert (await api.api("GET", "/calendar/days?school=juniors")).status == 404
    long = CALENDAR | {"terms": [{"first": "2026-09-02", "last": "2062-12-18"}]}
    assert "longer than a year" in (await api.api("PUT", "/calendar", json=long)).text
    assert (await api.api("POST", "/calendar/closures", json={"first": "2026-11-23", "why": ""})).status == 422


async def test_campaigns_are_paused_explained_and_had_at_once(api: Running, family: Family) -> None:
    await api.api("PUT", "/calendar", json=CALENDAR)
    await api.api("POST", "/notices", json=NOTICE)
    coming = (await api.api("GET", "/campaigns/newsletter/next?limit=5")).json
    assert [one["at"][8:10] for one in coming] == ["23", "24", "25", "26", "30"]
    assert "moved" not in coming[4]["why"]  # Monday is wished for as well
    assert len((await api.api("GET", "/campaigns/next?days=3")).json) == 3
    explained = (await api.api("GET", "/campaigns/newsletter/explain?date=2026-11-27")).json["sentences"]
    assert "Friday 27 November 2026 is no school day: INSET day." in explained
    paused = await api.api("POST", "/campaigns/newsletter/pause", json={"until": "2026-11-25T00:00:00"})
    assert (paused.status, paused.json["paused_until"]) == (200, "2026-11-25T00:00:00Z")
    assert paused.json["next_fire_at"] is None  # midnight of the 25th is the end of the pause and no firing
    assert "paused by api:office" in paused.json["standing"]
    assert (await api.api("POST", "/campaigns/newsletter/pause", json={"until": "2026-01-01T00:00:00"})).status == 422
    assert (await api.api("POST", "/campaigns/newsletter/resume")).json["paused_at"] is None
    assert (await api.api("POST", "/campaigns/newsletter/resume")).status == 409
    assert (await api.api("POST", "/campaigns/newsletter/run-now")).json["next_fire_at"] == "2026-11-23T09:00:00Z"
    assert (await api.api("GET", "/campaigns/newsletter/firings")).json == {"items": [], "next": None}
    assert (await api.api("GET", "/campaigns/nothing")).status == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_days_at_the_end_of_arithmetic_are_refused(api: Running, family: Family, day: str) -> None:
    await api.api("PUT", "/calendar", json=CALENDAR)
    await api.api("POST", "/notices", json=NOTICE)
    for asked in ("campaigns/newsletter/explain?date=", "calendar/days?first=", "reports/reach?from=",
                  "reports/reach?until=", "balance?since="):  # fmt: skip
        assert (await api.api("GET", f"/{asked}{day}")).status == 422, asked
    assert (await api.api("POST", "/calendar/closures", json={"first": day, "why": "Snow"})).status == 422
