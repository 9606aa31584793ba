"""A database is restored from a copy: what left after that was made does not leave again, and nothing is forgotten."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col
from support import databases, processes
from support.waiting import until

from bench.crash import school as families
from gateway.database import Database
from gateway.models import Message, Sender

FAMILIES = 16
SLOW = 0.001  #: parts a second: only what the burst allows leaves while this test runs
NOTICE = """
key = "{key}"
title = "{key}"
purpose = "{purpose}"
media = ["{medium}"]
text.en = "School finishes at 1pm: {key}."
audience.whole_school = true
audience.tell = "first_contact"
"""


@pytest.fixture
async def empty_place(
    school: processes.School, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """Where the copy goes: a database that is not the one that was lost."""
    if school.database_url.startswith("sqlite"):
        yield f"sqlite+aiosqlite:///{tmp_path / 'other' / 'handbell.sqlite3'}"
        return
    postgres: databases.Postgres = request.getfixturevalue("postgres")
    monkeypatch.setenv("PATH", f"{databases.programs()}{os.pathsep}{os.environ['PATH']}")
    name = f"t_{uuid.uuid4().hex}"
    await postgres.execute(f'CREATE DATABASE "{name}"')
    yield postgres.of(name)
    await postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def got(world: processes.World) -> tuple[Counter[str], Counter[str]]:
    """How often each phone and each mailbox got each thing."""
    phones, boxes = (await world.look("phones"))["phones"], (await world.look("mailboxes"))["mailboxes"]
    texts = Counter(f"{one['number']} {text['body'][-10:]}" for one in phones for text in one["texts"])
    return texts, Counter(f"{one['address']} {mail['subject']}" for one in boxes for mail in one["mails"])


async def arrived(world: processes.World, texts: int, mails: int) -> bool:
    found = await got(world)
    return found[0].total() >= texts and found[1].total() >= mails


def notice(key: str, medium: str = "sms", purpose: str = "service") -> str:
    return NOTICE.format(key=key, medium=medium, purpose=purpose)


async def allow(database: Database, texts: int, mails: int) -> None:
    """Let so many texts and mails leave, all in all."""
    async with database.write() as session:
        for medium, burst in (("sms", texts), ("email", mails)):
            values = {"rate": SLOW, "burst": burst, "tat": None}
            await session.execute(sa.update(Sender).where(col(Sender.medium) == medium).values(**values))


async def test_what_left_after_the_copy_does_not_leave_again(
    school: processes.School, world: processes.World, empty_place: str
) -> None:
    extra = f'[backup]\nfolder = "{school.folder / "copies"}"\n[sending]\npoll_s = 0.2\n'
    school.write_settings(world, extra=extra)
    await school.handbell("migrate")
    lost = Database(school.database_url)
    await families.fill(lost, families=FAMILIES)
    process = await school.run()
    await allow(lost, texts=3, mails=2)
    await processes.hand_in(school, lost, notice("first"))
    await processes.hand_in(school, lost, notice("letters", "email"))
    await until(lambda: arrived(world, 3, 2), "some have left before the copy", every=0.05)
    said = await school.handbell("backup", "make")
    assert "the audit log verifies" in said or "when the copy is restored" in said
    before = await got(world)
    await allow(lost, texts=5, mails=4)
    await until(lambda: arrived(world, 8, 6), "more leave after it", every=0.05)
    await processes.hand_in(school, lost, notice("later", purpose="safeguarding"))
    await allow(lost, texts=4, mails=1)
    await until(lambda: arrived(world, 12, 7), "something leaves of which the copy knows nothing", every=0.05)
    await process.kill()
    await lost.close()
    left = await got(world)

    school.settings.write_text(school.settings.read_text().replace(school.database_url, empty_place))
    school.database_url = empty_place
    assert "Nothing leaves now" in await school.handbell("backup", "restore", "latest", "--as", "Mr Reilly")
    assert "already" in await school.handbell("backup", "restore", "latest", expect=1)
    process = await school.start()
    restored = Database(empty_place)
    # The office puts in again what it knows to be missing: the provider's list has what of it has left.
    await processes.hand_in(school, restored, notice("later", purpose="safeguarding"))
    whole = Counter(first=FAMILIES, later=FAMILIES)

    async def asked() -> bool:
        async with restored.read() as session:
            rows = (await session.execute(sa.select(Message.state, Message.reason))).all()
        texts = sum(state != "skipped" for state, _ in rows)
        return texts >= FAMILIES * 3 and not any(reason == "restored" or state == "queued" for state, reason in rows)

    await until(asked, "the provider was asked of every text", every=0.2)
    assert await got(world) == left, "nothing leaves of itself"
    aside = json.loads(await school.handbell("backup", "held", "--json"))
    known = Counter((one["notice"], one["reason"]) for one in aside)
    texts = Counter(key.split()[-1].rstrip(".") for key in left[0].elements())
    assert {key: whole[key] - texts[key] for key in whole if whole[key] > texts[key]} == {
        notice: count for (notice, reason), count in known.items() if reason == "restored_absent"
    }
    assert known[("letters", "restored_unclear")] >= left[1].total() - before[1].total()
    assert "first say" not in await school.handbell("backup", "release", "--absent", expect=1)

    await school.handbell("backup", "open", "--as", "Mr Reilly")
    await school.handbell("backup", "release", "--absent", "--as", "Mr Reilly")
    await school.handbell("backup", "cancel", "--notice", "letters", "--as", "Mr Reilly")
    await until(lambda: arrived(world, FAMILIES * 2, 0), "the rest leaves", every=0.1)
    await school.handbell("audit", "verify")
    assert await process.stop() == 0
    await restored.close()
    texts, mails = await got(world)
    assert set(texts.values()) == {1}
    assert texts.total() == FAMILIES * 2
    assert mails == left[1], "nobody can tell of a letter, so a person decided"
