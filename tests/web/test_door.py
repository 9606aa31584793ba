"""The door: every page is behind it, and each role comes as far as the one table says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support import desk as words
from support import school, staff
from support.website import MUM, Family, Running
from yarl import URL

from channels.base import Medium
from gateway import notices
from gateway.absence import cases
from gateway.accounts.passwords import Passwords
from gateway.announcements import drafts
from gateway.good_news import praising
from gateway.models import Account, Conversation, DaySession
from gateway.roles import Role
from gateway.web import site
from gateway.web.office import door, office, rights

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
#: What is no page: files that say nothing of anybody.
FILES = {"/static/{name}"}


def pages(running: Running) -> Iterator[door.Page]:
    """Every page there is, from the application itself."""
    gateway = running.gateway
    here = site.Site(gateway, list, list, lambda: None, lambda: None, passwords=Passwords(staff.QUICK))
    for route in office.build(here).routes:
        if getattr(route, "path", "") in FILES:
            continue
        assert isinstance(route, door.Page), f"{route} is a page that nobody guards"
        yield route


def address(page: door.Page) -> str:
    return (
        page.path_format.replace("{", "").replace("}", "")
        if not page.param_convertors
        else page.path_format.format(**dict.fromkeys(page.param_convertors, "1"))
    )


async def ask(running: Running, browser: staff.Browser, method: str, path: str) -> tuple[int, str]:
    """Status and words; of a stream, which never ends, the status alone."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    url = URL(f"{running.url}{path}", encoded=True)
    async with running.client.request(method, url, headers={"Cookie": cookies}, allow_redirects=False) as answer:
        streams = answer.content_type == "text/event-stream"
        return answer.status, "" if streams else await answer.text() + answer.headers.get("Location", "")


@SQLITE
async def test_each_role_comes_as_far_as_the_table_says(running: Running) -> None:
    """A refusal says so; with any other answer the visitor was let in. A form without its proof does nothing."""
    await school.pupil(running.gateway.database, form="3A")
    desks = {role: await staff.desk(running, role, forms=["3A"] if role is Role.TEACHER else ()) for role in Role}
    found = list(pages(running))
    assert len(found) > 20
    for page in found:
        for role, desk in desks.items():
            for method in sorted((page.methods or set()) - {"HEAD"}):
                status, said = await ask(running, desk, method, address(page))
                where = f"{role}: {method} {page.path}: {status}"
                may = rights.may(role, page.right)
                assert (status == 403 and "you may not" in said) is not may, where
                assert "/sign-in?next" not in said, where
                if may and method == "POST":
                    assert status == 403, where
                    assert "not from a page of ours" in said or "did not keep our cookie" in said, where


@SQLITE
async def test_nobody_comes_further_than_the_sign_in(running: Running) -> None:
    nobody = staff.Browser(running, {"__Host-handbell": "made-up"})
    open_to_all = set()
    for page in pages(running):
        for method in sorted((page.methods or set()) - {"HEAD"}):
            status, said = await ask(running, nobody, method, address(page))
            if page.right is rights.Right.PUBLIC:
                open_to_all.add(page.path)
            else:
                assert (status, "/sign-in?next=" in said) == (303, True), page.path
    nothing = "/{path:path}"  # says that there is no such page
    assert open_to_all == {
        "/sign-in",
        "/sign-in/code",
        "/sign-in/left",
        "/first-run/{value}",
        "/new-password/{value}",
        "/visit/{value}",
        nothing,
    }


def test_the_table_keeps_what_the_school_was_promised() -> None:
    """By hand, so that a slip in the table is seen."""
    right = rights.Right
    assert set(rights.MAY) == set(right) - {right.PUBLIC}
    assert all(rights.MAY.values())
    of = {role: rights.of(role) for role in Role}
    assert of[Role.HEAD] == set(right)
    assert of[Role.TEACHER] & {right.SEE_AUDIT, right.SEE_LOCKED, right.SEND_ANNOUNCEMENTS, right.MANAGE_STAFF} == set()
    families = {right.SEE_TODAY, right.SEE_REPLIES, right.SEE_FAMILIES, right.SEE_DETAILS, right.SEE_ANNOUNCEMENTS}
    assert of[Role.IT] & families == set()
    assert {role for role in Role if right.SEE_LOCKED in of[role]} == {Role.SAFEGUARDING, Role.HEAD}
    assert {role for role in Role if right.MANAGE_STAFF in of[role]} == {Role.IT, Role.HEAD}
    assert {role for role in Role if right.ANSWER_FOR_DATA in of[role]} == {Role.SAFEGUARDING, Role.IT, Role.HEAD}
    assert all(one in (right.PUBLIC, right.OWN) or one.name.startswith("SEE_") for one in of[Role.READ_ONLY])


