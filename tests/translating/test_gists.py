"""What families' answers say in English: after everything else, and only if the school wants it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from sqlmodel import select
from support import desk, school, waiting
from support.translators import Service

from channels import base
from channels.base import Medium
from channels.translators.libretranslate import LibreTranslate
from config import sections
from gateway import context, intake, jobs, lanes, pulse
from gateway.database import Database
from gateway.desk import thread
from gateway.models import Conversation, Gist, Reply
from gateway.translating import gists
from gateway.understanding import library

KNOWN = library.load()
MUM = "+447700900111"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.listening() as here:
        yield here


def wants(database: Database, service: Service, clock: desk.Clock, *, replies: bool = True) -> context.Gateway:
    made = desk.gateway(database, clock)
    settings = made.settings.model_copy(
        update={"translation": sections.Translation(service="libretranslate", url=service.url, replies=replies)}
    )
    return dataclasses.replace(made, settings=settings, translator=LibreTranslate(service.url, key="", seconds=5))


async def writes(gateway: context.Gateway, *words: str) -> None:
    events = [
        base.Reply(
            medium=Medium.SMS, sender=MUM, to="+447700900999", body=body, at=gateway.now(), event_id=body, raw={}
        )
        for body in words
    ]  # fmt: skip
    async with gateway.database.write() as session:
        await intake.store(session, "twilio-sms", events, now=gateway.now())
    while await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now()):
        pass


async def mother(database: Database) -> None:
    ana = await school.pupil(database, "Ana")
    contact = await school.contact(database, "Maria", written_language="pl")
    await school.tie(database, ana, contact, priority=1, parental_responsibility=True)
    await school.point(database, contact, MUM)


async def found(database: Database) -> dict[str, str]:
    async with database.read() as session:
        rows = (await session.execute(select(Reply.body, Gist.text).join(Gist))).all()
        return {row[0]: row[1] for row in rows}


async def all_of_them(gateway: context.Gateway) -> int:
    looked = 0
    while await gists.work(gateway, KNOWN):
        looked += 1
    return looked


async def test_an_answer_in_polish_gets_a_gist_without_a_name_leaving(database: Database, service: Service) -> None:
    await mother(database)
    gateway = wants(database, service, desk.Clock())
    await writes(gateway, "ana jest chora i ma gorączkę, 07700 900111", "She is ill today, sorry", "1")
    assert await all_of_them(gateway) == 3
    assert [question["source"] for question in service.heard] == ["pl"]
    assert not any(secret in service.words.casefold() for secret in ("ana ", "07700"))
    polish, english = "ana jest chora i ma gorączkę, 07700 900111", "She is ill today, sorry"
    assert await found(database) == {polish: polish, english: "", "1": ""}
    assert await all_of_them(gateway) == 0
    async with database.read() as session:
        [conversation] = await session.scalars(select(Conversation))
        said = (await thread.read(session, conversation.id or 0)).said
    assert [one.gist for one in said if one.kind == "reply"] == [polish, "", ""]


async def test_two_workers_send_no_words_twice(database: Database, service: Service) -> None:
    await mother(database)
    gateway = wants(database, service, desk.Clock())
    await writes(gateway, *[f"ana jest chora, {number} raz" for number in range(6)])
    await asyncio.gather(*[all_of_them(gateway) for _ in range(4)])
    while await gists.work(gateway, KNOWN):
        pass
    assert len(service.heard) == len(await found(database)) == 6


async def test_a_gist_goes_with_its_answer(database: Database, service: Service) -> None:
    await mother(database)
    gateway = wants(database, service, desk.Clock())
    await writes(gateway, "ana jest chora")
    assert await all_of_them(gateway) == 1
    async with database.write() as session:
        [reply] = await session.scalars(select(Reply))
        await session.delete(reply)
    assert await found(database) == {}


async def test_what_fails_is_tried_a_few_times_and_left_out(sqlite_database: Database, service: Service) -> None:
    await mother(sqlite_database)
    clock = desk.Clock()
    gateway = wants(sqlite_database, service, clock)
    await writes(gateway, "ana jest chora i zostaje w domu")
    service.status = 500
    tried = 0
    for _ in range(12):
        tried += await all_of_them(gateway)
        clock.pass_(hours=1)
    assert (tried, len(service.heard)) == (4, 4)
    async with sqlite_database.read() as session:
        [gist] = await session.scalars(select(Gist))
    assert (gist.text, gist.tries, gist.due_at) == ("", 4, None)


async def test_while_it_is_away_it_is_not_asked_for_one_answer_after_the_other(
    sqlite_database: Database, service: Service, unused_tcp_port: int
) -> None:
    await mother(sqlite_database)
    gateway = wants(sqlite_database, service, desk.Clock())
    away = LibreTranslate(f"http://127.0.0.1:{unused_tcp_port}", key="", seconds=5)
    gateway = dataclasses.replace(gateway, translator=away)
    await writes(gateway, "ana jest chora", "ana ma gorączkę")
    assert not await gists.work(gateway, KNOWN)
    assert len(await found(sqlite_database)) == 1
    back = dataclasses.replace(gateway, translator=wants(sqlite_database, service, desk.Clock()).translator)
    assert await all_of_them(back) == 1


async def test_the_daemon_makes_them_by_itself(sqlite_database: Database, service: Service) -> None:
    await mother(sqlite_database)
    gateway, stopping = wants(sqlite_database, service, desk.Clock()), asyncio.Event()
    await writes(gateway, "ana jest chora", "ana ma gorączkę")
    regular = jobs.Jobs(
        gateway,
        lanes=lanes.Lanes(gateway),
        pulse=pulse.Pulse(gateway.now),
        stopping=stopping,
        arrived=stopping.set,
    )
    regular.schedule()
    regular.ticker.start()
    try:
        regular.ticker.soon("gists")
        await waiting.until(lambda: "gists" in regular.ticker.last_run)
    finally:
        stopping.set()
        await regular.ticker.stop()
    assert len(await found(sqlite_database)) == 2


async def test_nothing_is_sent_unless_the_school_says_so(sqlite_database: Database, service: Service) -> None:
    assert not gists.is_on(wants(sqlite_database, service, desk.Clock(), replies=False))
    assert not gists.is_on(desk.gateway(sqlite_database))
    assert gists.is_on(wants(sqlite_database, service, desk.Clock()))


@pytest.mark.parametrize(
    ("text", "on_file", "language"),
    [
        ("She has a temperature and will stay at home", "pl", "en"),
        ("hes got a temp", "ur", "en"),
        ("córka jest chora i ma gorączkę", "", "pl"),
        ("моя дочка хворіє", "", "uk"),
        ("บุตรของฉันป่วยวันนี้", "", None),
        ("Zupelnie nieznane slowka", "pl", "pl"),
        ("Brzmi Xyzzy", "en", "en"),
        ("ok", "pl", "en"),
        ("😀👍", "pl", "en"),
    ],
)
def test_languages(text: str, on_file: str, language: str | None) -> None:
    assert gists.language_of(text, on_file, KNOWN) == language
