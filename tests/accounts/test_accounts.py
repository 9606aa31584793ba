"""What must hold on both databases, and when two come at once."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import argon2
import pyotp
import pytest

from gateway import audit, errors, ids
from gateway.accounts import codes, delays, links, passwords, sessions, staff
from gateway.accounts.means import Means
from gateway.database import Database, Session
from gateway.models import Account, Pupil
from gateway.roles import Role

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BY = Means(audit.Log(b"k" * 32), NOW, "office:Mrs Head")
SPANS = sessions.Spans(timedelta(minutes=20), timedelta(hours=12))
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def sign(purpose: str, subject: str) -> str:
    """As an installation of its own would."""
    return hmac.digest(b"k" * 32, f"{purpose}:{subject}".encode(), "sha256").hex()[:32]


async def jo(database: Database, *, role: Role = Role.OFFICE, name: str = "Jo Whitfield") -> Account:
    email = f"{name.split()[0]}@school.example"
    async with database.write() as session:
        return await staff.add(session, ids.new_id(), name=name, email=email, role=role, means=BY)


async def together(database: Database, count: int, deed: Callable[[Session], Awaitable[Any]]) -> list[Any]:
    """Do the same so many times at once, each in a transaction of its own; an error is a result."""

    async def one() -> Any:
        async with database.write() as session:
            return await deed(session)

    return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)


async def test_tries_at_once_are_counted_one_by_one(database: Database) -> None:
    counted = [delays.name("jo@school.example"), delays.address("192.0.2.1")]
    waits = await together(database, 12, lambda session: delays.count(session, counted, now=NOW))
    assert sorted(waits) == [0] * 5 + [2] * 7
    async with database.write() as session:
        await delays.forgive(session, counted, now=NOW)
    async with database.write() as session:
        assert await delays.count(session, counted, now=NOW) == 0


async def test_nothing_is_held_against_anybody_for_good(database: Database) -> None:
    counted = [delays.name("jo@school.example")]
    await together(database, 12, lambda session: delays.count(session, counted, now=NOW))
    for at, wait in (
        (NOW - timedelta(days=400), 2),  # the clock was set back
        (NOW - timedelta(days=400, seconds=-2), 0),
        (NOW - timedelta(days=398), 0),
    ):
        async with database.write() as session:
            assert await delays.count(session, [delays.name("JO@school.example ")], now=at) == wait


async def test_a_link_is_used_once_even_by_two_at_once(database: Database) -> None:
    account = await jo(database)
    async with database.write() as session:
        value = await links.make(session, account, means=BY)
    used = await together(database, 3, lambda session: links.use(session, value, first=False, now=NOW))
    assert sorted(type(one).__name__ for one in used) == ["Account", "NotFound", "NotFound"]


async def test_a_code_is_used_once_even_by_two_at_once(database: Database) -> None:
    account, half = await jo(database), codes.new_half()
    secret = codes.secret(sign, account.id, half)
    async with database.write() as session:
        found = await staff.find(session, account.id)
        [*_, sheet] = await codes.turn_on(session, found, half, 0, means=BY)
    code = pyotp.TOTP(secret).at(int(NOW.timestamp()))

    async def use(session: Session, what: str) -> str:
        return await codes.use(session, await staff.find(session, account.id), what, sign=sign, means=BY)

    assert sorted(await together(database, 3, lambda session: use(session, code))) == ["", "", "phone"]
    assert sorted(await together(database, 3, lambda session: use(session, sheet))) == ["", "", "paper"]
    earlier = pyotp.TOTP(secret).at(int(NOW.timestamp()) - 30)
    async with database.write() as session:
        assert await use(session, earlier) == "", "a code from before the last one is not taken either"
        assert await codes.left(session, account.id) == 7


def test_a_phone_has_more_than_the_database() -> None:
    half = codes.new_half()
    secret = codes.secret(sign, "jo", half)
    assert half not in secret
    assert len(base64.b32decode(secret + "======")) * 8 >= 128, "RFC 4226 asks for as much"
    others = {codes.secret(sign, "dal", half), codes.secret(lambda *_: "0" * 32, "jo", half), half}
    assert secret not in others
    assert len(others) == 3


async def test_a_code_of_a_neighbouring_half_minute_counts() -> None:
    secret = codes.secret(sign, "jo", codes.new_half())
    totp = pyotp.TOTP(secret)
    for seconds, good in ((-60, False), (-30, True), (0, True), (30, True), (60, False)):
        code = totp.at(int(NOW.timestamp()) + seconds)
        assert bool(codes.step_of(secret, code, now=NOW)) is good, seconds
    assert not any(codes.step_of(secret, bad, now=NOW) for bad in ("", "é", "1234567", "१२३४५६"))


async def test_sessions_end_by_themselves_with_a_line_each(database: Database) -> None:
    account = await jo(database)
    async with database.write() as session:
        for seconds in (0, 1):
            by = replace(BY, now=NOW + timedelta(seconds=seconds))
            await sessions.begin(session, account, ids.new_id(), spans=SPANS, means=by)
    by = replace(BY, now=NOW + SPANS.idle)
    async with database.write() as session:
        await sessions.sweep(session, spans=SPANS, means=by)
        assert len(await sessions.listed(session, account.id, spans=SPANS, now=by.now)) == 1
        assert len(await audit.lines_about(session, action="session.ended")) == 1


async def test_a_name_is_given_once_however_it_is_written(database: Database) -> None:
    await jo(database)
    for name, email in (
        ("JO  whitfield", "new@school.example"), ("Jo Whitfield", "n@school.example"), ("Al", "JO@School.example"),
    ):  # fmt: skip
        async with database.write() as session:
            with pytest.raises(errors.Conflict):
                await staff.add(session, ids.new_id(), name=name, email=email, role=Role.IT, means=BY)
    for name in ("", "office:Jo", "<b>", "1", "x" * 61):
        async with database.write() as session:
            with pytest.raises(errors.BadInput):
                await staff.add(session, ids.new_id(), name=name, email="x@school.example", role=Role.IT, means=BY)


async def test_a_teachers_forms_are_the_schools(database: Database) -> None:
    account = await jo(database, role=Role.TEACHER)
    async with database.write() as session:
        session.add(Pupil(source_id="P1", forename="Ana", surname="Example", year="3", form="3A"))
        await session.flush()
        found = await staff.find(session, account.id)
        with pytest.raises(errors.BadInput, match="Nobody is in form “9Z”"):
            await staff.set_forms(session, found, ["3a", "9Z"], means=BY)
        await staff.set_forms(session, found, ["3a", " 3A "], means=BY)
        assert (await staff.forms(session, account.id))[account.id] == {"3A"}
        await staff.set_role(session, found, Role.OFFICE, means=BY)
        assert (await staff.forms(session, account.id))[account.id] == frozenset()
        with pytest.raises(errors.BadInput, match="is no teacher"):
            await staff.set_forms(session, found, ["3A"], means=BY)


class Counting(argon2.PasswordHasher):
    """Counts how often a password is compared: what takes its time."""

    compared = 0

    def verify(self, *values: Any, **options: Any) -> Any:
        self.compared += 1
        return super().verify(*values, **options)


async def test_whoever_is_not_there_takes_as_long(database: Database) -> None:
    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    made = passwords.Passwords(hasher)
    kept = await made.hash("Café au lait, please")
    assert await made.fits(kept, "Cafe\u0301 au lait, please"), "the same word from another keyboard"
    assert not await made.fits(kept, "cafe au lait, please")
    for nobody in ("", "nobody's"):
        assert not await made.fits("", nobody)
    assert hasher.compared == 4


async def test_a_hash_of_older_parameters_is_made_anew() -> None:
    made = passwords.Passwords(QUICK)
    assert not made.is_old(QUICK.hash("x"))
    assert made.is_old(argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("x"))
    today = passwords.Passwords()
    assert today.is_old(QUICK.hash("x"))
    real = await today.hash("x")
    assert real.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not await today.fits("not a hash", "x"), "what cannot be read opens nothing"
