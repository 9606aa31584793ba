"""Two contacts who are one person: shown whole, made one by a person, and never two again by an import."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, select
from support import desk, school
from support.desk import LOG, NOW

from channels.base import Medium
from gateway import errors, guard, people
from gateway.database import Database
from gateway.importing import people as importing
from gateway.importing.report import Report
from gateway.models import (
    Audit,
    Contact,
    ContactAlias,
    ContactPoint,
    Conversation,
    DetailState,
    Guardianship,
    Message,
    NewDetail,
    NextTry,
    PointKind,
    PointState,
    Preference,
    Survey,
    SurveyTaker,
    Task,
    WhatWorks,
    Wish,
)
from gateway.one_person import doubles, joining, showing

HOME, WORK = "+447700900001", "+447700900002"


async def rows(database: Database, table: Any) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(select(table)))


async def merge(database: Database, kept: int, other: int) -> showing.Whole:
    async with database.write() as session:
        return await joining.merge(session, kept, other, by="Mrs Okafor", log=LOG, now=NOW)


async def two(database: Database) -> tuple[int, int]:
    """Maria from the admissions form and Maria from the club's list."""
    kept = await school.contact(database, "Maria", marketing_consent=True)
    other = await school.contact(database, "Maria", written_language="pl", languages_confirmed_at=NOW)
    return kept, other


async def test_points_bars_wishes_and_consents_become_one_persons(database: Database) -> None:
    ana, ben, cleo = [await school.pupil(database, name) for name in ("Ana", "Ben", "Cleo")]
    kept, other = await two(database)
    await school.tie(database, ana, kept, priority=3, relation="Mother", parental_responsibility=True)
    await school.tie(database, ana, other, priority=1, no_contact=True, no_contact_until=NOW.date())
    await school.tie(database, ben, other, priority=2, lives_with=True)
    await school.tie(database, cleo, kept, no_contact=True)
    await school.point(database, kept, HOME, state=PointState.WORKING)
    same = await school.point(database, other, HOME, state=PointState.WRONG)
    run, sender = await school.run(database, now=NOW), await school.sender(database)
    sent = await school.message(database, sender, now=NOW, run=run, contact=other, about=[ben], number=WORK)
    async with database.write() as session:
        (await session.get_one(Message, sent)).contact_point_id = same
        session.add_all(
            [
                Preference(contact_id=kept, topic="clubs", medium=Medium.SMS, wish=Wish.AT_ONCE, since=NOW),
                Preference(contact_id=other, topic="clubs", medium=Medium.SMS, wish=Wish.OFF, since=NOW),
                Preference(contact_id=other, topic="menus", medium=Medium.SMS, wish=Wish.DIGEST, since=NOW),
            ]
        )
    async with database.read() as session:
        shown = await showing.whole(session, kept, other, now=NOW)
    until = f"barred until {NOW:%d/%m/%Y}"
    assert shown.children == [
        f"Ana Example ({await source(database, ana)}): both, as no. 1, with parental responsibility, {until}.",
        f"Ben Example ({await source(database, ben)}): comes over from the other, not barred.",
        f"Cleo Example ({await source(database, cleo)}): as before, barred.",
    ]
    assert shown.ways == [f"{HOME}: both, wrong.", f"{WORK}: comes over from the other, after theirs, unproven."]
    assert shown.wishes == ["clubs by sms: off.", "menus by sms: digest."]
    assert shown.moves == {"messages": 1}
    assert "Of fundraising they hear no more: one of the two has not agreed to it." in shown.person
    assert len(await rows(database, Contact)) == 2, "looking changes nothing"

    assert await merge(database, kept, other) == shown, "what it does is what was shown"
    [maria] = await rows(database, Contact)
    assert (maria.id, maria.written_language, maria.marketing_consent) == (kept, "pl", False)
    assert maria.languages_confirmed_at == NOW
    ties = {one.pupil_id: one for one in await rows(database, Guardianship)}
    assert {one.contact_id for one in ties.values()} == {kept}
    assert (ties[ana].no_contact, ties[ana].no_contact_until, ties[ana].bar_confirmed_at) == (True, NOW.date(), NOW)
    assert (ties[ana].priority, ties[ana].parental_responsibility, ties[ana].relation) == (1, True, "Mother")
    assert (ties[ben].no_contact, ties[cleo].no_contact) == (False, True)
    points = {one.address: one for one in await rows(database, ContactPoint)}
    assert (points[HOME].state, points[HOME].rank, points[WORK].rank) == (PointState.WRONG, 1, 2)
    [message] = await rows(database, Message)
    assert (message.contact_id, message.contact_point_id) == (kept, points[HOME].id)
    assert {(one.contact_id, one.topic, one.wish) for one in await rows(database, Preference)} == {
        (kept, "clubs", Wish.OFF), (kept, "menus", Wish.DIGEST)
    }  # fmt: skip
    [line] = [one for one in await rows(database, Audit) if one.action == "contact.merged"]
    assert (line.actor, line.subject) == ("Mrs Okafor", f"contact:{kept}")
    assert HOME not in str(line.body)


