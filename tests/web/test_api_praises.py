"""Good news in and the balance out by the API, and what is said to bad news."""

from __future__ import annotations

import sqlalchemy as sa
from support.website import Family, Running

from gateway.good_news import telling
from gateway.models import Message, MessageState
from gateway.models.types import core

WORRY = {
    "key": "talk", "title": "A word", "purpose": "service", "worrying": True, "media": ["sms"],
    "text": {"en": "Please call us about {children}."}, "audience": {"pupils": ["P1"]},
}  # fmt: skip


async def test_praise_by_the_api(api: Running, family: Family) -> None:
    body = {"pupil": "Ana", "kind": "effort", "staff": "Ms Okafor"}
    first = await api.api("POST", "/praises", key="k", json=body)
    again = await api.api("POST", "/praises", key="k", json=body)
    assert (first.status, first.json["state"], again.json["id"]) == (201, "waits", first.json["id"])
    assert (await api.api("POST", "/praises", json=body)).status == 409
    refused = await api.api("POST", "/praises", json=body | {"pupil": "Nowak", "words": "See www.example.com"})
    assert refused.status == 422
    assert "Which “Nowak”?" in refused.text
    second = (await api.api("POST", "/praises", json=body | {"kind": "kindness"})).json
    taken = await api.api("POST", f"/praises/{second['id']}/withdraw")
    assert (taken.status, taken.json["state"], taken.json["goes_at"]) == (200, "withdrawn", None)
    assert (await api.api("POST", "/praises/99/withdraw")).status == 404
    assert (await api.api("GET", "/praises/kinds")).json[-1] == "other"

    page = (await api.api("GET", "/praises?limit=1")).json
    rest = (await api.api("GET", f"/praises?limit=1&cursor={page['next']}")).json
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next"]] == [second["id"], first.json["id"], None]
    api.clock.pass_by(hours=16 - api.clock().hour, minutes=30 - api.clock().minute)
    assert (await telling.turn(api.gateway)).praises == 1
    (one,) = (await api.api("GET", f"/praises?limit=1&cursor={page['next']}")).json["items"]
    assert (one["state"], one["goes_at"]) == ("on its way", None)

    standing = (await api.api("GET", "/balance?since=2026-09-01")).json
    assert {one["pupil"] for one in standing["pupils"]} == {"P1", "P2"}
    assert (await api.api("GET", "/balance?by=form")).json["pupils"] == []
    assert (await api.api("GET", "/balance?form=9Z")).status == 404
    assert (await api.api("GET", "/balance?by=teacher")).json["lines"] == []  # nothing has left yet
    async with api.gateway.database.write() as session:
        await session.execute(sa.update(core(Message)).values(state=MessageState.DELIVERED))
    assert (await api.api("GET", "/balance?by=teacher")).json["lines"][0]["name"] == "Ms Okafor"


async def test_bad_news_asks_for_good(api: Running, family: Family) -> None:
    seen = (await api.api("POST", "/notices/preview", json=WORRY)).json
    assert seen["worries"] == ["Ana: no good news yet: add one? handbell praise P1 effort --from NAME"]
    assert (await api.api("POST", "/notices", json=WORRY)).json["worries"] == seen["worries"]
    plain = WORRY | {"key": "plain", "worrying": False}
    assert (await api.api("POST", "/notices", json=plain)).json["worries"] == []
