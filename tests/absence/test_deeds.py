"""What people do and see: settling, confirming, reporting, the MIS list, ageing, the chronology, a rehearsal."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from support import school
from support.absences import AM, PM, TODAY, Morning

from gateway import audit, errors
from gateway.absence import chronology, deeds, export, listening, reasons, rehearsal, views
from gateway.database import Database
from gateway.models import AbsenceStep, LineType, Membership, PupilGroup
from gateway.models import CaseState as S
from gateway.understanding import library


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database).open()


async def asked(morning: Morning) -> tuple[int, str]:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother.number


async def settle(morning: Morning, child: int, verdict: deeds.Verdict) -> None:
    case = await morning.case(child)
    async with morning.database.write() as session:
        await deeds.settle(session, morning.gateway, morning.rules, case.id or 0, verdict, by="Mrs Office")
    await morning.turn()


async def test_settled_by_a_person_tells_whoever_was_asked(morning: Morning) -> None:
    child, mother = await asked(morning)
    await settle(morning, child, deeds.Verdict(S.EXPLAINED, "Maria (mother)", "c", "by phone"))
    case = await morning.case(child)
    assert (case.state, case.by, case.code, case.decided_by) == (S.EXPLAINED, "Maria (mother)", "C", "Mrs Office")
    assert len(await morning.said(mother)) == 2


async def test_a_child_made_sure_of_is_safe(morning: Morning) -> None:
    child, mother = await asked(morning)
    await settle(morning, child, deeds.Verdict(S.SAFE, "PC 4711"))
    assert (await morning.case(child)).by == "PC 4711"
    assert "we now know where Ana is" in (await morning.said(mother))[1]


async def test_handed_over_needs_a_name_and_tells_nobody(morning: Morning) -> None:
    child, mother = await asked(morning)
    with pytest.raises(errors.BadInput, match="Name the person"):
        await settle(morning, child, deeds.Verdict(S.HANDED_OVER, " "))
    await settle(morning, child, deeds.Verdict(S.HANDED_OVER, "Mr Reilly"))
    assert (await morning.case(child)).by == "Mr Reilly"
    assert len(await morning.said(mother)) == 1


async def test_a_code_that_is_none_is_refused_and_nothing_changes(morning: Morning) -> None:
    child, _ = await asked(morning)
    with pytest.raises(errors.BadInput, match="Write C"):
        await settle(morning, child, deeds.Verdict(S.EXPLAINED, "x", "H"))
    assert await morning.states(child) == [S.ASKING]


@pytest.mark.parametrize(
    ("after", "code"), [(S.EXPLAINED, "N"), (S.EXPLAINED, "/"), (S.SAFE, "n"), (S.SEEN, "I"), (S.HANDED_OVER, "L")]
)
async def test_a_code_that_does_not_fit_the_state_or_says_no_reason_is_refused(
    morning: Morning, after: S, code: str
) -> None:
    child, mother = await asked(morning)
    with pytest.raises(errors.BadInput, match="says that"):
        await settle(morning, child, deeds.Verdict(after, "x", code))
    assert await morning.states(child) == [S.ASKING]
    assert len(await morning.said(mother)) == 1


async def test_confirming_takes_what_is_suggested_and_tells_nobody_twice(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother, "1")
    case = await morning.case(child)
    async with morning.database.write() as session:
        await deeds.confirm(session, morning.gateway, morning.rules, case.id or 0, by="Mrs Office")
    await morning.turn()
    case = await morning.case(child)
    assert (case.state, case.code, case.decided_by, case.by) == (S.EXPLAINED, "I", "Mrs Office", "Maria Example")
    assert len(await morning.said(mother)) == 1
    with pytest.raises(errors.Conflict, match="no answer to confirm"):
        async with morning.database.write() as session:
            await deeds.confirm(session, morning.gateway, morning.rules, case.id or 0, by="Mrs Office")


async def test_asked_on_goes_on_at_once(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "??")
    case = await morning.case(child)
    async with morning.database.write() as session:
        await deeds.resume(session, morning.gateway, case.id or 0, by="Mrs Office")
    await morning.turn()
    assert await morning.states(child) == [S.ASKING]
    assert len(await morning.said(father.number)) == 1


async def test_what_is_not_believed_speaks_for_no_later_session(database: Database) -> None:
    morning = await Morning(database, understanding=listening.by_words(library.load())).open()
    child, mother = await asked(morning)
    await morning.answer(mother, "Ana is ill, she will be off until Thursday")
    case = await morning.case(child)
    async with morning.database.read() as session:
        assert child in await reasons.known(session, TODAY, PM)
    async with morning.database.write() as session:
        await deeds.resume(session, morning.gateway, case.id or 0, by="Mrs Office")
        assert await reasons.known(session, TODAY, PM) == {}
    async with morning.database.read() as session:
        [line] = await audit.lines_about(session, action="absence.reason_withdrawn")
    assert (line.actor, line.subject) == ("Mrs Office", f"pupil:{child}")


async def report(morning: Morning, child: int, code: str, first: date, last: date) -> str:
    said = reasons.Said(child, first, last, "", code, "Maria (mother)", taken_by="Mrs Office")
    async with morning.database.write() as session:
        return await deeds.report(session, morning.gateway, morning.rules, said)


async def test_what_the_office_takes_down_settles_an_open_case_and_keeps_others_from_opening(
    morning: Morning,
) -> None:
    child, _ = await asked(morning)
    assert "explained" in await report(morning, child, "I", TODAY, TODAY)
    assert await morning.states(child) == [S.EXPLAINED]
    other = await morning.child("Ben", await morning.parent())
    assert "Nobody will be asked" in await report(morning, other, "M", TODAY, TODAY)
    await morning.mark(other, "N")
    await morning.turn()
    assert await morning.cases() == 1


@pytest.mark.parametrize(
    ("code", "last"), [("/", TODAY), ("N", TODAY), ("ZZ", TODAY), ("I", date(2026, 11, 1)), ("I", date(2027, 6, 1))]
)
async def test_what_cannot_be_taken_down_is_said(morning: Morning, code: str, last: date) -> None:
    child = await morning.child("Ana", await morning.parent())
    with pytest.raises(errors.BadInput):
        await report(morning, child, code, TODAY, last)


async def test_the_list_for_the_mis_says_who_decided_and_what_is_only_suggested(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    ben = await morning.child("=Ben", await morning.parent())
    ill = await morning.child("Cat", await morning.parent())
    await report(morning, ill, "I", TODAY, TODAY)
    await morning.mark_all(ana, ben, ill, code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    await settle(morning, ben, deeds.Verdict(S.EXPLAINED, "gran", "G"))
    async with morning.database.read() as session:
        lines = await views.day_list(session, morning.rules, TODAY)
    text = export.csv_of(lines, timezone=morning.gateway.timezone)
    rows = {row["Name"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["Ana Example"]["Code"] == ""
    assert "suggests I, to be confirmed" in rows["Ana Example"]["Comment"]
    formula = rows["'=Ben Example"]
    assert (formula["Mark"], formula["Code"], formula["Decided by"]) == ("N", "G", "Mrs Office")
    assert formula["Decided at"] == "23/11/2026 09:30"
    assert (rows["Cat Example"]["Code"], rows["Cat Example"]["Comment"]) == ("I", "by Maria (mother)")


@pytest.mark.parametrize("recorded", [False, True])
async def test_every_session_of_an_absence_has_its_code_or_says_who_must_decide(
    database: Database, recorded: bool
) -> None:
    absence = {"record": ("illness",)} if recorded else {}
    morning = await Morning(database, absence=absence, understanding=listening.by_words(library.load())).open()
    mother, other = await morning.parent(), await morning.parent()
    told, asked_ = await morning.child("Ana", mother), await morning.child("Cat", other)
    by_office, silent, settled = [await morning.child(one, await morning.parent()) for one in ("Ben", "Dan", "Eve")]
    await morning.answer(mother.number, "Ana is ill today")
    await report(morning, by_office, "I", TODAY, TODAY)
    await morning.mark_all(told, by_office, asked_, silent, settled, code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(other.number, "1")
    await settle(morning, settled, deeds.Verdict(S.EXPLAINED, "gran", "C"))
    await morning.at("13:15")
    for child in (told, by_office, asked_, silent, settled):
        await morning.mark(child, "N", session=PM)
    await morning.at("14:00")
    if not recorded:
        for child in (told, asked_):
            assert await morning.states(child) == [S.TO_CONFIRM]
            async with morning.database.write() as session:
                number = (await morning.case(child)).id or 0
                await deeds.confirm(session, morning.gateway, morning.rules, number, by="Mrs Office")
    async with morning.database.read() as session:
        lines = await views.day_list(session, morning.rules, TODAY)
        ageing = await views.ageing(session, morning.rules, today=TODAY)
    who = "handbell, as the school allows" if recorded else "Mrs Office"
    office = "Mrs Office"
    wanted = {"Ana": ("I", who), "Ben": ("I", office), "Cat": ("I", who), "Dan": ("", ""), "Eve": ("C", office)}
    found = {(one.name.split()[0], one.session): (one.code, one.decided_by) for one in lines}
    assert found == {(name, which): decided for name, decided in wanted.items() for which in (AM, PM)}
    assert {one.comment.rpartition("; ")[2] for one in lines if not one.code} == {"no code yet: Mrs Okafor must decide"}
    assert {one.name for one in ageing} == {"Dan Example"}
    assert len({one.case for one in ageing} - {None}) == 1  # the afternoon was asked about in the morning


async def test_what_ages_shows_the_school_days_that_are_left(morning: Morning) -> None:
    old = await morning.child("Old", await morning.parent())
    new = await morning.child("New", await morning.parent())
    done = await morning.child("Done", await morning.parent())
    await morning.mark(old, "N", day=date(2026, 11, 13))  # a Friday
    await morning.mark(new, "N", session=PM, day=date(2026, 11, 20))
    await morning.mark(done, "I", day=date(2026, 11, 20))
    async with morning.database.read() as session:
        found = await views.ageing(session, morning.rules, today=TODAY)
    assert [(one.name, one.session, one.left) for one in found] == [("Old Example", AM, -1), ("New Example", PM, 4)]


@pytest.mark.parametrize(
    ("after", "by", "why", "said"),
    [
        ("asking", "Mr Booth (father)", "nobody has read the answer",
         "Asked on: nobody has read what Mr Booth (father) answered."),
        ("unread", "Mr Booth (father)", "not understood", "Mr Booth (father) answered: a person must read it."),
        ("to_confirm", "Mr Booth (father)", "illness", "Mr Booth (father) says why, to be confirmed: illness."),
        ("alarm", "Mr Booth (father)", "not arrived",
         "Look for the child now: nobody has come, though Mr Booth (father) said so."),
        ("seen", "the register", "code L", "In school, says the register: code L."),
        ("safe", "office:Jo", "a person", "Safe, says Jo."),
        ("handed_over", "", "nobody answered", "Somebody takes over."),
    ],
)  # fmt: skip
def test_how_a_case_came_to_stand_is_one_sentence(after: str, by: str, why: str, said: str) -> None:
    facts = {"before": "asking", "after": after, "by": by, "why": why}
    step = AbsenceStep(case_id=1, at=datetime.now(UTC), kind="state", who="handbell", facts=facts)
    assert chronology.as_entry(step, {}, {}).what == said


async def test_the_chronology_is_a_whole_page_for_the_police(morning: Morning) -> None:
    child, mother = await asked(morning)
    barred = await morning.parent("Ivan")
    await school.tie(morning.database, child, barred.id, relation="Father", no_contact=True)
    await morning.answer(mother, "<b>she is ill</b>")
    await morning.mark(child, "L", at="09:42")
    await morning.turn()
    case = await morning.case(child)
    async with morning.database.read() as session:
        page = await chronology.read(session, case.id or 0, today=TODAY)
    html = chronology.html(page, school="Oakfield", timezone=morning.gateway.timezone, printed=morning.clock.now)
    for words in (
        "Ana Example",
        "Step 1, the first contact asked:",
        mother,
        "&lt;b&gt;she is ill&lt;/b&gt;",
        "The mark became L",
    ):
        assert words in html, words
    assert "<b>she" not in html
    assert "Ivan" not in html
    assert [entry.at for entry in page.entries] == sorted(entry.at for entry in page.entries)
    lines = "\n".join(chronology.text(page, timezone=morning.gateway.timezone))
    assert "State: In school, by the register" in lines


async def test_a_rehearsal_names_whom_nobody_could_ask_and_writes_nothing(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan", mail="ivan@example.com")
    await morning.child("Ana", mother, father)
    await morning.child("Ben", mother)
    await morning.child("Nobody")
    landline = await school.contact(morning.database, "Gran")
    await school.point(morning.database, landline, "+442079460001", line_type=LineType.LANDLINE)
    lonely = await morning.child("Lonely")
    await school.tie(morning.database, lonely, landline, priority=1, lives_with=True)
    async with morning.database.read() as session:
        shown = await rehearsal.rehearse(session, morning.gateway, morning.rules, TODAY, AM)
    first, second, third, fourth, *_ = shown.rungs
    assert dict(first.messages) == {"sms": 1}  # Ana and Ben in one
    assert dict(second.messages) == {"sms": 1, "email": 1}
    assert dict(third.messages) == {"voice": 2}
    assert dict(fourth.messages) == {"voice": 1}
    assert [(one.name, one.reasons) for one in shown.unreached] == [
        ("Nobody", ["Nobody is on file who may be told about this child."])
    ]
    assert shown.one_way_only == 2
    assert await morning.messages() == []
    assert await morning.cases() == 0


async def test_a_group_of_the_mis_makes_a_child_go_first(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    group = PupilGroup(name="walks alone")
    await school.add(morning.database, group)
    await school.add(morning.database, Membership(pupil_id=child, group_id=group.id))
    await morning.mark(child, "N")
    await morning.at("09:30")
    assert (await morning.case(child)).why_fast == "walks alone"


async def test_reported_at_the_dentist_and_then_in_school_alarms_nobody(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await report(morning, child, "M", TODAY, TODAY)
    await morning.mark(child, "L", at="10:40")
    assert await morning.cases() == 0
    ill = await morning.child("Ben", await morning.parent())
    await report(morning, ill, "I", TODAY, TODAY)
    await morning.mark(ill, "/")
    assert await morning.states(ill) == [S.ALARM]