#: What a teacher and IT come to of what is about children, by hand: a route under a wrong right is seen here, which the
#: matrix above takes as it is.
TEACHERS = {
    "/today", "/absences/missing", "/absences/{case:int}", "/families", "/families/{family:int}",
    "/calendar/events/{key}", "/good-news", "/good-news/{form}", "/good-news/{form}/preview",
    "/good-news/{form}/take-back", "/announcements", "/announcements/new", "/announcements/look",
    "/announcements/{draft}/edit", "/announcements/{draft}/check", "/announcements/{draft}/send",
    "/announcements/{draft}/ask", "/announcements/{draft}/looked", "/announcements/{draft}/copy",
    "/announcements/{draft}/drop", "/announcements/{key}", "/announcements/{key}/report.csv",
    "/announcements/{key}/stop", "/replies", "/replies/{conversation:int}",
    "/replies/{conversation:int}/voice/{reply:int}", "/replies/{conversation:int}/reply",
    "/replies/{conversation:int}/assign", "/replies/{conversation:int}/tell", "/replies/{conversation:int}/done",
    "/replies/{conversation:int}/undo",
}  # fmt: skip
ITS = {
    "/audit", "/audit/verify", "/audit.jsonl", "/calendar", "/calendar/{month}", "/data-protection",
    "/data-protection/{kind}/{person:int}", "/data-protection/{kind}/{person:int}/record",
    "/data-protection/{kind}/{person:int}/erase",
}  # fmt: skip
NOBODYS = ("/settings", "/staff", "/wording")  #: begin the addresses of pages that are about no child


@SQLITE
async def test_what_teachers_and_it_come_to_is_listed_by_hand(running: Running) -> None:
    everybodys = {rights.Right.PUBLIC, rights.Right.OWN}
    for role, listed in ((Role.TEACHER, TEACHERS), (Role.IT, ITS)):
        found = {
            page.path
            for page in pages(running)
            if page.right not in everybodys and rights.may(role, page.right) and not page.path.startswith(NOBODYS)
        }
        assert found == listed, role


@SQLITE
async def test_a_teacher_comes_to_nothing_of_another_form_by_its_address(running: Running, family: Family) -> None:
    """Ana is in 3A and Ben in 5B: whoever has 4B asks for each, as a page, as a stream, and by a deed."""
    gateway = running.gateway
    await school.pupil(gateway.database, "Cy", form="4B")
    desk = await staff.desk(running, Role.TEACHER, name="Ms Green", forms=["4B"])
    async with gateway.database.write() as session:
        by = cases.Means(gateway.log, gateway.now())
        away = await cases.open_one(session, family.ana, gateway.today(), DaySession.AM, means=by)
        talk = Conversation(
            medium=Medium.SMS, address=MUM, contact_id=family.mum, owner="Ms Green", last_at=gateway.now()
        )
        given = praising.Given("P1", "kindness", "Mr Other", form="3A")
        praise = (await praising.add(session, gateway, given, by="office:Mr Other")).praise
        session.add(talk)
        await session.flush()
        notice = await notices.submit(session, gateway, words.definition(key="trip"), author="office:Mr Other")
        draft = await drafts.save(session, gateway, {}, title="Ours", by="office:Mr Other", draft_id="")
    talked, one, drafted = f"/replies/{talk.id}", f"/families/{family.ana}", f"/announcements/{draft.id}"
    asked = [
        ("GET", path)
        for path in (
            f"/absences/{away.id}", f"/live?page=absence&case={away.id}", one, f"{one}/locked", "/families?form=3A",
            "/good-news/3A", talked, f"/live?page=replies&conversation={talk.id}", f"{talked}/voice/1",
            f"/announcements/{notice.key}", f"/announcements/{notice.key}/report.csv",
            f"/live?page=announcement&key={notice.key}", f"{drafted}/edit", f"{drafted}/check",
        )
    ] + [
        ("POST", path)
        for path in (
            "/good-news/3A", f"/good-news/4B/take-back?praise={praise.id}", f"{talked}/reply", f"{talked}/assign",
            f"{talked}/tell", f"{talked}/done", f"{talked}/undo?case={away.id}", f"/absences/{away.id}",
            f"/announcements/{notice.key}/stop", f"{drafted}/edit", f"{drafted}/send", f"{drafted}/drop",
        )
    ]  # fmt: skip
    for method, path in asked:
        answer = await (desk.get(path) if method == "GET" else desk.post(path, csrf=desk.own, words="x", act="save"))
        assert (answer.status in (403, 404), "Nowak" in answer.text, "from a page of ours" in answer.text) == (
            True, False, False,
        ), (method, path, answer.status)  # fmt: skip
    for path in ("/today", "/replies", "/families?q=Nowak", "/search?q=Nowak", "/search?q=trip", "/absences/missing"):
        found = re.sub(r'value="[^"]*"', "", (await desk.get(path)).text)
        assert ("Nowak" in found, "trip" in found) == (False, False), path


