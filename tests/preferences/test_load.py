"""How much a family gets: counted once for both parents, limited where it can wait, and shown before it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import school
from support.desk import definition
from support.village import Village

from channels.base import Medium
from gateway import notices
from gateway.models import MessageState
from gateway.preferences import arranging, load

if TYPE_CHECKING:
    from conftest import House

MUM, DAD, MAIL = "+447700900001", "+447700900002", "maria@example.com"
S = MessageState


def good(key: str, **changes: Any) -> Any:
    return definition(key=key, purpose="good_news", **changes)


async def test_the_second_text_of_a_day_waits_for_the_digest(each_house: House) -> None:
    ana = await school.pupil(each_house.database)
    for number, name in ((MUM, "Maria"), (DAD, "Ivan")):
        await each_house.parent(ana, phone=number, name=name)
    first = await each_house.send(good("one"))
    assert list(map(_waits, first)) == [False, False], "both parents hear of it: that is one"
    second = await each_house.send(good("two"))
    assert list(map(_waits, second)) == [True, True]
    each_house.clock.pass_(days=1)
    assert list(map(_waits, await each_house.send(good("three")))) == [False, False]


def _waits(row: Any) -> bool:
    assert row.state is S.QUEUED
    return row.sender_id is None


async def test_three_in_a_week_and_no_more(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    house.set(load={"texts_per_day": 0, "over": "skip"})
    for number in range(4):
        rows = await house.send(good(f"n{number}")) if number < 3 else []
        assert all(row.state is S.QUEUED for row in rows)
    await house.parent(await school.pupil(house.database, "Ben"), phone=DAD)  # another family, which had none
    rows = await house.send(good("fourth"))
    assert {row.address: (row.state, row.reason) for row in rows} == {
        DAD: (S.QUEUED, ""),
        "": (S.SKIPPED, "over_limit"),
    }
    house.clock.pass_(days=7)
    assert {row.state for row in await house.send(good("next-week"))} == {S.QUEUED}


async def test_a_purpose_has_a_limit_of_its_own(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    only = {"texts_per_day": 0, "texts_per_week": 0, "texts_per_week_of": ("survey: 1",), "over": "skip"}
    house.set(load=only)
    await house.send(definition(key="one", purpose="survey"))
    await house.parent(await school.pupil(house.database, "Ben"), phone=DAD)
    rows = await house.send(definition(key="two", purpose="survey"))
    assert {row.reason for row in rows if row.state is S.SKIPPED} == {"over_limit"}
    assert {row.address for row in rows if row.state is S.QUEUED} == {DAD}
    assert {row.state for row in await house.send(good("praise"))} == {S.QUEUED}, "of others as many as before"
    async with house.database.read() as session:
        meter = await notices.meter(session, house.gateway, definition(key="three", purpose="survey"))
        assert await notices.meter(session, house.gateway, definition(key="fire", purpose="emergency")) is None
    assert meter is not None
    assert meter.over == 2
    assert load.sentences(meter)[0].endswith("2 of them have as many texts as they may get.")


async def test_by_email_where_the_school_says_so(house: House) -> None:
    ana = await school.pupil(house.database)
    mother = await house.parent(ana, phone=MUM, mail=MAIL)
    await house.parent(ana, phone=DAD, name="Ivan")
    house.set(load={"over": "email"})
    await house.send(good("one"))
    rows = await house.send(good("two"))
    going = [row for row in rows if row.state is S.QUEUED]
    assert [(row.contact_id, row.medium, row.remark) for row in going] == [
        (mother, Medium.EMAIL, arranging.LIMITED_TO_EMAIL)
    ]
    assert {row.reason for row in rows if row.state is S.SKIPPED} == {"by_email", "over_limit"}


async def test_what_the_school_must_say_passes_and_says_so(house: House) -> None:
    await house.parent(await school.pupil(house.database), phone=MUM)
    await house.send(good("one"))
    [row] = await house.send(definition(key="two", purpose="service"))
    assert (row.state, row.remark) == (S.QUEUED, arranging.LIMIT_PASSED)
    [row] = await house.send(good("three"))
    assert row.sender_id is None, "it counts for what can wait"
    [row] = await house.send(definition(key="four", purpose="safeguarding"))
    assert row.remark == ""


@pytest.mark.parametrize(
    "changes",
    [{"valid": {"for": "2h"}}, {"replies": {"options": [{"key": "1", "label": {"en": "coming"}}]}}],
    ids=["over before the digest", "asks for an answer"],
)
async def test_what_cannot_wait_for_the_digest_goes_the_next_way(house: House, changes: dict[str, Any]) -> None:
    mother = await house.parent(await school.pupil(house.database), phone=MUM)
    await house.send(good("one"))
    await house.parent(await school.pupil(house.database, "Ben"), phone=DAD)
    rows = await house.send(good("two", **changes))
    assert {row.reason for row in rows if row.contact_id == mother} == {"over_limit"}, "no mailbox either"
    assert [row.address for row in rows if row.state is S.QUEUED] == [DAD]


async def test_the_meter_says_what_families_had_before_anything_is_sent(each_house: House) -> None:
    for number, name in ((MUM, "Ana"), (DAD, "Ben")):
        await each_house.parent(
            await school.pupil(each_house.database, name), phone=number, mail=f"{name.lower()}@example.com"
        )
    [ana] = await _pupils(each_house, "Ana")
    await each_house.send(good("one", audience={"pupils": [ana]}))
    await each_house.send(definition(key="two", audience={"pupils": [ana]}, media=["sms", "email"]))
    async with each_house.database.read() as session:
        seen = await notices.preview(session, each_house.gateway, good("three"))
    assert seen.meter is not None
    assert seen.meter == load.Meter(2, {0: 1, 2: 1}, 1, 0, 1)
    assert load.sentences(seen.meter)[0].startswith("Texts this week: of 2 families 1 already has 2.")
    assert [row.message.remark for row in seen.rows if row.message.remark] == [arranging.IN_DIGEST]
    async with each_house.database.read() as session:
        assert (await notices.preview(session, each_house.gateway, definition(purpose="emergency"))).meter is None


async def _pupils(house: House, name: str) -> list[str]:
    from sqlmodel import select

    from gateway.models import Pupil

    async with house.database.read() as session:
        return list(await session.scalars(select(Pupil.source_id).where(Pupil.forename == name)))


async def test_a_run_of_many_portions_is_no_load_of_its_own(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family with children in two portions got the first one's text a moment ago."""
    from gateway import runs

    ana, ben = await school.pupil(house.database), await school.pupil(house.database, "Ben")
    await house.parent(ana, phone=MUM)
    await house.parent(ben, phone=DAD)
    both = await house.parent(ana, ben, phone="+447700900003")
    monkeypatch.setattr(runs, "PORTION", 1)
    rows = await house.send(good("one"))
    assert {row.state for row in rows} == {S.QUEUED}
    assert all(row.sender_id for row in rows)
    assert len([row for row in rows if row.contact_id == both]) == 1


