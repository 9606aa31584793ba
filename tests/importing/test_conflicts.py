"""Files against what a family confirmed or the school decided: asked, not overwritten."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select
from support.databases import Fresh

from gateway import audit, deciding, errors
from gateway.database import Database
from gateway.importing import conflicts, people
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, ImportConflict, Pupil, Task

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
LOG = audit.Log(b"k" * 32)
DEED = deciding.Deed("Mrs Okafor", NOW, LOG)

HEAD = (
    "Pupil ID,Student Forename,Student Surname,Contact ID,Contact Forename,Contact Surname,Mobile,Home Telephone,"
    "Written Language,Spoken Language,Court Order,Court Order From,Court Order Until\n"
)


def row(*, mobile: str = "07700 900101", home: str = "", reads: str = "", hears: str = "", bar: str = ",,") -> str:
    return f"{HEAD}1,Kai,Shaw,C1,Emma,Shaw,{mobile},{home},{reads},{hears},{bar}\n"


async def one(database: Database, model: type[Any]) -> Any:
    async with database.read() as session:
        return (await session.scalars(select(model))).one()


async def asked(database: Database) -> list[ImportConflict]:
    async with database.read() as session:
        return [conflict for conflict, _ in await conflicts.waiting(session)]


async def answer(database: Database, which: str) -> None:
    (waiting,) = await asked(database)
    async with database.write() as session:
        await conflicts.answer(session, waiting.id or 0, which=which, by="Mrs Okafor", log=LOG, now=LATER)


async def barred(database: Database, start: date | None = None, end: date | None = None) -> None:
    contact = await one(database, Contact)
    async with database.write() as session:
        await deciding.bar(session, contact.id, "1", start=start, end=end, deed=DEED)


async def lifted(database: Database) -> None:
    contact = await one(database, Contact)
    async with database.write() as session:
        await deciding.lift(session, contact.id, "1", deed=DEED)


async def choose(database: Database, *, reads: str = "", hears: str = "") -> None:
    contact = await one(database, Contact)
    async with database.write() as session:
        await deciding.choose_languages(session, contact.id, reads=reads, hears=hears, deed=DEED)


async def test_a_language_from_a_file_fills_and_replaces_but_not_what_was_chosen(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("a.csv", row()))
    await load(save("a.csv", row(reads="Polish")))
    await load(save("a.csv", row(reads="Urdu")))
    assert (await one(database, Contact)).written_language == "ur"
    await choose(database, reads="uk")
    report = await load(save("a.csv", row(reads="Polish", hears="Polish")))
    emma = await one(database, Contact)
    assert (emma.written_language, emma.spoken_language) == ("uk", "pl")  # nobody had chosen the spoken one
    (waiting,) = await asked(database)
    assert (waiting.subject, waiting.field, waiting.ours, waiting.theirs) == (
        f"contact:{emma.id}", "written_language", "uk", "pl",
    )  # fmt: skip
    assert "Contact C1, Emma Shaw, chose to read Ukrainian; these files say Polish." in str(report)
    assert (await one(database, Task)).kind == "import.conflicts"
    again = await load(save("a.csv", row(reads="Polish", hears="Polish")))
    assert again.conflicts == 0
    assert len(await asked(database)) == 1
    await answer(database, "ours")
    assert (await load(save("a.csv", row(reads="Polish")))).conflicts == 0
    assert await asked(database) == []
    assert (await load(save("a.csv", row(reads="Arabic")))).conflicts == 1
    await answer(database, "theirs")
    assert (await one(database, Contact)).written_language == "ar"


async def test_a_question_that_the_files_answer_themselves_is_over(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", row(reads="Polish")))
    await choose(database, reads="uk")
    await load(save("a.csv", row(reads="Polish")))
    (waiting,) = await asked(database)
    await load(save("a.csv", row(reads="Ukrainian")))
    assert await asked(database) == []
    async with database.write() as session:
        with pytest.raises(errors.Conflict, match="settled already"):
            await conflicts.answer(session, waiting.id or 0, which="ours", by="x", log=LOG, now=LATER)
        with pytest.raises(errors.NotFound):
            await conflicts.answer(session, 999, which="ours", by="x", log=LOG, now=LATER)


async def test_a_confirmed_number_is_kept_until_somebody_says_otherwise(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("a.csv", row()))
    point = await one(database, ContactPoint)
    async with database.write() as session:
        await deciding.confirm(session, point.id, deed=DEED)
    report = await load(save("a.csv", row(mobile="07700 900111", home="07700 900101")))
    assert report.conflicts == 1  # it is on file, but second
    async with database.read() as session:
        assert (await session.get_one(ContactPoint, point.id)).rank == 1
    report = await load(save("a.csv", row(mobile="07700 900111")))
    assert "confirmed a telephone …101 that these files do not have. It was kept." in str(report)
    fields = [waiting.field for waiting in await asked(database)]
    assert fields == ["rank", "on file"]
    async with database.write() as session:
        for waiting in (await conflicts.waiting(session))[1:]:
            await conflicts.answer(session, waiting[0].id or 0, which="theirs", by="x", log=LOG, now=LATER)
    assert (await one(database, ContactPoint)).address == "+447700900111"


@pytest.mark.parametrize(("which", "stands"), [("ours", True), ("theirs", False)])
async def test_a_bar_that_a_person_set_is_not_lifted_by_a_file(
    database: Database, load: Load, save: Save, which: str, stands: bool
) -> None:
    await load(save("a.csv", row()))
    await barred(database)
    report = await load(save("a.csv", row(bar="No,,")))
    assert (await one(database, Guardianship)).no_contact
    assert "C1 is barred; these files say: not barred. The bar stands." in str(report)
    await answer(database, which)
    assert (await one(database, Guardianship)).no_contact is stands
    assert (await load(save("a.csv", row(bar="No,,")))).conflicts == 0
    assert (await one(database, Guardianship)).no_contact is stands
    async with database.read() as session:
        lines = await audit.lines_about(session, action="import.answered")
    assert [line.actor for line in lines] == ["Mrs Okafor"]


@pytest.mark.parametrize("which", ["ours", "theirs"])
async def test_a_file_bars_at_once_even_what_a_person_lifted(
    database: Database, load: Load, save: Save, which: str
) -> None:
    await load(save("a.csv", row(bar="Yes,,")))
    await lifted(database)
    await load(save("a.csv", row(bar="Yes,,01/02/2030")))
    assert (await one(database, Guardianship)).barred_on(NOW.date())
    await answer(database, which)
    assert (await one(database, Guardianship)).no_contact is (which == "theirs")
    await load(save("a.csv", row(bar="Yes,,01/02/2030")))
    assert (await one(database, Guardianship)).no_contact is (which == "theirs")
    await load(save("a.csv", row(bar="Yes,,")))  # another order than the one that was answered
    assert (await one(database, Guardianship)).no_contact
    assert (await one(database, Guardianship)).no_contact_until is None


async def test_an_answer_holds_only_while_the_files_say_the_same(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", row(bar="Yes,,")))
    await lifted(database)
    await load(save("a.csv", row(bar="Yes,,")))
    await answer(database, "ours")
    await load(save("a.csv", row(bar="No,,")))
    await load(save("a.csv", row(bar="Yes,,")))  # a new order
    assert (await one(database, Guardianship)).no_contact
    assert len(await asked(database)) == 1


async def test_the_longer_of_two_times_holds(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", row()))
    await barred(database, date(2026, 9, 1), date(2027, 9, 1))
    await load(save("a.csv", row(bar="Yes,01/10/2026,01/10/2028")))
    tie = await one(database, Guardianship)
    assert (tie.no_contact_from, tie.no_contact_until) == (date(2026, 9, 1), date(2028, 10, 1))
    await answer(database, "ours")
    tie = await one(database, Guardianship)
    assert (tie.no_contact_from, tie.no_contact_until) == (date(2026, 9, 1), date(2027, 9, 1))
    assert (await load(save("a.csv", row(bar="Yes,01/10/2026,01/10/2028")))).conflicts == 0
    assert (await one(database, Guardianship)).no_contact_until == date(2027, 9, 1)


async def test_a_format_without_a_column_clears_nothing(database: Database, load: Load, save: Save) -> None:
    full = (
        "Pupil ID,UPN,Student Forename,Student Surname,Known As,DOB,Year,Reg,Groups,Home Language,Leaving Date,"
        "Pupil Deceased,Contact ID,Title,Contact Forename,Contact Surname,Relationship,Priority,PR,Lives With,"
        "Court Order,Court Order From,Court Order Until,Mobile,Email,Written Language,Spoken Language,"
        "Marketing Consent,Contact Deceased\n"
        "1,H801200001001,Kai,Shaw,Kay,07/09/2015,5,5A,Choir,Urdu,01/09/2030,Yes,C1,Mrs,Emma,Shaw,Mother,1,T,T,Yes,"
        "01/09/2026,01/09/2030,07700 900101,emma@example.com,Polish,Urdu,Yes,Yes\n"
    )
    await load(save("a.csv", full))

    async def everything() -> list[dict[str, Any]]:
        models = (Pupil, Contact, Guardianship)
        found = [(await one(database, model)).model_dump() for model in models]
        async with database.read() as session:
            return found + [point.model_dump() for point in await session.scalars(select(ContactPoint))]

    before = await everything()
    slim = "Pupil ID,Student Forename,Student Surname,Contact ID,Contact Forename,Contact Surname\n"
    await load(save("b.csv", slim + "1,Kai,Shaw,C1,Emma,Shaw\n"))
    assert await everything() == before
    empty = (
        full.splitlines()[0]
        + "\n1,,Kai,Shaw,,,,,Choir,,01/09/2030,,C1,Mrs,Emma,Shaw,,,,,,,,07700 900101,emma@example.com,,,,\n"
    )
    await load(save("c.csv", empty))
    after = await everything()
    kept = ("written_language", "spoken_language", "marketing_consent", "deceased", "no_contact", "no_contact_until")
    assert [{k: v for k, v in row.items() if k in kept} for row in after] == [
        {k: v for k, v in row.items() if k in kept} for row in before
    ]


async def test_an_id_that_another_person_gets_is_held_against_the_bars(
    database: Database, load: Load, save: Save
) -> None:
    """The MIS gives the mother's id to the barred father: the tie is there already, but it is his now."""
    head = "Pupil ID,Student Forename,Student Surname,Contact ID,Contact Forename,Contact Surname,Court Order\n"
    await load(save("a.csv", f"{head}1,Kai,Shaw,C1,Emma,Shaw,No\n1,Kai,Shaw,C2,Lee,Hirst,Yes\n"))
    report = await load(save("a.csv", f"{head}1,Kai,Shaw,C1,Lee,Hirst,\n1,Kai,Shaw,C9,Emma,Shaw,\n"))
    assert "Contact C1 has the name of a contact who is barred from this pupil" in str(report)
    async with database.read() as session:
        query = select(Contact.source_id).join(Guardianship).where(Guardianship.no_contact)
        assert set(await session.scalars(query)) == {"C1", "C2"}


