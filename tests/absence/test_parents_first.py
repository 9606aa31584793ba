"""Parents first: an absence that is told before anybody asks, by text or email, by whoever may tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
import sqlalchemy as sa
from support import desk, school
from support.absences import MAIL, Morning

from channels import mail_in, mail_reading
from gateway import intake
from gateway.absence import chronology, listening, reasons, strangers
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.models import AbsenceReason, DaySession, Message, Reply
from gateway.models import CaseState as S
from gateway.understanding import library

THURSDAY = date(2026, 11, 26)
STRANGER = "+447700900998"


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=listening.by_words(library.load())).open()


async def mail(morning: Morning, sender: str, words: str) -> None:
    """A mail as it stands in the school's mailbox, through the reader of mails."""
    head = f"From: Somebody <{sender}>\r\nTo: {MAIL}\r\nSubject: Absence\r\nMessage-ID: <{len(words)}@example.com>\r\n"
    raw = f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{words}".encode()
    events = mail_reading.read(mail_in.Mail(raw, morning.clock.now))
    async with morning.database.write() as session:
        await intake.store(session, "mailbox", events, now=morning.clock.now)
    await intake.handle_waiting(morning.database, log=desk.LOG, now=morning.clock.now)
    await morning.turn()


async def known(morning: Morning, day: date = THURSDAY) -> dict[int, AbsenceReason]:
    async with morning.database.read() as session:
        return await reasons.known(session, day, DaySession.AM)


async def heard(morning: Morning) -> Sequence[strangers.Stranger]:
    now = morning.clock.now
    async with morning.database.read() as session:
        return await strangers.listed(session, after=now.replace(hour=0), today=now.date())


async def test_two_children_with_different_reasons_and_days_in_one_text(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.answer(mother.number, "Ana has a fever, off until Thursday. Ben is at the dentist this morning")
    assert {pupil_id: one.code for pupil_id, one in (await known(morning)).items()} == {ana: "I"}
    assert (await known(morning, morning.clock.now.date()))[ben].code == "M"
    await morning.mark_all(ana, ben, code="N")
    await morning.at("10:00")
    assert await morning.cases() == 0
    assert await morning.messages() == []


@pytest.mark.parametrize("alias", ["maria@example.com", "Maria@Example.com", "maria+school@example.com"])
async def test_by_email_from_a_mailbox_on_file_and_what_it_quotes_is_cut_off(morning: Morning, alias: str) -> None:
    mother = await morning.parent(mail="maria@example.com")
    child = await morning.child("Ana", mother)
    words = "Ana has chickenpox and is off until Thursday.\r\n\r\nOn Mon, 2 Nov 2026 at 09:00, Oakfield wrote:\r\n"
    await mail(morning, alias, f"{words}> Ana is not in school today. Reply 2 for an appointment, at the dentist.\r\n")
    assert (await known(morning))[child].code == "I"
    assert (await known(morning))[child].said_by == "Maria Example"


async def test_a_shared_phone_may_tell_unless_one_of_its_owners_is_barred(morning: Morning) -> None:
    mother, gran, father = await morning.parent(), await morning.parent("Gran"), await morning.parent("Ivan")
    await school.point(morning.database, gran.id, mother.number)
    ana, ben = await morning.child("Ana", mother, gran), await morning.child("Ben", mother, gran)
    await school.point(morning.database, father.id, mother.number)
    await school.tie(morning.database, ben, father.id, no_contact=True)
    await morning.answer(mother.number, "Ana has a fever until Thursday")
    await morning.answer(mother.number, "Ben has a fever until Thursday")
    assert list(await known(morning)) == [ana]


@pytest.mark.parametrize("who", ["barred", "neighbour"])
async def test_whoever_may_not_speak_for_the_child_keeps_nobody_from_asking(morning: Morning, who: str) -> None:
    mother, other = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, form="3A")
    await school.tie(morning.database, child, other.id, priority=2, no_contact=who == "barred")
    await morning.answer(other.number, "Ana is ill today")
    assert await known(morning, morning.clock.now.date()) == {}
    (task,) = await morning.tasks("absence.")
    assert (task.kind, task.urgent) == ("absence.stranger", False)
    assert "Ana" not in task.what + task.cure
    (found,) = await heard(morning)
    assert (found.sender, [guess.name for guess in found.guesses]) == ("Ivan Example", ["Ana Example, 3A"])
    await morning.mark(child, "N")
    await morning.at("09:30")
    assert await morning.states(child) == [S.ASKING]
    assert await morning.said(other.number) == []


