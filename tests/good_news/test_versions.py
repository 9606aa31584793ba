"""The teacher's own words in the family's language: by the service, only where drafts may go out."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from support.praises import Staffroom
from support.translators import Service

from channels.translators.libretranslate import LibreTranslate
from config import sections
from gateway.database import Database
from gateway.good_news import versions

WORDS = "She explained halves to a {friend}, Ana did."


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.listening() as here:
        yield here


def room_with(database: Database, service: Service, *, drafts: bool) -> Staffroom:
    room = Staffroom(database)
    settings = room.gateway.settings.model_copy(
        update={
            "translation": sections.Translation(service="libretranslate", url=service.url),
            "languages": sections.Languages(allow_drafts=drafts),
        }
    )
    translator = LibreTranslate(service.url, key="", seconds=5)
    room.gateway = dataclasses.replace(room.gateway, settings=settings, translator=translator)
    return room


async def told(room: Staffroom) -> str:
    await room.open()
    maria = await room.parent(written_language="pl")
    await room.child("Ana", maria)
    await room.praise("Ana", "kindness", WORDS)
    await room.kind_hour()
    (text,) = await room.said(maria.number)
    return text


async def test_a_machine_may_say_it_and_the_message_is_as_much_to_be_trusted(
    database: Database, service: Service
) -> None:
    room = room_with(database, service, drafts=True)
    text = await told(room)
    assert "PL: She explained halves" in text
    assert "okazuje" in text
    assert "po angielsku" not in text
    assert "Ana" not in service.words  # the name has stayed in the house
    assert [row.words_state for row in await room.messages()] == ["machine"]


@pytest.mark.parametrize("trouble", [{"status": 500}, {"codes": ("en", "ur")}])
async def test_what_the_service_does_not_say_comes_in_english_with_a_line(
    sqlite_database: Database, service: Service, trouble: dict[str, object]
) -> None:
    for name, value in trouble.items():
        setattr(service, name, value)
    text = await told(room_with(sqlite_database, service, drafts=True))
    assert f"{WORDS}\nTa wiadomość jest po angielsku" in text


async def test_nothing_leaves_the_house_where_drafts_may_not_go_out(
    sqlite_database: Database, service: Service
) -> None:
    text = await told(room_with(sqlite_database, service, drafts=False))
    assert WORDS in text
    assert service.heard == []


async def test_a_service_that_hangs_holds_nothing_up(sqlite_database: Database, service: Service) -> None:
    service.silent = True
    room = room_with(sqlite_database, service, drafts=True)
    await room.open()
    await room.child("Ana", await room.parent(written_language="pl"))
    praise = await room.praise("Ana", "kindness", WORDS)
    async with room.database.read() as session:
        jobs = await versions.prepare(session, room.gateway, [praise], {praise.pupil_id: ["pl"]})
    assert await versions.ask(room.gateway, jobs, seconds=0.1) == ({}, [])
