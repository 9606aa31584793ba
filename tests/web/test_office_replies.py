"""Replies: the lists are those of the API, one key records and thanks, Undo takes back, and who may read what."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select
from support import absences, office, staff
from support.databases import Fresh

from gateway import tokens
from gateway.desk import arriving, promise
from gateway.models import (
    AbsenceCase,
    CaseState,
    Contact,
    Conversation,
    ConversationState,
    Message,
    MessageState,
    Reply,
    Task,
)
from gateway.models.types import core
from gateway.roles import Role
from gateway.understanding import library


@pytest.fixture
async def morning(fresh: Fresh) -> AsyncIterator[office.Office]:
    """The morning of the office, with a token for the API; the desk has promised what it promises."""
    async with fresh() as database, office.opened(database) as found:
        gateway = found.site.gateway
        async with gateway.database.write() as session:
            found.site.token = await tokens.create(session, "office", log=gateway.log, now=gateway.now())
        await promised(found)
        yield found


async def promised(morning: office.Office) -> None:
    """The desk looks at what has come in."""
    gateway = morning.site.gateway
    async with gateway.database.write() as session:
        await arriving.turn(session, gateway, promise.load(gateway.settings, gateway.year), library.load())


def said(text: str) -> str:
    """What a page says, without its mark-up."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


async def talk(morning: office.Office, surname: str) -> int:
    """The conversation with somebody's mother."""
    t, c = core(Conversation).c, core(Contact).c
    async with morning.site.gateway.database.read() as session:
        query = select(Conversation.id).join(Contact, c.id == t.contact_id).where(c.forename.contains(surname))
        return (await session.scalars(query)).one() or 0


async def row(morning: office.Office, conversation: int) -> Conversation:
    async with morning.site.gateway.database.read() as session:
        return await session.get_one(Conversation, conversation)


async def case(morning: office.Office, state: CaseState) -> AbsenceCase:
    async with morning.site.gateway.database.read() as session:
        return await session.get_one(AbsenceCase, morning.cases[state])


async def last_message(morning: office.Office) -> Message:
    async with morning.site.gateway.database.read() as session:
        t = core(Message).c
        query = select(Message).where(t.slot.like("desk:%")).order_by(t.id.desc())
        return (await session.scalars(query)).first() or pytest.fail("nothing was answered")


async def test_every_number_is_the_apis(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE, name="Jo Whitfield")
    page = await desk.get("/replies")
    needs = (await morning.site.api("GET", "/conversations?which=needs")).json["items"]
    assert sorted(re.findall(r'id="thread-(\d+)"', page.text)) == sorted(str(one["id"]) for one in needs)
    assert "<h1 data-say>3 replies need a person</h1>" in page.text
    assert "Replies, 3 to do" in said(page.text)  # beside the menu
    assert "Needs a person 3Mine 0Waiting for them 0Sorted today 0" in said(page.text)
    for words in ("Looks like illness (I)", "Not clear: read it", "07700 900199", "Perhaps"):
        assert words in said(page.text) + said((await desk.get("/replies/" + str(needs[0]["id"]))).text)
    found = await desk.get("/replies?q=nan")
    assert "1 conversation found" in found.text
    assert "0 conversations found" in (await desk.get("/replies?q=no%25such")).text


