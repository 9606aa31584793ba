"""What a family told Handbell stays with it, although a file knows the contact by another id or by none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from channels.base import Medium
from gateway import audit
from gateway.database import Database
from gateway.importing import undo
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, Preference, Wish
from gateway.models.types import core
from gateway.preferences import wishes

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

CONTACT, POINT, LINK, WISH = core(Contact), core(ContactPoint), core(Guardianship), core(Preference)
WHEN = datetime(2026, 9, 2, tzinfo=UTC)
PUPILS = "Pupil ID,Forename,Surname\n1,Ola,Nowak\n2,Jan,Nowak\n"
CONTACTS = (
    "Pupil ID,Contact ID,Contact Forename,Contact Surname,Priority,Mobile,Home Phone,Language\n"
    "1,C1,Ewa,Nowak,1,07700 900101,020 7946 0001,Polish\n2,C1,Ewa,Nowak,1,07700 900101,020 7946 0001,Polish\n"
)
HEAD = "Pupil ID,Contact Forename,Contact Surname,Mobile"
NAMELESS = f"{HEAD}\n1,EWA,Nowak,07700 900101\n2,EWA,Nowak,07700 900101\n"
RENUMBERED = f"{HEAD},Contact ID\n1,Ewa,Nowak,07700 900101,N1\n2,Ewa,Nowak,07700 900101,N1\n"


async def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    async with database.read() as session:
        return [dict(row) for row in (await session.execute(sa.select(table).order_by(*table.primary_key))).mappings()]


async def only(database: Database) -> dict[str, Any]:
    """The one contact whom both pupils have."""
    (contact,) = {link["contact_id"] for link in await rows(database, LINK)}
    return next(row for row in await rows(database, CONTACT) if row["id"] == contact)


async def confirm(database: Database, *addresses: str) -> None:
    async with database.write() as session:
        chosen = {"written_language": "ur", "languages_confirmed_at": WHEN}
        await session.execute(sa.update(CONTACT).values(chosen))
        await session.execute(sa.update(POINT).where(POINT.c.address.in_(addresses)).values(confirmed_at=WHEN))


@pytest.mark.parametrize("text", [NAMELESS, RENUMBERED])
async def test_what_a_parent_confirmed_stays(database: Database, load: Load, save: Save, text: str) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    await confirm(database, "+442079460001")
    async with database.write() as session:
        [mother] = await session.scalars(sa.select(CONTACT.c.id))
        await wishes.choose(
            session, mother, "menus", {Medium.SMS: Wish.OFF}, by="page", log=audit.Log(b"k" * 32), now=WHEN
        )
    before = [await rows(database, table) for table in (CONTACT, LINK, POINT, WISH)]
    report = await load(save("other.csv", text))
    contact = await only(database)
    assert (contact["written_language"], contact["spoken_language"]) == ("ur", "pl")
    async with database.read() as session:
        [wish] = await wishes.shown(session, contact["id"])
    assert (wish.topic, wish.wish, wish.how) == ("menus", Wish.OFF, "page")
    assert contact["languages_confirmed_at"] == WHEN
    points = [row for row in await rows(database, POINT) if row["contact_id"] == contact["id"]]
    assert {row["address"]: row["confirmed_at"] for row in points} == {"+447700900101": None, "+442079460001": WHEN}
    assert report.conflicts == 0, "the file has no column for home telephones, so it says nothing of them"
    assert str(report).count("The languages that the family chose were kept.") == 1
    async with database.write() as session:
        await undo.undo(session, None, days=180, by="test", log=audit.Log(b"k" * 32), now=WHEN)
    assert [await rows(database, table) for table in (CONTACT, LINK, POINT, WISH)] == before


async def test_another_language_in_the_file_is_asked_about(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    await confirm(database)
    text = RENUMBERED.replace("900101,N1", "900101,N1,Polish").replace("Contact ID\n", "Contact ID,Reads\n")
    report = await load(save("other.csv", text))
    assert (await only(database))["written_language"] == "ur"
    assert report.conflicts == 1


async def test_a_confirmed_phone_keeps_its_place(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    await confirm(database, "+447700900101")
    moved = f"{HEAD}\n1,Ewa,Nowak,07700 900109 / 07700 900101\n2,Ewa,Nowak,07700 900109 / 07700 900101\n"
    report = await load(save("other.csv", moved))
    found = {row["address"]: (row["rank"], row["confirmed_at"]) for row in await rows(database, POINT) if row["rank"]}
    assert found["+447700900101"] == (1, WHEN)
    assert report.conflicts == 1


async def test_a_language_that_nobody_chose_fills_what_is_empty(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    report = await load(save("other.csv", NAMELESS))
    contact = await only(database)
    assert (contact["written_language"], contact["spoken_language"]) == ("pl", "pl")
    assert (contact["languages_confirmed_at"], report.conflicts) == (None, 0)


async def test_of_two_who_have_the_name_nobody_is_guessed(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    await confirm(database)
    await load(save("other.csv", f"{HEAD}\n1,Ewa,Nowak,07700 900105\n1,Ewa,Nowak,07700 900106\n"))
    new = [row for row in await rows(database, CONTACT) if row["source_id"] != "C1"]
    assert [row["written_language"] for row in new] == ["", ""]