async def source(database: Database, pupil: int) -> str:
    async with database.read() as session:
        return (await people.load(session, today=NOW.date(), pupil_ids=[pupil])).pupils[pupil].source_id


async def test_of_wishes_for_all_topics_and_for_one_the_one_for_less_holds(database: Database) -> None:
    """Who declined everything as the one hears of no trips because the other chose those."""
    kept, other = await two(database)
    chosen = [
        (kept, "*", Medium.SMS, Wish.OFF), (other, "trips", Medium.SMS, Wish.AT_ONCE),
        (other, "*", Medium.EMAIL, Wish.DIGEST), (kept, "clubs", Medium.EMAIL, Wish.AT_ONCE),
        (kept, "menus", Medium.EMAIL, Wish.OFF),
    ]  # fmt: skip
    async with database.write() as session:
        for contact, topic, medium, wish in chosen:
            session.add(Preference(contact_id=contact, topic=topic, medium=medium, wish=wish, since=NOW))
    done = await merge(database, kept, other)
    assert {(one.topic, one.medium, one.wish) for one in await rows(database, Preference)} == {
        ("*", Medium.SMS, Wish.OFF), ("trips", Medium.SMS, Wish.OFF),
        ("*", Medium.EMAIL, Wish.DIGEST), ("clubs", Medium.EMAIL, Wish.DIGEST), ("menus", Medium.EMAIL, Wish.OFF),
    }  # fmt: skip
    assert sorted(done.wishes) == ["all topics by email: digest.", "clubs by email: digest.", "trips by sms: off."]


async def test_a_bar_of_either_stops_what_waits_for_the_other(database: Database) -> None:
    """The father is on file twice: barred as one, forgotten as the other, with a text in the queue."""
    ana = await school.pupil(database)
    barred, free = await school.contact(database, "Ivan"), await school.contact(database, "Ivan")
    await school.tie(database, ana, barred, no_contact=True)
    await school.tie(database, ana, free, parental_responsibility=True)
    sender, run = await school.sender(database), await school.run(database, now=NOW)
    waiting = await school.message(database, sender, now=NOW, run=run, contact=free, about=[ana], number=HOME)
    await merge(database, barred, free)
    assert (await desk.claim(database, sender)).messages == []
    async with database.read() as session:
        row = await session.get_one(Message, waiting)
    assert row.reason == "barred", guard.REASONS["barred"]


async def test_everything_that_has_a_contact_follows_it(database: Database) -> None:
    """A table that joins us later, and has a contact, must say what becomes of it here."""
    combined = {"guardianship", "contact_point", "preference", "what_works", "contact_alias"}
    with_contact = {
        table.name
        for table in SQLModel.metadata.tables.values()
        if any(key.column.table.name == "contact" for key in table.foreign_keys)
    }
    assert with_contact == combined | set(showing.FOLLOW)


def task(kind: str, contact: int) -> Task:
    subject = f"contact:{contact}"
    return Task(kind=kind, subject=subject, what="w", open_key=f"{kind} {subject}", opened_at=NOW, again_at=NOW)


