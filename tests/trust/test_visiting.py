"""Somebody of one school who may come to another: by one sign-in, as far as their role there, and no longer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import staff, trust, website

from config import settings as reading
from gateway import audit, enclosure, errors, golive, wiring
from gateway.accounts.passwords import Passwords
from gateway.database import Database, Pools
from gateway.doctor import Finding
from gateway.models import Account
from gateway.roles import Role
from gateway.trust import register
from gateway.web import site
from gateway.web.office import door, office, rights

VISITORS = (Role.IT, Role.SAFEGUARDING, Role.READ_ONLY)


@pytest.fixture
async def schools(three: trust.Trust) -> AsyncIterator[list[website.Running]]:
    """The pages of two schools, each with its own log and secret."""
    pools = Pools(size=4)
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for key in three.keys[:2]:

            def changed(gateway, key=key):  # type: ignore[no-untyped-def]
                own = key.encode() * 8
                return replace(website.here(gateway), log=audit.Log(own), secret=own)

            database = Database(three.of(key), pools=pools)
            found.append(await stack.enter_async_context(website.running_on(database, changed=changed)))
        yield found
    await pools.close()


async def let_in(three: trust.Trust, email: str, name: str, role: Role | None) -> None:
    """What ``handbell school let-in`` and ``keep-out`` do to the trust's own rows."""
    oak, beech = (enclosure.name(key) for key in three.keys[:2])
    async with register.opened(three.url) as connection:
        await connection.execute(
            sa.text(f'DELETE FROM "{enclosure.TRUST}".visitor WHERE email = :email'), {"email": email}
        )
        if role:
            row = {"home": oak, "school": beech, "email": email, "name": name, "role": role.value}
            await connection.execute(
                sa.text(
                    f'INSERT INTO "{enclosure.TRUST}".visitor (home, school, email, name, role)'
                    " VALUES (:home, :school, :email, :name, :role)"
                ),
                row,
            )


async def came(browser: staff.Browser, three: trust.Trust, to: website.Running) -> staff.Browser:
    """Go from one school to the other as a browser does: by the button, the page between, and the button there."""
    page = await browser.get("/schools")
    assert three.keys[1].title() in page.text
    between = await browser.post("/schools", school=three.keys[1])
    assert between.status == 200
    way = re.search(r'href="https://[^/"]+(/visit/[^"]+)"', between.text)
    assert way
    there = staff.Browser(to)
    asked = await there.get(way[1])
    assert "You come from" in asked.text
    assert not any(name == "handbell" for name in there.cookies), "to open the address does nothing"
    assert (await there.post(way[1])).status == 303
    again = staff.Browser(to)
    assert (await again.get(way[1])).status == 404  # a pass is good once
    return there


async def test_one_sign_in_reaches_exactly_what_the_role_may_there(
    three: trust.Trust, schools: list[website.Running]
) -> None:
    oak, beech = schools
    for role in VISITORS:
        name = f"Visiting {role.name.title().replace('_', ' ')}"
        desk = await staff.desk(oak, Role.OFFICE, name=name)
        assert desk.account is not None
        assert "no other school" in (await desk.get("/schools")).text
        assert (await desk.post("/schools", school=three.keys[1])).status == 404
        await let_in(three, desk.account.email, name, role)
        there = await came(desk, three, beech)
        for path, page in _pages(beech):
            answer = await there.ask("GET", path)
            refused = answer.status == 403 and "you may not" in answer.text
            assert refused is not rights.may(role, page.right), f"{role} at {path}: {answer.status}"
        # In the school's own log, under the person's name; and a stranger's cookie opens nothing at home.
        [(actor, _, _), *_] = await staff.lines(beech, "session.began")
        assert actor == f"office:{name}"
        assert (await staff.Browser(oak, dict(there.cookies)).get("/menu")).status == 303


def _pages(running: website.Running) -> list[tuple[str, door.Page]]:
    """For each right a page that needs it and shows something to whoever has it: no part in its address, no stream."""
    here = site.Site(running.gateway, list, list, lambda: None, lambda: None, passwords=Passwords(staff.QUICK))
    found = [route for route in office.build(here).routes if isinstance(route, door.Page)]
    shown = [
        page
        for page in found
        if "GET" in (page.methods or ()) and not page.param_convertors and not page.path.endswith("live")
        if page.right is not rights.Right.PUBLIC
    ]
    return [(page.path, page) for page in {page.right: page for page in shown}.values()]


