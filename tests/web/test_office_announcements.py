"""Announcements: who may do what, that numbers are those of the API, and that nothing leaves that should not."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from support import announced, staff
from support.website import Answer, Running

from gateway import tokens
from gateway.database import Database
from gateway.models import AnnouncementDraft, Letter, Message, MessageState, Notice, NoticeState
from gateway.models.types import core
from gateway.roles import Role

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Running]:
    async with announced.opened(database, second_person_over=45) as site:
        async with database.write() as session:
            site.token = await tokens.create(session, "office", log=site.gateway.log, now=site.gateway.now())
        yield site


def said(page: Answer) -> str:
    """What a page says, without its mark-up."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text)))


def fields(**changed: Any) -> dict[str, Any]:
    """The form about form 3K, filled in; None takes a field out."""
    given = {name: value for name, value in announced.FIELDS.items() if name != "whole"} | {"form": "3K"} | changed
    return {name: value for name, value in given.items() if value is not None}


async def drafted(desk: staff.Browser, **changed: Any) -> str:
    """Where the check of a draft is."""
    answer = await desk.post("/announcements/new", act="check", **fields(**changed))
    assert answer.status == 303, said(answer)
    return answer.headers["Location"]


async def count(site: Running, *which: Any) -> int:
    async with site.gateway.database.read() as session:
        query = sa.select(sa.func.count()).select_from(Message).where(*which)
        return await session.scalar(query) or 0


async def notice(site: Running) -> Notice:
    async with site.gateway.database.read() as session:
        return (await session.scalars(sa.select(Notice))).one()


async def test_every_number_is_the_apis(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    check = await desk.get(await drafted(desk))
    asked = {
        "key": "k", "title": "t", "purpose": "service", "text": {"en": announced.TEXT, "pl": announced.POLISH,
        "ur": announced.URDU}, "audience": {"forms": ["3K"], "tell": "first_contact"},
        "ladder": [{"media": ["sms"]}, {"media": ["email"], "after": "30m"}, {"media": ["voice"], "after": "2h"}],
        "replies": {"expected": True}, "until": "delivered",
    }  # fmt: skip
    seen = (await office.api("POST", "/notices/preview", json=asked)).json
    assert (seen["families"], seen["children"], seen["unreachable"]) == (8, 8, 1)
    assert "To3K: 8 families, 8 children." in said(check)
    assert f"Send to {seen['families'] - seen['unreachable']} families" in said(check)
    assert f"at most £{seen['pence'] / 100:.2f}" in said(check)
    sent = await desk.post(desk_path(check), meant="")
    page = await desk.get(sent.headers["Location"])
    assert "Nothing has left yet" in said(page)
    assert await count(office) == 0
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    await announced.arrive(office.gateway.database)
    page = await desk.get(sent.headers["Location"])
    told = (await office.api("GET", f"/notices/{(await notice(office)).key}")).json["families"]
    assert told["all"] == 8
    words = [f"{told['reached']} of 8 families reached", f"{told['on_the_way']} on the way",
             f"{told['to_try']} still to try", f"{told['not_reached']} could not be reached"]  # fmt: skip
    assert [one for one in words if one not in said(page)] == []
    assert f"{told['reached']} of 8" in said(await desk.get("/announcements"))


def desk_path(check: Answer) -> str:
    """Where the check's own button leads."""
    found = re.search(r'action="(/announcements/[^"]+/send)"', check.text)
    assert found, check.text
    return found[1]


async def test_what_goes_is_what_was_checked(office: Running) -> None:
    """Two of the office write at one draft: whoever sends it must have seen the words."""
    desk, other = [await staff.desk(office, Role.OFFICE, name=name) for name in ("Jo Whitfield", "Dal Singh")]
    check = await drafted(desk)
    seen = re.search(r'name="as_of" value="([^"]+)"', (await desk.get(check)).text)
    assert seen
    office.clock.pass_by(seconds=5)
    changed = await other.post(
        check.replace("/check", "/edit"), act="check", **fields(text="Bring the goat on Tuesday.")
    )
    assert changed.status == 303
    stale = await desk.post(check.replace("/check", "/send"), as_of=seen[1])
    assert (stale.status, "Somebody has changed it since" in stale.text, "the goat" in stale.text) == (409, True, True)
    fresh = re.search(r'name="as_of" value="([^"]+)"', stale.text)
    assert fresh
    assert (await desk.post(check.replace("/check", "/send"), as_of=fresh[1])).status == 303


async def test_stop_it_in_the_minute_makes_it_a_draft_again(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    check = await drafted(desk)
    sent = await desk.post(check.replace("/check", "/send"))
    head = await staff.desk(office, Role.HEAD, name="Mr Reilly")
    stopped = await head.post(f"{sent.headers['Location']}/stop")
    assert (
        "Written by <bdi>Jo Whitfield</bdi>. Stopped by <bdi>Mr Reilly</bdi>."
        in (await desk.get(sent.headers["Location"])).text
    )
    assert stopped.headers["Location"] == check.replace("/check", "/edit")
    assert announced.TEXT in html.unescape((await desk.get(stopped.headers["Location"])).text)
    office.clock.pass_by(minutes=5)
    await announced.plan(office)
    assert await count(office) == 0
    assert (await notice(office)).state is NoticeState.CANCELLED
    again = await desk.post(check.replace("/check", "/send"))
    assert (again.status, again.headers["Location"]) == (303, "/announcements/parents-evening-invitation-2026-11-23-2")
    twice = await desk.post(check.replace("/check", "/send"))
    assert twice.status == 303
    async with office.gateway.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Notice)) == 2, "one press, one notice"


