"""``handbell notice``, ``message``, ``replies``, ``contact`` on a small school in a real database."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlmodel import select
from support import school

from channels.base import Medium, Outcome, Receipt, ReceiptState, Reply
from gateway import audit, context, intake, models
from gateway.database import Database, Session
from gateway.models import Attempt, Conversation, Message, MessageState, Notice

if TYPE_CHECKING:
    from conftest import Office

CLOSURE = """
key = "closure-boiler"
title = "School closed"
purpose = "statutory"
media = ["sms", "email"]

[text]
en = "School is closed on Tuesday for {children}."
pl = "We wtorek szkoła zamknięta: {children}."

[audience]
whole_school = true
"""


@pytest.fixture
def closure(school_office: Office) -> str:
    return school_office.write("closure.toml", CLOSURE)


def test_check_says_that_all_is_well(office: Office) -> None:
    assert "a.toml: in order.\n" in office.gives("notice", "check", office.write("a.toml", CLOSURE))


def test_check_names_every_mistake_of_every_file(office: Office) -> None:
    good = office.write("good.toml", CLOSURE)
    bad = office.write("bad.toml", CLOSURE.replace("statutory", "urgent").replace("whole_school", "whole_scool"))
    result = office.type("notice", "check", good, bad)
    assert result.exit_code == 1
    assert "good.toml: in order." in result.stdout
    assert "bad.toml, line 4, “purpose”" in result.stdout
    assert "Did you mean “whole_school”?" in result.stdout
    found = json.loads(office.type("notice", "check", good, bad, "--json").stdout)
    assert [file["ok"] for file in found] == [True, False]
    assert found[1]["problems"][0].keys() == {"line", "field", "what", "cure"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Tuesday", "{whe}", "line 8, “text.en”: nobody fills the placeholder {whe}"),
        ("Tuesday", "Tuesday " + "and on " * 200, "line 8, “text.en”: the text in “en” needs "),
        ("[text]", "schedule.at = 2020-01-01T07:00:00\n[text]", "line 7, “schedule.at”: this time has gone by."),
        ("[text]", "valid.until = 2020-01-01T07:00:00\n[text]", "line 7, “valid.until”: this is over before"),
    ],
)
def test_what_send_refuses_check_and_preview_refuse_in_the_same_words(
    school_office: Office, old: str, new: str, sentence: str
) -> None:
    file = school_office.write("wrong.toml", CLOSURE.replace(old, new))
    assert sentence in school_office.type("notice", "check", file).stdout
    assert sentence in school_office.refuses("notice", "preview", file)
    assert sentence in school_office.refuses("notice", "send", file)


def test_a_notice_that_reaches_nobody_is_not_sent(school_office: Office) -> None:
    file = school_office.write("ben.toml", CLOSURE.replace("whole_school = true", 'forms = ["4B"]'))
    said = school_office.refuses("notice", "send", file)
    assert "ben.toml, line 11, “audience”: nobody in this audience would" in said


def test_preview_shows_who_gets_what_and_who_gets_nothing(school_office: Office, closure: str) -> None:
    said = school_office.gives("notice", "preview", closure)
    assert "We wtorek szkoła zamknięta: Ana." in said
    assert "Nobody would hear about 1 pupil:\n    Ben Example (4B)." in said
    assert "Ivan Example, about Ana Example (3A). Must not be contacted about this child." in said
    found = school_office.data("notice", "preview", closure)
    totals = {(total["medium"], total["language"]): total for total in found["totals"]}
    assert totals["sms", "pl"]["parts"] == 1
    assert totals["sms", "pl"]["pence"] == 4
    assert totals["email", "pl"]["messages"] == 1
    assert [one["reasons"] for one in found["unreached"]] == [["nobody"]]
    assert "+447700900111" not in json.dumps(found)


SZKOLA = "Szkoła będzie jutro zamknięta z powodu awarii pieca. Prosimy zostawić dzieci w domu. Lekcje: {children}."


def test_preview_tells_what_was_replaced_and_what_accents_cost_and_sends_what_it_shows(school_office: Office) -> None:
    text = CLOSURE.replace("School is closed on Tuesday", "School’s closed – on Tuesday").replace(
        "We wtorek szkoła zamknięta: {children}.", SZKOLA
    )
    file = school_office.write("cost.toml", text)
    said = school_office.gives("notice", "preview", file)
    assert "— sms, Polish, up to 2 parts, 8.0p, for example:" in said
    assert 'Without accents it would save 1 part, £0.04: languages.fold_accents = ["pl"].' in said
    settings = school_office.settings.read_text("utf-8")
    school_office.settings.write_text(settings + '\n[languages]\nfold_accents = ["pl"]\n', "utf-8")
    said = school_office.gives("notice", "preview", file)
    assert "— sms, Polish, 1 part, 4.0p, for example:" in said
    assert "Oakfield: Szkola bedzie jutro zamknieta" in said
    assert "Without accents, which saves 1 part, £0.04 (languages.fold_accents)." in said
    sms, email = (
        next(one for one in school_office.data("notice", "preview", file)["totals"] if one["medium"] == medium)
        for medium in ("sms", "email")
    )
    assert (sms["parts"], sms["saved_parts"], sms["could_save_parts"]) == (1, 1, 0)
    assert "Szkoła będzie" in email["sample"]["text"], "only texts are charged by the character"

    async def english(session: Session) -> None:
        await session.execute(sa.update(models.Contact).values(written_language="en"))

    school_office.change(english)
    said = school_office.gives("notice", "preview", file)
    assert "School's closed - on Tuesday for Ana." in said
    assert "Replaced, so that it costs less: ’ by ', – by -." in said


def test_check_advises_and_stops_only_what_would_harm(office: Office) -> None:
    file = office.write("a.toml", CLOSURE.replace("School is closed on Tuesday", "INSET day on 3/11! Ring us, not"))
    said = office.gives("notice", "check", file)
    assert "a.toml, line 8, “text.en”: Not every family knows “INSET”. Write: a day for staff only" in said
    assert "a.toml: in order.\n" in said
    [found] = office.data("notice", "check", file)
    assert (found["ok"], found["problems"]) == (True, [])
    assert {one["field"] for one in found["advice"]} == {"text.en"}
    file = office.write("b.toml", CLOSURE.replace("School is closed", "Reply YES to come"))
    result = office.type("notice", "check", file)
    assert result.exit_code == 1
    assert "b.toml, line 8, “text.en”: “YES” cannot be an answer" in result.stdout


def test_what_fills_the_blanks_of_a_wording_is_read_too(office: Office) -> None:
    text = """