SAYS = st.tuples(
    st.sampled_from(["", "07700 900101", "07700 900102", "07700 900103, 07700 900101", "none"]),
    st.sampled_from(["", "Polish", "Urdu", "Klingon"]),
    st.sampled_from(["", "Arabic"]),
    st.sampled_from(["", "No", "Yes", "perhaps"]),
    st.sampled_from(["", "01/02/2020", "01/02/2029"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(SAYS, min_size=1, max_size=4), st.booleans())
def test_no_file_changes_what_was_confirmed(fresh: Fresh, files: list[Any], bar: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(confirmed_then_imported(fresh, Path(folder), files, bar=bar))


async def confirmed_then_imported(fresh: Fresh, folder: Path, files: list[Any], *, bar: bool) -> None:
    async def load(text: str) -> None:
        (folder / "a.csv").write_text(text, "utf-8")
        async with database.write() as session:
            await people.load([folder / "a.csv"], session, log=LOG, now=NOW, go_on=True)

    async with fresh() as database:
        await load(row(reads="English", hears="English"))
        point = await one(database, ContactPoint)
        await choose(database, reads="uk", hears="uk")
        async with database.write() as session:
            await deciding.confirm(session, point.id, deed=DEED)
        if bar:
            await barred(database)
        for mobile, reads, hears, order, until in files:
            await load(row(mobile=f'"{mobile}"', reads=reads, hears=hears, bar=f"{order},,{until}"))
            emma = await one(database, Contact)
            assert (emma.written_language, emma.spoken_language) == ("uk", "uk")
            async with database.read() as session:
                kept = await session.get_one(ContactPoint, point.id)
                assert (kept.address, kept.rank, kept.confirmed_at) == (point.address, 1, NOW)
            assert (await one(database, Guardianship)).no_contact or not bar


async def test_dangling_questions_can_be_answered(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", row(reads="Polish")))
    await choose(database, reads="uk")
    await load(save("a.csv", row(reads="Polish")))
    async with database.write() as session:
        await session.execute(sa.delete(Contact))
    await answer(database, "theirs")
    assert await asked(database) == []
