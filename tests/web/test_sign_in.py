"""Signing in, staying in, and being signed out."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import argon2
import pyotp
import pytest
import sqlalchemy as sa
from support import school, staff
from support.website import Answer, Running

from gateway.accounts import delays, links
from gateway.accounts import staff as accounts
from gateway.accounts.means import Means
from gateway.models import Account, AccountSession
from gateway.roles import Role

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def is_in(browser: staff.Browser) -> bool:
    answer = await browser.get("/account")
    assert answer.status == 200 or answer.headers["Location"].startswith("/sign-in?next=/account")
    return answer.status == 200


async def test_whoever_signs_in_is_led_to_where_they_wanted_to_go(running: Running) -> None:
    jo, browser = await staff.person(running, Role.HEAD, name="Jo Whitfield"), staff.Browser(running)
    assert (await staff.sign_in(staff.Browser(running), jo, next="//elsewhere.example")).headers["Location"] == "/"
    refused = await browser.get("/staff?x=1")
    assert (refused.status, refused.headers["Location"]) == (303, "/sign-in?next=/staff%3Fx%3D1")
    form = await browser.get(refused.headers["Location"])
    assert 'value="/staff?x=1"' in form.text
    answer = await staff.sign_in(browser, jo, next="/staff?x=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/staff?x=1")
    cookies = answer.headers.getall("Set-Cookie")  # type: ignore[attr-defined]
    assert {one.partition("=")[0] for one in cookies} == {"__Host-handbell", "__Host-handbell-known"}
    assert all({"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(one.split("; ")) for one in cookies)
    page = await browser.get("/staff")
    assert (page.status, page.headers["Handbell-Ends-In"]) == (200, "1200")
    assert page.headers["Cache-Control"] == "no-store"
    assert {line[:2] for line in await staff.lines(running, "session.began")} == {
        ("office:Jo Whitfield", f"account:{jo.id}")
    }
    async with running.gateway.database.read() as session:
        kept = (await session.scalars(sa.select(AccountSession))).all()
    assert browser.cookies["__Host-handbell"] not in str(kept), "a copy of the database opens nothing"


async def test_what_is_wrong_is_not_said(running: Running) -> None:
    """A wrong password, an unknown name, one who has chosen no password and one who has left look the same."""
    jo, gone = await staff.person(running, Role.HEAD), await staff.person(running, Role.OFFICE)
    fresh = await staff.person(running, Role.TEACHER, password="")
    async with running.gateway.database.write() as session:
        by = Means(running.gateway.log, running.gateway.now())
        await accounts.disable(session, await accounts.find(session, gone.id), means=by)
    nobody = jo.model_copy(update={"email": "nobody@school.example"})
    answers = set()
    for who, password in ((jo, "wrong"), (nobody, staff.PASSWORD), (gone, staff.PASSWORD), (fresh, "")):
        answer = await staff.sign_in(staff.Browser(running), who, password)
        shown = re.sub(r'name="csrf" value="\w+"', "", answer.text).replace(who.email, "")
        answers.add((answer.status, shown, "__Host-handbell=" in str(answer.headers)))
    assert len(answers) == 1
    assert next(iter(answers))[::2] == (422, False)
    failed = await staff.lines(running, "sign_in.failed")
    assert {subject for _, subject, _ in failed} == {"", *(f"account:{one.id}" for one in (jo, gone, fresh))}
    assert "@" not in str(failed), "people type passwords into the wrong field"


async def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(running: Running) -> None:
    jo = await staff.person(running, Role.HEAD)
    older = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    async with running.gateway.database.write() as session:
        (await accounts.find(session, jo.id)).password = older.hash(staff.PASSWORD)
    for _ in range(2):
        assert (await staff.sign_in(staff.Browser(running), jo)).status == 303
        async with running.gateway.database.read() as session:
            assert not staff.QUICK.check_needs_rehash((await accounts.one(session, jo.id)).password)


async def test_guessing_takes_longer_and_longer_and_keeps_nobody_out_of_their_own_browser(running: Running) -> None:
    jo, own = await staff.person(running, Role.HEAD), staff.Browser(running)
    await staff.sign_in(own, jo)
    await own.get("/account")
    await own.post("/sign-out")
    stranger = staff.Browser(running)
    waits = []
    for _ in range(14):
        answer = await staff.sign_in(stranger, jo, "wrong")
        if answer.status == 429:
            waits.append(int(answer.headers["Retry-After"]))
            assert (await staff.sign_in(stranger, jo)).status == 429, "not even the right one is looked at"
            running.clock.pass_by(seconds=waits[-1])
            answer = await staff.sign_in(stranger, jo, "wrong")
        assert (answer.status, at_its_field(answer.text)) == (422, ["password"])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert (await staff.sign_in(stranger, jo)).status == 429
    own.page = None
    assert (await staff.sign_in(own, jo)).status == 303
    running.clock.pass_by(seconds=900)  # the longest there is
    assert (await staff.sign_in(stranger, jo)).status == 303


async def test_a_thousand_tries_at_once_are_a_thousand(running: Running) -> None:
    jo, browser = await staff.person(running, Role.HEAD), staff.Browser(running)
    await browser.get("/sign-in")
    answers = await asyncio.gather(*(staff.sign_in(browser, jo, "wrong") for _ in range(12)))
    assert sorted(one.status for one in answers) == [422] * 5 + [429] * 7


async def test_many_names_from_one_address_are_slowed_down(running: Running) -> None:
    jo, browser = await staff.person(running, Role.HEAD), staff.Browser(running)
    async with running.gateway.database.write() as session:
        for _ in range(50):
            assert not await delays.count(session, [delays.address("127.0.0.1")], now=running.gateway.now())
    assert (await staff.sign_in(browser, jo)).status == 429
    running.clock.pass_by(seconds=2)
    assert (await staff.sign_in(browser, jo)).status == 303


async def test_a_sign_in_ends_when_nobody_is_there_and_when_it_is_old(running: Running) -> None:
    jo, browser = await staff.person(running, Role.HEAD), staff.Browser(running)
    await staff.sign_in(browser, jo)
    for _ in range(3):
        running.clock.pass_by(minutes=19)
        assert await is_in(browser)
    running.clock.pass_by(minutes=20)
    ended = await browser.get("/account")
    assert ended.headers["Location"] == "/sign-in?next=/account&ended=1"
    assert "nothing was done here for 20 minutes" in (await browser.get(ended.headers["Location"])).text
    await staff.sign_in(browser, jo)
    begun = running.clock.at
    while running.clock.at < begun + timedelta(hours=12, minutes=-18):
        running.clock.pass_by(minutes=18)
        assert await is_in(browser)
    assert (await browser.get("/account")).headers["Handbell-Ends-In"] == "1080"
    running.clock.pass_by(minutes=18)
    assert not await is_in(browser)
    why = {body.partition('"why":')[2] for *_, body in await staff.lines(running, "session.ended")}
    assert why == {'"idle"}', '"old"}'}


async def test_a_page_that_asks_by_itself_is_no_sign_of_life(running: Running) -> None:
    jo = await staff.desk(running, Role.HEAD)
    assert (await jo.post("/sign-in/stay")).status == 204
    running.clock.pass_by(minutes=15)
    stayed = await jo.post("/sign-in/stay")
    assert stayed.headers["Handbell-Ends-In"] == "1200"


async def test_a_sign_in_has_an_id_of_its_own_and_the_way_out_ends_it(running: Running) -> None:
    jo, browser = await staff.person(running, Role.HEAD), staff.Browser(running)
    browser.cookies["__Host-handbell"] = "chosen-by-somebody-else"
    await staff.sign_in(browser, jo)
    first = browser.cookies["__Host-handbell"]
    assert first != "chosen-by-somebody-else"
    assert await is_in(browser)
    left = await browser.post("/sign-out")
    assert (left.status, "__Host-handbell" in browser.cookies) == (303, False)
    browser.cookies["__Host-handbell"] = first
    assert not await is_in(browser), "the cookie of an ended sign-in opens nothing"


async def test_people_see_where_they_are_signed_in_and_end_it(running: Running) -> None:
    jo = await staff.person(running, Role.OFFICE)
    here, there = staff.Browser(running), staff.Browser(running)
    for browser, agent in ((here, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"), (there, "Chrome/1 (Android 14)")):
        page = await browser.get("/sign-in")
        assert page.status == 200
        answer = await browser.post(
            "/sign-in", email=jo.email.upper(), password=staff.PASSWORD, headers={"User-Agent": agent}
        )
        assert answer.status == 303
    page = await here.get("/account")
    assert "Firefox, Windows" in page.text
    assert "Chrome, Android" in page.text
    [other] = re.findall(r'name="session" value="(\w+)"', page.text)
    await here.post("/account/end-sessions", session=other)
    assert await is_in(here)
    assert not await is_in(there)
    somebody = await staff.desk(running, Role.HEAD)
    async with running.gateway.database.read() as session:
        [mine] = (await session.scalars(sa.select(AccountSession).where(AccountSession.account_id == jo.id))).all()  # type: ignore[arg-type]
    assert (await somebody.post("/account/end-sessions", session=mine.id)).status == 404, "it is not theirs to end"
    assert await is_in(here)
    assert (await somebody.post(f"/staff/{jo.id}/end-sessions")).status == 303
    assert not await is_in(here)


async def test_a_new_password_ends_every_other_sign_in(running: Running) -> None:
    jo = await staff.person(running, Role.OFFICE, name="Jo Whitfield")
    here, there = staff.Browser(running), staff.Browser(running)
    for browser in (here, there):
        await staff.sign_in(browser, jo)
    before = here.cookies["__Host-handbell"]
    await here.get("/account")
    for wrong, new, said in (
        ("wrong", "correct horse battery", "This is not your password."),
        (staff.PASSWORD, "short", "12 characters or more"),
        (staff.PASSWORD, "JoWhitfield1", "Others would guess"),
        (staff.PASSWORD, "password1234", "Others would guess"),
        (staff.PASSWORD, "aaaaaaaaaaaaa", "Others would guess"),
    ):
        refused = await here.post("/account/password", password=wrong, new=new)
        assert (refused.status, said in html.unescape(refused.text)) == (422, True), said
        assert at_its_field(refused.text) == ["password" if wrong == "wrong" else "new"], said
    changed = await here.post("/account/password", password=staff.PASSWORD, new="correct horse battery")
    assert changed.headers["Location"] == "/account"
    assert here.cookies["__Host-handbell"] != before
    assert await is_in(here)
    assert not await is_in(there)
    there.page = None
    assert (await staff.sign_in(there, jo)).status == 422
    assert (await staff.sign_in(there, jo, "correct horse battery")).status == 303


@pytest.mark.parametrize("deed", ["role", "disable"])
async def test_another_role_and_the_end_of_an_account_end_what_is_open(running: Running, deed: str) -> None:
    it, jo = await staff.desk(running, Role.IT), await staff.desk(running, Role.OFFICE)
    assert jo.account is not None
    assert await is_in(jo)
    assert (await it.post(f"/staff/{jo.account.id}/{deed}", role="teacher")).status == 303
    assert not await is_in(jo)
    action = {"role": "staff.role_changed", "disable": "staff.disabled"}[deed]
    [(actor, subject, _)] = await staff.lines(running, action)
    assert (actor, subject) == ("office:A It", f"account:{jo.account.id}")


async def test_the_last_one_who_can_let_others_in_stays(running: Running) -> None:
    head = await staff.desk(running, Role.HEAD)
    assert head.account is not None
    for deed in ("disable", "role"):
        refused = await head.post(f"/staff/{head.account.id}/{deed}", role="office")
        assert (refused.status, "the last one who can let others in" in refused.text) == (422, True)
    await staff.person(running, Role.IT)
    assert (await head.post(f"/staff/{head.account.id}/disable")).status == 303


class Phone:
    """An authenticator, and the clock that it shares with the gateway."""

    def __init__(self, running: Running, secret: str):
        self._running, self._totp = running, pyotp.TOTP(secret)

    def code(self) -> str:
        return self._totp.at(int(self._running.clock.at.timestamp()))


def at_its_field(page: str) -> list[str]:
    """The fields of a page at which a problem stands: each is described by it, and the summary leads there."""
    found = re.findall(r'<p class="err-msg" id="(\w+)-err">', page)
    for field in found:
        assert re.search(
            rf'<input [^>]*id="{field}"[^>]* aria-invalid="true" aria-describedby="[^"]*\b{field}-err"', page
        )
        assert f'<a href="#{field}">' in page
    return found


async def with_phone(running: Running, jo: Account, browser: staff.Browser) -> tuple[Phone, list[str]]:
    page = await browser.get("/account/codes")
    found = re.search(r'<code class="break">([A-Z2-7 ]+)</code>.*name="half" value="(\w+)"', page.text, re.DOTALL)
    assert found
    assert "<svg" in page.text
    assert "style=" not in page.text
    phone = Phone(running, found[1].replace(" ", ""))
    for code, password, field in (("000000", staff.PASSWORD, "code"), (phone.code(), "x", "password")):
        refused = await browser.post("/account/codes", half=found[2], code=code, password=password)
        assert (refused.status, at_its_field(refused.text)) == (422, [field])
    sheet = await browser.post("/account/codes", half=found[2], code=phone.code(), password=staff.PASSWORD)
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", sheet.text)
    assert len(codes) == 8
    return phone, codes


async def half(running: Running, jo: Account) -> staff.Browser:
    browser = staff.Browser(running)
    answer = await staff.sign_in(browser, jo, next="/account")
    assert answer.headers["Location"] == "/sign-in/code?next=/account"
    assert not await is_in(browser), "the password alone opens nothing"
    await browser.get("/sign-in/code?next=/account")
    return browser


async def test_a_code_of_the_phone_is_asked_for_and_taken_once(running: Running) -> None:
    jo, browser = await staff.person(running, Role.OFFICE), staff.Browser(running)
    await staff.sign_in(browser, jo)
    phone, _ = await with_phone(running, jo, browser)
    assert await is_in(browser)
    first = await half(running, jo)
    used = phone.code()
    assert (await first.post("/sign-in/code", code=used)).status == 422, "it was used to set the phone up"
    running.clock.pass_by(seconds=30)
    code = phone.code()
    before = first.cookies["__Host-handbell"]
    answer = await first.post("/sign-in/code", code=f" {code[:3]} {code[3:]} ", next="/account")
    assert (answer.status, answer.headers["Location"]) == (303, "/account")
    assert first.cookies["__Host-handbell"] != before
    assert await is_in(first)
    again = await half(running, jo)
    assert (await again.post("/sign-in/code", code=code)).status == 422
    running.clock.pass_by(minutes=5)
    late = await again.post("/sign-in/code", code=phone.code())
    assert late.headers["Location"].startswith("/sign-in?next="), "the password was good for five minutes"


async def test_codes_cannot_be_guessed_and_a_sheet_stands_in_for_a_lost_phone(running: Running) -> None:
    jo, browser = await staff.person(running, Role.OFFICE), staff.Browser(running)
    await staff.sign_in(browser, jo)
    _, sheet = await with_phone(running, jo, browser)
    first = await half(running, jo)
    statuses = [(await first.post("/sign-in/code", code=f"{number:06}")).status for number in range(7)]
    assert statuses == [422] * 5 + [429] * 2
    running.clock.pass_by(seconds=2)
    answer = await first.post("/sign-in/code", code=sheet[3].upper().replace("-", " "))
    assert answer.headers["Location"] == "/account", "where the phone is put right"
    assert "7 codes on your sheet are left" in (await first.get("/account")).text
    second = await half(running, jo)
    assert (await second.post("/sign-in/code", code=sheet[3])).status == 422
    it = await staff.desk(running, Role.IT)
    assert (await it.post(f"/staff/{jo.id}/no-codes")).status == 303
    assert not await is_in(first)
    assert (await staff.sign_in(staff.Browser(running), jo)).headers["Location"] == "/"


async def first_link(running: Running) -> str:
    async with running.gateway.database.write() as session:
        value = await links.first(session, means=Means(running.gateway.log, running.gateway.now()))
    return f"/first-run/{value}"


FIRST = {"name": "Jo Whitfield", "email": "jo@school.example", "role": "head", "password": "correct horse battery"}


async def test_the_first_one_comes_in_once_and_lets_the_others_in(running: Running) -> None:
    path, other, browser = await first_link(running), await first_link(running), staff.Browser(running)
    for _ in range(2):
        assert (await browser.get(path)).status == 200, "to open it does nothing: programs open links too"
    for bad in ({"role": "office"}, {"password": "short"}, {"email": "nobody"}, {"name": "<b>"}):
        refused = await browser.post(path, **(FIRST | bad))
        assert refused.status == 422
        kept = bad.get("name", FIRST["name"])
        assert f'value="{html.escape(kept)}"' in refused.text, "what was typed is kept"
    taken = await browser.post(path, **FIRST)
    assert (taken.status, taken.headers["Location"]) == (303, "/")
    assert await is_in(browser)
    for used in (path, other):
        assert (await staff.Browser(running).get(used)).status == 404
    await browser.get("/staff")
    teacher = {"name": "Ms Green", "email": "a.green@school.example", "role": "teacher"}
    shown = await browser.post("/staff", **teacher, forms="")
    found = re.search(r">https://oakfield.example/handbell(/new-password/[\w-]+)</code>", shown.text)
    assert found
    assert (await browser.post("/staff", **teacher, forms="")).status == 422, "a name is given once"
    green = staff.Browser(running)
    assert "Ms Green" in (await green.get(found[1])).text
    assert (await green.post(found[1], password="correct horse battery")).headers["Location"] == "/"
    assert await is_in(green)
    assert (await staff.Browser(running).get(found[1])).status == 404


async def test_a_teachers_classes_are_ticked(running: Running) -> None:
    for name in ("10B", "3A", "R"):
        await school.pupil(running.gateway.database, form=name)
    it = await staff.desk(running, Role.IT)
    teacher = {"name": "Ms Green", "email": "a.green@school.example", "role": "teacher"}
    ticks = re.findall(r'name="forms" value="(\w+)"', (await it.get("/staff")).text)
    assert ticks == ["R", "3A", "10B"]
    shown = (await it.post("/staff", **teacher, forms=["3A", "10B"])).text
    assert re.findall(r'name="forms" value="(\w+)" checked', shown) == ["3A", "10B"]
    where = re.search(r'action="(/staff/[\w-]+/forms)"', shown)
    assert where
    assert (await it.post(where[1], forms="R")).status == 303
    assert "Teacher of R," in (await it.get(where[1].removesuffix("/forms"))).text


async def test_of_two_firsts_at_once_one_comes_in(running: Running) -> None:
    paths = [await first_link(running), await first_link(running)]
    browsers = [staff.Browser(running), staff.Browser(running)]
    for browser, path in zip(browsers, paths, strict=True):
        await browser.get(path)
    people = [FIRST, FIRST | {"name": "Al Other", "email": "al@school.example"}]
    answers: list[Answer] = await asyncio.gather(
        *(one.post(path, **who) for one, path, who in zip(browsers, paths, people, strict=True))
    )
    assert sorted(one.status for one in answers) == [303, 404]


async def test_a_link_is_good_for_a_while_and_the_newest_alone(running: Running) -> None:
    path = await first_link(running)
    running.clock.pass_by(hours=24)
    assert (await staff.Browser(running).get(path)).status == 404
    it, jo = await staff.desk(running, Role.IT), await staff.person(running, Role.OFFICE)
    made = []
    for _ in range(2):
        found = re.search(r"(/new-password/[\w-]+)", (await it.post(f"/staff/{jo.id}/link")).text)
        assert found
        made.append(found[1])
    assert [(await staff.Browser(running).get(one)).status for one in made] == [404, 200]
    running.clock.pass_by(hours=72)
    assert (await staff.Browser(running).get(made[1])).status == 404


async def test_a_form_from_elsewhere_does_nothing(running: Running) -> None:
    head = await staff.desk(running, Role.HEAD)
    await head.get("/account")
    for bad in (
        {"csrf": ""},
        {"csrf": "0" * 32},
        {"csrf": "é"},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
        {"headers": {"Origin": "https://evil.example"}},
        {"headers": {"Origin": "null"}},
    ):
        assert (await head.post("/hide-names", hide="yes", **bad)).status == 403  # type: ignore[arg-type]
    for good in (
        {"headers": {"Sec-Fetch-Site": "same-origin"}},
        {"headers": {"Origin": "https://oakfield.example"}},
        {"headers": {"Origin": running.url}},
        {"csrf": "", "headers": {"X-CSRF": head.csrf}},
    ):
        assert (await head.post("/hide-names", hide="yes", **good)).status == 303  # type: ignore[arg-type]
    other = await staff.desk(running, Role.IT)
    assert (await head.post("/hide-names", csrf=other.csrf)).status == 403, "a form belongs to one sign-in"
    blank = staff.Browser(running)
    told = await blank.post("/sign-in", email="x@school.example", password="x", csrf="x")
    assert (told.status, "did not keep our cookie" in told.text) == (403, True)


async def test_a_part_of_a_page_takes_the_whole_page_to_the_sign_in(running: Running) -> None:
    answer = await staff.Browser(running).get("/account?x=1", headers={"HX-Request": "true"})
    assert (answer.status, answer.headers["HX-Redirect"]) == (401, "/sign-in?next=/account%3Fx%3D1")