async def test_what_each_has_one_of_stays_the_first_ones_and_the_rest_follows(database: Database) -> None:
    kept, other = await two(database)
    run = await school.run(database, now=NOW)
    async with database.write() as session:
        for contact in (kept, other):
            session.add(NextTry(run_id=run, contact_id=contact, number=1, because=str(contact), made_at=NOW))
            session.add(WhatWorks(contact_id=contact, media="voice sms", looked_at=NOW))
            session.add(
                NewDetail(
                    contact_id=contact, kind=PointKind.PHONE, address=WORK, state=DetailState.PROVED, made_at=NOW,
                    told_on=Medium.SMS, open_key=f"{contact} {WORK}",
                )
            )  # fmt: skip
            session.add(task("silent", contact))
        session.add(NextTry(run_id=run, contact_id=other, number=2, because="second", made_at=NOW))
        session.add(task("language", other))
        talk = Conversation(medium=Medium.SMS, address=WORK, contact_id=other, last_at=NOW)
        session.add(talk)
        survey = Survey(key="lunch", title="Lunch", anonymous=True, definition={}, by="x", created_at=NOW)
        session.add(survey)
        await session.flush()
        session.add_all([SurveyTaker(survey_id=survey.id or 0, contact_id=one) for one in (kept, other)])
    done = await merge(database, kept, other)
    assert done.moves["surveys answered twice, of which the first one's own answer stays"] == 1
    assert [one.contact_id for one in await rows(database, SurveyTaker)] == [kept]
    assert {(one.contact_id, one.because) for one in await rows(database, NextTry)} == {
        (kept, str(kept)), (kept, "second")
    }  # fmt: skip
    assert await rows(database, WhatWorks) == []
    assert sorted((one.contact_id, one.open_key) for one in await rows(database, NewDetail) if one.open_key) == [
        (kept, f"{kept} {WORK}")
    ]
    assert {one.open_key for one in await rows(database, Task) if one.open_key} == {
        f"silent contact:{kept}", f"language contact:{kept}"
    }  # fmt: skip
    [talk] = await rows(database, Conversation)
    assert talk.contact_id == kept


async def test_no_pair(database: Database) -> None:
    kept, dead = await school.contact(database), await school.contact(database, deceased=True)
    for one, other, told in ((kept, kept, "one contact already"), (kept, dead, "has died")):
        with pytest.raises(errors.Conflict, match=told):
            await merge(database, one, other)
    with pytest.raises(errors.NotFound, match="no contact 999"):
        await merge(database, kept, 999)


async def test_who_may_be_one_and_what_to_mind(database: Database) -> None:
    ana = await school.pupil(database)
    maria, mrs, twin = [await school.contact(database, name) for name in ("Maria", "MARÍA", "Maria")]
    ivan = await school.contact(database, "Ivan")
    await school.tie(database, ana, maria, relation="Mother")
    await school.tie(database, ana, ivan, relation="Father")
    await school.point(database, maria, HOME)
    await school.point(database, mrs, HOME)
    await school.point(database, ivan, WORK)
    async with database.read() as session:
        found = await doubles.find(session)
        wrong = await showing.whole(session, maria, ivan, now=NOW)
    assert [(one.kept, one.other, one.because) for one in found] == [(maria, mrs, "a phone or mailbox in common")]
    assert twin not in {one.other for one in found}, "of one name, with nothing in common"
    assert [one.split(".")[0] for one in wrong.warnings] == [
        "They have different names",
        f"To Ana Example ({await source(database, ana)}) the one is Mother, the other Father: are they not two people?",
        "They have no phone and no mailbox in common",
        "Of their phones and mailboxes 1 belong to further contacts too, who stay as they are",
    ]


HEAD = "Pupil ID,Contact ID,Contact Forename,Contact Surname,Priority,Mobile,Marketing Consent,Court Order\n"
FILES = (
    "Pupil ID,Forename,Surname\n1,Ola,Nowak\n2,Jan,Nowak\n",
    f"{HEAD}1,C1,Ewa,Nowak,1,07700 900101,yes,\n2,C2,Eva,Nowak,1,07700 900102,yes,\n",
)


