"""After a restore: every page says that nothing leaves, and one page opens the school and decides of each notice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlmodel import select
from support import desk, school, staff
from support.families import said
from support.website import Running

from channels.base import Medium
from gateway import states, tasks
from gateway.backup import gap
from gateway.models import Message, MessageState, Notice, Run, Sender
from gateway.roles import Role

HERE = "/settings/restored"
S = MessageState


@pytest.fixture
async def restored(running: Running) -> Running:
    """A school that was put back: of a closure two texts have not left and a call may have; one answer, one trip."""
    gateway, database, now = running.gateway, running.gateway.database, running.gateway.now()
    lane, line = await school.sender(database), await school.sender(database, medium=Medium.VOICE, channel="voice")
    keys = {"closure": "The boiler is broken", "trip": "Trip to the museum"}
    runs = dict[str, int]()
    for key, title in keys.items():
        runs[key] = await school.run(database, now=now)
        async with database.write() as session:
            run = await session.get_one(Run, runs[key])
            notice = await session.get_one(Notice, run.notice_id)
            notice.key, notice.title = key, title
            notice.definition = desk.definition(key=key, title=title).model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
    for name in ("a", "b"):
        await school.message(database, lane, now=now, run=runs["closure"], subject=name)
    await school.message(
        database,
        line,
        now=now,
        run=runs["closure"],
        subject="c",
        medium=Medium.VOICE,
        not_after=now - timedelta(hours=1),
    )
    await school.message(database, lane, now=now, run=runs["trip"], subject="d")
    await school.message(database, lane, now=now, subject="e")
    async with database.write() as session:
        await session.run_sync(lambda plain: gap.close(plain.connection(), now=now))
        await gap.settle(session, gateway, copied_at=now - timedelta(hours=6), by="Mr Reilly")
        for message in await session.scalars(select(Message)):
            message.reason = {"c": states.RESTORED_UNCLEAR, "d": states.RESTORED}.get(
                message.subject, states.RESTORED_ABSENT
            )
    return running


async def rows(site: Running) -> Mapping[str, MessageState]:
    async with site.gateway.database.read() as session:
        return {row.subject: row.state for row in await session.scalars(select(Message))}


async def test_nothing_leaves_until_somebody_opens_and_decides(restored: Running) -> None:
    it = await staff.desk(restored, Role.IT, name="Mr Singh")
    page = said((await it.get(HERE)).text)
    assert "Nothing leaves until the school is opened" in page
    assert "Put back today at 9:00 by Mr Reilly, at the command line, from a copy of 23 November, 3:00am." in page
    assert "The boiler is broken 2 texts have not left. 1 call may have left: nobody can tell. 1 is no longer" in page
    assert "Answers to families 1 text has not left." in page
    assert "1 message is still asked about." in page
    closed = await it.post(f"{HERE}/decide", notice="closure", what="all")
    assert (closed.status, "open the school first" in closed.text) == (422, True)
    assert set((await rows(restored)).values()) == {S.HELD}
    opened = await it.post(f"{HERE}/open")
    assert (opened.status, opened.headers["Location"]) == (303, HERE)
    page = said((await it.get(HERE)).text)
    assert "New messages leave from now on. 5 messages are set aside." in page
    assert "5 messages wait for a decision" in page
    async with restored.gateway.database.read() as session:
        assert await gap.standing(session) == gap.Standing(closed=False, aside=5)
        found = gap.counted(await gap.listed(session, gap.Which()))
        assert sum(found.values()) == 5
        assert not any(row.held_because for row in await session.scalars(select(Sender)))
    assert (await it.post(f"{HERE}/open")).status == 422
    assert (await it.post(f"{HERE}/decide", notice="closure")).status == 422
    await it.post(f"{HERE}/decide", notice="closure", what="absent")
    assert await rows(restored) == {"a": S.QUEUED, "b": S.QUEUED, "c": S.HELD, "d": S.HELD, "e": S.HELD}
    await it.post(f"{HERE}/decide", answers="yes", what="all")
    await it.post(f"{HERE}/decide", notice="trip", what="cancel")
    async with restored.gateway.database.read() as session:
        assert [task.kind for task in await tasks.listed(session)] == ["restored"]
    await it.post(f"{HERE}/decide", what="cancel")
    assert await rows(restored) == {"a": S.QUEUED, "b": S.QUEUED, "c": S.CANCELLED, "d": S.CANCELLED, "e": S.QUEUED}
    assert restored.heard.count("planned") == 3
    async with restored.gateway.database.read() as session:
        assert await tasks.listed(session) == [], "nobody need see to it any more"
    assert "Nothing is set aside" in said((await it.get(HERE)).text)
    assert [who for who, _, _ in await staff.lines(restored, "backup.opened")] == ["office:Mr Singh"]
    for action, number in (("message.released", 3), ("message.cancelled", 2)):
        assert [who for who, _, _ in await staff.lines(restored, action)] == ["office:Mr Singh"] * number


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_page_says_so_until_it_is_over(restored: Running) -> None:
    office, it = [await staff.desk(restored, role) for role in (Role.OFFICE, Role.IT)]
    for path in ("/today", "/families", "/announcements"):
        page = await office.get(path)
        assert "Nothing is going out: Handbell was put back from a copy" in said(page.text)
        assert "IT or the head decides." in page.text
        assert HERE not in page.text
    assert f'<a href="{HERE}">Look, and open the school</a>' in (await it.get("/menu")).text
    assert f'href="{HERE}"' in (await it.get("/settings")).text
    assert f'<a class="btn sm" href="{HERE}">After a restore</a>' in (await it.get("/settings/tasks")).text
    assert (await office.get(HERE)).status == 403
    assert "Texts wait: Handbell was put back from a copy" in said((await office.get("/today")).text)
    senders = (await it.get("/settings/senders")).text
    assert "Closed since Handbell was put back" in said(senders)
    assert "Let it send" not in senders
    assert "Closed after a restore" in (await it.get("/settings/health")).text
    await it.get(HERE)
    await it.post(f"{HERE}/open")
    assert "5 messages are set aside since Handbell was put back" in said((await office.get("/today")).text)
    await it.post(f"{HERE}/decide", what="cancel")
    for who, path in ((office, "/today"), (it, "/menu"), (it, "/settings")):
        page = (await who.get(path)).text
        assert "put back" not in page
        assert HERE not in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_school_that_never_was_restored_has_nothing_to_decide(running: Running) -> None:
    it = await staff.desk(running, Role.IT)
    assert "This database was never put back from a copy." in said((await it.get(HERE)).text)
