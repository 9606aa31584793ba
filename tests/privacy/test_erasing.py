"""Erasing is total: a marked name, number and words are planted in every table, and looked for in the whole file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel
from support import planting, website
from support.planting import needles, plant

from config.settings import Settings
from gateway import errors
from gateway.database import Database
from gateway.models import Contact, ContactPoint, Inbound, LineType, PointKind, Task
from gateway.privacy import belongings, erasing, exporting


def test_the_settings_name_what_is_the_schools_own() -> None:
    settings = Settings.model_validate(
        {
            "audit": {"publish_to": ["head@school.example"]},
            "smtp": {"from_address": "office@school.example"},
            "absence": {"alert_numbers": ["+447700900001"]},
            "phone_line": {"office_number": "+441134960009"},
        }
    )
    own = {"head@school.example", "office@school.example", "+447700900001", "+441134960009"}
    assert settings.own_addresses == own


@pytest.mark.parametrize("kind", planting.PERSONS)
async def test_nothing_is_left_of_them_in_the_whole_file(sqlite_database: Database, kind: str) -> None:
    database = sqlite_database
    gateway = website.make_gateway(database, website.Clock())
    planted = await plant(database, kind)
    assert {"contact", "pupil", "message", "reply", "inbound", "notice", "import_change", "task"} <= planted
    path = Path(database.url.database or "")
    assert found(path, kind) == set(needles(kind))
    person = belongings.Person(kind, 1)
    async with database.write() as session:
        done = await erasing.erase(session, gateway, person, by="Mrs Okafor", why="asked by letter")
    assert await left(database, kind) == []
    await erasing.scour(database)
    assert found(path, kind) == set()
    assert done.goes
    async with database.read() as session:
        assert (await gateway.log.verify(session)).fault == ""
        message = (await session.execute(sa.text("SELECT state, body, purpose FROM message"))).one()
        assert message == ("cancelled", "", "service")
        assert await session.scalar(sa.text("SELECT count(*) FROM mark")) == 1
        assert await session.scalar(sa.text("SELECT count(*) FROM suppression")) == (kind == "contact")


async def test_it_is_the_same_on_postgresql(postgres_database: Database) -> None:
    await plant(postgres_database, "contact")
    gateway = website.make_gateway(postgres_database, website.Clock())
    async with postgres_database.write() as session:
        await erasing.erase(session, gateway, belongings.Person("contact", 1), by="Mrs Okafor", why="")
    assert await left(postgres_database, "contact") == []


async def test_what_is_the_schools_own_stays_where_a_parent_gave_it_as_theirs(database: Database) -> None:
    """The office's mailbox stands in a parent's record, and their name is the one that texts are sent as."""
    gateway, office = website.make_gateway(database, website.Clock()), "office@oakfield.example"
    await plant(database, "contact")
    async with database.write() as session:
        await session.execute(sa.text(f"UPDATE sender SET address = '{office}', account = '{planting.NAMED}'"))
        await session.execute(sa.text(f"UPDATE contact_point SET address = '{office}'"))
        await session.execute(sa.text(f"UPDATE trial_guest SET address = '{office}', name = 'The office'"))
        await session.execute(sa.text(f"UPDATE notice SET title = 'Write to {office}'"))
        found = await exporting.read(session, gateway, exporting.Asked(belongings.Person("contact", 1)))
        assert "trial_guest" not in found.tables, "the office's, whoever says that it is theirs"
        await erasing.erase(session, gateway, belongings.Person("contact", 1), by="Mrs Okafor", why="")
        kept = await session.execute(
            sa.text("SELECT s.address, s.account, g.address, n.title FROM sender s, trial_guest g, notice n")
        )
        assert kept.one() == (office, planting.NAMED, office, f"Write to {office}")
        assert await session.scalar(sa.text("SELECT count(*) FROM contact_point")) == 0


async def test_whole_names_go_and_only_where_nobody_else_has_them(database: Database) -> None:
    gateway = website.make_gateway(database, website.Clock())
    async with database.write() as session:
        ana = Contact(source_id="1", forename="Ana", surname="Łys", title="Mrs")
        session.add_all([ana, Contact(source_id="2", forename="Ewa", surname="Łys", title="Mrs")])
        said = "Ana Łys and ana Łys rang, Anna Łys and Ana Łyska did not; Mrs Łys is whoever of both."
        now = gateway.now()
        task = Task(kind="ring", subject="pupil:9", what=said, opened_at=now, again_at=now)
        session.add(task)
        await session.flush()
        await erasing.erase(session, gateway, belongings.Person("contact", ana.id), by="Mrs Okafor", why="")
        await session.refresh(task)
        assert task.what == said.replace("Ana Łys and ana Łys", "[erased] and [erased]")


async def test_what_nobody_could_read_goes_where_it_came_from_them(database: Database) -> None:
    """It is kept as it came, in base64, where no words are found; as a form and as Notify's JSON."""
    gateway = website.make_gateway(database, website.Clock())
    async with database.write() as session:
        session.add(Contact(id=1, source_id="C1", forename="Ana", surname="Nowak"))
        await session.flush()
        point = ContactPoint(contact_id=1, kind=PointKind.PHONE, address="+447700900123", line_type=LineType.MOBILE)
        session.add(point)
        form, notify = b"From=%2B447700900123&Body=No", b'{"source_number": "447700900123"}'
        for number, body in enumerate((form, notify, b"x=Ana+Nowak", b"From=%2B447700900124")):
            event = {"method": "POST", "url": "/hooks/x", "body": base64.b64encode(body).decode()}
            row = Inbound(channel="x", event_id=f"raw:{number}", kind="raw", event=event, raw={"x": 1})
            row.received_at = row.handled_at = planting.NOW
            session.add(row)
    async with database.write() as session:
        await erasing.erase(session, gateway, belongings.Person("contact", 1), by="Mrs Okafor", why="")
    async with database.read() as session:
        rows = await session.scalars(sa.select(Inbound).order_by(sa.column("id")))
        assert [bool(row.event) for row in rows] == [False, False, False, True]


