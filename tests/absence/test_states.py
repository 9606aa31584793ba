"""Every arrow of a case, and every arrow that there is not."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from support import desk
from support.absences import AM, TODAY, Morning

from gateway import errors
from gateway.absence import cases, states
from gateway.database import Database
from gateway.models import CaseState

ALL = list(product(CaseState, CaseState))
ARROWS = [(before, after) for before, after in ALL if states.may(before, after)]
MEANS = cases.Means(desk.LOG, desk.NOW)


async def a_case(database: Database, state: CaseState) -> int:
    morning = Morning(database)
    child = await morning.child("Ana")
    async with database.write() as session:
        case = await cases.open_one(session, child, TODAY, AM, means=MEANS, state=state)
        return case.id or 0


async def change(database: Database, case_id: int, after: CaseState) -> None:
    async with database.write() as session:
        case = await cases.find(session, case_id)
        await cases.change(session, case, after, by="Mrs Office", means=MEANS)


@pytest.mark.parametrize(("before", "after"), ARROWS, ids=lambda state: state.value)
async def test_an_arrow_is_followed_and_written_down(
    sqlite_database: Database, before: CaseState, after: CaseState
) -> None:
    case_id = await a_case(sqlite_database, before)
    await change(sqlite_database, case_id, after)
    morning = Morning(sqlite_database)
    case = await morning.case(1)
    assert (case.state, case.by) == (after, "Mrs Office")
    assert await morning.steps(1) == ["opened", "state"]


async def test_no_other_arrow_is_followed(database: Database) -> None:
    for before, after in ALL:
        if (before, after) in ARROWS:
            continue
        morning = Morning(database)
        child = await morning.child("Ana")
        async with database.write() as session:
            case = await cases.open_one(session, child, TODAY, AM, means=MEANS, state=before)
        with pytest.raises(errors.Conflict, match="cannot become"):
            await change(database, case.id or 0, after)
        assert (await morning.case(child)).state is before


def test_from_every_open_state_each_end_can_be_reached() -> None:
    for state in states.OPEN | {CaseState.TO_CONFIRM}:
        assert states.ARROWS[state] >= states.ENDS


def test_nothing_leads_back_from_a_named_person_to_the_machine() -> None:
    assert not states.ARROWS[CaseState.HANDED_OVER] & states.OPEN


def test_the_page_has_every_arrow() -> None:
    page = (Path(__file__).parents[2] / "docs" / "absence.md").read_text("utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {
        words[0]: set(re.findall(r"`(\w+)`", cells[2]))
        for cells in rows
        if (words := re.findall(r"^ `(\w+)` $", cells[1]))
    }
    assert told == {before.value: {after.value for after in afters} for before, afters in states.ARROWS.items()}