async def test_an_uncles_niece_is_not_taken_for_his_son(morning: Morning) -> None:
    mother, uncle = await morning.parent(), await morning.parent("Ivan")
    niece, son = await morning.child("Ana", mother), await morning.child("Ben", uncle)
    await school.tie(morning.database, niece, uncle.id, priority=2)
    await morning.answer(uncle.number, "Ana has a fever")
    assert await known(morning, morning.clock.now.date()) == {}
    assert [task.kind for task in await morning.tasks("absence.")] == ["absence.stranger"]
    await morning.answer(uncle.number, "Ben has a fever")
    assert list(await known(morning, morning.clock.now.date())) == [son]


@pytest.mark.parametrize("sender", [STRANGER, "anonymous", "Unknown", "+266696687"])
async def test_an_unknown_or_withheld_number_goes_to_a_person_and_hears_nothing(morning: Morning, sender: str) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.answer(sender, "Ana wont be in she is poorly until thursday")
    assert await known(morning) == {}
    assert [task.kind for task in await morning.tasks("absence.")] == ["absence.stranger"]
    async with morning.database.read() as session:
        assert list(await session.scalars(sa.select(Message))) == []
        (reply,) = await session.scalars(sa.select(Reply))
    assert reply.seen_at is None
    assert [guess.pupil.id for guess in (await heard(morning))[0].guesses] == [child]


async def test_a_stranger_who_says_that_a_child_is_missing_is_told_to_staff_at_once_and_once(
    database: Database,
) -> None:
    staff, heard = "+447700900990", listening.by_words(library.load())
    morning = await Morning(database, absence={"alert_numbers": (staff,)}, understanding=heard).open()
    await morning.child("Ana", await morning.parent())
    await morning.answer(STRANGER, "She never came home last night and isnt answering")
    (text,) = await morning.said(staff)
    assert text == "Oakfield: a child may be missing or unsafe. Act now: conversation 1."
    async with database.write() as session:  # then the desk reads it, too
        await arriving.turn(session, morning.gateway, promise.load(morning.gateway.settings), library.load())
    await morning.turn()
    assert [(task.kind, task.urgent) for task in await morning.tasks()] == [("absence.stranger", True)]
    assert len(await morning.said(staff)) == 1


@pytest.mark.parametrize("words", ["ok thanks", "who is this?", "WIN a prize, will you claim it now"])
async def test_what_is_about_no_child_is_no_task(morning: Morning, words: str) -> None:
    await morning.child("Will", await morning.parent())
    await morning.answer(STRANGER, words)
    assert await morning.tasks("absence.") == []


async def test_the_guess_goes_by_upn_then_by_name_and_form_and_gives_up_where_too_many_fit(morning: Morning) -> None:
    ana = await morning.child("Ana", await morning.parent(), form="3A", upn="H801200001001")
    other = await morning.child("Ana", await morning.parent(), form="4B")
    for _ in range(6):
        await morning.child("Zoé", await morning.parent())

    async def guess(words: str) -> list[int | None]:
        async with morning.database.read() as session:
            found = await strangers.guess(session, words, today=morning.clock.now.date())
        return [one.pupil.id for one in found]

    assert await guess("h801200001001 is ill") == [ana]
    assert await guess("ana's ill, she is in 4 B") == [other]
    assert await guess("Ana is ill") == [ana, other]
    assert await guess("zoe is ill") == []
    assert await guess("my son is ill, form 3A") == []


async def test_a_name_that_is_a_word_as_well_is_no_guess_alone(morning: Morning) -> None:
    parent = await morning.parent()
    children = {name: await morning.child(name, parent, form="3A") for name in ("Will", "May", "Grace", "Hope")}

    async def guess(words: str) -> list[int | None]:
        async with morning.database.read() as session:
            found = await strangers.guess(session, words, today=morning.clock.now.date())
        return [one.pupil.id for one in found]

    for words in ("She will be late", "Will be in at ten", "he may not come", "say grace", "hope you are well"):
        assert await guess(words) == [], words
    assert await guess("will in 3A is ill") == [children["Will"]]
    assert await guess("Grace Example is ill") == [children["Grace"]]


async def test_the_chronology_of_a_case_that_a_parents_words_opened_quotes_them(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await morning.mark(ana, "/")
    await morning.answer(mother.number, "Ana is ill today")
    case = await morning.case(ana)
    async with morning.database.read() as session:
        page = await chronology.read(session, case.id or 0, today=morning.gateway.today())
    lines = "\n".join(chronology.text(page, timezone=morning.gateway.timezone))
    assert "Marked absent" not in lines
    assert "“Ana is ill today”" in lines
