"""Import in the browser: what would change is shown before anything is written, and can be put back."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from support import staff
from support.website import Answer, Running, running_on

from config import sections
from gateway import context
from gateway.database import Database
from gateway.importing import conflicts, runs
from gateway.models import Contact, Pupil
from gateway.models.types import core
from gateway.roles import Role
from gateway.web.office import importing

PUPILS = """Adno,UPN,Forename,Surname,DOB,Year,Reg
P1,,Ana,Nowak,01/02/2018,3,3A
P2,,Ben,Nowak,03/04/2016,5,5B
P3,,Cem,Ay,05/06/2017,4,4C
"""
CONTACTS = """Adno,Contact ID,Title,Forename,Surname,Relationship,Priority,Parental Responsibility,Mobile,Email
P1,C1,Ms,Ewa,Nowak,Mother,1,Yes,07700 900001,ewa@example.com
P2,C1,Ms,Ewa,Nowak,Mother,1,Yes,07700 900001,ewa@example.com
P3,C2,Mr,Ali,Ay,Father,1,Yes,0770 900,ali@example
"""
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def said(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


@pytest.fixture
async def running(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    """An empty school whose files lie where the test can see them."""

    def changed(gateway: context.Gateway) -> context.Gateway:
        here = sections.Database(state_dir=tmp_path / "state")
        return dataclasses.replace(gateway, settings=gateway.settings.model_copy(update={"database": here}))

    async with running_on(database, changed=changed) as site:
        yield site


async def send(desk: staff.Browser, *files: tuple[str, str | bytes], **fields: str) -> Answer:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in ({"csrf": desk.csrf} | fields).items():
        form.add_field(name, value)
    for name, content in files:
        raw = content.encode() if isinstance(content, str) else content
        form.add_field("files", raw, filename=name, content_type="text/csv")
    return await desk.ask("POST", "/import", data=form)


async def children(site: Running) -> int:
    async with site.gateway.database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(core(Pupil))) or 0


async def test_shown_taken_over_and_put_back(running: Running, tmp_path: Path) -> None:
    desk = await staff.desk(running, Role.OFFICE, name="Jo Whitfield")
    assert (await desk.get("/")).headers["Location"] == "/import", "an empty school begins here"
    assert "Begin with the school’s own lists" in (await desk.get("/import")).text
    sent = await send(desk, ("pupils.csv", PUPILS), ("../../contacts.csv", CONTACTS), source="sims")
    assert sent.status == 303, sent.text
    assert await children(running) == 0, "nothing is written yet"
    where = sent.headers["Location"]
    shown = said((await desk.get(where)).text)
    assert "These files would add 3 children and 2 grown-ups" in shown
    assert "Pupils3000" in shown.replace(" ", "")
    assert "contacts.csv, line 4, “Mobile”" in shown
    assert "Ana Nowak (P1)" in shown
    held = list((tmp_path / "state" / "uploads").rglob("*"))
    assert {path.name for path in held if path.is_file()} == {"note.json", "pupils.csv", "contacts.csv"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in held if path.is_dir())
    other = await staff.desk(running, Role.OFFICE, name="Mr Other")
    assert (await other.get(where)).status == 403
    taken = await desk.post(where)
    assert (taken.status, await children(running)) == (303, 3)
    assert list((tmp_path / "state" / "uploads").iterdir()) == [], "the files are gone"
    page = await desk.get(taken.headers["Location"])
    assert "Taken over." in said(page.text)
    assert "By Jo Whitfield, from pupils.csv, contacts.csv." in said(page.text)
    assert (await desk.get("/")).headers["Location"] == "/today"
    asked = await staff.lines(running, "people.import_asked")
    assert [(who, json.loads(facts)["source"]) for who, _, facts in asked] == [("office:Jo Whitfield", "sims")]
    undone = await desk.post(f"{taken.headers['Location']}/undo")
    assert (undone.status, await children(running)) == (303, 0)
    again = await desk.post(f"{taken.headers['Location']}/undo")
    assert (again.status, "was undone already" in again.text) == (422, True)


@SQLITE
async def test_files_that_cannot_be_used_are_named(running: Running) -> None:
    desk = await staff.desk(running, Role.OFFICE)
    none = await send(desk, source="sims")
    assert (none.status, 'value="sims"' in none.text) == (422, True)
    assert '<a href="#files">Choose the files that were exported.</a>' in none.text
    bad = await send(desk, ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))))
    assert (bad.status, "photo.png" in bad.text) == (422, True)
    odd = await send(desk, ("strange.csv", "a,b\n1,2\n"))
    assert (odd.status, "strange.csv" in odd.text) == (422, True)
    stale = await send(desk, ("pupils.csv", PUPILS), csrf="x")
    assert stale.status == 403
    nowhere = await desk.ask("POST", "/import", data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert nowhere.status == 422
    assert (await desk.get("/import/waiting/..%2f..%2fetc")).status == 404
    assert (await desk.get(f"/import/waiting/{'0' * 32}")).status == 404
    assert (await desk.get(f"/import/{'9' * 30}")).status == 404
    huge = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(importing.LARGEST + 1)}
    assert (await desk.ask("POST", "/import", headers=huge | {"Connection": "close"}, data=b"")).status == 413
    for role in (Role.TEACHER, Role.IT, Role.READ_ONLY, Role.ATTENDANCE):
        stranger = await staff.desk(running, role)
        assert (await stranger.get("/import")).status == 403
        assert (await send(stranger, ("pupils.csv", PUPILS))).status == 403


@SQLITE
async def test_what_looks_like_a_mistake_needs_a_second_look(running: Running) -> None:
    desk = await staff.desk(running, Role.HEAD)
    many = "".join(f"P{n},,Name{n},Sur{n},01/02/2018,3,3A\n" for n in range(60))
    heading = PUPILS.splitlines()[0] + "\n"
    await desk.post((await send(desk, ("p.csv", heading + many))).headers["Location"])
    assert await children(running) == 60
    swapped = "".join(f"P{n},,Other{n},Else{n},01/02/2018,3,3A\n" for n in range(60))
    where = (await send(desk, ("p.csv", heading + swapped))).headers["Location"]
    assert "This looks like a mistake" in said((await desk.get(where)).text)
    refused = await desk.post(where)
    assert (refused.status, '<a href="#go_on">' in refused.text) == (422, True)
    async with running.gateway.database.write() as session:
        await session.execute(sa.delete(core(Pupil)).where(core(Pupil).c.source_id == "P0"))
    changed = await desk.post(where, go_on="yes")
    assert (changed.status, "have changed since you looked" in changed.text) == (422, True)
    assert (await desk.post(where, go_on="yes")).status == 303
    running.clock.pass_by(hours=2)
    late = await staff.desk(running, Role.HEAD, name="Mrs Late")
    where = (await send(late, ("p.csv", heading + many))).headers["Location"]
    running.clock.pass_by(minutes=10)
    assert (await late.post(f"{where}/drop")).status == 303
    assert (await late.get(where)).status == 404


@SQLITE
async def test_a_question_is_decided(running: Running) -> None:
    desk = await staff.desk(running, Role.OFFICE, name="Jo Whitfield")
    await desk.post((await send(desk, ("p.csv", PUPILS), ("c.csv", CONTACTS))).headers["Location"])
    gateway, contact = running.gateway, core(Contact)
    async with gateway.database.write() as session:
        await session.execute(
            sa.update(contact).where(contact.c.source_id == "C1").values(
                written_language="pl", languages_confirmed_at=gateway.now()
            )
        )  # fmt: skip
    said_so = CONTACTS.replace("Email\n", "Email,Language\n").replace("@example.com\n", "@example.com,Romanian\n")
    sent = await send(desk, ("c.csv", said_so))
    assert "1 question will wait for you" in said((await desk.get(sent.headers["Location"])).text)
    await desk.post(sent.headers["Location"])
    page = await desk.get("/import/questions")
    assert "1 question waits for a decision" in page.text
    [name] = re.findall(r'name="(q\d+)" value="theirs"', page.text)
    assert (await desk.post("/import/questions")).status == 422
    assert (await desk.post("/import/questions", csrf=None, headers=None, **{name: "theirs"})).status == 303
    assert "Files and families agree" in (await desk.get("/import/questions")).text
    async with gateway.database.read() as session:
        assert await conflicts.waiting(session) == []
        assert await session.scalar(sa.select(contact.c.written_language).where(contact.c.source_id == "C1")) == "ro"
        assert len(await runs.latest(session, limit=5)) == 2
