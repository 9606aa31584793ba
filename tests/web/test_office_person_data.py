"""Data protection at the office: found, shown, taken out and erased as the commands do it, and by whom it may be."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select
from support import school, staff
from support.website import DAD, MUM, Answer, Family, Running

from channels.base import Medium
from gateway.models import ContactPoint, MessageState, Pupil
from gateway.privacy import exporting, retention
from gateway.privacy.belongings import Person
from gateway.roles import Role

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BYE = date(2026, 7, 20)


def said(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


async def send(desk: staff.Browser, path: str, given: Mapping[str, str]) -> Answer:
    """Send a form with a field whose name is a word of Python's."""
    return await desk.post(path, headers=None, **given)


async def leave(site: Running, *pupils: int) -> None:
    async with site.gateway.database.write() as session:
        for one in pupils:
            (await session.get_one(Pupil, one)).left_on = BYE


async def test_somebody_is_found_who_has_left_and_nobody_who_is_locked(running: Running, family: Family) -> None:
    await leave(running, family.ana)
    lead, it = [await staff.desk(running, role) for role in (Role.SAFEGUARDING, Role.IT)]
    page = await it.get("/data-protection?q=nowak")
    text = said(page.text)
    assert "3 people match." in text
    assert "Ana Nowak Child, 3A, left on 20 July 2026 pupil:1" in text
    assert "Grown-up, for Ben Nowak and Ana Nowak" in text
    assert f'href="/data-protection/contact/{family.dad}"' not in page.text, "he must not hear of Ben"
    for words in ("07700 900001", "EWA@example", "ms ewa"):
        found = (await it.get(f"/data-protection?q={words.replace(' ', '+')}")).text
        assert f'href="/data-protection/contact/{family.mum}"' in found, words
    assert "Nobody matches" in (await lead.get("/data-protection?q=07700+900002")).text
    named = await lead.get(f"/data-protection?q=contact:{family.dad}")
    assert named.headers["Location"] == f"/data-protection/contact/{family.dad}"
    assert "Mr Jan Nowak" in said((await lead.get(named.headers["Location"])).text)
    locked = await it.get(named.headers["Location"])
    assert (locked.status, "Jan" in locked.text) == (403, False)
    lines = await staff.lines(running, "person.held_shown")
    assert [(who, subject) for who, subject, _ in lines] == [("office:A Safeguarding", f"contact:{family.dad}")]
    for path in ("contact/99", "contact/99999999999", "dog/1"):
        assert (await lead.get(f"/data-protection/{path}")).status == 404


async def test_the_files_are_those_of_the_command(running: Running, family: Family) -> None:
    gateway = running.gateway
    desk = await staff.desk(running, Role.HEAD, name="Mrs Okafor")
    await desk.get(f"/data-protection/pupil/{family.ana}")
    for kind, asked in (
        ("html", exporting.Asked(Person("pupil", family.ana))),
        ("json", exporting.Asked(Person("pupil", family.ana), family.mum, health=True)),
    ):
        fields = {"for": str(asked.by or "")} | ({"health": "yes"} if asked.health else {})
        got = await send(desk, f"/data-protection/pupil/{family.ana}/record", {"as": kind} | fields)
        async with gateway.database.read() as session:
            found = await exporting.read(session, gateway, asked)
        same = exporting.html(found, school="Oakfield School") if kind == "html" else exporting.json_of(found)
        assert (got.status, got.text) == (200, same)
        assert got.headers["Content-Disposition"] == f'attachment; filename="pupil-{family.ana}.{kind}"'
        assert "no-store" in got.headers["Cache-Control"]
        assert "Ewa" not in got.text or asked.by
        assert "Ben" not in got.text
    assert json.loads(got.text)["health_details"] is True
    lines = await staff.lines(running, "person.exported")
    assert [(who, json.loads(facts)["for"]) for who, _, facts in lines] == [
        ("office:Mrs Okafor", f"contact:{family.mum}"), ("office:Mrs Okafor", ""),
    ]  # fmt: skip
    barred = await send(desk, f"/data-protection/pupil/{family.ben}/record", {"as": "json", "for": str(family.dad)})
    assert (barred.status, "must not hear of pupil" in barred.text) == (422, True)
    assert (await send(desk, f"/data-protection/pupil/{family.ben}/record", {"as": "exe"})).status == 422
    assert len(await staff.lines(running, "person.exported")) == 2


