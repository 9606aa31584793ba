"""A family that prefers a digest, one that has declined a topic, and a night: on the phones of the simulator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlmodel import col, select
from support import desk, engine, school
from support.engine import Engine
from support.waiting import until

from channels.base import Medium
from gateway import notices
from gateway.database import Database
from gateway.models import Message, MessageState, PointKind, Wish
from gateway.preferences import wishes

DIGEST, PLAIN, MAIL = "+447700900111", "+447700900112", "maria@example.com"


async def family(works: Engine, number: str, mail: str = "", **wanted: Wish) -> None:
    contact = await school.contact(works.database)
    await school.tie(works.database, await school.pupil(works.database), contact, lives_with=True)
    await school.point(works.database, contact, number)
    if mail:
        await school.point(works.database, contact, mail, kind=PointKind.EMAIL)
    if wanted:
        media = {Medium(medium): wish for medium, wish in wanted.items()}
        async with works.database.write() as session:
            await wishes.choose(session, contact, "*", media, by="office", log=desk.LOG, now=works.clock())


async def send(works: Engine, key: str, **changes: Any) -> None:
    words = desk.definition(key=key, text={"en": f"News of the {key}."}, topic="news", **changes)
    async with works.database.write() as session:
        await notices.submit(session, works.gateway, words, author="office")
    await works.works.jobs.plan()


async def test_a_day_and_a_night(sqlite_database: Database) -> None:
    async with engine.running(sqlite_database, quiet=True) as works:
        await family(works, DIGEST, MAIL, sms=Wish.DIGEST, email=Wish.DIGEST)
        await family(works, PLAIN)

        def texts(number: str) -> list[str]:
            return [text.body for text in works.simulator.world.texts_to(number)]

        for key in ("fair", "choir"):
            await send(works, key, media=["sms", "email"])
        await until(lambda: len(texts(PLAIN)) == 2, "whoever has chosen nothing hears at once")
        assert texts(DIGEST) == []
        works.clock.jump(hours=16 - works.clock().hour)
        await works.works.jobs.digest()
        both = "Oakfield:\n1) News of the fair.\n2) News of the choir."
        await until(lambda: texts(DIGEST) == [both], "one text at four")
        await until(lambda: len(works.simulator.world.mails_to(MAIL)) == 1, "and one email")

        async def followed() -> bool:
            await works.works.jobs.digest()
            async with works.database.read() as session:
                query = select(Message.state).where(col(Message.run_id).is_not(None), Message.reason == "")
                return set(await session.scalars(query)) == {MessageState.ACCEPTED}

        await until(followed, "each message has come as far as its digest")

        works.clock.jump(hours=5)
        await send(works, "play", media=["sms"])
        await send(works, "storm", media=["sms"], purpose="emergency")
        await until(lambda: any("storm" in text for text in texts(PLAIN)), "an emergency passes the quiet hours")
        assert any("storm" in text for text in texts(DIGEST)), "and what a family prefers"
        assert not any("play" in text for text in texts(PLAIN))
        night = timedelta(days=1) - timedelta(hours=works.clock().hour - 7)
        works.clock.jump(seconds=night.total_seconds())
        await until(lambda: any("play" in text for text in texts(PLAIN)), "what can wait leaves in the morning")
        assert not any("play" in text for text in texts(DIGEST))
