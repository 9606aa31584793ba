"""A number is gone only where a file has the column that it came from: a renamed heading takes no mobile away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gateway.database import Database
from gateway.importing import listing
from gateway.models import ContactPoint
from gateway.models.types import core

POINT = core(ContactPoint)
Load, Save = Callable[..., Awaitable[Any]], Callable[..., Path]

PUPILS = "Pupil ID,Forename,Surname\n1,Ana,Nowak\n"
HEAD = "Pupil ID,Contact ID,Contact Forename,Contact Surname"
MOBILE, HOME, WORK, MAIL = "+447700900101", "+442079460001", "+442079460002", "ewa@example.com"
CONTACTS = f"{HEAD},Mobile,Home Phone,Work Phone,Email\n1,C1,Ewa,Nowak,{MOBILE},{HOME},{WORK},{MAIL}\n"


async def known(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(sa.select(POINT.c.address)))


def contacts(columns: str, *cells: str) -> str:
    return f"{HEAD},{columns}\n1,C1,Ewa,Nowak,{','.join(cells)}\n"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (contacts("Mobile,Home Phone,Work Phone,Email", "", HOME, WORK, MAIL), {MOBILE}),
        (contacts("Mobile,Home Phone,Work Phone,Email", MOBILE, "", WORK, ""), {HOME, MAIL}),
        (contacts("Mum Cell,Home Phone,Work Phone,Email", MOBILE, HOME, "", MAIL), {WORK}),
        (contacts("Home Phone", HOME), set()),
        (contacts("Main Telephone", HOME), set()),
        (contacts("Mobile", ""), {MOBILE}),
        (contacts("Email", ""), {MAIL}),
        (contacts("Mum Mail,Mobile,Home Phone,Work Phone", MAIL, MOBILE, HOME, WORK), set()),
        (contacts("Mum Cell,Dad Cell", MOBILE, ""), set()),
    ],
)
async def test_what_a_column_lists_is_gone_and_nothing_else(
    database: Database, load: Load, save: Save, text: str, gone: set[str]
) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS))
    for _ in range(2):  # that a column is missing is not forgotten by the next import that lacks it
        report = await load(save("contacts2.csv", text))
        assert await known(database) == {MOBILE, HOME, WORK, MAIL} - gone
    complete = "Mobile,Home Phone,Work Phone,Email" in text
    assert ("Earlier files had columns that these have not" in str(report)) is not complete


async def test_another_source_with_fewer_columns_takes_nothing_away(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS), source="mis")
    await load(save("other.csv", contacts("Home Phone", HOME)), source="mispelt")
    assert await known(database) == {MOBILE, HOME, WORK, MAIL}


async def test_a_school_with_one_column_of_telephones_may_change_a_number(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", contacts("Telephone", MOBILE)))
    await load(save("contacts.csv", contacts("Telephone", HOME)))
    assert await known(database) == {HOME}


async def test_a_new_number_takes_the_place_of_the_old_one_though_another_column_is_missing(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", contacts("Mobile,Telephone", MOBILE, HOME)))
    await load(save("contacts.csv", contacts("Mobile", "+447700900109")))
    assert await known(database) == {"+447700900109", HOME}


async def test_a_column_that_is_gone_for_good_is_told_once(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", PUPILS), save("contacts.csv", contacts("Mobile,Telephone", MOBILE, HOME)))
    await load(save("contacts.csv", contacts("Mobile", "")))
    assert await known(database) == {MOBILE, HOME}, "a plain telephone may have been the mobile"
    report = await load(save("contacts.csv", contacts("Mobile", "")), go_on=True)
    assert await known(database) == {HOME}
    report = await load(save("contacts.csv", contacts("Mobile", "")))
    assert "Earlier files" not in str(report)


COLUMNS = st.frozensets(st.sampled_from(sorted(listing.ALL)))


@given(COLUMNS, COLUMNS)
def test_a_sort_is_listed_only_where_every_column_it_ever_came_from_is_there(
    here: frozenset[str], before: frozenset[str]
) -> None:
    for sort in listing.sorts(here, before):
        assert listing.COLUMNS[sort] & before <= here
        assert listing.COLUMNS[sort] & here
    assert set(listing.sorts(here, here)) == {sort for sort, names in listing.COLUMNS.items() if names & here}