async def test_erasing_takes_two_steps_and_leaves_no_name(running: Running, family: Family) -> None:
    gateway = running.gateway
    lead = await staff.desk(running, Role.SAFEGUARDING, name="Mr Reilly")
    mum, ben = f"/data-protection/contact/{family.mum}/erase", f"/data-protection/pupil/{family.ben}/erase"
    refused = said((await lead.get(ben)).text)
    assert "Ben Nowak cannot be erased now" in refused
    assert "is on roll: the law wants a child at the school on file." in refused
    assert (
        "handbell" not in said((await lead.get(f"/data-protection/contact/{family.dad}/erase")).text).casefold()[-400:]
    )
    assert (await lead.post(ben, why="asked", confirm=f"pupil:{family.ben}")).status == 409
    shown = said((await lead.get(mum)).text)
    assert "What goes if Ms Ewa Nowak is erased" in shown
    assert "Phones and mailboxes, and whether they work goes 2" in shown
    assert "The log of deeds stays, as proof" in shown
    for fields in ({}, {"why": "asked", "confirm": "contact:9"}, {"why": "Ewa", "confirm": f"contact:{family.mum}"}):
        wrong = await send(lead, mum, fields)
        assert (wrong.status, "Please look at" in wrong.text) == (422, True)
    assert await staff.lines(running, "person.erased") == []
    done = await lead.post(mum, why="asked", confirm=f" Contact:{family.mum}")
    assert (done.status, done.headers["Location"]) == (303, "/data-protection")
    assert f"contact:{family.mum} is erased, for ever." in said((await lead.get("/data-protection")).text)
    [(who, subject, facts)] = await staff.lines(running, "person.erased")
    assert (who, subject) == ("office:Mr Reilly", f"contact:{family.mum}")
    assert json.loads(facts)["why"] == "They have asked for it"
    async with gateway.database.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            rows = str((await session.execute(sa.select(table))).all())
            assert "Ewa" not in rows, table.name
            assert MUM not in rows, table.name
        assert (await gateway.log.verify(session)).fault == ""
        assert await session.scalar(select(ContactPoint.address).where(ContactPoint.contact_id == family.dad)) == DAD
    assert f"What is left of contact:{family.mum}" in said(
        (await lead.get(f"/data-protection/contact/{family.mum}")).text
    )
    assert "Nobody matches" in (await lead.get("/data-protection?q=erased")).text


@SQLITE
async def test_it_leads_from_the_family_to_whoever_may(running: Running, family: Family) -> None:
    head, office = [await staff.desk(running, role) for role in (Role.HEAD, Role.OFFICE)]
    page = (await head.get(f"/families/{family.ana}")).text
    assert f'href="/data-protection/pupil/{family.ben}"' in page
    assert f'href="/data-protection/contact/{family.mum}"' in page
    assert f'href="/data-protection/contact/{family.dad}"' not in page
    assert f'href="/data-protection/contact/{family.dad}"' in (await head.get(f"/families/{family.ana}/locked")).text
    assert "data-protection" not in (await office.get(f"/families/{family.ana}")).text
    await head.post("/hide-names", hide="yes", back="/")
    for path in ("?q=nowak", f"/contact/{family.mum}", f"/contact/{family.mum}/erase", f"/pupil/{family.ana}"):
        hidden = (await head.get(f"/data-protection{path}")).text
        assert not [name for name in ("Ewa", "Nowak", "Ana") if name in hidden], path


@SQLITE
async def test_how_long_all_is_kept_and_what_went_as_the_command_says(running: Running, family: Family) -> None:
    gateway, database = running.gateway, running.gateway.database
    sender = await school.sender(database)
    old = gateway.now() - timedelta(days=gateway.settings.retention.words_days + 1)
    for _ in range(3):
        await school.message(database, sender, now=old, state=MessageState.DELIVERED, medium=Medium.SMS)
    it = await staff.desk(running, Role.IT)
    page = said((await it.get("/data-protection")).text)
    assert "It has not come round yet. It does every night, from" in page
    assert "365 days Words of messages and answers retention.words_days" in page
    counted = (await it.get("/data-protection?count=yes")).text
    async with database.read() as session:
        due = await retention.due(session, gateway)
    shown = [int(one.replace(",", "")) for one in re.findall(r"data-due>([\d,]+)<", counted)]
    assert shown == [one.rows for one in due]
    assert 3 in shown
    async with database.write() as session:
        gone = await retention.apply(session, gateway, due[0].rule)
        await retention.record(session, gateway, {"message": gone, "reply": 0})
    page = said((await it.get("/data-protection")).text)
    assert "Done today at 9:00. What had had its time went:" in page
    assert re.search(r"or why nothing was 3 ", page)
    assert "What a person answered 0" not in page