async def test_one_key_records_the_code_and_thanks_and_undo_takes_both_back(morning: office.Office) -> None:
    desk, other = [await staff.desk(morning.site, Role.OFFICE, name=name) for name in ("Jo Whitfield", "Dal Singh")]
    which = await talk(morning, "Łucja")
    page = await desk.get(f"/replies/{which}")
    assert "Because they chose 1." in said(page.text)
    promised = "Oakfield: Thank you for telling us. We wish a good recovery."
    assert promised in said(page.text)
    form: dict[str, Any] = {"case": str(morning.cases[CaseState.TO_CONFIRM]), "send": "get-well", "show": "waiting"}
    done = await desk.post(f"/replies/{which}/code", **form)
    assert done.status == 303
    assert re.fullmatch(r"/replies/\d+\?show=waiting", done.headers["Location"]), "the next one opens by itself"
    assert done.headers["Location"] != f"/replies/{which}?show=waiting"
    message = await last_message(morning)
    assert (message.body, message.state) == (promised, MessageState.QUEUED), "exactly what the page has said"
    assert (message.due_at - morning.site.gateway.now()).total_seconds() >= 10
    assert (await case(morning, CaseState.TO_CONFIRM)).state is CaseState.EXPLAINED
    assert (await case(morning, CaseState.TO_CONFIRM)).decided_by == "office:Jo Whitfield"
    assert (await row(morning, which)).state is ConversationState.CLOSED
    after = await desk.get(done.headers["Location"])
    assert "Łucja Example recorded as illness (I). The text leaves in 10 seconds." in said(after.text)
    undo = html.unescape(re.search(r'action="(/replies/\d+/undo[^"]*)"', after.text)[1])  # type: ignore[index]
    assert (await other.post(undo)).status == 409, "only one's own"
    assert (await last_message(morning)).state is MessageState.QUEUED
    assert (await desk.post(undo)).headers["Location"] == f"/replies/{which}"
    assert (await last_message(morning)).state is MessageState.CANCELLED
    assert (await case(morning, CaseState.TO_CONFIRM)).state is CaseState.TO_CONFIRM
    assert "Looks like illness (I)" in said((await desk.get("/replies")).text)


async def test_beside_a_notice_in_the_family_s_language_stands_what_it_says(morning: office.Office) -> None:
    gateway, conversation = morning.site.gateway, await talk(morning, "Łucja")
    desk = await staff.desk(morning.site, Role.OFFICE)
    asked = "Oakfield: Łucja is not in school today, Monday 23 November, and we do not know why."
    assert said((await desk.get(f"/replies/{conversation}")).text).count(asked) == 1, "in English it stands once"
    async with gateway.database.write() as session:
        about = sa.select(core(Conversation).c.address).where(core(Conversation).c.id == conversation)
        polish = {"language": "pl", "body": "Dziecka nie ma dziś w szkole. Odpisz 1."}
        await session.execute(sa.update(Message).where(core(Message).c.address.in_(about)).values(polish))
    page = said((await desk.get(f"/replies/{conversation}")).text)
    assert "Dziecka nie ma dziś w szkole. Odpisz 1." in page
    assert asked in page
    async with gateway.database.write() as session:
        await session.execute(sa.update(Message).where(core(Message).c.address.in_(about)).values(body=""))
    gone = said((await desk.get(f"/replies/{conversation}")).text)
    assert asked not in gone, "what was let go is not made anew"


async def test_what_was_answered_waits_again_after_undo(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE, name="Jo Whitfield")
    which = await talk(morning, "Benedict")
    before = await row(morning, which)
    assert before.due_at is not None
    sent = await desk.post(f"/replies/{which}/reply", words="Which nan? {Please} ring us.", up_to="999")
    assert sent.status == 303
    assert (await last_message(morning)).body == "Oakfield: Which nan? (Please) ring us."
    answered = await row(morning, which)
    assert (answered.due_at, answered.waiting_since, answered.owner) == (None, None, "office:Jo Whitfield")
    assert f'id="thread-{which}"' in (await desk.get("/replies?show=mine")).text
    assert f'id="thread-{which}"' in (await desk.get("/replies?show=them")).text
    assert (await desk.post(f"/replies/{which}/undo?message={(await last_message(morning)).id}")).status == 303
    again = await row(morning, which)
    assert (again.due_at, again.waiting_since, again.kind) == (before.due_at, before.waiting_since, "absence")
    await desk.post(f"/replies/{which}/done", outcome="no_answer_needed")
    assert (await row(morning, which)).outcome == "no_answer_needed"
    assert "Sorted today 1" in said((await desk.get("/replies")).text)
    assert (await desk.post(f"/replies/{which}/undo")).status == 303
    assert (await row(morning, which)).due_at == before.due_at
    await desk.post(f"/replies/{which}/done", outcome="no_answer_needed")
    morning.site.gateway.now.now += promise.timedelta(minutes=2)  # type: ignore[attr-defined]
    assert (await desk.post(f"/replies/{which}/undo")).status == 409, "too late"


