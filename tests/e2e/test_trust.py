"""Two schools of a trust in one process: set up by commands, both send at once, and neither hears the other's families.

The process is killed in the middle. A school is found by its host name: here ``127.0.0.1`` and ``localhost``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from support import databases, processes, trust
from support.databases import Postgres
from support.waiting import until

from bench import house
from bench.crash import school as families
from channels.simulator import callbacks
from config import blanking
from gateway import enclosure
from gateway.database import Database
from gateway.models import Message, MessageState, Reply, Sender
from gateway.models.types import core
from gateway.practice import setup

FAMILIES = 60
OAK, BEECH = "+441134960001", "+441134960002"
NOTICE = """
key = "friday"
title = "Friday"
purpose = "service"
media = ["sms"]
text.en = "School finishes at 1pm on Friday."
audience.whole_school = true
audience.tell = "first_contact"
"""
QUEUE = 3000
ALARM = """
key = "alarm"
title = "Alarm"
purpose = "emergency"
media = ["sms"]
text.en = "Please come to the gate."
audience.whole_school = true
audience.tell = "first_contact"
"""
QUICK = """
connect_timeout_s = 1
read_timeout_s = 1
[absence]
enabled = false
[smtp]
timeout_s = 1
[sending]
lease_s = 3
in_doubt_grace_s = 1
poll_s = 0.2
trial = false
[backup]
folder = "{folder}/copies"
"""


@pytest.fixture
async def installed(postgres: Postgres, tmp_path: Path) -> AsyncIterator[tuple[processes.School, processes.World]]:
    """A trust's settings beside a simulated world; no school is in the database yet."""
    [port] = setup.free_ports(1)
    async with (
        trust.database(postgres, "oak", "beech") as url,
        processes.world(tmp_path, hooks=f"http://127.0.0.1:{port}") as world,
    ):
        place = processes.School(tmp_path, url, port, env={})
        text = house.trust(
            tmp_path, url, port, provider=world.http_url, token=processes.TOKEN, more=QUICK.format(folder=tmp_path)
        )
        place.settings.write_text(text)
        (tmp_path / "schools").mkdir()
        for key, host, number in (("oak", "127.0.0.1", OAK), ("beech", "localhost", BEECH)):
            url_of = f"http://{host}:{port}"
            text = house.of_a_trust(key.title(), public_url=url_of, key=key * 16, number=number, rate=30)
            (tmp_path / "schools" / f"{key}.toml").write_text(text)
        try:
            yield place, world
        finally:
            if place.process and place.process.child.returncode is None:
                await place.process.stop()


