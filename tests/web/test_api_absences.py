"""Marks in and absences out by the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from support import absences
from support.website import Family, Running

from gateway.absence import rounds, rules
from gateway.models import CaseState

DAY = absences.TODAY.isoformat()


def mark(pupil: str, code: str, **more: Any) -> dict[str, Any]:
    return {"pupil": pupil, "date": DAY, "session": "am", "code": code} | more


@pytest.fixture
async def decided(api: Running, family: Family) -> rules.Rules:
    return rules.load(absences.settings())


async def opened(api: Running, decided: rules.Rules) -> list[dict[str, Any]]:
    """Marks of both children, one of them absent, and a turn of the daemon's job after the register has closed."""
    answer = await api.api("POST", "/marks", json={"marks": [mark("P1", "N"), mark("P2", "/")], "source": "sims"})
    assert (answer.status, answer.json["new"]) == (200, 2), answer.json
    api.clock.pass_by(minutes=30)
    async with api.gateway.database.write() as session:
        await rounds.turn(session, api.gateway, decided)
    return (await api.api("GET", f"/absences?date={DAY}")).json  # type: ignore[no-any-return]


async def test_marks_twice_are_taken_once_and_mistakes_are_named(api: Running, family: Family) -> None:
    body = {"marks": [mark("P1", "L", minutes_late=12), mark("P2", "-"), mark("P9", "N"), mark("P2", "H")]}
    first = (await api.api("POST", "/marks", json=body)).json
    assert (first["new"], first["not_taken"], len(first["problems"])) == (1, 1, 2)
    assert "Write C" in first["problems"][1]
    again = (await api.api("POST", "/marks", json=body)).json
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 1)


async def test_a_case_is_listed_shown_and_settled(api: Running, decided: rules.Rules) -> None:
    (found,) = await opened(api, decided)
    assert (found["pupil"], found["state"]) == ("P1", "asking")
    shown = (await api.api("GET", f"/absences/{found['id']}")).json
    assert [step["kind"] for step in shown["steps"]] == ["opened", "asked"]
    said = {"state": "explained", "who": "Ewa Nowak (mother)", "code": "i"}
    settled = await api.api("POST", f"/absences/{found['id']}/settle", json=said)
    assert (settled.status, settled.json["code"], settled.json["decided_by"]) == (200, "I", "api:office")
    exported = await api.api("GET", f"/absences/export?date={DAY}")
    assert "P1" in exported.text
    assert ",N,I," in exported.text
    listed = (await api.api("GET", f"/absences?date={DAY}&state={CaseState.ASKING}")).json
    assert listed == []


async def test_what_cannot_be_is_said_in_a_sentence(api: Running, decided: rules.Rules) -> None:
    (found,) = await opened(api, decided)
    path = f"/absences/{found['id']}/settle"
    unknown = await api.api("POST", path, json={"state": "explained", "who": "x", "code": "QQ"})
    assert (unknown.status, "marks codes" in unknown.text) == (422, True)
    assert (await api.api("POST", path, json={"state": "handed_over", "who": " "})).status == 422
    assert (await api.api("GET", "/absences/999")).status == 404
    assert (await api.api("POST", "/marks", json={"marks": [{"pupil": "P1"}]})).status == 422
    broken = await api.api("POST", "/marks", data=b'{"marks": [}', headers={"Content-Type": "application/json"})
    (fault,) = broken.json["problems"]
    assert "not JSON: " in fault["what"]
    assert "at character 11" in fault["what"]
    assert (fault["field"], "double quotes" in fault["cure"]) == ("", True)
    assert date.fromisoformat(found["date"]) == absences.TODAY