def test_a_teacher_sees_their_own_forms() -> None:
    teacher = staff.visitor(Role.TEACHER, forms={"3A"})
    assert (teacher.sees("3A"), teacher.sees("5B")) == (True, False)
    assert staff.visitor(Role.OFFICE).sees("5B")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "/\tevil", "\\\\evil", "evil", "/x\r\nX: y",
        "/sign-in?next=/", "/" + "x" * 600, "", "javascript:alert(1)", "/a\\..\\b",
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_site(path: str) -> None:
    assert door.local(path) == "/"


@pytest.mark.parametrize("path", ["/", "/today", "/families?q=O%27Brien&x=1", "/replies/12#last", "/families?q=Łucja"])
def test_one_is_led_back_to_where_one_was(path: str) -> None:
    assert door.local(path) == path


@SQLITE
async def test_who_is_refused_is_written_down(running: Running) -> None:
    teacher = await staff.desk(running, Role.TEACHER, name="Ms Green")
    refused = await teacher.get("/staff")
    assert "As “Teacher” you may not let people in" in refused.text
    assert "Ask somebody who may: Head, IT." in refused.text
    assert await staff.lines(running, "door.refused") == [
        ("office:Ms Green", f"account:{_id(teacher)}", '{"right":"MANAGE_STAFF"}')
    ]


@SQLITE
async def test_a_teacher_whom_nobody_has_given_a_form_sees_no_child(running: Running) -> None:
    desk = await staff.desk(running, Role.TEACHER, name="Mr New")
    for path in ("/today", "/replies", "/families", "/announcements", "/good-news"):
        page = await desk.get(path)
        assert (page.status, "has not said yet which class is yours" in page.text) == (403, True), path
    menu = await desk.get("/menu")
    assert menu.status == 200
    assert 'href="/families"' not in menu.text


@SQLITE
async def test_what_no_number_is_finds_nothing_and_breaks_nothing(running: Running, family: Family) -> None:
    """Digits that are none to a computer, more than a number may have, half a character, a moment before our time."""
    desk = await staff.desk(running, Role.HEAD)
    nine, half = "9" * 5000, "\\ud800"
    for path in (f"/families/{nine}", f"/replies?at={nine}", f"/live?page=absence&case={nine}"):
        assert (await desk.get(path)).status == 400, path[:20]
    for path in ("/live?page=absence&case=%C2%B2", "/replies/2147483648", "/absences/99999999999999"):
        assert (await desk.get(path)).status == 404, path
    assert (await desk.get(f"/families/{family.ana}?before=0001-01-01T00:00:00%2B14:00")).status == 200
    for odd in ("²", nine):
        assert (await desk.post("/contact-details/ask", contact=odd)).status == 404
        assert (await desk.post("/replies/1/code", case=odd)).status in (404, 422)
    part = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: text/plain; charset={}\r\n\r\n{}\r\n'
    parts = (part.format("csrf", "utf-8", desk.csrf), part.format("source", "unicode_escape", half))
    body, kind = "--x\r\n" + "--x\r\n".join(parts) + "--x--\r\n", "multipart/form-data; boundary=x; charset={}"
    for charset in ("utf-8", "unicode_escape", "no-such"):
        sent = await desk.ask("POST", "/import", data=body, headers={"Content-Type": kind.format(charset)})
        assert sent.status == 422, charset


def _id(browser: staff.Browser) -> str:
    assert isinstance(browser.account, Account)
    return browser.account.id
