"""Today and one absence: who may see and do what, and that numbers, deeds and lines are those of the API."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlmodel import select
from support import absences, office, staff
from support.databases import Fresh
from support.website import Family, Running

from gateway import audit, tasks, tokens
from gateway.absence import cases, rounds, rules
from gateway.models import AbsenceCase, AbsenceStep, CaseState, DaySession
from gateway.models.types import core
from gateway.roles import Role

DAY = absences.TODAY.isoformat()


@pytest.fixture
async def case(api: Running, family: Family) -> int:
    """Ana is absent, and her family has been asked; Ben is in school."""
    mark = {"pupil": "P1", "date": DAY, "session": "am", "code": "N"}
    await api.api("POST", "/marks", json={"marks": [mark, mark | {"pupil": "P2", "code": "/"}]})
    api.clock.pass_by(minutes=30)
    async with api.gateway.database.write() as session:
        await rounds.turn(session, api.gateway, rules.load(absences.settings()))
    return int((await api.api("GET", f"/absences?date={DAY}")).json[0]["id"])


def said(text: str) -> str:
    """What a page says, without its mark-up."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  #: what is asked is asked on both above


async def test_the_day_and_a_case_that_is_settled(api: Running, case: int) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    page = await desk.get("/today")
    assert '<h1 class="full" data-say>1 of 1 absent child is not yet accounted for</h1>' in page.text
    assert "Asked, waiting: Ana Nowak" in said(page.text)
    assert "Ben" not in page.text  # he is in school
    assert "1 of 2 children here" in said(page.text)
    settled = await desk.post(f"/absences/{case}", why="ill", who="Ewa Nowak (mother)", words="<b>=1+1</b>", act="save")
    assert (settled.status, settled.headers["Location"]) == (303, "/today")
    after = await desk.get("/today")
    assert "Everyone is accounted for" in after.text
    assert "Ana Nowak recorded as illness (I)." in said(after.text)
    assert "Ana Nowak recorded" not in said((await desk.get("/today")).text), "it is said once"
    one = (await api.api("GET", f"/absences/{case}")).json
    assert (one["state"], one["code"], one["comment"]) == ("explained", "I", "<b>=1+1</b>")
    assert (one["by"], one["decided_by"]) == ("Ewa Nowak (mother)", "office:Mrs Office")
    shown = await desk.get(f"/absences/{case}")
    assert "&lt;b&gt;=1+1&lt;/b&gt;" in shown.text
    codes = await desk.get("/today/codes.csv")
    assert ",N,I,<b>=1+1</b>" in codes.text
    assert codes.headers["Content-Disposition"] == f'attachment; filename="absences-{DAY}.csv"'


async def test_a_slip_is_taken_back_before_any_family_is_told(api: Running, case: int) -> None:
    gateway, decided = api.gateway, rules.load(absences.settings())
    async with gateway.database.write() as session:
        asked = await cases.find(session, case)
        before = asked.next_at
        assert asked.run_id is not None, "a family was asked"
    desk, other = await staff.desk(api, Role.OFFICE, name="Mrs Office"), await staff.desk(api, Role.OFFICE)
    await desk.get("/today")
    await desk.post(f"/absences/{case}", act="seen")
    board = said((await desk.get("/today")).text)
    assert "2 of 2 children here" in board
    assert "Nobody is away" in board, "whoever has been seen in school is not absent: the numbers go together"
    async with gateway.database.write() as session:
        await rounds.turn(session, gateway, decided)
        assert (await cases.find(session, case)).tell, "it waits as long as Undo is there"
    await other.get("/today")
    assert (await other.post(f"/absences/{case}/undo")).status == 409, "it is not theirs"
    assert (await desk.post(f"/absences/{case}/undo")).headers["Location"] == "/today"
    assert "nobody was told" in said((await desk.get("/today")).text)
    async with gateway.database.write() as session:
        back = await cases.find(session, case)
        assert (back.state, back.next_at, back.tell, back.decided_by) == (CaseState.ASKING, before, "", "")
    assert (await desk.post(f"/absences/{case}/undo")).status == 409, "once"
    await desk.post(f"/absences/{case}", act="seen")
    api.clock.pass_by(seconds=13)
    async with gateway.database.write() as session:
        await rounds.turn(session, gateway, decided)
        told = await cases.find(session, case)
        assert (told.tell, told.next_at, told.told_at) == ("", None, gateway.now())
    assert (await desk.post(f"/absences/{case}/undo")).status == 409, "they have been told"


