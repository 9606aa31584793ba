"""Letters by the API: who needs one, a batch and its sheets, posted; where a contact lives."""

from __future__ import annotations

import sqlalchemy as sa
from support import programs
from support.website import Family, Running

from gateway import notices
from gateway.definitions import reading

PHOTOS = {
    "key": "photos", "title": "Photos", "purpose": "service", "media": ["sms"],
    "text": {"en": "Photos of {children} are on Friday."}, "audience": {"pupils": ["P1"]},
}  # fmt: skip


async def test_letters_by_the_api(api: Running, family: Family) -> None:
    programs.need("fc-list")
    async with api.gateway.database.write() as session:
        await notices.submit(session, api.gateway, reading.read(PHOTOS), author="office")
        hers = sa.text("UPDATE contact_point SET state = 'dead' WHERE contact_id = :id")
        await session.execute(hers, {"id": family.mum})  # nothing of hers works any more
    async with api.gateway.database.write() as session:
        assert await notices.plan_due(session, api.gateway)
    seen = (await api.api("GET", "/letters")).json
    assert [(one["notice"], one["contact"], one["pupils"], one["address"]) for one in seen["needed"]] == [
        ("photos", family.mum, ["P1"], [])
    ]
    assert [(one["contact"], one["pupils"]) for one in seen["by_letter_alone"]] == [(family.mum, ["P1", "P2"])]
    assert (await api.api("GET", "/letters?notice=fotos")).status == 404
    made = (await api.api("POST", "/letters", json={})).json
    assert (made["batch"], made["letters"], [one["contact"] for one in made["without"]]) == ("", [], [family.mum])

    home = {"lines": ["12 Mill Lane", " Leeds ", "LS1 1AA"]}
    moved = await api.api("PUT", f"/contacts/{family.mum}/address", json=home)
    assert moved.json == {"lines": ["12 Mill Lane", "Leeds", "LS1 1AA"]}
    assert (await api.api("PUT", "/contacts/999/address", json=home)).status == 404
    made = (await api.api("POST", "/letters", key="k", json={"notice": "photos"})).json
    again = (await api.api("POST", "/letters", key="k", json={"notice": "photos"})).json
    assert (len(made["letters"]), again) == (1, made)
    assert (await api.api("POST", "/letters", json={})).json["letters"] == []

    where, who = f"{api.url}/api/v1/letters/{made['batch']}/pdf", {"Authorization": f"Bearer {api.token}"}
    async with api.client.get(where, headers=who) as sheets:
        assert (sheets.status, sheets.content_type, (await sheets.read())[:4]) == (200, "application/pdf", b"%PDF")
    assert (await api.api("GET", "/letters/20260101-000000/pdf")).status == 404
    (lying,) = (await api.api("GET", "/letters")).json["not_posted"]
    assert (lying["id"], lying["name"]) == (made["letters"][0], "Ms Ewa Nowak")
    said = {"batch": made["batch"]}
    assert (await api.api("POST", "/letters/posted", json=said)).json == {"letters": 1}
    assert (await api.api("POST", "/letters/posted", json={"letters": made["letters"]})).json == {"letters": 0}
    assert (await api.api("POST", "/letters/posted", json={"letters": [99]})).status == 404
    assert (await api.api("GET", "/letters")).json["not_posted"] == []
