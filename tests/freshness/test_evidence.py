"""What the evidence says of a phone or mailbox, by class, with its age, and what it is worth by now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import school
from support.desk import LOG, NOW
from support.household import MUM, House, mailbox

from channels.base import Medium, Outcome, Reason
from config import sections
from gateway import deciding, errors, points
from gateway.freshness import evidence
from gateway.freshness.evidence import Colour, Says, Sign
from gateway.models import Attempt, ImportChange, ImportRun, Message, MessageState, PointState

RULES = sections.Freshness()


async def of(house: House) -> dict[str, evidence.Evidence]:
    async with house.database.read() as session:
        found = await evidence.of(session, house.mother, RULES, now=house.clock())
    return {one.point.address: one for one in found}


def said(one: evidence.Evidence) -> list[tuple[str, Says]]:
    return [(sign.kind, sign.says) for sign in one.signs]


async def fails(house: House, reason: Reason, code: str, *, address: str = MUM, medium: Medium = Medium.SMS) -> None:
    """A message fails, as the books would have it after its receipt."""
    async with house.database.read() as session:
        sender = (await session.get_one(Message, (await house.messages())[0].id)).sender_id
    row = Message(
        id=f"{reason.value}-{code}-{house.clock()}", medium=medium, address=address, slot="x", purpose="service",
        state=MessageState.FAILED, reason=reason.value, reason_text="It failed.", due_at=house.clock(), attempt=1,
        created_at=house.clock(), changed_at=house.clock(), sender_id=sender, contact_id=house.mother, run_id=None,
    )  # fmt: skip
    attempt = Attempt(
        message_id=row.id, number=1, worker="w", begun_at=house.clock(), outcome=Outcome.REFUSED, code=code
    )
    await school.add(house.database, row)
    await school.add(house.database, attempt)
    async with house.database.write() as session:
        facts = {"id": row.id, "medium": medium, "address": address}
        await points.failed(session, facts, reason, code=code, log=LOG, now=house.clock())


async def test_everything_that_speaks_for_and_against_it(house: House) -> None:
    await mailbox(house, house.mother)
    await house.send()
    await house.hears("thank you")
    await fails(house, Reason.CONFIG, "21606")
    await fails(house, Reason.UNREACHABLE, "30003")
    await fails(house, Reason.BAD_ADDRESS, "5.1.1", address="maria@example.com", medium=Medium.EMAIL)
    house.clock.pass_(days=10)
    found = await of(house)
    phone, box = found[MUM], found["maria@example.com"]
    assert (phone.state, phone.colour) == ("working", Colour.GREEN)
    assert ("replied", Says.GOOD) in said(phone)
    codes = {sign.what.split("code ")[1][:5]: sign for sign in phone.signs if "code" in sign.what}
    assert (codes["21606"].says, codes["30003"].says) == (Says.NOTHING, Says.BAD), (
        "our own fault is none of the number's"
    )
    assert "says nothing of the number" in codes["21606"].what
    assert (box.state, box.colour, box.score) == ("dead", Colour.RED, 0.0)
    assert 0 < phone.score < 1


async def test_stopped_is_a_state_and_start_ends_it(sqlite_house: House) -> None:
    house = sqlite_house
    await house.send()
    await house.hears("STOP")
    phone = (await of(house))[MUM]
    assert (phone.state, phone.score) == ("stopped", 0.0)
    assert ("stopped", Says.BAD) in said(phone)
    await house.hears("START")
    assert (await of(house))[MUM].state == "working"


async def test_that_it_has_changed_makes_it_red_until_somebody_confirms_it(sqlite_house: House) -> None:
    house = sqlite_house
    for _ in range(5):
        await house.praise()
    await house.hears("2")
    phone = (await of(house))[MUM]
    assert (phone.colour, ("changed", Says.BAD) in said(phone)) == (Colour.RED, True)
    house.clock.pass_(days=2)
    await house.hears("1")
    assert (await of(house))[MUM].colour is Colour.RED, "no slip of a finger any more: a person confirms it"
    async with house.database.write() as session:
        await deciding.confirm(session, house.phone, deed=deciding.Deed("office", house.clock(), LOG))
    assert (await of(house))[MUM].colour is Colour.GREEN


async def test_an_edit_of_the_office_is_a_sign_and_the_first_import_is_none(house: House) -> None:
    async def imported(at: datetime, **change: Any) -> None:
        run = ImportRun(source="sims", at=at, files=[], counts={})
        await school.add(house.database, run)
        await school.add(house.database, ImportChange(import_id=run.id or 0, table_name="contact_point", **change))

    await imported(NOW - timedelta(days=300), keys=[house.phone, house.other_phone])
    assert (await of(house))[MUM].signs == []
    await imported(
        NOW - timedelta(days=120), keys=[house.phone], row_id=house.phone, before={"rank": 2}, after={"rank": 1}
    )
    assert (await of(house))[MUM].signs == [], "another rank says nothing of its age"
    await imported(NOW - timedelta(days=100), keys=[house.phone])
    phone = (await of(house))[MUM]
    assert [(sign.kind, sign.at) for sign in phone.signs] == [("edited", NOW - timedelta(days=100))]
    assert phone.colour is Colour.AMBER


async def test_of_nobody(sqlite_house: House) -> None:
    async with sqlite_house.database.read() as session:
        with pytest.raises(errors.NotFound):
            await evidence.of(session, 99, RULES, now=NOW)


ages = st.integers(min_value=0, max_value=2000)


@given(ages, ages, st.sampled_from(sorted(evidence.WORTH)))
def test_evidence_never_gains_by_growing_old(age: int, more: int, kind: str) -> None:
    def worth(days: int) -> float:
        sign = Sign(NOW - timedelta(days=days), kind, Says.GOOD, "")
        return evidence.score([sign], state="working", strikes=0, rules=RULES, now=NOW)

    assert worth(age + more) <= worth(age) <= 1
    assert worth(RULES.half_life_days) == pytest.approx(evidence.WORTH[kind] / 2)


@given(ages)
def test_colours_by_age(age: int) -> None:
    found = evidence.colour(PointState.WORKING, NOW - timedelta(days=age), RULES, now=NOW)
    expected = Colour.GREEN if age <= 90 else Colour.AMBER if age <= 180 else Colour.RED
    assert found is expected
