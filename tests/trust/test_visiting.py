"""Somebody of one school who may come to another: by one sign-in, as far as their role there, and no longer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import staff, trust, website

from config import settings as reading
from config.settings import Settings
from gateway import audit, enclosure, errors, golive, wiring
from gateway.accounts import codes
from gateway.accounts import staff as accounts
from gateway.accounts.passwords import Passwords
from gateway.database import Database, Pools
from gateway.doctor import Finding
from gateway.models import Account, Waiver
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


async def asked_for_codes(browser: staff.Browser) -> None:
    assert browser.account is not None
    async with browser.site.gateway.database.write() as session:
        (await session.get_one(Account, browser.account.id)).secret = "half a secret"


async def came(browser: staff.Browser, three: trust.Trust, to: website.Running) -> staff.Browser:
    """Go from one school to the other as a browser does: by the button, the page between, and the button there. At home
    they are asked for codes.
    """
    await asked_for_codes(browser)
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


async def test_what_is_ended_at_home_is_ended_everywhere(three: trust.Trust, schools: list[website.Running]) -> None:
    oak, beech = schools
    keeper = await staff.desk(oak, Role.HEAD, name="Ms Ender")

    async def another_password(browser: staff.Browser) -> None:
        await browser.get("/account")
        answer = await browser.post("/account/password", password=staff.PASSWORD, new="three more odd words")
        assert answer.status == 303

    async def own(browser: staff.Browser) -> None:
        await browser.get("/account")
        await browser.post("/account/end-sessions")

    async def out(browser: staff.Browser) -> None:
        await browser.get("/account")
        await browser.post("/sign-out")

    def by_it(deed: str, **fields: str) -> Callable[[staff.Browser], Awaitable[None]]:
        async def does(browser: staff.Browser) -> None:
            assert browser.account is not None
            await keeper.get("/staff")
            assert (await keeper.post(f"/staff/{browser.account.id}/{deed}", **fields)).status == 303

        return does

    deeds = [another_password, own, out, by_it("end-sessions"), by_it("no-codes"), by_it("role", role="read_only")]
    for number, deed in enumerate(deeds):
        name = f"Ms Lost {'ABCDEF'[number]}"
        desk, beside = [await staff.desk(oak, Role.IT, name=one) for one in (name, f"{name} too")]
        for one in (desk, beside):
            assert one.account is not None
            await let_in(three, one.account.email, one.account.name, Role.IT)
        there, others = await came(desk, three, beech), await came(beside, three, beech)
        await desk.get("/schools")
        way = re.search(r"(/visit/[^\"]+)\"", (await desk.post("/schools", school=three.keys[1])).text)
        for one in schools:
            one.clock.at += timedelta(seconds=1)
        await deed(desk)
        for one in schools:
            one.clock.at += timedelta(seconds=1)
        assert (await there.get("/menu")).status == 303, name
        assert (await others.get("/menu")).status == 200, "another person's"
        assert way
        assert (await staff.Browser(beech).get(way[1])).status == 404, "nor by the pass in hand"
        if deed is own:  # who is still there at home may come again
            assert (await (await came(desk, three, beech)).get("/menu")).status == 200


async def test_a_visitor_has_no_way_in_of_their_own(three: trust.Trust, schools: list[website.Running]) -> None:
    """No password, by no link; no codes; no token: each would outlast their being kept out."""
    oak, beech = schools
    head = await staff.desk(beech, Role.HEAD, name="Ms Of Beech")
    await asked_for_codes(head)
    desk = await staff.desk(oak, Role.IT, name="Mr Guest")
    assert desk.account is not None
    home = three.keys[0].title()
    await let_in(three, desk.account.email, "Mr Guest", Role.IT)
    await head.get("/staff")
    new = {"name": "Mr Guest", "email": desk.account.email, "role": "it"}
    assert f"comes from {home}" in (await head.post("/staff", **new)).text, "nor before he first comes"
    there = await came(desk, three, beech)
    async with beech.gateway.database.read() as session:
        account = await accounts.one(session, "Mr Guest")
    await head.get(f"/staff/{account.id}")
    answer = await head.post(f"/staff/{account.id}/link")
    assert (answer.status, f"comes from {home}: their password is there" in answer.text) == (422, True)
    for path in ("password", "codes", "no-codes"):
        await there.get("/account")
        said = await there.post(f"/account/{path}", password="x" * 12, new="y" * 12, half=codes.new_half(), code="1")
        assert "at your own school" in said.text, path
    await there.get("/settings/tokens")
    assert "would outlast" in (await there.post("/settings/tokens", name="mine")).text
    await head.post(f"/staff/{account.id}/disable")
    assert (await head.post(f"/staff/{account.id}/enable")).status == 303
    assert (await came(desk, three, beech)).cookies
    # A link from before he was let in opens nothing meanwhile.
    await let_in(three, desk.account.email, "Mr Guest", None)
    made = re.search(r"/new-password/[^\"<]+", (await head.post(f"/staff/{account.id}/link")).text)
    assert made
    assert (await staff.Browser(beech).get(made[0])).status == 200
    await let_in(three, desk.account.email, "Mr Guest", Role.IT)
    assert (await staff.Browser(beech).get(made[0])).status == 409


async def test_who_sees_most_comes_by_a_code_or_not_at_all(three: trust.Trust, schools: list[website.Running]) -> None:
    oak, beech = schools
    desk = await staff.desk(oak, Role.READ_ONLY, name="Ms Codeless")
    assert desk.account is not None

    async def comes(role: Role) -> website.Answer:
        assert desk.account is not None
        await let_in(three, desk.account.email, "Ms Codeless", role)
        await desk.get("/schools")
        way = re.search(r"(/visit/[^\"]+)\"", (await desk.post("/schools", school=three.keys[1])).text)
        assert way
        there = staff.Browser(beech)
        await there.get(way[1])
        return await there.post(way[1])

    for role in (Role.IT, Role.HEAD, Role.SAFEGUARDING):
        answer = await comes(role)
        assert (answer.status, f"at {three.keys[0].title()}" in answer.text) == (409, True)
    assert (await comes(Role.OFFICE)).status == 303
    async with beech.gateway.database.write() as session:
        waived = Waiver(of="staff", because="new phones come on Monday", at=beech.gateway.now(), by="head")
        session.add(waived)
    assert (await comes(Role.IT)).status == 303, "as this school's own"
    async with beech.gateway.database.write() as session:
        await session.delete(waived)
    await asked_for_codes(desk)
    assert (await comes(Role.IT)).status == 303


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


def configured(three: trust.Trust, folder: Path) -> list[Settings]:
    (folder / "schools").mkdir()
    file = folder / "handbell.toml"
    file.write_text(f'[trust]\nschools = "{folder}/schools"\n[database]\nurl = "{three.url}"\nstate_dir = "{folder}"')
    for key in three.keys:
        (folder / "schools" / f"{key}.toml").write_text(SCHOOL.format(key=key))
    return [reading.load(file, environ={}, credentials=None, school=key) for key in three.keys]


async def test_to_migrate_a_school_brings_up_to_date_what_they_share(three: trust.Trust, tmp_path: Path) -> None:
    columns = sa.text(
        f"SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('{enclosure.TRUST}.visitor') AND attname = 'ended_at'"
    )
    async with register.opened(three.url) as connection:
        await connection.execute(sa.text(f'ALTER TABLE "{enclosure.TRUST}".visitor DROP COLUMN ended_at'))
        assert await connection.scalar(columns) is None
    await wiring.set_up(configured(three, tmp_path)[2])
    async with register.opened(three.url) as connection:
        assert await connection.scalar(columns) == 1
    for key in three.keys:  # the others go on without their own migration
        database = Database(three.of(key))
        async with database.write() as session:
            await session.execute(sa.text(f'UPDATE "{enclosure.TRUST}".visitor SET ended_at = now()'))
            await session.rollback()
        await database.close()


async def test_whoever_visits_a_school_is_not_let_on_from_there(
    three: trust.Trust, schools: list[website.Running], tmp_path: Path
) -> None:
    """Or keeping them out at the one would leave them in at the other."""
    _, beech, cedar = configured(three, tmp_path)
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