@pytest.mark.parametrize("kind", planting.PERSONS)
async def test_who_told_where_a_child_is_goes_from_the_childs_case(database: Database, kind: str) -> None:
    """A parent who explains an absence stands in the case by name, and the case stays with the child."""
    gateway = website.make_gateway(database, website.Clock())
    await plant(database, kind)
    async with database.write() as session:
        await session.execute(
            sa.update(SQLModel.metadata.tables["absence_case"]).values(by=f"{planting.NAMED} (mother)")
        )
        await erasing.erase(session, gateway, belongings.Person(kind, 1), by="Mrs Okafor", why="")
        assert planting.NAMED not in str(await session.scalar(sa.text('SELECT "by" FROM absence_case')))


async def test_a_number_goes_however_it_is_spaced(database: Database) -> None:
    gateway = website.make_gateway(database, website.Clock())
    async with database.write() as session:
        session.add(Contact(id=1, source_id="C1", forename="Ana", surname="Nowak"))
        await session.flush()
        for address in ("+447700900123", "+48221234567"):
            kind = LineType.MOBILE
            session.add(ContactPoint(contact_id=1, kind=PointKind.PHONE, address=address, line_type=kind))
        ways = [
            "07700900123",
            "07700 900123",
            "07700-900-123",
            "(07700) 900 123",
            "+44 7700 900 123",
            "0044 7700 900123",
        ]
        ways += ["+44 (0)7700 900123", "+48 22 123 45 67", "0048 22 1234567"]
        others = ["07700 900124", "07700 9001234", "107700 900123", "7 2026 07700 90012"]
        now = gateway.now()
        said = " and ".join(ways + others)
        task = Task(kind="ring", subject="pupil:9", what=said, opened_at=now, again_at=now)
        raw = {"Body": f"Ring {ways[1]}"}
        event = Inbound(channel="x", event_id="1", kind="reply", event=raw, raw=raw, received_at=planting.NOW)
        event.handled_at = planting.NOW
        session.add_all([task, event])
        await session.flush()
        await erasing.erase(session, gateway, belongings.Person("contact", 1), by="Mrs Okafor", why="")
        await session.refresh(task)
        await session.refresh(event)
        assert task.what == " and ".join(["[erased]"] * len(ways) + others)
        assert event.raw == event.event == {"Body": "Ring [erased]"}


async def test_a_new_number_that_nobody_has_approved_goes_too(database: Database) -> None:
    """A code was sent to it: that message is tied to nobody on file."""
    gateway, new = website.make_gateway(database, website.Clock()), "+447700900999"
    await plant(database, "contact")
    async with database.write() as session:
        await session.execute(sa.text(f"UPDATE new_detail SET address = '{new}'"))
        message = SQLModel.metadata.tables["message"]
        loose = {column.name: None for column in message.columns if column.foreign_keys and column.nullable}
        await session.execute(sa.update(message).values(loose | {"address": new, "slot": "details:code:1"}))
        await session.execute(sa.text("UPDATE task SET what = 'Ring 07700 900999.'"))
        await erasing.erase(session, gateway, belongings.Person("contact", 1), by="Mrs Okafor", why="")
        assert await session.scalar(sa.text("SELECT address FROM message")) == ""
        assert await session.scalar(sa.text("SELECT what FROM task")) == "Ring [erased]."


async def test_who_cannot_be_erased(sqlite_database: Database) -> None:
    gateway = website.make_gateway(sqlite_database, website.Clock())
    await plant(sqlite_database, "contact")
    async with sqlite_database.write() as session:
        await session.execute(sa.text("UPDATE pupil SET left_on = NULL"))
        with pytest.raises(errors.Conflict, match="on roll"):
            await erasing.plan(session, gateway, belongings.Person("pupil", 1))
        await session.execute(sa.text("UPDATE message SET state = 'unknown'"))
        with pytest.raises(errors.Conflict, match="on its way"):
            await erasing.plan(session, gateway, belongings.Person("contact", 1))
        await session.execute(sa.text("UPDATE guardianship SET no_contact = 1"))
        with pytest.raises(errors.Conflict, match="nothing would stop that"):
            await erasing.plan(session, gateway, belongings.Person("contact", 1))
        with pytest.raises(errors.NotFound):
            await erasing.plan(session, gateway, belongings.Person("contact", 9))
        await session.rollback()


async def left(database: Database, kind: str) -> list[tuple[str, str]]:
    """Which tables hold what of them still."""
    rows = dict[str, str]()
    async with database.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            rows[table.name] = str((await session.execute(sa.select(table))).all())
    return [(name, needle) for name, text in rows.items() for needle in needles(kind) if needle in text]


def found(path: Path, kind: str) -> set[str]:
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    return {needle for needle in needles(kind) if needle.encode() in content}