async def test_words_that_say_nothing_of_the_child_are_quoted_and_nothing_is_made_up(api: Running, case: int) -> None:
    async with api.gateway.database.write() as session:
        found = await cases.find(session, case)
        found.state, found.intent, found.by = CaseState.ALARM, "other", "Ewa Nowak (mother)"
    page = said((await (await staff.desk(api, Role.OFFICE)).get("/today")).text)
    assert "on the way" not in page
    assert "Nobody knows where the child is. Look for the child now." in page
    assert "still missing" not in page, "the board asks about today's itself"


async def test_a_child_who_is_away_morning_and_afternoon_is_one_child(api: Running, case: int) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        means = cases.Means(gateway.log, gateway.now())
        morning = await cases.find(session, case)
        await cases.open_one(session, morning.pupil_id, morning.date, DaySession.PM, means=means)
    page = await (await staff.desk(api, Role.OFFICE)).get("/today")
    assert "1 of 1 absent child is not yet accounted for" in page.text


@SQLITE
async def test_who_looked_at_a_chronology_and_who_took_the_codes_is_written_down(api: Running, case: int) -> None:
    nobody, desk = staff.Browser(api), await staff.desk(api, Role.OFFICE, name="Mrs Office")
    for path in (f"/absences/{case}", f"/absences/{case}/print", "/today/codes.csv"):
        assert (await nobody.get(path)).status == 303
    assert (await desk.get(f"/absences/{case}999")).status == 404
    assert (await desk.get("/today")).status == 200  # of the board nobody keeps a list: it is looked at all day
    assert await lookers(api) == []
    assert (await desk.get(f"/absences/{case}")).status == 200
    assert (await desk.get(f"/absences/{case}/print")).status == 200
    assert (await api.api("GET", f"/absences/{case}")).status == 200
    looks = [("api:office", f"case:{case}"), *[("office:Mrs Office", f"case:{case}")] * 2]
    assert sorted(await lookers(api)) == sorted(looks)
    assert (await desk.get("/today/codes.csv")).status == 200
    assert await lookers(api, "absence.codes_shown") == [("office:Mrs Office", f"day:{DAY}")]


async def lookers(api: Running, action: str = "absence.chronology_shown") -> list[tuple[str, str]]:
    async with api.gateway.database.read() as session:
        return [(line.actor, line.subject) for line in await audit.lines_about(session, action=action)]


@SQLITE
async def test_the_chronology_to_print_is_whole_in_one_file(api: Running, case: int) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    page = await desk.get(f"/absences/{case}/print")
    assert "Chronology: Ana Nowak" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<script|<form|<link|https?://", page.text)
    await desk.get("/today")
    await desk.post("/hide-names", hide="yes", back="/today")
    assert (await desk.get(f"/absences/{case}/print")).headers["Location"] == f"/absences/{case}"


@SQLITE
async def test_a_form_with_nothing_picked_comes_back_with_what_was_typed(api: Running, case: int) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    again = await desk.post(f"/absences/{case}", words="she had a fever", who="her “mum”", act="save")
    assert again.status == 422
    assert '<a href="#why">Pick what they told you</a>' in again.text
    assert ">she had a fever</textarea>" in again.text
    assert 'value="her “mum”"' in again.text
    too_long = await desk.post(f"/absences/{case}", why="ill", words="x" * 501, act="save")
    assert (too_long.status, "Write 500 letters at most" in too_long.text) == (422, True)
    assert (await state(api, case))[0] is CaseState.ASKING


