"""What an import shows, when it stops, what a list of changes leaves alone, and how much memory it takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from gateway import audit
from gateway.database import Database
from gateway.importing import diff, formats, leaving, people, stops
from gateway.importing.report import Remarks, Report
from gateway.importing.tables import Source
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
PUPILS = "Pupil ID,Forename,Surname,Reg,Groups\n"
CONTACTS = "Pupil ID,Contact ID,Forename,Surname,Mobile,Email,Court Order\n"


def pupils(count: int, *, name: str = "Shaw", form: str = "5A", start: int = 0) -> str:
    return PUPILS + "".join(f"{n},Kai,{name}{n},{form},Choir\n" for n in range(start, count))


def contacts(count: int, *, name: str = "Shaw", phone: int = 100, bar: str = "", key: str = "C") -> str:
    return CONTACTS + "".join(
        f"{n},{key}{n},Emma,{name}{n},07700 900{phone + n},e{n}@example.com,{bar}\n" for n in range(count)
    )


async def count(database: Database, model: type[SQLModel]) -> int:
    async with database.read() as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)


async def differences(database: Database, report: Report) -> list[str]:
    async with database.read() as session:
        return [str(one) async for one in diff.every(session, report.import_id)]


def test_columns_of_bookkeeping_are_not_printed() -> None:
    bar = {"no_contact": (False, True), "bar_confirmed_at": (None, NOW)}
    assert str(diff.Difference("links", diff.CHANGED, "Emma Shaw", bar)) == "changed: Emma Shaw (no contact)"
    assert str(diff.Difference("points", diff.CHANGED, "mailbox", {"confirmed_at": (None, NOW)})) == "changed: mailbox"
    assert diff.Difference("links", diff.CHANGED, "Emma Shaw", bar).changes() == "no contact no → yes"
    moved = {"form": ("2A", "3B"), "known_as": ("", "Kit"), "postal_address": ("1 Way", "2 Way")}
    said = diff.Difference("pupils", diff.CHANGED, "Kai Shaw", moved).changes()
    assert said == "form 2A → 3B, known as nothing → Kit, postal address"
    report = Report(fields={"guardianship": {"no_contact": 2, "bar_confirmed_at": 2}})
    report.tally.links.changed = 2
    assert "(changed: no contact 2)" in str(report)


async def test_every_change_is_named_with_its_fields_and_numbers_are_masked(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("p.csv", pupils(3)), save("c.csv", contacts(3)))
    later = contacts(3).replace("2,C2", "2,C9").replace("07700 900101", "07700 900999")
    report = await load(
        save("p.csv", pupils(3).replace("1,Kai,Shaw1,5A,Choir", "1,Kay,Shaw1,6A,")), save("c.csv", later)
    )
    found = await differences(database, report)
    assert sorted(found) == [
        "changed: Kay Shaw1 (1) (forename, form)",
        "gone: Emma Shaw2 (C2), contact of Kai Shaw2 (2)",
        "gone: Kay Shaw1 (1) in Choir",
        "gone: telephone …101 of Emma Shaw1 (C1)",
        "new: Emma Shaw2 (C9)",
        "new: Emma Shaw2 (C9), contact of Kai Shaw2 (2)",
        "new: mailbox of Emma Shaw2 (C9)",
        "new: telephone …102 of Emma Shaw2 (C9)",
        "new: telephone …999 of Emma Shaw1 (C1)",
    ]
    assert "Pupils: 0 new, 1 changed, 2 the same (changed: forename 1, form 1)." in str(report)
    assert "Contacts: 1 new, 0 changed, 2 the same, 1 gone." in str(report)
    async with database.read() as session:
        some = [(one.kind, one.how) for one in await diff.examples(session, report.import_id, each=1)]
    assert sorted(some) == sorted(
        [
            ("pupils", "changed"),
            ("contacts", "new"),
            *(("links", how) for how in ("new", "gone")),
            *(("points", how) for how in ("new", "gone")),
            ("memberships", "gone"),
        ]
    )


async def test_many_changes_are_read_page_by_page(database: Database, load: Load, save: Save) -> None:
    await load(save("p.csv", pupils(250)))
    report = await load(save("p.csv", pupils(250, form="6A")))
    assert len(await differences(database, report)) == 250


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((pupils(40), contacts(40)), ""),
        ((pupils(19), contacts(19)), "21 of 40 pupils on roll are in none of these files"),
        ((pupils(40, name="Jones"), contacts(40)), "40 of 40 pupils have another name"),
        ((pupils(40, name="SHÁW"), contacts(40, name="shaw")), ""),
        ((pupils(40), contacts(40, name="Jones")), "40 of 40 contacts have another name"),
        ((pupils(40), contacts(40, key="N")), "36 of 40 contacts of pupils are not in these files any more"),
        ((pupils(40), contacts(40, phone=200)), "40 of 40 contacts have another phone number"),
        ((pupils(40).replace(",Choir", ","), contacts(40)), "40 of 40 places in groups are not"),
        ((pupils(40), contacts(40).replace("@example.com", "@example.org")), "40 of 80 phones and mailboxes are not"),
        ((pupils(40), contacts(40, bar="No")), "4 of 4 bars"),
    ],
)
async def test_a_mass_change_stops_the_import(
    database: Database, load: Load, save: Save, files: tuple[str, str], words: str
) -> None:
    before = contacts(40)
    for n in range(4):
        before = before.replace(f"e{n}@example.com,", f"e{n}@example.com,Yes")
    await load(save("p.csv", pupils(40)), save("c.csv", before))
    changed = save("p.csv", files[0]), save("c.csv", files[1])
    models = (Pupil, Contact, Guardianship, ContactPoint, Membership)
    counts = [await count(database, model) for model in models]
    if not words:
        assert (await load(*changed)).stops == []
        return
    with pytest.raises(people.Suspicious) as stopped:
        await load(*changed)
    assert words in str(stopped.value)
    assert "Nothing was written." in str(stopped.value)
    assert "--go-on" in str(stopped.value)
    assert [await count(database, model) for model in models] == counts
    assert any(words in stop for stop in (await load(*changed, go_on=True)).stops)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((pupils(1) + "9,Kai,Shaw9,5A,Choir\n", contacts(1)), "5 of 6 pupils on roll are in none of these files"),
        ((pupils(6, name="Jones"), contacts(6)), "6 of 6 pupils have another name"),
        ((pupils(6), contacts(6, key="N")), "6 of 6 contacts of pupils are not in these files any more"),
        ((pupils(6), contacts(6, phone=200)), "6 of 6 contacts have another phone number"),
        ((pupils(6), re.sub("07700 9002?[0-9]+", "", contacts(6))), "6 of 6 phones are not in these files any more"),
        (
            (pupils(6), re.sub("e[0-9]@example.com", "", contacts(6))),
            "6 of 6 mailboxes are not in these files any more",
        ),
        ((pupils(6).replace(",Choir", ","), contacts(6)), "6 of 6 places in groups are not in these files any more"),
    ],
)
async def test_nearly_all_of_a_small_school_stop_the_import(
    database: Database, load: Load, save: Save, files: tuple[str, str], words: str
) -> None:
    await load(save("p.csv", pupils(6)), save("c.csv", contacts(6)))
    with pytest.raises(people.Suspicious) as stopped:
        await load(save("p.csv", files[0]), save("c.csv", files[1]))
    assert words in str(stopped.value)
    assert await count(database, ContactPoint) == 12


@pytest.mark.parametrize(
    ("many", "of", "stop"),
    [
        (16, 20, False), (17, 20, True), (21, 63, False), (21, 62, True), (400, 2000, False),
        (4, 4, False), (5, 5, True), (5, 6, True), (5, 7, False),
    ],
)  # fmt: skip
def test_count_and_share_together_are_suspicious(many: int, of: int, stop: bool) -> None:
    assert bool(stops.suspicious("links_gone", many, of=of)) is stop


@dataclass(frozen=True)
class Changes:
    """A file of a format that lists changes only."""

    inner: Source
    whole: bool = False
    remarks: Remarks = field(default_factory=Remarks)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        return self.inner.rows()


async def test_a_list_of_changes_makes_nothing_gone(database: Database, load: Load, save: Save) -> None:
    await load(save("p.csv", pupils(3)), save("c.csv", contacts(3) + "0,D0,Lee,Shaw0,07700 900300,,\n"))
    delta = [PUPILS + "0,Kai,Shaw0,6A,Chess\n", CONTACTS + "0,C0,Emma,Shaw0,07700 900400,,\n"]
    looked = formats.look_all([save("p2.csv", delta[0]), save("c2.csv", delta[1])])
    async with database.write() as session:
        report = await people.take_over(
            [Changes(one) for one in looked], session, log=audit.Log(b"k" * 32), now=NOW, today=NOW.date()
        )
    assert {name: counted.gone for name, counted in report.tally.each().items()} == dict.fromkeys(
        report.tally.each(), 0
    )
    assert not report.missing
    async with database.read() as session:
        kai = (await session.scalars(select(Pupil).where(col(Pupil.source_id) == "0"))).one()
        assert kai.form == "6A"
        addresses = set(await session.scalars(select(ContactPoint.address)))
    assert {"+447700900100", "+447700900300", "+447700900400", "e0@example.com"} <= addresses
    assert await count(database, Guardianship) == 4
    assert await count(database, Membership) == 4


async def test_a_whole_list_of_contacts_beside_a_part_of_the_roll(database: Database, load: Load, save: Save) -> None:
    """As in a CTF: the pupils are some of the school's, and their contacts are all of theirs."""
    await load(save("p.csv", pupils(3)), save("c.csv", contacts(3) + "0,D0,Lee,Shaw0,07700 900300,,\n"))
    roll, lists = formats.look_all(
        [save("p2.csv", pupils(1)), save("c2.csv", CONTACTS + "0,C0,Emma,Shaw0,07700 900100,,\n")]
    )
    async with database.write() as session:
        report = await people.take_over(
            [Changes(roll), lists], session, log=audit.Log(b"k" * 32), now=NOW, today=NOW.date()
        )
    assert (report.tally.links.gone, report.tally.memberships.gone, len(report.missing)) == (1, 0, 0)