async def test_whoever_is_kept_out_is_out_at_once(three: trust.Trust, schools: list[website.Running]) -> None:
    oak, beech = schools
    desk = await staff.desk(oak, Role.IT, name="Mr Leaver")
    assert desk.account is not None
    email = desk.account.email
    await let_in(three, email, "Mr Leaver", Role.IT)
    there = await came(desk, three, beech)
    assert (await there.get("/menu")).status == 200
    await let_in(three, email, "Mr Leaver", Role.READ_ONLY)  # as something else: what is open ends
    assert (await there.get("/menu")).status == 303
    there = await came(desk, three, beech)
    keeper = await staff.desk(oak, Role.HEAD, name="Ms Keeper")  # his own school lets him in no more
    await keeper.get("/staff")
    assert (await keeper.post(f"/staff/{desk.account.id}/disable")).status == 303
    assert (await there.get("/menu")).status == 303


async def test_a_pass_is_good_for_a_minute_and_opens_no_account_that_has_a_password(
    three: trust.Trust, schools: list[website.Running]
) -> None:
    oak, beech = schools
    desk = await staff.desk(oak, Role.HEAD, name="Ms Both")
    assert desk.account is not None
    await let_in(three, desk.account.email, "Ms Both", Role.HEAD)
    await desk.get("/schools")
    way = re.search(r"(/visit/[^\"]+)\"", (await desk.post("/schools", school=three.keys[1])).text)
    assert way
    beech.clock.at += timedelta(seconds=61)
    assert (await staff.Browser(beech).get(way[1])).status == 404
    beech.clock.at = oak.clock.at
    await staff.person(beech, Role.OFFICE, name="Ms Both")  # and perhaps a code of her phone: neither is gone around
    there = staff.Browser(beech)
    await there.get(way[1])
    answer = await there.post(way[1])
    assert answer.status == 409
    assert "an account of your own" in answer.text


async def test_a_visitor_keeps_no_school_in_its_trial(three: trust.Trust, schools: list[website.Running]) -> None:
    """They have no password there, and no codes that they could switch on: they sign in at home."""
    oak, beech = schools
    head = await staff.person(beech, Role.HEAD, name="Ms Head")
    async with beech.gateway.database.write() as session:
        (await session.get_one(Account, head.id)).secret = "half a secret"  # asked for codes
    desk = await staff.desk(oak, Role.IT, name="Mr Roving")
    assert desk.account is not None
    await let_in(three, desk.account.email, "Mr Roving", Role.IT)
    await came(desk, three, beech)
    assert (await looked(beech)).state == "ok"
    await let_in(three, desk.account.email, "Mr Roving", None)  # not theirs any more: perhaps to get a password here
    found = await looked(beech)
    assert (found.state, found.sentence) == ("bad", "Mr Roving can come in by a password alone.")


async def looked(running: website.Running) -> Finding:
    """What the go-live check says of the staff."""
    [found] = [one for one in await golive.check(replace(running.gateway, channels={})) if one.name == "staff"]
    return found


SCHOOL = """
[school]
name = "{key} Primary School"
short_name = "Primary"
phone = "0113 496 0000"
[absence]
enabled = false
[smtp]
host = "127.0.0.1"
from_address = "office@{key}.example.com"
[audit]
key = "{key}{key}{key}"
"""


async def test_whoever_visits_a_school_is_not_let_on_from_there(
    three: trust.Trust, schools: list[website.Running], tmp_path: Path
) -> None:
    """Or keeping them out at the one would leave them in at the other."""
    (tmp_path / "schools").mkdir()
    file = tmp_path / "handbell.toml"
    file.write_text(
        f'[trust]\nschools = "{tmp_path}/schools"\n[database]\nurl = "{three.url}"\nstate_dir = "{tmp_path}"'
    )
    for key in three.keys:
        (tmp_path / "schools" / f"{key}.toml").write_text(SCHOOL.format(key=key))
    _, beech, cedar = (reading.load(file, environ={}, credentials=None, school=key) for key in three.keys)
    desk = await staff.desk(schools[0], Role.IT, name="Mr Further")
    assert desk.account is not None
    email = desk.account.email
    await let_in(three, email, "Mr Further", Role.IT)
    await came(desk, three, schools[1])
    with pytest.raises(errors.Conflict, match="from another school"):
        await wiring.let_in(beech, cedar, email=email, role=Role.IT, by="it")
    await let_in(three, email, "Mr Further", None)
    invited = await staff.person(schools[1], Role.IT, name="Ms Own", password="")
    assert await wiring.let_in(beech, cedar, email=invited.email, role=Role.IT, by="it") == "Ms Own"