async def test_pause_holds_what_waits_and_nobody_gets_it_twice(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    at = (await desk.post((await drafted(desk)).replace("/check", "/send"))).headers["Location"]
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    await announced.arrive(office.gateway.database)
    waits, all_ = await count(office, Message.state == MessageState.QUEUED), await count(office)
    assert (await desk.post(f"{at}/pause")).status == 303
    assert await count(office, Message.state == MessageState.QUEUED) == 0
    assert await count(office, Message.state == MessageState.HELD) == waits > 0
    assert "Paused by Jo Whitfield" in said(await desk.get(at))
    assert (await desk.post(f"{at}/pause")).status == 409
    other = await staff.desk(office, Role.HEAD, name="Mrs Head")
    assert (await other.post(f"{at}/approve")).status == 409, "a pause is no question to a second person"
    assert (await desk.post(f"{at}/resume")).status == 303
    assert (await count(office, Message.state == MessageState.QUEUED), await count(office)) == (waits, all_)
    assert (await desk.post(f"{at}/stop")).status == 303
    page = said(await desk.get(at))
    assert "Stopped after" in page
    assert await count(office, Message.state == MessageState.QUEUED) == 0
    who = [(action, (await staff.lines(office, action))[0][0]) for action in ("notice.paused", "notice.resumed")]
    assert who == [("notice.paused", "office:Jo Whitfield"), ("notice.resumed", "office:Jo Whitfield")]


async def test_a_paused_notice_is_not_planned(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    at = (await desk.post((await drafted(desk)).replace("/check", "/send"))).headers["Location"]
    assert (await office.api("POST", f"/notices/{(await notice(office)).key}/pause")).status == 200
    office.clock.pass_by(minutes=5)
    await announced.plan(office)
    assert await count(office) == 0
    assert (await desk.post(f"{at}/resume")).status == 303
    await announced.plan(office)
    assert await count(office) > 0


async def test_the_check_warns_first(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    check = await drafted(desk, text="Your child is absent. Meet us on Thursday 25 November. Call us.", when="later",
                          day="2026-11-24", at="21:30", **{"text-pl": None, "text-ur": None})  # fmt: skip
    page = said(await desk.get(check))
    for sentence in (
        "It sounds like an absence message: “is absent”",
        "25 November is a Wednesday, and you wrote “Thursday 25 November”",
        "It is outside sending hours: it waits until Wednesday 25 November 7am",
        "1 family cannot be reached",
        "There are no words in",
    ):
        assert sentence in page, sentence
    refused = await desk.post(check.replace("/check", "/send"))
    assert (refused.status, "Say that it is meant" in said(refused)) == (422, True)
    assert (await desk.post(check.replace("/check", "/send"), meant="yes")).status == 303
    nobody = await drafted(desk, form=None, children="P12-0")
    page = said(await desk.get(nobody))
    assert "Nobody can be reached: no message would leave." in page
    assert "Send to" not in page


async def test_each_language_that_makes_a_text_long_is_named(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    long = {"text-ur": announced.URDU * 4, "text-pl": "Ż" * 200, "text-ar": announced.URDU * 6}
    page = said(await desk.get(await drafted(desk, form=None, whole="yes", **long)))
    assert re.search(r"It is long: \d texts each in Arabic; 4 texts each in Polish and Urdu\. Some phones", page), page


async def test_machine_drafts_are_said_and_can_be_checked(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Mrs Nowak")
    check = await drafted(desk)
    draft_id = check.split("/")[2]
    async with office.gateway.database.write() as session:
        row = await session.get_one(AnnouncementDraft, draft_id)
        from gateway.definitions import reading, translated

        plain = reading.read({"key": "k", "title": row.title, "purpose": "service", "text": {"en": announced.TEXT},
                              "media": ["sms", "email"], "audience": {"whole_school": True}})  # fmt: skip
        note = {"by": "deepl", "english": translated.fingerprint(plain)}
        row.typed = row.typed | {"notes": [{"pl": note}]}
        session.add(row)
    assert "The Polish wording is a machine draft" in said(await desk.get(check))
    edit = check.replace("/check", "/edit")
    done = await desk.post(edit, act="checked:pl", **fields())
    assert done.headers["Location"].startswith(edit)
    assert "machine draft" not in said(await desk.get(check))
    forged = await desk.post(edit, act="check", notes='{"ur": {"reviewed_by": "me"}}', **fields())
    assert forged.status == 303
    async with office.gateway.database.read() as session:
        kept = (await session.get_one(AnnouncementDraft, draft_id)).typed["notes"][0]
    assert (kept["pl"]["reviewed_by"], set(kept)) == ("Mrs Nowak", {"pl"}), "what a form brings is no review"


async def test_a_large_one_waits_for_a_second_person(office: Running) -> None:
    author = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    check = await drafted(author, form=None, whole="yes")
    assert "a second person must let it go" in said(await author.get(check))
    at = (await author.post(check.replace("/check", "/send"))).headers["Location"]
    assert "It waits for a second person" in said(await author.get(at))
    assert (await author.post(f"{at}/approve")).status == 409
    assert (await notice(office)).state is NoticeState.HELD
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    assert await count(office, Message.state == MessageState.QUEUED) == 0
    head = await staff.desk(office, Role.HEAD, name="Mrs Head")
    for page, words in (
        ("/announcements", "One waits for a second person."),
        ("/announcements?show=waiting", "Waiting 1"),
        ("/announcements?show=waiting", "Waits for a second person"),
        ("/announcements", "Announcements, 1 to do"),
        ("/today", "Waits for a second person"),
    ):
        assert words in said(await head.get(page)), "its minute is over, and it waits all the same"
    late = "Its time has passed: look whether it is still true."
    assert late not in said(await head.get(at))
    office.clock.pass_by(hours=13)
    head = await staff.desk(office, Role.HEAD, name="Mrs Head of Monday")  # the first one was signed out
    assert late in said(await head.get(at))
    assert (await head.post(f"{at}/approve")).status == 303
    assert "second person" not in said(await head.get("/announcements"))
    assert await count(office, Message.state == MessageState.QUEUED) > 30
    assert "Mrs Head of Monday let it go" in said(await head.get(at))


async def test_those_of_one_cause_are_tried_by_another_way_once(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    check = await drafted(desk, form=None, whole="yes", way=["sms"])
    at = (await desk.post(check.replace("/check", "/send"))).headers["Location"]
    head = await staff.desk(office, Role.HEAD)
    await head.post(f"{at}/approve")
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    message = core(Message)
    async with office.gateway.database.write() as session:
        await session.execute(
            sa.update(message).where(message.c.state == MessageState.QUEUED)
            .values(state=MessageState.FAILED, reason="bad_address")
        )  # fmt: skip
    page = await desk.get(at)
    assert "0 of 40 families reached" in said(page)
    found = re.search(r"Send again by email to these (\d+)", said(page))
    assert found
    emails = int(found[1])
    assert (await desk.post(f"{at}/again", cause="dead", by="email")).status == 303
    assert await count(office, Message.state == MessageState.QUEUED) == emails
    assert (await desk.post(f"{at}/again", cause="dead", by="email")).status == 409, "nobody gets it twice"
    assert await count(office, Message.state == MessageState.QUEUED) == emails
    assert "Send again by email" not in said(await desk.get(at))
    assert (await desk.post(f"{at}/again", cause="nonsense", by="email")).status == 422


async def test_a_form_with_mistakes_keeps_what_was_typed(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    wrong = await desk.post("/announcements/new", act="check",
                            **fields(title="", text="<b>Hello</b> {nonsense}", children="Zo", way=None))  # fmt: skip
    assert wrong.status == 422
    page = wrong.text
    assert '<a href="#title">' in page
    assert "Tick at least one way to reach them" in page
    assert "Which “Zo”?" in html.unescape(page) or "Nobody on roll is called" in html.unescape(page)
    assert "&lt;b&gt;Hello&lt;/b&gt; {nonsense}" in page
    assert 'value="3K" checked' in page
    both = await desk.post("/announcements/new", act="check", **fields(whole="yes"))
    assert (both.status, "not both" in said(both)) == (422, True)
    late = await desk.post("/announcements/new", act="check", **fields(when="later", day="2026-11-01", at="09:00"))
    assert (late.status, "this time has gone by" in said(late)) == (422, True)
    blank = await desk.post("/announcements/new", act="check", **fields(text="{nonsense}"))
    assert (blank.status, "nobody fills the placeholder" in said(blank)) == (422, True)
    kept = await desk.post("/announcements/new", act="save", title="", text="half")
    assert kept.status == 303, "a draft may be half"
    listed = await desk.get("/announcements?show=drafts")
    assert "Without a name yet" in said(listed)
    assert re.search(r"<td>[^<]*, by <bdi>[^<]*</bdi></td><td></td></tr>", listed.text), "no family is reached yet"


async def test_ready_wordings_and_an_invitation(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    shown = await desk.post("/announcements/new", act="look", **fields(wording="closure", text=None))
    assert 'id="value-date"' in shown.text
    values = {"value-date": "2026-11-25", "value-reason": "the boiler has failed"}
    check = await drafted(desk, wording="closure", text=None, **values)
    page = said(await desk.get(check))
    assert "Szkoła" in page or "szkoła" in page
    assert re.search("Nobody has checked this wording in [^:]*Polish[^:]*: [0-9]+ families get a machine draft", page)
    sent = await desk.post(check.replace("/check", "/send"))
    assert "the school is closed on Wednesday 25 November (the boiler has failed)" in said(
        await desk.get(sent.headers["Location"])
    )
    event = {"value-date": "2026-11-25", "value-time": "15:30", "value-until": "19:00", "value-place": "Hall"}
    invited = await drafted(desk, wording="event_invitation", text=None, remind="yes", **event)
    page = said(await desk.get(invited))
    assert "Date and weekday agree: 25 November is a Wednesday" in page
    assert "ReminderThe day before" in page
    assert (await desk.post(invited.replace("/check", "/send"))).status == 303


async def test_forms_stand_in_the_order_of_years(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE)
    for path in ("/announcements/new", "/surveys/new", "/good-news/3K"):
        page = (await desk.get(path)).text
        places = [page.index(f">{form}<") for form in ("RW", "1F", "2L", "3K", "4H")]
        assert places == sorted(places), path


async def test_a_teacher_reaches_their_own_class_and_the_office_lets_it_go(office: Running) -> None:
    desk = await staff.desk(office, Role.TEACHER, name="Ms Grewal", forms=["3K"])
    for wrong in ({"form": "3M"}, {"form": None, "whole": "yes"}, {"group": "Choir"}):
        refused = await desk.post("/announcements/new", act="check", **fields(**wrong))
        assert (refused.status, "own class" in said(refused)) == (422, True), wrong
    other_child = await desk.post("/announcements/new", act="check", **fields(form=None, children="P0-0"))
    assert (other_child.status, "Nobody on roll is called" in said(other_child)) == (422, True)
    assert "3M" not in (await desk.get("/announcements/new")).text
    check = await drafted(desk)
    at = (await desk.post(check.replace("/check", "/send"))).headers["Location"]
    assert "It waits for a second person" in said(await desk.get(at))
    colleague = await staff.desk(office, Role.TEACHER, name="Mr Costa", forms=["3K"])
    assert (await colleague.get(at)).status == 403
    assert (await colleague.get(f"{at}/report.csv")).status == 403
    assert "Parents’ evening" not in said(await colleague.get("/announcements"))
    assert (await desk.post(f"{at}/approve")).status == 403
    assert (await desk.post(f"{at}/pause")).status == 403
    jo = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    assert (await jo.post(f"{at}/approve")).status == 303
    assert (await notice(office)).state is NoticeState.SCHEDULED
    mine = await drafted(jo)
    assert (await desk.get(mine)).status == 403


async def test_the_sheets_of_letters_are_had_once_more_and_that_is_written_down(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    at = (await desk.post((await drafted(desk)).replace("/check", "/send"))).headers["Location"]
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    async with office.gateway.database.write() as session:
        one = (await session.scalars(sa.select(Message).limit(1))).one()
        letter = {"message_id": one.id, "contact_id": one.contact_id, "batch": "b1", "language": "en", "lines": "Ms A"}
        session.add(Letter(**letter, body="Dear A", printed_at=office.gateway.now(), printed_by="Jo Whitfield"))
    with contextlib.suppress(UnicodeDecodeError):  # a PDF is no text
        assert (await desk.get(f"{at}/letters.pdf?batch=b1")).status == 200
    assert await staff.lines(office, "letter.printed_again")
    assert (await desk.get(f"{at}/letters.pdf?batch=b2")).status == 404


async def test_who_may_not_write_and_the_report(office: Running) -> None:
    desk = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    at = (await desk.post((await drafted(desk)).replace("/check", "/send"))).headers["Location"]
    office.clock.pass_by(seconds=61)
    await announced.plan(office)
    reader = await staff.desk(office, Role.READ_ONLY)
    assert (await reader.get(at)).status == 200
    assert "Stop for good" not in (await reader.get(at)).text
    for path in ("pause", "stop", "again", "letters", "approve"):
        assert (await reader.post(f"{at}/{path}")).status == 403
    assert (await desk.post(f"{at}/stop", csrf="x")).status == 403
    report = await desk.get(f"{at}/report.csv")
    assert report.text.startswith("\ufeffPupil ID,Forename")
    assert await staff.lines(office, "announcement.report_shown")
    await desk.get("/announcements")
    await desk.post("/hide-names", hide="yes", back="/announcements")
    assert (await desk.get(f"{at}/report.csv")).status == 303
    page = await desk.get(at)
    assert not re.search(r"(Carter|Nowak|Khan|Haddad|Farah|Rajan|Bennett)-[A-Z]", page.text)


async def test_a_colleague_looks_at_it_first_and_whoever_writes_gets_a_copy(office: Running) -> None:
    jo = await staff.desk(office, Role.OFFICE, name="Jo Whitfield")
    amina = await staff.desk(office, Role.HEAD, name="Amina Warsame")
    path = await drafted(jo)
    draft = path.removesuffix("/check")
    page = await jo.get(path)
    assert amina.account is not None
    assert f'<option value="{amina.account.id}">Amina Warsame</option>' in page.text
    nobody = await jo.post(f"{draft}/ask", colleague="x")
    assert (nobody.status, "Pick whom to ask" in said(nobody)) == (422, True)
    asked = await jo.post(f"{draft}/ask", colleague=amina.account.id)
    assert (asked.status, asked.headers["Location"]) == (303, path)
    page = await jo.get(path)
    assert "Jo Whitfield asks Amina Warsame to look at the announcement" in said(page)
    assert "I have looked: it is right" not in said(page), "nobody looks at their own"
    assert (await jo.post(f"{draft}/looked")).status == 409
    await jo.post(f"{draft}/copy")
    async with office.gateway.database.read() as session:
        mails = list(await session.scalars(sa.select(Message).where(Message.slot.startswith("staff:"))))
    copied = {one.subject.partition(":")[0]: one for one in mails}
    assert copied["Please look at this announcement"].address == amina.account.email
    assert f"{draft}/check" in copied["Please look at this announcement"].body
    assert announced.TEXT in copied["Copy"].body
    assert announced.POLISH in copied["Copy"].body
    assert jo.account is not None
    assert copied["Copy"].address == jo.account.email
    await amina.get(path)
    assert (await amina.post(f"{draft}/looked")).status == 303
    assert "Amina Warsame has looked at it, " in said(await jo.get(path))
    assert (await amina.post(f"{draft}/looked")).status == 409, "once"
    office.clock.pass_by(minutes=1)
    await jo.get(f"{draft}/edit")
    await jo.post(f"{draft}/edit", act="check", **fields(title="Another name"))
    assert "It has been changed since Amina Warsame looked" in said(await jo.get(path))
    done = await staff.lines(office, "task.done")
    assert [actor for actor, *_ in done] == ["office:Amina Warsame"]
