"""An import undone: everything as it was, but for what has happened since."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, col, select
from support import school, website
from support.databases import Fresh

from channels.base import Medium
from gateway import audit, errors
from gateway.database import Database
from gateway.importing import people, undo
from gateway.importing.report import Report
from gateway.models import (
    Contact,
    ContactPoint,
    Conversation,
    Guardianship,
    ImportChange,
    ImportConflict,
    ImportRun,
    Membership,
    Message,
    OptOut,
    PointState,
    Pupil,
    PupilGroup,
    Purpose,
)
from gateway.models.types import core
from gateway.privacy import retention

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
LOG = audit.Log(b"k" * 32)
PEOPLE = (Pupil, Contact, Guardianship, ContactPoint, PupilGroup, Membership, OptOut, ImportConflict)

HEAD = (
    "Pupil ID,Student Forename,Student Surname,Reg,Groups,Contact ID,Contact Forename,Contact Surname,Relationship,"
    "Mobile,Home Telephone,Email,Written Language,Court Order,Court Order Until\n"
)
FIRST = (
    "1,Kai,Shaw,5A,Choir;Chess,C1,Emma,Shaw,Mother,07700 900101,0113 496 0101,emma@example.com,English,No,\n"
    "1,Kai,Shaw,5A,Choir;Chess,C2,Lee,Shaw,Father,07700 900102,,,,Yes,01/02/2030\n"
    "2,Isla,Hirst,5A,,C3,Ana,Hirst,Mother,07700 900103,,,Polish,No,\n"
)
SECOND = (
    "1,Kai,Shaw,6A,Choir,C1,Emma,Jones,Mother,07700 900111,,emma@example.com,English,No,\n"
    "1,Kai,Shaw,6A,Choir,C2,Lee,Shaw,Father,07700 900102,,,,No,\n"
    "2,Isla,Hirst,5A,Drama,C4,Eve,Hirst,Gran,07700 900104,,,Urdu,No,\n"
    "3,Noor,Khan,RA,,C5,Saima,Khan,Mother,07700 900105,,,Urdu,Yes,\n"
)


async def tables(database: Database, *models: type[SQLModel]) -> dict[str, list[Mapping[str, Any]]]:
    async with database.read() as session:
        return {
            model.__name__: [
                dict(row)
                for row in (
                    await session.execute(sa.select(core(model)).order_by(*core(model).primary_key.columns))
                ).mappings()
            ]
            for model in models or PEOPLE
        }


async def undone(database: Database, import_id: int | None = None, *, later: int = 1) -> undo.Undone:
    async with database.write() as session:
        return await undo.undo(session, import_id, days=180, by="Mr Reilly", log=LOG, now=NOW + timedelta(days=later))


async def by_id(database: Database, model: type[Pupil] | type[Contact]) -> dict[str, Any]:
    async with database.read() as session:
        return {row.source_id: row for row in await session.scalars(select(model))}


async def test_an_undone_import_leaves_everything_as_it_was(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", HEAD + FIRST))
    before = await tables(database)
    report = await load(save("a.csv", HEAD + SECOND))
    assert (report.tally.links.gone, report.tally.contacts.gone, report.tally.points.gone) == (1, 1, 2)
    assert report.tally.memberships.gone == 1
    done = await undone(database, report.import_id)
    assert await tables(database) == before
    assert done.kept.texts() == []
    async with database.read() as session:
        (line,) = await audit.lines_about(session, f"import:{report.import_id}")
    assert (line.action, line.actor) == ("people.import_undone", "Mr Reilly")


async def test_each_import_is_undone_once_and_the_newest_of_a_source_first(
    database: Database, load: Load, save: Save
) -> None:
    first = await load(save("a.csv", HEAD + FIRST))
    second = await load(save("a.csv", HEAD + SECOND))
    third = await load(save("a.csv", HEAD + SECOND))  # which changes nothing
    with pytest.raises(errors.Conflict, match=f"Import {second.import_id} came later"):
        await undone(database, first.import_id)
    assert (await undone(database)).import_id == second.import_id
    assert (await undone(database, third.import_id)).restored == 0
    with pytest.raises(errors.Conflict, match="was undone already, by Mr Reilly"):
        await undone(database, second.import_id)
    with pytest.raises(errors.Conflict, match="name it"):
        await undone(database)  # a command that is repeated does not undo another one
    await undone(database, first.import_id)
    assert all(rows == [] for rows in (await tables(database)).values())
    with pytest.raises(errors.NotFound):
        await undone(database, 999)


async def test_what_has_changed_since_stays_and_is_named(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", HEAD + FIRST))
    report = await load(save("a.csv", HEAD + SECOND))
    async with database.write() as session:
        kai = (await session.scalars(select(Pupil).where(Pupil.source_id == "1"))).one()
        kai.form = "6B"
        tie = (
            await session.scalars(
                select(Guardianship)
                .join(Contact, col(Contact.id) == col(Guardianship.contact_id))
                .where(Contact.source_id == "C2")
            )
        ).one()
        tie.bar_confirmed_at = NOW + timedelta(hours=1)  # the school has decided that he is not barred
    done = await undone(database, report.import_id)
    assert (await by_id(database, Pupil))["1"].form == "6B"
    assert (await by_id(database, Contact))["C1"].surname == "Shaw"
    said = "\n".join(done.kept.texts())
    assert "Pupil 1, Kai Shaw: form. It was changed or decided by somebody else since." in said
    assert "no contact" in said
    async with database.read() as session:
        ties = (await session.scalars(select(Guardianship).where(col(Guardianship.no_contact)))).all()
    assert ties == []


async def test_whoever_was_written_to_stays(database: Database, load: Load, save: Save) -> None:
    """Messages, replies, delivery states and opt-outs are never lost."""
    report = await load(save("a.csv", HEAD + FIRST))
    contacts, pupils = await by_id(database, Contact), await by_id(database, Pupil)
    sender = await school.sender(database)
    message = await school.message(
        database, sender, now=NOW, contact=contacts["C1"].id, about=[pupils["1"].id], number="+447700900199"
    )
    async with database.write() as session:
        session.add(OptOut(medium=Medium.SMS, address="+447700900102", since=NOW))
        session.add(Conversation(medium=Medium.SMS, address="+447700900102", contact_id=contacts["C2"].id, last_at=NOW))
        point = (await session.scalars(select(ContactPoint).where(ContactPoint.address == "+447700900103"))).one()
        point.state, point.last_good_at = PointState.WORKING, NOW
    done = await undone(database, report.import_id)
    left = await tables(database)
    assert [row["source_id"] for row in left["Contact"]] == ["C1", "C2", "C3"]
    assert [row["source_id"] for row in left["Pupil"]] == ["1"]
    assert sorted(row["address"] for row in left["ContactPoint"]) == ["+447700900103", "+447700900199"]
    assert len(left["OptOut"]) == 1
    assert left["Guardianship"] == left["Membership"] == []
    (row,) = (await tables(database, Message))["Message"]
    assert (row["id"], row["contact_id"]) == (message, contacts["C1"].id)
    said = "\n".join(done.kept.texts())
    for words in ("messages about this pupil", "was written to, or has written", "evidence about it"):
        assert words in said
    assert "900103" not in said


async def test_a_removed_number_comes_back_with_its_messages(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", HEAD + FIRST))
    emma = (await by_id(database, Contact))["C1"]
    async with database.write() as session:
        point = (await session.scalars(select(ContactPoint).where(ContactPoint.address == "+447700900101"))).one()
        point.strikes = 2
        message = Message(
            id="01", contact_id=emma.id, contact_point_id=point.id, medium=Medium.SMS, address=point.address, slot="s",
            purpose=Purpose.SERVICE, state="delivered", due_at=NOW, created_at=NOW, changed_at=NOW,
        )  # fmt: skip
        session.add(message)
    await load(save("a.csv", HEAD + SECOND))
    (row,) = (await tables(database, Message))["Message"]
    assert row["contact_point_id"] is None
    await undone(database)
    (row,) = (await tables(database, Message))["Message"]
    points = {row["id"]: row for row in (await tables(database))["ContactPoint"]}
    assert points[row["contact_point_id"]]["strikes"] == 2


async def test_another_source_leans_on_what_is_undone(database: Database, load: Load, save: Save) -> None:
    report = await load(save("a.csv", HEAD + FIRST), source="mis")
    clubs = "Pupil ID,Forename,Surname,Groups,Reg\n1,Kai,Shaw,Choir;Chess;Judo,5C\n"
    await load(save("clubs.csv", clubs), source="clubs")
    done = await undone(database, report.import_id)
    left = await tables(database)
    assert [(row["source_id"], row["form"]) for row in left["Pupil"]] == [("1", "5C")]
    assert len(left["Membership"]) == 1
    assert "a later import has changed it" in "\n".join(done.kept.texts())


PERSON = st.tuples(
    st.sampled_from(["C1", "C2", "C3", "C4"]),
    st.sampled_from(["Emma", "Lee", "Ana"]),
    st.sampled_from(["", "07700 900101", "07700 900102", "0113 496 0103", "07700 900104, 07700 900105"]),
    st.sampled_from(["", "Polish", "Urdu"]),
    st.sampled_from(["", "Yes", "No"]),
    st.sampled_from(["", "01/02/2030"]),
)
PUPIL = st.tuples(
    st.sampled_from(["1", "2", "3", "A1"]),
    st.sampled_from(["", "D999999918001", "H801200001001"]),
    st.sampled_from(["Kai", "Isla"]),
    st.sampled_from(["", "5A", "6A"]),
    st.sampled_from(["", "Choir", "Choir;Chess"]),
    st.lists(PERSON, max_size=3),
)
SCHOOL = st.lists(PUPIL, min_size=1, max_size=4)


def written(path: Path, pupils: Sequence[tuple[Any, ...]]) -> Path:
    rows = "".join(
        f'{pupil},{upn},{name},Shaw,{form},{groups},{key},{called},Shaw,"{mobile}",{tongue},{order},{until}\n'
        for pupil, upn, name, form, groups, contacts in pupils
        for key, called, mobile, tongue, order, until in contacts or [("",) * 6]
    ).replace(",,Shaw,", ",,,")
    head = (
        "Pupil ID,UPN,Student Forename,Student Surname,Reg,Groups,Contact ID,Contact Forename,Contact Surname,Mobile,"
    )
    path.write_text(f"{head}Written Language,Court Order,Court Order Until\n{rows}", "utf-8")
    return path


@settings(max_examples=25, deadline=None)
@given(SCHOOL, SCHOOL, st.booleans())
def test_undo_is_the_way_back(fresh: Fresh, first: list[Any], second: list[Any], confirmed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(there_and_back(fresh, Path(folder), first, second, confirmed=confirmed))


async def there_and_back(fresh: Fresh, folder: Path, first: list[Any], second: list[Any], *, confirmed: bool) -> None:
    async with fresh() as database:
        async with database.write() as session:
            await people.load([written(folder / "a.csv", first)], session, log=LOG, now=NOW, go_on=True)
            if confirmed:
                await session.execute(sa.update(core(ContactPoint)).values(confirmed_at=NOW))
                await session.execute(sa.update(core(Contact)).values(languages_confirmed_at=NOW))
                await session.execute(sa.update(core(Guardianship)).values(bar_confirmed_at=NOW))
        before = await tables(database)
        async with database.write() as session:
            report = await people.load([written(folder / "b.csv", second)], session, log=LOG, now=NOW, go_on=True)
        done = await undone(database, report.import_id)  # by its id: it may have changed nothing
        assert await tables(database) == before
        assert done.kept.texts() == []


async def test_an_import_of_long_ago_is_undone_no_more(database: Database, load: Load, save: Save) -> None:
    report = await load(save("a.csv", HEAD + FIRST))
    with pytest.raises(errors.Conflict, match="after 180 days none is undone"):
        await undone(database, report.import_id, later=181)


async def test_what_an_import_changed_goes_at_night_and_then_it_cannot_be_put_back(
    database: Database, load: Load, save: Save
) -> None:
    """No other import need come: it holds names and numbers of families who may have left."""
    clock = website.Clock(NOW)
    gateway = website.make_gateway(database, clock)
    report = await load(save("a.csv", HEAD + FIRST))
    [rule] = [one for one in retention.RULES if one.table == "import_change"]

    async def night() -> int:
        async with database.write() as session:
            return await retention.apply(session, gateway, rule)

    clock.at = NOW + timedelta(days=179)
    assert await night() == 0
    clock.at = NOW + timedelta(days=181)
    assert await night() > 0
    assert await tables(database, ImportChange) == {"ImportChange": []}
    assert [row["id"] for row in (await tables(database, ImportRun))["ImportRun"]] == [report.import_id]
    with pytest.raises(errors.Conflict, match="is written down no more: it cannot be put back"):
        await undone(database, report.import_id)  # by a setting that was raised since
    with pytest.raises(errors.NotFound, match="no import to undo"):
        await undone(database)