async def test_on_the_way_not_through_worried_and_in_school(api: Running, case: int) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    rang = await desk.post(f"/absences/{case}", why="not-through", who="nan", act="save")
    assert rang.headers["Location"] == f"/absences/{case}"
    assert (await state(api, case))[0] is CaseState.ASKING, "the others are tried as they would have been"
    assert "Mrs Office rang and did not get through: nan." in said((await desk.get(f"/absences/{case}")).text)
    await desk.post(f"/absences/{case}", why="on-the-way", who="Ewa Nowak", act="save")
    assert await state(api, case) == (CaseState.EXPECTED, "Ewa Nowak")
    await desk.post(f"/absences/{case}", words="something in her voice", act="worry")
    assert (await state(api, case))[0] is CaseState.HANDED_OVER
    for role, forms, reads in (
        (Role.SAFEGUARDING, [], True), (Role.ATTENDANCE, [], True), (Role.READ_ONLY, [], False),
        (Role.TEACHER, ["3A"], False),
    ):  # fmt: skip
        looks = await staff.desk(api, role, forms=forms)
        page = (await looks.get(f"/absences/{case}")).text
        assert ("something in her voice" in page, "Ana" in page) == (reads, True), role
    async with api.gateway.database.read() as session:
        [task] = [one for one in await tasks.listed(session) if one.kind == "absence.worry"]
        assert (task.urgent, task.loud_at) == (True, api.gateway.now())
        steps = list(await session.scalars(select(AbsenceStep).where(core(AbsenceStep).c.case_id == case)))
        assert [step.who for step in steps if step.kind in ("rang", "state")] == ["office:Mrs Office"] * 3
    await desk.post(f"/absences/{case}", act="seen")
    assert (await state(api, case))[0] is CaseState.SEEN
    conflict = await desk.post(f"/absences/{case}", why="on-the-way", act="save")
    assert (conflict.status, "cannot become" in conflict.text) == (422, True)


@SQLITE
async def test_a_slip_is_taken_back_and_only_ones_own(api: Running, case: int) -> None:
    async with api.gateway.database.write() as session:
        found = await cases.find(session, case)
        found.code = "I"
        by = cases.Means(api.gateway.log, api.gateway.now())
        await cases.change(session, found, CaseState.TO_CONFIRM, by="Ewa Nowak", means=by)
    desk, other = [await staff.desk(api, Role.OFFICE, name=name) for name in ("Mrs Office", "Mr Other")]
    await desk.post(f"/absences/{case}/confirm")
    page = await desk.get("/today")
    assert "Ana Nowak recorded as illness (I)." in said(page.text)
    assert f'<form method="post" action="/absences/{case}/unconfirm">' in page.text
    assert (await other.post(f"/absences/{case}/unconfirm")).status == 409
    assert (await desk.post(f"/absences/{case}/unconfirm")).status == 303
    assert await state(api, case) == (CaseState.TO_CONFIRM, "Ewa Nowak")
    assert "Taken back." in said((await desk.get("/today")).text)
    await desk.post(f"/absences/{case}/confirm")
    api.clock.pass_by(seconds=61)
    assert (await desk.post(f"/absences/{case}/unconfirm")).status == 409
    one = (await api.api("GET", f"/absences/{case}")).json
    assert (one["state"], one["code"], one["decided_by"]) == ("explained", "I", "office:Mrs Office")


async def state(api: Running, case: int) -> tuple[CaseState, str]:
    async with api.gateway.database.read() as session:
        found = await session.get_one(AbsenceCase, case)
        return found.state, found.by


@SQLITE
async def test_a_teacher_sees_their_own_form_and_changes_nothing(api: Running, case: int) -> None:
    own, other = [await staff.desk(api, Role.TEACHER, name=f"Ms {form}", forms=[form]) for form in ("3A", "5B")]
    assert "Ana" in (await own.get("/today")).text
    assert (await own.get(f"/absences/{case}")).status == 200
    assert "Ana" not in (await other.get("/today")).text
    assert "Nobody is away" in (await other.get("/today")).text
    for path in (f"/absences/{case}", f"/absences/{case}/print"):
        refused = await other.get(path)
        assert (refused.status, "Nowak" in refused.text) == (403, False)
    assert (await own.post(f"/absences/{case}", why="ill", act="save")).status == 403
    assert "What did they tell you?" not in (await own.get(f"/absences/{case}")).text
    assert (await own.get("/today/codes.csv")).status == 403