async def test_pages_leave_nothing_out(database: Database, load: Load, save: Save) -> None:
    total = leaving.PAGE + 50
    text = PUPILS + "".join(f"{n},Kai,Shaw{n},5A,Choir\n" for n in range(total))
    await load(save("p.csv", text))
    report = await load(save("p.csv", text.replace(",Choir", ",")), go_on=True)
    assert report.tally.memberships.gone == total
    assert await count(database, Membership) == 0


MEMORY = """
import asyncio, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from sqlmodel import SQLModel
from gateway import audit
from gateway.database import Database
from gateway.importing import people

async def main(folder, rows):
    file = folder / "all.csv"
    with file.open("w") as text:
        text.write("Pupil ID,Student Forename,Student Surname,Contact ID,Contact Forename,Contact Surname,Mobile\\n")
        for n in range(rows):
            text.write(f"{n},Kai,Shaw,C{n},Emma,Shaw,07700 900{n % 1000:03}\\n")
    database = Database(f"sqlite+aiosqlite:///{folder}/school.sqlite")
    async with database.writer.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with database.write() as session:
        await people.load([file], session, log=audit.Log(b"k" * 32), now=datetime(2026, 9, 21, tzinfo=UTC))
    await database.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def peak(folder: Path, rows: int) -> int:
    """The most memory that an import of so many rows held, in kilobytes."""
    folder.mkdir()
    command = [sys.executable, "-c", MEMORY, str(folder), str(rows)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    assert peak(tmp_path / "many", 20_000) < 1.15 * peak(tmp_path / "few", 5_000)
