"""The schools of one process: one that hangs, or whose database is away, and the one beside it that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from support import trust
from support.databases import Postgres
from support.waiting import PATIENCE, until

from config import settings
from gateway import errors, migrate
from gateway.practice import setup
from gateway.trust import register
from gateway.wiring.together import Together

HOSTS = {"oak": "127.0.0.1", "beech": "localhost"}
COMMON = """
[trust]
schools = "{folder}/schools"
[database]
state_dir = "{folder}"
url = "{url}"
[web]
port = {port}
[absence]
enabled = false
[sending]
trial = false
poll_s = 0.2
"""
SCHOOL = """
[school]
name = "{key} Primary School"
short_name = "{key}"
phone = "0113 496 0000"
[web]
public_base_url = "http://{host}:{port}"
[audit]
key = "{long}"
[smtp]
host = "127.0.0.1"
port = 1
security = "none"
from_address = "{key}@school.example"
"""


@pytest.fixture
async def port() -> int:
    return setup.free_ports(1)[0]


@pytest.fixture
async def together(postgres: Postgres, tmp_path: Path, port: int) -> AsyncIterator[Together]:
    async with running(postgres, tmp_path, port) as made:
        yield made


@asynccontextmanager
async def running(postgres: Postgres, tmp_path: Path, port: int, **elsewhere: str) -> AsyncIterator[Together]:
    """Run both; ``elsewhere`` is the database of one that has another."""
    async with trust.database(postgres, *HOSTS) as url:
        file = tmp_path / "handbell.toml"
        file.write_text(COMMON.format(folder=tmp_path, url=url, port=port))
        (tmp_path / "schools").mkdir()
        for key, host in HOSTS.items():
            text = SCHOOL.format(key=key, long=key * 16, host=host, port=port)
            (tmp_path / "schools" / f"{key}.toml").write_text(text)
        common, *schools = (settings.load(file, environ={}, credentials=None, school=key) for key in ("", *HOSTS))
        for key, one in zip(HOSTS, schools, strict=True):
            async with register.opened(url) as connection:
                await register.add(connection, key, name=key, office_url=one.web.public_base_url)
            await migrate.upgrade(one.database.dsn())
        for key, other in elsewhere.items():
            with (tmp_path / "schools" / f"{key}.toml").open("a") as more:
                more.write(f'[database]\nurl = "{other}"\n')
        schools = [settings.load(file, environ={}, credentials=None, school=key) for key in HOSTS]
        made = Together(dict(zip(HOSTS, schools, strict=True)), common, look=0.2)
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            made.interrupt()
            async with asyncio.timeout(PATIENCE):
                await running


async def test_it_is_started_again_and_the_other_goes_on(together: Together, port: int) -> None:
    heard = dict.fromkeys(HOSTS, 0)
    cut_off = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    async def ask() -> bool:
        async with aiohttp.ClientSession() as session:
            for key, host in HOSTS.items():
                async with session.get(f"http://{host}:{port}/sign-in") as answer:
                    heard[key] = answer.status
        return set(heard.values()) == {200}

    await until(lambda: len(together.works) == len(HOSTS), "both run")
    await until(ask, "both have their pages")
    hung, beside = together.works["oak"], together.works["beech"]
    hung.jobs.every(0.1, "hanging", hang)
    hung.pulse.expect("hanging job", 1)  # and not five minutes
    await until(lambda: "oak" not in together.works, "its end")
    assert cut_off.is_set()
    assert not await ask()
    assert heard == {"oak": 503, "beech": 200}
    await until(lambda: "oak" in together.works, "it runs again")
    await until(ask, "its pages are there again")
    assert together.works["oak"] is not hung
    assert together.works["beech"] is beside
    assert not together.works["oak"].stuck()


async def test_one_whose_database_is_away_keeps_nobody_from_starting(
    postgres: Postgres, tmp_path: Path, port: int
) -> None:
    [nobody] = setup.free_ports(1)
    away = f"postgresql+asyncpg://handbell:practice@127.0.0.1:{nobody}/beech"
    async with running(postgres, tmp_path, port, beech=away) as together:
        await until(lambda: "oak" in together.works, "the other runs")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/sign-in") as answer:
                assert answer.status == 200
            async with session.get(f"http://localhost:{port}/sign-in") as answer:
                assert answer.status == 503
            async with session.get(f"http://127.0.0.1:{port}/readyz", headers={"Host": "trust.example"}) as answer:
                assert answer.status == 503
                assert "beech" in (await answer.json())["reasons"]
        assert "beech" not in together.works


async def test_without_any_database_nothing_starts(postgres: Postgres, tmp_path: Path, port: int) -> None:
    [nobody] = setup.free_ports(1)
    away = f"postgresql+asyncpg://handbell:practice@127.0.0.1:{nobody}/trust"
    with pytest.raises(errors.NotReady, match="cannot be reached"):
        async with running(postgres, tmp_path, port, oak=away, beech=away):
            await asyncio.sleep(30)
