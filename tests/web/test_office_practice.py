"""Practice phones: what a parent does there reaches Handbell, and time is skipped for everybody; never elsewhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from support import absences, practice, staff, website
from support.databases import Fresh

from gateway import clock, tasks
from gateway.models import AbsenceCase, CaseState, Inbound, Mark, Register, Task
from gateway.models.types import core
from gateway.roles import Role
from gateway.web.office import phones


@pytest.fixture
async def school(fresh: Fresh, tmp_path: Path) -> AsyncIterator[practice.School]:
    async with fresh() as database, practice.opened(database, tmp_path) as found:
        yield found


async def test_a_phone_a_mailbox_and_a_call(school: practice.School) -> None:
    desk = await staff.desk(school.site, Role.OFFICE)
    empty = await desk.get("/practice")
    assert "All phones are quiet" in empty.text
    everybody = await desk.get("/practice?show=all")
    assert "Mum" not in everybody.text
    assert everybody.text.count('class="hs"') == 2, "a phone and a mailbox"
    assert "Reads Polish" in everybody.text
    practice.text_arrives(school)
    page = await desk.get("/practice")
    assert 'Got something <span class="tag" id="touched">1</span>' in page.text
    assert re.findall(r'name="text" value="(\d)"', page.text) == ["1", "2"], "the keys of the menu"
    phone: dict[str, Any] = {"address": school.mum.number}
    sent = await desk.post("/practice/reply", text="<b>chora</b>", **phone)
    assert sent.headers["Location"] == f"/practice#p{school.mum.number[1:]}"
    assert [one.body for one in school.simulator.world.phone(school.mum.number).texts][-1] == "<b>chora</b>"
    assert "&lt;b&gt;chora" in (await desk.get("/practice")).text
    nothing = await desk.post("/practice/reply", text=" ", **phone)
    assert (nothing.status, "Type what the parent writes" in nothing.text) == (422, True)
    assert (await desk.post("/practice/call", event="lift", **phone)).status == 422, "no call is going on"
    assert (await desk.post("/practice/reply", address="x", text="y")).status == 404
    mail = school.simulator.world.add_mail(
        sender=absences.MAIL, to="ewa@example.com",
        raw=b"From: Oakfield <office@oakfield.example>\r\nMessage-ID: <m1@a.example>\r\nSubject: Swimming\r\n\r\nKit",
    )  # fmt: skip
    assert "Swimming" in (await desk.get("/practice?q=ewa")).text
    await desk.post("/practice/mail", number=str(mail.number), text="Thank you")
    async with school.site.gateway.database.read() as session:
        stored = (await session.scalars(select(Inbound).where(core(Inbound).c.channel == "mail-in"))).one()
    assert (stored.event["sender"], stored.event["body"], stored.kind) == ("ewa@example.com", "Thank you", "reply")
    letter = await desk.get(f"/practice/mail/{mail.number}")
    assert letter.headers["Content-Security-Policy"].startswith("sandbox")


async def test_off_gone_stop_and_a_new_number(school: practice.School) -> None:
    desk = await staff.desk(school.site, Role.ATTENDANCE)
    phone: dict[str, Any] = {"address": school.mum.number}
    practice.text_arrives(school)
    world = school.simulator.world
    await desk.post("/practice/switch", on="no", **phone)
    assert "Switched off" in (await desk.get("/practice")).text
    await desk.post("/practice/switch", on="yes", **phone)
    await desk.post("/practice/reply", text="STOP", **phone)
    assert world.phone(school.mum.number).stopped == {absences.NUMBER}
    moved = await desk.post("/practice/number", **phone)
    new = "+" + moved.headers["Location"].partition("#p")[2]
    assert [one.body for one in world.phone(new).texts] == ["Hello, this is our new number."]
    assert world.phone(new).texts[0].to == absences.NUMBER
    assert "Nothing arrives here" in (await desk.get("/practice")).text
    await desk.post("/practice/gone", gone="no", **phone)
    assert "Nothing arrives here" not in (await desk.get("/practice")).text
    for role in (Role.READ_ONLY, Role.IT, Role.TEACHER):  # what stands on the phones is every family's
        nobody = await staff.desk(school.site, role, forms=["3A"] if role is Role.TEACHER else ())
        assert (await nobody.get("/practice")).status == 403
        assert 'href="/practice"' not in (await nobody.get("/menu")).text
    assert (await desk.post("/practice/skip", csrf="wrong")).status == 403


async def test_time_is_skipped_for_everybody_and_nobody_is_signed_out(school: practice.School) -> None:
    desk, other = [await staff.desk(school.site, role) for role in (Role.OFFICE, Role.HEAD)]
    now = school.site.gateway.now
    before = now()
    for _ in range(3):
        assert (await desk.post("/practice/skip", to="later")).status == 303
    assert now() - before == timedelta(minutes=45)
    assert "10:15am" in (await desk.get("/practice")).text
    assert (await other.get("/today")).status == 200, "nobody was away for that"
    assert school.site.heard.count("planned") == 3
    again = clock.Movable(school.morning.clock, school.site.gateway.settings.database.state_dir / "practice.clock")
    assert again() == now(), "also after a start"
    with pytest.raises(ValueError, match="never put back"):
        again.skip(timedelta(seconds=-1))


async def test_the_next_step_and_the_morning_again(school: practice.School) -> None:
    desk, gateway = await staff.desk(school.site, Role.OFFICE), school.site.gateway
    async with gateway.database.write() as session:
        found = (await session.scalars(select(AbsenceCase))).one()
        found.next_at = gateway.now() + timedelta(minutes=7)
        found.state = CaseState.ASKING
        session.add(found)
        register = (await session.scalars(select(Register).where(core(Register).c.date == gateway.today()))).all()[0]
        late = tasks.Ask("register", f"register:{register.id}", "No register has come in yet.")
        await tasks.ask(session, late, log=gateway.log, now=gateway.now())
    assert (await desk.post("/practice/skip", to="next")).status == 303
    async with gateway.database.read() as session:
        assert (await session.scalars(select(AbsenceCase))).one().next_at < gateway.now()  # type: ignore[operator]
    practice.text_arrives(school)
    (gateway.settings.database.state_dir / "marks.csv").write_text("Pupil ID,Session,Code\n", "utf-8")
    done = await desk.post("/practice/again")
    assert done.status == 303
    async with gateway.database.read() as session:
        assert (await session.scalars(select(AbsenceCase))).all() == []
        assert (await session.scalars(select(Mark))).all() == []
        asked = (await session.scalars(select(Task).where(Task.subject == late.subject))).one()
        assert asked.done_at is not None, "nobody is asked for a register that is forgotten"
    assert school.simulator.world.phones == {}
    assert [who for who, _, _ in await staff.lines(school.site, "practice.begun_again")] == ["office:A Office"]


async def test_names_are_hidden_here_too(school: practice.School) -> None:
    desk = await staff.desk(school.site, Role.OFFICE)
    practice.text_arrives(school)
    await desk.get("/practice")
    await desk.post("/hide-names", hide="yes", back="/practice")
    page = (await desk.get("/practice")).text
    for secret in ("Ewa", "Lena", school.mum.number[-6:]):
        shown = re.sub(r'(value|id|for|aria-labelledby)="[^"]*"', "", page)
        assert secret not in shown


async def test_outside_of_practice_mode_there_is_nothing(fresh: Fresh) -> None:
    async with fresh() as database, website.running_on(database) as site:
        desk = await staff.desk(site, Role.HEAD)
        for path in ("/practice", "/practice/skip", "/practice/again"):
            assert (await desk.get(path)).status == 404
            assert (await desk.post(path)).status in (404, 405)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("Oakfield: سجلنا غياب Yasmin عن المدرسة اليوم", "rtl"),
        ("Oakfield: Is the gate easier? Reply 1 for easier.\nهذه الرسالة بالإنجليزية", "ltr"),
        ("12:30", "ltr"),
    ],
)
def test_a_text_is_read_in_the_direction_of_most_of_it(text: str, way: str) -> None:
    assert phones.direction(text) == way
