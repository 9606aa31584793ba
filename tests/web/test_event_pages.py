"""The page behind an invitation's link, the calendar of a form, and the API of events, on a real site."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import icalendar
import pytest
import sqlalchemy as sa
from support import staff
from support.website import PUBLIC, Family, Running, running_on

from channels.base import Medium
from gateway import notices
from gateway.database import Database
from gateway.definitions import reading
from gateway.events import feed
from gateway.models import Contact, EventGuest, EventSlot, Guardianship, Message, MessageState, Pupil
from gateway.models.types import core
from gateway.one_person import joining
from gateway.roles import Role

TIMES = [{"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T15:50:00", "minutes": 10, "forms": ["3A"]}]


@pytest.fixture
async def running(sqlite_database: Database) -> AsyncIterator[Running]:
    async with running_on(sqlite_database) as site:
        yield site


async def invite(
    running: Running,
    key: str = "evening",
    audience: Mapping[str, Sequence[str]] = MappingProxyType({"forms": ("3A",)}),
    title: str = "Parents' evening",
    **event: Any,
) -> None:
    definition = reading.read(
        {
            "key": key, "kind": "event", "title": title, "purpose": "service",
            "template": "event_invitation", "audience": {who: list(some) for who, some in audience.items()},
            "media": ["email"],
            "event": {"starts": "2026-12-08T15:30:00", "place": "the hall"} | event,
        }
    )  # fmt: skip
    async with running.gateway.database.write() as session:
        await notices.submit(session, running.gateway, definition, author="office")
    async with running.gateway.database.write() as session:
        await notices.plan_due(session, running.gateway)


async def link(running: Running) -> str:
    t = core(Message).c
    async with running.gateway.database.read() as session:
        [body] = await session.scalars(sa.select(t.body).where(t.medium == Medium.EMAIL, t.body != ""))
    found = re.search(rf"{PUBLIC}(/e/\S+)", body)
    assert found is not None, body
    return found[1]


async def guest(running: Running) -> EventGuest:
    async with running.gateway.database.read() as session:
        return (await session.scalars(sa.select(EventGuest))).one()


async def slot_ids(running: Running) -> list[int]:
    async with running.gateway.database.read() as session:
        return list(await session.scalars(sa.select(core(EventSlot).c.id).order_by(core(EventSlot).c.starts_at)))


async def test_a_teacher_sees_of_an_event_the_families_of_their_own_form(running: Running, family: Family) -> None:
    await invite(running, audience={"forms": ["3A", "5B"]})
    async with running.gateway.database.write() as session:
        session.add(Pupil(source_id="P3", forename="Cy", surname="Other", form="4B"))
    for role, forms, ana, ben in (
        (Role.OFFICE, [], True, True), (Role.TEACHER, ["3A"], True, False), (Role.TEACHER, ["4B"], False, False),
    ):  # fmt: skip
        desk = await staff.desk(running, role, name=" ".join(["Mx", role.value, *forms]), forms=forms)
        page = (await desk.get("/calendar/events/evening")).text
        assert ("Ana" in page, "Ben" in page, "5B" in page) == (ana, ben, ben), (role, forms)
        assert f": 0 of {int(ana)} famil" in page


async def test_a_look_shows_and_never_acts(running: Running, family: Family) -> None:
    await invite(running, sessions=TIMES)
    path = await link(running)
    for method in ("GET", "HEAD", "GET"):
        page = await running.ask(method, path)
        assert page.status == 200
    assert "Parents&#39; evening" in page.text
    assert "This is about Ana." in page.text
    assert "3:30pm" in page.text
    assert "<script" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Nowak" not in page.text
    assert (await guest(running)).state == "invited"


async def test_a_post_answers_and_answers_again(running: Running, family: Family) -> None:
    await invite(running, sessions=TIMES)
    path, ids = await link(running), await slot_ids(running)
    page = await running.ask("POST", path, data={"answer": f"slot {ids[1]}"})
    assert "thank you, we have your answer: Tuesday 8 December, 3:40pm." in page.text
    again = await running.ask("POST", path, data={"answer": f"slot {ids[0]}", "interpreter": "1"})
    assert "3:30pm." in again.text
    found = await guest(running)
    assert (found.state, found.slot_id, found.interpreter, found.how, found.by) == (
        "coming", ids[0], True, "page", "Ms Ewa Nowak"
    )  # fmt: skip
    no = await running.ask("POST", path, data={"answer": "not_coming"})
    assert "we have your answer: not coming." in no.text
    nothing = await running.ask("POST", path, data={"answer": "slot 99999999999999999999"})
    assert nothing.status == 200
    assert (await guest(running)).state == "not_coming"


async def test_where_every_time_is_taken_the_page_has_a_waiting_list(running: Running, family: Family) -> None:
    await invite(running, sessions=TIMES)
    path = await link(running)
    async with running.gateway.database.write() as session:
        await session.execute(sa.update(EventSlot).values(taken=1))
    assert 'value="coming"' in (await running.ask("GET", path)).text
    page = await running.ask("POST", path, data={"answer": "coming"})
    assert "You are on the waiting list" in page.text
    assert (await guest(running)).state == "waiting"


async def test_a_link_ends_and_cannot_be_made_up(running: Running, family: Family) -> None:
    await invite(running)
    path = await link(running)
    head, token = path.rsplit("/", 1)
    _, _, number, contact, until = head.split("/")
    for wrong in (
        f"/e/{int(number) + 1}/{contact}/{until}/{token}",
        f"/e/{number}/{int(contact) + 1}/{until}/{token}",
        f"/e/{number}/{contact}/{int(until) + 1}/{token}",
        f"/e/{number}/{contact}/99999999999999999/{token}",
        f"{head}/{'0' * 32}",
        f"{head}/%C3%A9",
    ):
        assert (await running.ask("POST", wrong, data={"answer": "coming"})).status == 404, wrong
    running.clock.pass_by(days=60)
    assert (await running.ask("GET", path)).status == 404
    assert (await running.ask("POST", path, data={"answer": "coming"})).status == 404
    assert (await guest(running)).state == "invited"


async def test_who_was_barred_since_sees_nothing(running: Running, family: Family) -> None:
    await invite(running)
    path = await link(running)
    async with running.gateway.database.write() as session:
        await session.execute(sa.update(Guardianship).values(no_contact=True))
    assert (await running.ask("GET", path)).status == 404
    assert (await running.ask("POST", path, data={"answer": "coming"})).status == 404


async def test_the_link_of_who_was_merged_into_another_contact_still_answers(running: Running, family: Family) -> None:
    await invite(running)
    path = await link(running)
    async with running.gateway.database.write() as session:
        merged = int(path.split("/")[3])
        kept = Contact(source_id="C77", forename="Ewa", surname="Nowak")
        session.add(kept)
        await session.flush()
        log, now = running.gateway.log, running.gateway.now()
        await joining.merge(session, kept.id or 0, merged, by="Mrs Okafor", log=log, now=now)
    assert (await running.ask("GET", path)).status == 200
    assert (await running.ask("POST", path, data={"answer": "coming"})).status == 200
    assert ((await guest(running)).state, (await guest(running)).by) == ("coming", "Ms Ewa Nowak")


async def test_a_form_has_a_calendar_that_says_when_nothing_has_changed(api: Running, family: Family) -> None:
    await invite(api)
    path = feed.url(api.gateway, "3A").removeprefix(PUBLIC)
    first = await api.ask("GET", path)
    [event] = icalendar.Calendar.from_ical(first.text).walk("VEVENT")
    assert (str(event["summary"]), str(event["location"]), event["sequence"]) == ("Parents' evening", "the hall", 0)
    for name in ("Ana", "Ewa", "Nowak", "ewa@example.com"):
        assert name not in first.text
    same = await api.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status, same.text) == (304, "")
    async with api.gateway.database.write() as session:  # what has not left is written anew, and tells of no change
        await session.execute(sa.update(core(Message)).values(state=MessageState.DELIVERED))
    told = await api.api("POST", "/events/evening/change", json={"place": "the library"})
    assert (told.status, told.json) == (200, {"families": 1, "notices": ["evening-changed"]})
    new = await api.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert new.status == 200
    assert "the library" in new.text
    assert "SEQUENCE:1" in new.text
    await invite(api, "review", {"pupils": ["P1"]}, title="Review for Ana")
    assert "Review" not in (await api.ask("GET", path)).text, "the form is not told of one child's"
    async with api.gateway.database.write() as session:
        await notices.cancel(session, api.gateway, "evening", actor="office")
    taken_out = (await api.ask("GET", path)).text
    assert ("STATUS:CANCELLED" in taken_out, "SEQUENCE:2" in taken_out) == (True, True)
    other = await api.ask("GET", feed.url(api.gateway, "5B").removeprefix(PUBLIC))
    assert "VEVENT" not in other.text
    for wrong in (path.replace("3341", "3342"), path.replace("3341", "zz"), f"{path[:-5]}0.ics"):
        if wrong != path:
            assert (await api.ask("GET", wrong)).status == 404


@pytest.mark.usefixtures("family")
async def test_the_api_answers_for_a_family_once_for_each_key(api: Running) -> None:
    await invite(api, sessions=TIMES)
    [event] = (await api.api("GET", "/events")).json
    assert (event["key"], event["counts"]) == ("evening", {"invited": 1})
    shown = (await api.api("GET", "/events/evening")).json
    [invited] = shown["guests"]
    assert (invited["pupils"], invited["state"], invited["told"]) == (["P1"], "invited", True)
    times = (await api.api("GET", "/events/evening/slots")).json
    path = f"/events/evening/guests/{invited['id']}/answer"
    for _ in range(2):
        done = await api.api("POST", path, key="k1", json={"slot_id": times[0]["id"]})
        assert done.json == {"outcome": "coming", "state": "coming", "slot_id": times[0]["id"]}
    assert (await api.api("POST", path, json={"answer": "interpreter"})).json["outcome"] == "noted"
    assert (await api.api("GET", "/events/evening")).json["interpreters"] == {"English": 1}
    assert (await api.api("POST", "/events/evening/guests/99/answer", json={})).status == 404
    assert (await api.api("POST", path, json={"answer": "stop"})).status == 422
    both = await api.api("POST", path, json={"answer": "not_coming", "slot_id": times[0]["id"]})
    assert both.status in (400, 422), both.text
    assert (await api.api("POST", path, json={"slot_id": 99})).status == 404
    early = await api.api("POST", "/events/evening/attended", json={"came": [invited["id"]]})
    assert early.status == 409
    cancelled = await api.api("POST", "/events/evening/cancel", json={"details": "Snow."})
    assert cancelled.json == {"families": 1, "notices": ["evening-cancelled"]}