def test_two_households_are_two_families() -> None:
    village = Village(load.date(2026, 11, 23))
    ana, ben = village.pupil("Ana"), village.pupil("Ben")
    mother, father = village.contact("Maria"), village.contact("Ivan")
    other, partner = village.contact("Olga"), village.contact("Piotr")
    for child, adult, home in (
        (ana, mother, True), (ana, father, False), (ben, mother, True), (ben, partner, True), (ben, other, False),
    ):  # fmt: skip
        village.tie(child, adult, lives_with=home)
    found = load.families(village.people())
    assert found[mother] == found[partner]
    assert len({found[one] for one in (mother, father, other)}) == 3


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=25))
def test_families_are_whoever_is_linked_by_homes(ties: list[tuple[int, int, bool]]) -> None:
    """Against the slow way: join whatever has somebody in common until nothing changes."""
    village = Village(load.date(2026, 11, 23))
    children = [village.pupil(f"P{n}") for n in range(7)]
    adults = [village.contact(f"C{n}") for n in range(7)]
    for child, adult, home in ties:
        village.tie(children[child], adults[adult], lives_with=home)
    found = load.families(village.people())
    groups = [{adult} for adult in adults]
    for child in range(7):
        home = {adults[a] for c, a, lives in ties if c == child and lives}
        touched = [group for group in groups if group & home]
        groups = [group for group in groups if not group & home] + ([set[int]().union(*touched)] if touched else [])
    assert {frozenset(group) for group in groups} == {
        frozenset(one for one in adults if found[one] == root) for root in set(found.values())
    }


def test_a_digest_is_on_a_school_day() -> None:
    from datetime import UTC, datetime, time
    from zoneinfo import ZoneInfo

    from gateway.preferences import rules, topics

    ruled = rules.Rules(
        topics.load(None), 1, 3, "digest", time(16), lambda day: day.weekday() < 5, ZoneInfo("Europe/London")
    )
    friday = datetime(2026, 10, 23, 14, 59, tzinfo=UTC)  # the clocks go back that weekend
    assert ruled.next_digest(friday) == friday + timedelta(minutes=1)
    assert ruled.next_digest(friday + timedelta(minutes=1)) == datetime(2026, 10, 26, 16, tzinfo=UTC)