async def test_nothing_is_answered_twice_nor_beside_what_somebody_has_just_sent(morning: office.Office) -> None:
    """A button that is pressed twice, the browser's way back, and two people at one conversation."""
    desk, other = [await staff.desk(morning.site, Role.OFFICE, name=name) for name in ("Jo Whitfield", "Dal Singh")]
    which = await talk(morning, "Benedict")
    form = _fields((await desk.get(f"/replies/{which}")).text, f"/replies/{which}/reply") | {"words": "Which nan?"}
    assert (await desk.post(f"/replies/{which}/reply", **form)).status == 303
    for who, words in ((desk, "Which nan?"), (other, "Or her aunt?")):
        again = await who.post(f"/replies/{which}/reply", **(form | {"words": words}))
        assert (again.status, "Somebody has answered a moment ago" in again.text) == (422, True)
        assert f">{words}</textarea>" in html.unescape(again.text), "what was typed is kept"
    sure = _fields(again.text, f"/replies/{which}/reply") | {"words": "Or her aunt?"}
    assert (await other.post(f"/replies/{which}/reply", **sure)).status == 303, "who has read it may go on"
    assert (await last_message(morning)).body == "Oakfield: Or her aunt?"
    chosen = await talk(morning, "Łucja")
    key = _fields((await desk.get(f"/replies/{chosen}")).text, f"/replies/{chosen}/code")
    assert (await desk.post(f"/replies/{chosen}/code", **key)).status == 303
    thanks = await last_message(morning)
    twice = await desk.post(f"/replies/{chosen}/code", **key)
    assert (twice.status, (await last_message(morning)).id) == (422, thanks.id)


def _fields(page: str, action: str) -> dict[str, Any]:
    """What the first form with an address sends by itself."""
    form = re.search(rf'<form[^>]* action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form is not None, action
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]))
    return {name: html.unescape(value) for name, value in found.items() if name != "csrf"}


async def test_another_code_assign_and_tell(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE, name="Jo Whitfield")
    await staff.person(morning.site, Role.HEAD, name="Mrs Okafor")
    which, unread = await talk(morning, "Benedict"), str(morning.cases[CaseState.UNREAD])
    nothing = await desk.post(f"/replies/{which}/code", case=unread, other="yes")
    assert (nothing.status, "Pick a code" in nothing.text) == (422, True)
    given = await desk.post(f"/replies/{which}/assign", owner="Mrs Okafor")
    assert (given.status, (await row(morning, which)).owner) == (303, "Mrs Okafor")
    assert (await desk.post(f"/replies/{which}/assign", owner="Nobody Known")).status == 422
    told = await desk.post(f"/replies/{which}/tell", case=unread)
    assert told.status == 303
    async with morning.site.gateway.database.read() as session:
        kinds = {one.kind for one in await session.scalars(select(Task)) if one.loud_at is not None}
    assert {"desk.worry", "absence.worry"} <= kinds
    assert (await case(morning, CaseState.UNREAD)).state is CaseState.HANDED_OVER
    assert (await desk.post(f"/replies/{which}/code", case=unread, code="M", other="yes")).status == 303
    assert (await case(morning, CaseState.UNREAD)).code == "M"


async def test_what_was_typed_is_kept_and_what_the_wall_says_is_said(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE)
    which = await talk(morning, "Benedict")
    empty = await desk.post(f"/replies/{which}/reply", words="  ")
    assert (empty.status, "Write an answer first" in empty.text) == (422, True)
    long = await desk.post(f"/replies/{which}/reply", words="<b>" + "é" * 1400)
    assert (long.status, "Say it in fewer words" in long.text, "&lt;b&gt;éé" in long.text) == (422, True, True)
    blank: dict[str, Any] = {"blank-date": "soon"}
    unread = await desk.post(f"/replies/{which}/reply", ready="back-on", **blank)
    assert (unread.status, "is no date" in unread.text, 'value="soon"' in unread.text) == (422, True, True)
    assert (await row(morning, which)).due_at is not None
    assert (await desk.post(f"/replies/{which}/reply", csrf="wrong", words="x")).status == 403
    assert (await desk.get("/replies/99999999999")).status == 404