async def load(database: Database, folder: Path, contacts: str) -> Report:
    files: Sequence[Path] = (folder / "pupils.csv", folder / "contacts.csv")
    for file, text in zip(files, (FILES[0], contacts), strict=True):
        file.write_text(text, "utf-8")
    async with database.write() as session:
        return await importing.load(files, session, log=LOG, now=NOW + timedelta(days=1))


async def test_no_import_makes_two_of_them_again(database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, FILES[1])
    ids_ = {one.source_id: one.id or 0 for one in await rows(database, Contact)}
    kept = ids_["C1"]
    await merge(database, kept, ids_["C2"])
    again = await load(database, tmp_path, FILES[1])
    assert again.tally.contacts.new == 0
    assert str(again.found) == str(type(again.found)()), "two rows of one person are no mistake in the file"
    [ewa] = await rows(database, Contact)
    assert (ewa.id, ewa.forename, ewa.marketing_consent) == (kept, "Ewa", True)
    assert {one.pupil_id for one in await rows(database, Guardianship)} == {1, 2}
    assert {one.address for one in await rows(database, ContactPoint)} == {"+447700900101", "+447700900102"}

    both = (
        "1,C2,Eva,Nowak,2,07700 900101,yes,\n1,C1,Ewa,Nowak,1,07700 900101,yes,\n2,C2,Eva,Nowak,1,07700 900102,yes,\n"
    )
    again = await load(database, tmp_path, HEAD + both)
    assert again.tally.points.changed == again.tally.links.changed == 0, "nor do they quarrel night after night"
    assert not again.found

    # What the second row alone says still counts: another number, a no, a bar. The names are those of the first.
    second = "2,C2,Eva,Nowak,1,07700 900103,no,yes\n"
    await load(database, tmp_path, f"{HEAD}{second}1,C1,Ewa,Kowalska,1,07700 900101,yes,\n")
    [ewa] = await rows(database, Contact)
    assert (ewa.surname, ewa.marketing_consent) == ("Kowalska", False)
    assert {one.address for one in await rows(database, ContactPoint)} == {"+447700900101", "+447700900103"}
    assert {one.pupil_id: one.no_contact for one in await rows(database, Guardianship)} == {1: False, 2: True}


async def test_parted_every_bar_holds_for_both_and_the_next_import_gives_each_their_own(
    database: Database, tmp_path: Path
) -> None:
    await load(database, tmp_path, FILES[1])
    ids_ = {one.source_id: one.id or 0 for one in await rows(database, Contact)}
    kept = ids_["C1"]
    async with database.write() as session:
        tie = (await session.scalars(select(Guardianship).where(Guardianship.contact_id == ids_["C2"]))).one()
        tie.no_contact, tie.bar_confirmed_at = True, NOW
    await merge(database, kept, ids_["C2"])
    async with database.write() as session:
        with pytest.raises(errors.NotFound, match="was not merged with C9"):
            await joining.part(session, kept, "C9", by="x", log=LOG, now=NOW)
        other = await joining.part(session, kept, "C2", by="x", log=LOG, now=NOW)
    assert await rows(database, ContactAlias) == []
    await load(database, tmp_path, FILES[1])
    owners = {one.address: one.contact_id for one in await rows(database, ContactPoint)}
    assert owners == {"+447700900101": kept, "+447700900102": other.id}
    ties = {(one.contact_id, one.pupil_id): one.no_contact for one in await rows(database, Guardianship)}
    assert ties == {(kept, 1): False, (kept, 2): True, (other.id, 2): True}, "until a person lifts one of them"


async def test_two_offices_at_once_make_one_of_them_once(database: Database) -> None:
    kept, other = await two(database)
    found = await asyncio.gather(merge(database, kept, other), merge(database, kept, other), return_exceptions=True)
    assert sum(isinstance(one, errors.NotFound) for one in found) == 1
    assert len(await rows(database, ContactAlias)) == 1
