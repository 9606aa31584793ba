"""Settings, health, tasks, senders, tokens and the search: by right, with secrets hidden, and as the commands do it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import absences, staff
from support.databases import Fresh
from support.website import MUM, Family, Running, running_on

from channels.base import Medium
from config import settings as reading
from gateway import context, senders, tasks, tokens, trial
from gateway.models import Contact, Conversation, Inbound, Reply, Sender
from gateway.models.types import core
from gateway.roles import Role
from gateway.web.office import settings

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def said(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def test_every_setting_is_named_with_its_origin_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "handbell.toml"
    school = '[school]\nname = "Oakfield"\nshort_name = "Oak"\nphone = "020 7946 0000"\n'
    file.write_text(f'{school}\n[[twilio.sms_senders]]\naddress = "+447700900999"\n', "utf-8")
    secrets = {
        "HANDBELL_AUDIT__KEY": "k" * 40,
        "HANDBELL_TWILIO__AUTH_TOKEN": "t0ken" * 8,
        "HANDBELL_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "HANDBELL_DATABASE__STATE_DIR": str(tmp_path),
    }
    loaded = reading.load(file, environ=secrets, credentials=None)
    found = {one.key: one for one in settings.listed(loaded)}
    assert (found["school.name"].value, found["school.name"].origin) == ("Oakfield", f"in {file} line 2")
    assert (found["school.timezone"].origin, found["audit.key"].value) == ("", "**********")
    assert found["audit.key"].origin
    assert "HANDBELL_AUDIT__KEY" in found["audit.key"].origin
    assert "+447700900999" in found["twilio.sms_senders"].value
    assert not [one for one in found.values() if "kkkk" in one.value or "t0ken" in one.value]
    assert all(key in found or any(one.startswith(f"{key}.") for one in found) for _, key in settings.FOR_WHAT)


@SQLITE
async def test_what_is_in_force_and_who_may_see_it(api: Running, family: Family) -> None:
    it, head = [await staff.desk(api, role) for role in (Role.IT, Role.HEAD)]
    page = said((await it.get("/settings")).text)
    assert "1,200" not in page
    assert "Who may approve" in page
    assert "A Head" in page
    assert "Two people at least must be able to" in page
    assert re.search(r"promised an answer ?1 school day ?desk\.question_within", page)
    assert re.search(r"Terms and closed days ?no terms are set", page)
    every = await head.get("/settings/all")
    assert "**********" in every.text or "nothing" in every.text
    for role in (Role.OFFICE, Role.TEACHER, Role.SAFEGUARDING, Role.READ_ONLY):
        desk = await staff.desk(api, role)
        for path in ("/settings", "/settings/all", "/settings/health", "/settings/senders", "/settings/tokens"):
            assert (await desk.get(path)).status == 403


@SQLITE
async def test_health_is_a_word_outside_and_a_page_inside(api: Running, family: Family) -> None:
    assert ((await api.ask("GET", "/health")).status, (await api.ask("GET", "/health")).text) == (200, "yes\n")
    it = await staff.desk(api, Role.IT)
    assert "Messages leave, and answers come in" in (await it.get("/settings/health")).text
    api.stuck.append("sealer")
    assert ((await api.ask("GET", "/health")).status, (await api.ask("GET", "/health")).text) == (503, "no\n")
    reasons = (await api.ask("GET", "/readyz")).json["reasons"]
    page = said((await it.get("/settings/health")).text)
    assert reasons == ["The sealer has not turned for a minute."]
    assert "1 thing stands in the way" in page
    assert reasons[0] in page
    assert "The last copy No copy of the database was ever made. Say handbell backup make" in page
    whole = said((await it.get("/settings/health?look=all")).text)
    assert "GB free for" in whole


async def test_a_sender_is_held_and_let_go(api: Running, family: Family) -> None:
    it = await staff.desk(api, Role.IT, name="Mr Singh")
    async with api.gateway.database.read() as session:
        number = next(one.id for one in await senders.listed(session) if one.channel == "smtp")
    assert (await it.post(f"/settings/senders/{number}/hold", span="9")).status == 422
    assert (await it.post(f"/settings/senders/{number}/hold", span="24")).status == 303
    async with api.gateway.database.read() as session:
        row = await session.get_one(Sender, number)
        assert row.held_until == api.gateway.now() + timedelta(days=1)
    page = said((await it.get("/settings/senders")).text)
    assert "Held back until 24 November, 9:00" in page
    assert "Mr Singh holds it back." in page
    assert [who for who, _, _ in await staff.lines(api, "sender.held")] == ["office:Mr Singh"]
    assert (await it.post(f"/settings/senders/{number}/release")).status == 303
    assert (await it.post(f"/settings/senders/{number}/release")).status == 422
    assert (await it.post(f"/settings/senders/{'9' * 20}/hold", span="1")).status == 404
    assert "free parts" not in page
    async with api.gateway.database.write() as session:
        row = await session.get_one(Sender, number)
        row.free_parts, row.year, row.year_parts = 5000, 2026, 1234
    assert "This year 1,234 of 5,000 free parts are used" in said((await it.get("/settings/senders")).text)


@SQLITE
async def test_a_token_is_shown_once_works_and_ends(api: Running) -> None:
    head = await staff.desk(api, Role.HEAD, name="Mrs Okafor")
    bad = await head.post("/settings/tokens", name="<b>", read_only="yes")
    assert (bad.status, 'value="&lt;b&gt;"' in bad.text) == (422, True)
    made = await head.post("/settings/tokens", name="timetable", read_only="yes")
    [token] = re.findall(r"hb_[\w-]{30,}", made.text)
    async with api.gateway.database.read() as session:
        found = await tokens.check(session, token)
        assert found is not None
        assert found.read_only
    assert token not in (await head.get("/settings/tokens")).text
    assert (await head.post("/settings/tokens", name="timetable")).status == 422
    assert (await head.post("/settings/tokens/revoke", name="timetable")).status == 303
    assert (await head.post("/settings/tokens/revoke", name="timetable")).status == 409
    async with api.gateway.database.read() as session:
        assert await tokens.check(session, token) is None


@SQLITE
async def test_a_task_is_seen_to(api: Running) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        ask = tasks.Ask("test", "point:1", "A number is in use twice.", "Ask the family.", urgent=True)
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
    desk = await staff.desk(api, Role.OFFICE, name="Jo Whitfield")
    page = said((await desk.get("/settings/tasks")).text)
    assert "1 thing needs somebody to see to it" in page
    assert "Urgent A number is in use twice. Ask the family." in page
    assert (await desk.post("/settings/tasks/1")).status == 303
    again = await desk.post("/settings/tasks/1")
    assert (again.status, "was done already" in again.text) == (422, True)
    assert "Nothing needs anybody" in (await desk.get("/settings/tasks")).text
    assert (await desk.post(f"/settings/tasks/{'9' * 20}")).status == 404


@SQLITE
async def test_one_box_finds_by_right(api: Running, family: Family) -> None:
    gateway, now = api.gateway, api.gateway.now()
    async with gateway.database.write() as session:
        talk = Conversation(medium=Medium.SMS, address=MUM, contact_id=family.mum, last_at=now, owner="Ms 5B")
        inbound = Inbound(channel="t", event_id="1", kind="reply", event={}, raw={}, received_at=now)
        session.add_all([talk, inbound])
        await session.flush()
        words = "Her coat is at Nowak's shop"
        session.add(
            Reply(
                conversation_id=talk.id or 0,
                inbound_id=inbound.id or 0,
                contact_id=family.mum,
                at=now,
                body=words,
                sorted_at=now,
            )
        )
    office, it = [await staff.desk(api, role) for role in (Role.OFFICE, Role.IT)]
    page = said((await office.get("/search?q=nowak")).text)
    assert "Nowak family" in page
    assert "Her coat is at Nowak's shop" in page
    assert "Nothing is found" in (await office.get("/search?q=zzz")).text
    assert "Write a little more" in (await office.get("/search?q=z")).text
    assert "Nothing is found" in (await it.get("/search?q=nowak")).text
    own, other = [await staff.desk(api, Role.TEACHER, name=f"Ms {form}", forms=[form]) for form in ("5B", "3A")]
    assert "Her coat" in (await own.get("/search?q=coat")).text
    assert "Nothing is found" in (await other.get("/search?q=coat")).text
    assert "Ana" in (await other.get("/search?q=nowak")).text
    assert "Ben" not in (await other.get("/search?q=nowak")).text
    await office.post("/hide-names", hide="yes", back="/")
    hidden = (await office.get("/search?q=nowak")).text
    assert "Nowak" not in hidden
    async with gateway.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(core(Contact))) == 2


async def test_settings_of_a_school_with_a_calendar(fresh: Fresh) -> None:
    def changed(gateway: context.Gateway) -> context.Gateway:
        return replace(gateway, settings=absences.settings())

    async with fresh() as database, running_on(database, changed=changed) as running:
        it = await staff.desk(running, Role.IT)
        assert (await it.get("/settings")).status == 200


@SQLITE
async def test_every_page_says_that_a_trial_goes_on_until_it_is_ended(api: Running) -> None:
    gateway = api.gateway
    log, now = gateway.log, gateway.now()
    async with gateway.database.write() as session:
        await trial.begin_if_new(session, wanted=True, log=log, now=now)
        await trial.add_guest(session, "07700 900111", "Mr Reilly", actor="office", log=log, now=now)
    office, it = await staff.desk(api, Role.OFFICE), await staff.desk(api, Role.IT)
    stripe = "Trial: only guests get anything, families nothing, not even an alarm."
    for path in ("/today", "/families", "/announcements"):
        page = said((await office.get(path)).text)
        assert stripe in page
        assert "Mr Reilly" not in page
    assert "Whatever is sent reaches 1 guest: Mr Reilly." in said((await it.get("/settings/health")).text)
    async with gateway.database.write() as session:
        await trial.end(session, waived=[], actor="office", log=log, now=now)
    assert stripe not in said((await office.get("/today")).text)