async def test_a_teacher_reads_what_was_given_to_them_and_no_other_form(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE)
    teacher = await staff.desk(morning.site, Role.TEACHER, name="Miss Hart", forms=["3A"])
    await staff.person(morning.site, Role.TEACHER, name="Mr Bell", forms=["RB"])
    formless = await staff.desk(morning.site, Role.TEACHER, name="Mr Newcome")
    which, other = await talk(morning, "Benedict"), await talk(morning, "نور")
    page = await teacher.get("/replies")
    assert "Nobody is waiting" in page.text
    assert "Replies, " not in said(page.text)
    for one in (teacher, formless):
        assert (await one.get(f"/replies/{which}")).status == 403
        assert (await one.post(f"/replies/{which}/done", outcome="answered")).status == 403
    page = await desk.get(f"/replies/{which}")
    assert '<option value="Miss Hart">' in page.text
    assert "Mr Bell" not in page.text, "could not read it"
    await desk.post(f"/replies/{which}/assign", owner="Miss Hart")
    mine = await teacher.get("/replies")
    assert re.findall(r'id="thread-(\d+)"', mine.text) == [str(which)]
    assert "Record" not in said(mine.text), "codes are the office's"
    assert (await teacher.post(f"/replies/{which}/code", case="1")).status == 403
    assert (await desk.post(f"/replies/{other}/assign", owner="Miss Hart")).status == 422
    async with morning.site.gateway.database.write() as session:  # as where the child was in 3A then
        (await session.get_one(Conversation, other)).owner = "Miss Hart"
        (await session.scalars(select(Reply).where(Reply.conversation_id == other))).one().body = "by the zebra"
    for words, found in (("nan", True), ("zebra", False)):
        page = await teacher.get(f"/search?q={words}")
        assert [f'href="/replies/{one}"' in page.text for one in (which, other)] == [found, False], words
    reader = await staff.desk(morning.site, Role.READ_ONLY)
    for nobody in (reader, await staff.desk(morning.site, Role.IT)):
        assert [(await nobody.get(path)).status for path in ("/replies", f"/replies/{which}")] == [403, 403]
        assert (await nobody.post(f"/replies/{which}/done")).status == 403


async def test_with_names_hidden_no_name_number_or_word_is_there(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE)
    await desk.get("/replies")
    await desk.post("/hide-names", hide="yes", back="/replies")
    for path in ("/replies", f"/replies/{await talk(morning, 'Benedict')}"):
        page = (await desk.get(path)).text
        for secret in ("Benedict", "Example", "Łucja", "900199", "her nan", "back hurts"):
            assert secret not in page, path
    done = await desk.post(
        f"/replies/{await talk(morning, 'Łucja')}/code", case=str(morning.cases[CaseState.TO_CONFIRM])
    )
    assert "Saved." in (await desk.get(done.headers["Location"])).text


async def test_words_that_came_since_wait_on_and_urgent_ones_are_urgent_again(morning: office.Office) -> None:
    desk = await staff.desk(morning.site, Role.OFFICE)
    which = await talk(morning, "Benedict")
    async with morning.site.gateway.database.read() as session:
        seen = (await session.scalars(select(Reply).where(core(Reply).c.conversation_id == which))).one()
    later = absences.Morning(morning.site.gateway.database, clock=morning.site.gateway.now)  # type: ignore[arg-type]
    await later.answer((await row(morning, which)).address, "what? I dropped her at school, where is she?")
    await promised(morning)
    assert (await row(morning, which)).urgent
    assert "Read now: a child may not be safe" in (await desk.get("/replies")).text
    await desk.post(f"/replies/{which}/reply", words="Which nan?", up_to=str(seen.id))
    assert (await row(morning, which)).waiting_since is not None, "nobody has seen the second one"
    await desk.post(f"/replies/{which}/done", outcome="answered")
    assert not (await row(morning, which)).urgent
    await desk.post(f"/replies/{which}/undo")
    assert (await row(morning, which)).urgent