async def test_two_schools_side_by_side(
    installed: tuple[processes.School, processes.World], postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, world = installed
    assert "No school of this trust can run" in await place.cannot_run()
    for key in ("oak", "oak", "beech"):  # once more does no harm
        assert "is ready" in await place.handbell("school", "add", key)
    await trust.let_copy(postgres, make_url(place.database_url).database or "")
    assert "say which, by --school. There are: beech, oak." in await place.handbell("sender", "list", expect=1)
    schools = {key: Database(enclosure.address(place.database_url, key)) for key in ("oak", "beech")}
    try:
        for database in schools.values():
            await families.fill(database, families=FAMILIES)
        process = await place.run()
        for key, database in schools.items():
            place.env["HANDBELL_AUDIT__KEY"] = key * 16  # for what this process signs
            await processes.hand_in(place, database, NOTICE)
        place.env.clear()
        await _both_have_sent(world)
        await process.kill()
        async with _never_nobodys(place):
            await place.run()
        for key, database in schools.items():
            await until(lambda database=database: _delivered(database), f"{key} has delivered", every=0.1)
        await _each_phone_has_each_text_once(world)
        await _answers_reach_their_own_school(place, world, schools)
        await _monitoring_sees_both(place)
        await _a_queue_of_one_delays_nobody_elsewhere(place, schools)
    finally:
        for database in schools.values():
            await database.close()
    for key in schools:
        assert "Nothing was changed or removed" in await place.handbell("--school", key, "audit", "verify")
    await place.process.stop()
    monkeypatch.setenv("PATH", f"{databases.programs()}{os.pathsep}{os.environ['PATH']}")
    assert (await place.handbell("backup", "make", "--as", "timer")).count("Copied into") == 2
    for key in schools:
        assert f"copies/{key}" in await place.handbell("--school", key, "backup", "make")
        assert "as it was written" in await place.handbell("--school", key, "backup", "verify")
        for copy in (place.folder / "copies" / key).iterdir():
            own = (copy / f"{key}.toml", place.folder / "schools" / f"{key}.toml")
            assert own[0].read_text("utf-8") == blanking.without_secrets(own[1].read_text("utf-8"))
    assert "put back by whoever runs" in await place.handbell(
        "--school", "oak", "backup", "restore", "latest", "--as", "it", expect=1
    )
    assert "beech is up to date" in await place.handbell("migrate", "--all")
    await place.handbell("--school", "oak", "staff", "add", "Mr IT", "it@trust.example", "--role", "it")
    visit = ("it@trust.example", "--to", "beech")
    said = await place.handbell("--school", "oak", "school", "let-in", *visit, "--role", "read_only")
    assert said.startswith("Mr IT may come to Beech Primary School, as read_only")
    assert "no more" in await place.handbell("--school", "oak", "school", "keep-out", *visit)
    assert "as it is" in await place.handbell("--school", "oak", "school", "keep-out", *visit, expect=1)
    await place.handbell("school", "retire", "beech", "--as", "Mrs IT")
    assert "retired on" in await place.handbell("school", "list")
    await place.run()
    async with aiohttp.ClientSession() as session, session.get(f"http://localhost:{place.port}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok")  # the machine's own: Beech is gone
    async with aiohttp.ClientSession() as session, session.get(f"http://localhost:{place.port}/sign-in") as answer:
        assert answer.status == 404


async def _both_have_sent(world: processes.World) -> None:
    """Wait until texts of both schools have arrived: the kill comes right in the middle."""
    while True:
        counts = Counter(text["number"] for text in await _texts(world))
        if counts[OAK] >= 10 and counts[BEECH] >= 10:
            return
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def _never_nobodys(place: processes.School) -> AsyncIterator[None]:
    """Meanwhile nobody who calls a school hears that there is none: what a provider brings would be lost."""
    heard = set[int]()

    async def call() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{place.port}/sign-in") as answer:
                        heard.add(answer.status)
                await asyncio.sleep(0.01)

    calling = asyncio.create_task(call())
    yield
    calling.cancel()
    assert 503 in heard
    assert 404 not in heard


async def _texts(world: processes.World) -> list[dict[str, str]]:
    phones = (await world.look("phones"))["phones"]
    return [
        {"phone": phone["number"], "number": text["from"]}
        for phone in phones
        for text in phone["texts"]
        if text["direction"] != "inbound"
    ]


async def _delivered(database: Database) -> bool:
    query = sa.select(Message.state, sa.func.count()).group_by(Message.state)
    async with database.read() as session:
        states = {state for state, _ in await session.execute(query)}
    return bool(states) and states <= {MessageState.DELIVERED, MessageState.SKIPPED}


async def _each_phone_has_each_text_once(world: processes.World) -> None:
    got = Counter((text["phone"], text["number"]) for text in await _texts(world))
    assert set(got.values()) == {1}
    assert Counter(number for _, number in got) == {OAK: FAMILIES, BEECH: FAMILIES}


async def _answers_reach_their_own_school(
    place: processes.School, world: processes.World, schools: dict[str, Database]
) -> None:
    """The same family has children at both, and answers each; an address set up wrongly at the provider is refused."""
    phone = (await _texts(world))[0]["phone"]
    assert await _answer(place, "127.0.0.1", phone, OAK, "to Oak") == 200
    assert await _answer(place, "localhost", phone, BEECH, "to Beech") == 200
    assert await _answer(place, "localhost", phone, OAK, "to Oak, led to Beech") == 404
    for key, words in (("oak", "to Oak"), ("beech", "to Beech")):
        await until(lambda key=key: _heard(schools[key]), f"{key} has heard", every=0.1)
        async with schools[key].read() as session:
            assert list(await session.scalars(sa.select(Reply.body))) == [words]


async def _heard(database: Database) -> bool:
    async with database.read() as session:
        return bool(await session.scalar(sa.select(sa.func.count()).select_from(Reply)))


async def _answer(place: processes.School, host: str, phone: str, to: str, words: str) -> int:
    """A parent's text, as the provider brings it to the address that the number has there."""
    url = f"http://{host}:{place.port}/hooks/twilio-sms/inbound"
    form = {
        "MessageSid": "SM" + words.encode().hex().ljust(32, "0")[:32], "AccountSid": processes.ACCOUNT,
        "From": phone, "To": to, "Body": words, "NumMedia": "0",
    }  # fmt: skip
    signature = callbacks.sign(processes.TOKEN, url, form)
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers={"X-Twilio-Signature": signature}) as answer,
    ):
        return answer.status


async def _a_queue_of_one_delays_nobody_elsewhere(place: processes.School, schools: dict[str, Database]) -> None:
    """Oak has more than it can send in a minute and a half; Beech's alarm is out long before."""
    async with schools["oak"].read() as session:
        sender_id = await session.scalar(sa.select(Sender.id))
    assert sender_id is not None
    for _ in range(QUEUE // FAMILIES):
        await house.messages(schools["oak"], range(1, FAMILIES + 1), sender_id=sender_id)
    place.env["HANDBELL_AUDIT__KEY"] = "beech" * 16
    await processes.hand_in(place, schools["beech"], ALARM)
    place.env.clear()
    await until(lambda: _delivered(schools["beech"]), "beech has delivered its alarm", every=0.1)
    async with schools["oak"].read() as session:
        waiting = sa.select(sa.func.count()).where(core(Message).c.state == MessageState.QUEUED)
        assert await session.scalar(waiting) > QUEUE / 2


async def _monitoring_sees_both(place: processes.School) -> None:
    async with aiohttp.ClientSession(headers={"Host": "trust.example"}) as session:
        async with session.get(f"{place.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        async with session.get(f"{place.url}/readyz") as answer:
            assert answer.status == 200, await answer.text()
    for key in ("oak", "beech"):
        assert any(line.startswith("handbell_provider_calls_total{") and f'school="{key}"' in line for line in lines)
    assert lines.count("# TYPE handbell_provider_calls_total counter") == 1