@SQLITE
async def test_where_so_many_are_away_a_person_lets_them_be_asked(api: Running, family: Family) -> None:
    async with api.gateway.database.write() as session:
        from gateway.models import Register

        session.add(Register(date=absences.TODAY, session=DaySession.AM, held_at=api.gateway.now()))
    desk = await staff.desk(api, Role.OFFICE)
    assert "So many are away that nobody has been asked yet" in (await desk.get("/today")).text
    assert (await desk.post("/today/release", session="am")).status == 303
    assert "nobody has been asked yet" not in (await desk.get("/today")).text
    assert (await desk.post("/today/release", session="am")).status == 409


@SQLITE
async def test_registers_that_are_missing_are_named_and_are_no_absence(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    before = said((await desk.get("/today")).text)
    assert "No register has come in yet" in before
    api.clock.pass_by(minutes=30)
    desk = await staff.desk(api, Role.OFFICE, name="Mr Office")
    assert "Registers closed at 9:15am" in said((await desk.get("/today")).text)
    mark = {"pupil": "P1", "date": DAY, "session": "am", "code": "/"}
    await api.api("POST", "/marks", json={"marks": [mark]})
    page = said((await desk.get("/today")).text)
    assert "1 register has not come in: 5B" in page
    assert "Nobody is away" in page


@SQLITE
async def test_what_goes_wrong_is_said_on_a_page(api: Running) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    for path, status, sentence in (
        ("/absences/999", 404, "There is no absence case 999."),
        (f"/absences/{'9' * 30}", 404, "We cannot find that page"),
        ("/nothing/here", 404, "We cannot find that page"),
        ("/staff", 403, "You cannot see this"),
    ):
        answer = await desk.get(path)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert sentence in said(answer.text)
        assert "Sign out" in answer.text, "the menu stays"
    stranger = await staff.Browser(api).get("/nothing/here")
    assert (stranger.status, "Sign out" in stranger.text) == (404, False)


async def test_every_number_is_the_apis(fresh: Fresh) -> None:
    """A full morning: beads, board, title and list are one reading, and the API has the same children in it."""
    async with fresh() as database, office.opened(database) as morning:
        site: Any = morning.site
        desk = await staff.desk(site, Role.OFFICE)
        page = await desk.get("/today")
        async with site.gateway.database.read() as session:
            from gateway.absence import views

            listed = await views.listed(session, day=absences.TODAY)
        # Whoever came in late still stands in the class, and is not among those who are away.
        assert page.text.count('class="kid ') == len(listed) == 9
        assert (
            page.text.count('class="bead ') == len([one for one, _ in listed if one.state is not CaseState.SEEN]) == 8
        )
        kinds = {kind: page.text.count(f'class="bead {kind}"') for kind in ("un", "es", "an", "as", "co", "ex")}
        assert kinds == {"un": 1, "es": 1, "an": 1, "as": 2, "co": 1, "ex": 2}
        keys = {word: int(number) for number, word in re.findall(r"<b>(\d+)</b> ([^<]+)</span>", page.text)}
        assert sorted(keys.values()) == sorted(kinds.values())
        async with site.gateway.database.write() as session:
            site.token = await tokens.create(session, "office", log=site.gateway.log, now=site.gateway.now())
        board = (await site.api("GET", f"/absences/board?date={DAY}")).json
        named = ("unexplained", "phone", "answered", "asked", "confirm", "explained")
        assert [board[name] for name in named] == list(kinds.values())
        assert f'<h1 class="full" data-say>{board["headline"]}</h1>' in page.text
        assert f"{board['here']} of {board['pupils']} children here" in page.text
        needs = page.text.count('id="need-')
        assert re.search(r'Today<span class="count"><span class="vh">, </span>(\d+)', page.text)[1] == str(needs - 1)  # type: ignore[index]
        assert "5 of 8 absent children are not yet accounted for" in page.text
