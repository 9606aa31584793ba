"""Details by the API: evidence, new numbers, reports."""

from __future__ import annotations

from support.website import MUM, NOW, Family, Running

from channels.base import Medium
from gateway.models import DetailState, LineType, NewDetail, PointKind


async def told(api: Running, family: Family, state: DetailState) -> int:
    async with api.gateway.database.write() as session:
        row = NewDetail(
            contact_id=family.mum, old_address=MUM, kind=PointKind.PHONE, address="+447700900123",
            line_type=LineType.MOBILE, state=state, told_on=Medium.SMS, made_at=NOW, open_key=state.value,
            proved_at=NOW if state is DetailState.PROVED else None,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return row.id or 0


async def test_a_new_number_is_listed_approved_once_and_exported(api: Running, family: Family) -> None:
    one = await told(api, family, DetailState.PROVED)
    [listed] = (await api.api("GET", "/details")).json
    assert (listed["contact"], listed["address"], listed["state"]) == ("Ms Ewa Nowak", "+447700900123", "proved")
    assert (listed["also_of"], listed["barred"]) == ([], False)
    for _ in range(2):
        answer = await api.api("POST", f"/details/{one}/approve", key="k", json={})
        assert (answer.status, answer.json["state"], answer.json["decided_by"]) == (200, "approved", "api:office")
    assert (await api.api("POST", f"/details/{one}/approve", json={})).status == 409
    csv = await api.api("GET", "/details/export")
    assert "07700 900123" in csv.text
    assert (await api.api("GET", "/details")).json == []
    points = (await api.api("GET", f"/contacts/{family.mum}/evidence")).json
    new = next(point for point in points if point["address"] == "+447700900123")
    assert (new["state"], new["colour"]) == ("working", "green")
    assert {sign["kind"] for sign in new["signs"]} == {"confirmed", "code"}


async def test_refused_and_what_is_not_there(api: Running, family: Family) -> None:
    one = await told(api, family, DetailState.WAITING)
    assert (await api.api("POST", f"/details/{one}/approve", json={})).status == 409
    answer = await api.api("POST", f"/details/{one}/refuse", json={"why": "not hers"})
    assert (answer.status, answer.json["why"]) == (200, "not hers")
    assert (await api.api("POST", "/details/99/approve", json={})).status == 404
    assert (await api.api("GET", "/contacts/99/evidence")).status == 404
    few = (await api.api("GET", "/details/reports/few")).json
    assert [line["name"] for line in few] == ["Ana Nowak", "Ben Nowak"]
    assert (await api.api("GET", "/details/reports/most")).status == 422