key = "closure-boiler"
title = "School closed"
purpose = "service"
template = "closure"
media = ["sms"]

[values]
date = 2026-12-01
reason = "INSET"
details = {REPLY}

[audience]
whole_school = true
"""
    [found] = office.data("notice", "check", office.write("a.toml", text.replace("{REPLY}", '"Stay at home!"')))
    assert found["ok"]
    assert [(one["line"], one["field"]) for one in found["advice"]] == [(10, "values.reason"), (11, "values.details")]
    *about_words, about_load = found["remarks"]
    assert [one.partition(":")[0] for one in about_words] == ["values.reason", "values.details"]
    assert about_load.startswith("handbell notice preview says how many texts")
    translated = text.replace('"INSET"', '{ en = "INSET", pl = "szkolenie" }').replace("{REPLY}", '"Stay at home!"')
    [found] = office.data("notice", "check", office.write("d.toml", translated))
    remark, _ = found["remarks"]
    assert remark.startswith("values.details: in English alone")
    result = office.type("notice", "check", office.write("b.toml", text.replace("{REPLY}", '"Reply END to come."')))
    assert result.exit_code == 1
    assert "b.toml, line 11, “values.details”: “END” cannot be an answer" in result.stdout
    text = (
        text.replace("{REPLY}", '"Stay."') + '\n[[replies.options]]\nkey = "1"\nlabel = { en = "ok", tr = "iptal" }\n'
    )
    assert "“iptal” cannot be an answer" in office.type("notice", "check", office.write("c.toml", text)).stdout


def test_a_matter_for_a_person_is_not_texted_from_a_name(office: Office) -> None:
    text = CLOSURE.replace("School is closed on Tuesday for {children}", "{children} had an exclusion today")
    file = office.write("a.toml", text)
    assert "in order." in office.gives("notice", "check", file)
    settings = office.settings.read_text("utf-8")
    office.settings.write_text(settings.replace('address = "+441134960001"', 'address = "Oakfield"'), "utf-8")
    result = office.type("notice", "check", file)
    assert result.exit_code == 1
    assert "“text.en”: It speaks of a child and of “exclusion”, and comes from a name" in result.stdout


def test_preview_says_whom_a_later_step_is_for(school_office: Office) -> None:
    steps = '[[ladder]]\nmedia = ["sms"]\n[[ladder]]\nmedia = ["email"]\nafter = "90m"\n[text]'
    text = CLOSURE.replace('media = ["sms", "email"]\n', "").replace("[text]", steps)
    said = school_office.gives("notice", "preview", school_office.write("ladder.toml", text))
    assert "What would go at most" in said
    assert "Step 2 (email): at most so many, 90 minutes after step 1, only to those whom nothing has reached" in said


def test_preview_writes_nothing(school_office: Office, closure: str) -> None:
    school_office.gives("notice", "preview", closure, "--all")
    assert school_office.change(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Notice))) == 0


def test_send_then_list_show_and_cancel(school_office: Office, closure: str) -> None:
    assert "It goes now" in school_office.gives("notice", "send", closure, "--as", "Mrs Office")
    assert "sent or scheduled already" in school_office.refuses("notice", "send", closure)
    [row] = school_office.data("notice", "list")
    assert (row["key"], row["state"], row["author"]) == ("closure-boiler", "scheduled", "Mrs Office")
    assert "No message of it has been planned yet." in school_office.gives("notice", "show", "closure-boiler")
    assert "0 messages taken back" in school_office.gives("notice", "cancel", row["id"], "--as", "Head")
    assert "cancelled already" in school_office.refuses("notice", "cancel", "closure-boiler")
    deeds = school_office.data("audit", "show", "--about", f"notice:{row['id']}")
    assert [(deed["action"], deed["actor"]) for deed in deeds] == [
        ("notice.cancelled", "Head"),
        ("notice.submitted", "Mrs Office"),
    ]


def test_a_held_notice_waits_for_somebody_else(school_office: Office) -> None:
    file = school_office.write("held.toml", CLOSURE + "\n[approval]\nrequired = true\n")
    assert "waits for somebody other than Ann" in school_office.gives("notice", "send", file, "--as", "Ann")
    assert "somebody else must approve" in school_office.refuses("notice", "approve", "closure-boiler", "--as", "ann")
    assert "approved by Bob" in school_office.gives("notice", "approve", "closure-boiler", "--as", "Bob")


def test_show_groups_what_did_not_arrive_by_reason(school_office: Office) -> None:
    async def planned(database: Database) -> None:
        now = context.utc_now()
        sender = await school.sender(database)
        run = await school.run(database, now=now)
        for _ in range(2):
            await school.message(database, sender, now=now, run=run, state=MessageState.DELIVERED)
        wrong = {"reason": "bad_address", "reason_text": "There is no such number."}
        await school.message(database, sender, now=now, run=run, state=MessageState.FAILED, **wrong)

    school_office.do(planned)
    key = school_office.data("notice", "list")[0]["key"]
    said = school_office.gives("notice", "show", key)
    assert "There is no such number." in said
    counts = {count["state"]: count["messages"] for count in school_office.data("notice", "show", key)["messages"]}
    assert counts == {"delivered": 2, "failed": 1}


def test_what_there_is_not_is_a_sentence(office: Office) -> None:
    assert office.refuses("notice", "show", "nothing").strip() == "There is no notice “nothing”."
    assert "There is no message" in office.refuses("message", "show", "nothing")
    assert "There is no contact 99" in office.refuses("contact", "show", "99")
    assert "There is no reply 99" in office.refuses("replies", "seen", "99")
    assert "there is no such file" in office.refuses("notice", "send", str(office.folder / "no.toml"))


def test_the_schema_is_json_schema(office: Office) -> None:
    assert json.loads(office.gives("notice", "schema"))["title"] == "Handbell definition"


async def exchange(database: Database, log: audit.Log, **fields: Any) -> str:
    """A text that was tried, delivered and answered. Gives its id."""
    now = context.utc_now()
    sender = await school.sender(database)
    sent = await school.message(
        database, sender, now=now, number="+447700900333", state=MessageState.ACCEPTED, attempt=1, **fields
    )
    tried = Attempt(message_id=sent, number=1, worker="w", begun_at=now, ended_at=now, outcome=Outcome.ACCEPTED)
    await school.add(database, tried)
    events = [
        Receipt(message_id=sent, ref="", state=ReceiptState.DELIVERED, event_id="r1", at=now),
        Reply(
            medium=Medium.SMS, sender="+447700900333", to="+441134960001", body="Is the club on?", event_id="e1", at=now
        ),
    ]
    async with database.write() as session:
        await intake.store(session, "twilio-sms", events, now=now)
    await intake.handle_waiting(database, log=log, now=now + timedelta(seconds=1))
    return sent


def test_a_message_tells_its_whole_history(school_office: Office) -> None:
    sent = school_office.do(lambda database: exchange(database, school_office.log))
    what = [line["what"] for line in school_office.data("message", "show", sent)["history"]]
    assert {"planned", "try 1 begun", "try 1: accepted", "receipt: delivered", "answer"} <= set(what)
    assert "audit: message.delivered" in what
    assert "Is the club on?" in school_office.gives("message", "show", sent)


def test_a_long_answer_does_not_push_the_others_off_the_screen(school_office: Office) -> None:
    school_office.do(lambda database: exchange(database, school_office.log))

    async def lengthen(session: Session) -> None:
        for reply in await session.scalars(select(models.Reply)):
            reply.body += " word" * 1_000

    school_office.change(lengthen)
    assert school_office.gives("replies", "list").count("word") < 100
    assert school_office.data("replies", "list")[0]["words"].count("word") == 1_000


def test_replies_wait_until_somebody_has_read_them(school_office: Office) -> None:
    school_office.do(lambda database: exchange(database, school_office.log))
    [row] = school_office.data("replies", "list", "--waiting")
    assert row["words"] == "Is the club on?"
    school_office.gives("replies", "seen", str(row["id"]), "--as", "Mr Reilly")
    assert school_office.data("replies", "list", "--waiting") == []
    assert school_office.data("replies", "list")[0]["seen by"] == "Mr Reilly"
    assert "read by Mr Reilly" in school_office.gives("replies", "seen", str(row["id"]), "--as", "Mrs Office")

    async def waiting(session: Session) -> Any:
        return (await session.scalars(select(Conversation.waiting_since))).all()

    assert school_office.change(waiting) == [None]


def test_a_conversation_waits_while_any_answer_is_unread(school_office: Office) -> None:
    async def twice(database: Database) -> None:
        await exchange(database, school_office.log)
        now = context.utc_now()
        more = Reply(medium=Medium.SMS, sender="+447700900333", to="", body="And swimming?", event_id="e2", at=now)
        async with database.write() as session:
            await intake.store(session, "twilio-sms", [more], now=now)
        await intake.handle_waiting(database, log=school_office.log, now=now)

    school_office.do(twice)
    newest, _first = school_office.data("replies", "list")
    school_office.gives("replies", "seen", str(newest["id"]))
    [left] = school_office.data("replies", "list", "--waiting")
    assert left["words"] == "Is the club on?"


def test_a_key_of_the_menu_needs_no_reader(school_office: Office) -> None:
    async def pressed(database: Database) -> None:
        now = context.utc_now()
        await exchange(database, school_office.log, keys="12")
        answer = Reply(medium=Medium.SMS, sender="+447700900333", to="", body="1", event_id="e2", at=now)
        async with database.write() as session:
            await intake.store(session, "twilio-sms", [answer], now=now)
        await intake.handle_waiting(database, log=school_office.log, now=now)

    school_office.do(pressed)
    [waiting] = school_office.data("replies", "list", "--waiting")
    school_office.gives("replies", "seen", str(waiting["id"]))
    assert school_office.data("replies", "list", "--waiting") == []
    answers = school_office.data("replies", "list")
    assert {row["means"] for row in answers} == {"1", ""}
    assert {row["medium"] for row in answers} == {"sms"}


def test_a_picture_that_comes_with_a_key_of_the_menu_waits_to_be_seen(school_office: Office) -> None:
    async def shown(database: Database) -> None:
        await exchange(database, school_office.log, keys="12")
        now = context.utc_now()
        picture = Reply(medium=Medium.SMS, sender="+447700900333", to="", body="1", event_id="e2", at=now, media=1)
        async with database.write() as session:
            await intake.store(session, "twilio-sms", [picture], now=now)
        await intake.handle_waiting(database, log=school_office.log, now=now)

    school_office.do(shown)
    waiting = school_office.data("replies", "list", "--waiting")
    assert [row["words"] for row in waiting] == ["1", "Is the club on?"]
    for row in waiting:
        school_office.gives("replies", "seen", str(row["id"]))
    assert school_office.data("replies", "list", "--waiting") == []


def test_a_key_pressed_in_a_call_is_listed_as_one(school_office: Office) -> None:
    async def pressed(database: Database) -> None:
        now = context.utc_now()
        sender = await school.sender(database, medium=Medium.VOICE, channel="twilio-voice")
        call = await school.message(
            database,
            sender,
            now=now,
            number="+447700900333",
            medium=Medium.VOICE,
            state=MessageState.ACCEPTED,
            keys="12",
        )
        key = Reply(
            medium=Medium.VOICE, sender="+447700900333", to="", body="", keys="2", in_reply_to=call, event_id="CA1",
            at=now,
        )  # fmt: skip
        async with database.write() as session:
            await intake.store(session, "twilio-voice", [key], now=now)
        await intake.handle_waiting(database, log=school_office.log, now=now)

    school_office.do(pressed)
    [row] = school_office.data("replies", "list")
    assert (row["medium"], row["words"], row["means"]) == ("voice", "2", "2")
    assert school_office.data("replies", "list", "--waiting") == [], "it was noted as the answer that it stands for"


@pytest.fixture
def failed(school_office: Office) -> str:
    async def fail(database: Database) -> str:
        now = context.utc_now()
        child = await school.pupil(database, "Cy")
        run = await school.run(database, now=now)
        doubt = {"reason": "in_doubt", "reason_text": "Nobody can tell.", "attempt": 3, "ref": "SM1", "retries": 2}
        sender = await school.sender(database)
        return await school.message(
            database, sender, now=now, run=run, about=[child], state=MessageState.FAILED, **doubt
        )

    found: str = school_office.do(fail)
    return found


def test_a_failed_message_goes_again_once(school_office: Office, failed: str) -> None:
    copy = school_office.gives("message", "again", failed, "--as", "Ann").split()[-1].rstrip(".")
    found = school_office.data("message", "show", copy)["message"]
    assert found["state"] == "queued"
    assert (found["attempt"], found["retries"], found["ref"], found["reason"]) == (0, 0, "", "")
    assert copy in school_office.refuses("message", "again", failed)
    [deed] = school_office.data("audit", "show", "--action", "message.again")
    assert (deed["actor"], deed["body"]) == ("Ann", {"as": copy})


def test_what_goes_again_is_about_the_same_children(school_office: Office, failed: str) -> None:
    """The guard asks by these rows whether anybody is barred."""
    school_office.gives("message", "again", failed)
    rows = school_office.change(lambda session: session.execute(sa.text("SELECT pupil_id FROM about"))).all()
    assert len(rows) == 2
    assert len(set(rows)) == 1


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.QUEUED, MessageState.SKIPPED])
def test_only_a_failed_message_goes_again(school_office: Office, failed: str, state: MessageState) -> None:
    school_office.change(lambda session: session.execute(sa.update(Message).values(state=state)))
    assert "Only a failed message" in school_office.refuses("message", "again", failed)


def test_what_is_out_of_date_does_not_go_again(school_office: Office, failed: str) -> None:
    past = context.utc_now() - timedelta(hours=1)
    school_office.change(lambda session: session.execute(sa.update(Message).values(not_after=past)))
    assert "no longer worth saying" in school_office.refuses("message", "again", failed)


def test_contacts_are_found_by_their_own_name_and_by_the_childs(school_office: Office) -> None:
    names = {row["name"] for row in school_office.data("contact", "list", "ana")}
    assert names == {"Maria Example", "Ivan Example"}
    [mother] = school_office.data("contact", "list", "Mari")
    found = school_office.data("contact", "show", str(mother["id"]))
    assert [way["address"] for way in found["ways"]] == ["+447700900111", "maria@families.example"]
    [father] = school_office.data("contact", "list", "Iva")
    assert "must not be contacted" in school_office.gives("contact", "show", str(father["id"]))
    assert "There are none." in school_office.gives("contact", "list", "100%")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[text]", "replies.expected = true\n[text]", "a name: families cannot answer them"),
        ("Tuesday", "Tuesday. Text STOP to opt out", "a name: nobody can text STOP to it"),
    ],
)
def test_a_name_cannot_be_answered(school_office: Office, old: str, new: str, sentence: str) -> None:
    file = school_office.write("asks.toml", CLOSURE.replace(old, new, 1))
    assert "in order" in school_office.type("notice", "check", file).stdout
    school_office.settings.write_text(school_office.settings.read_text().replace("+441134960001", "Oakfield"))
    assert sentence in school_office.type("notice", "check", file).stdout
    assert sentence in school_office.refuses("notice", "send", file)
    without = school_office.write("plain.toml", CLOSURE)
    assert "in order" in school_office.type("notice", "check", without).stdout
