"""The head of the audit log is published once a day, whatever is started anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from support import website

from channels.base import Medium
from gateway import audit, context, heads
from gateway.database import Database
from gateway.models import Message, Sender
from gateway.models.types import core

TO = ("governor@council.example", "head@oakfield.example")


def at(gateway: context.Gateway, hour: int, day: int = 23) -> context.Gateway:
    return replace(gateway, now=lambda: datetime(2026, 11, day, hour, 30, tzinfo=UTC))


async def publish(gateway: context.Gateway) -> bool:
    """As two processes do, one after the other; neither knows what was done before but from the database."""
    async with gateway.database.write() as session:
        first = await heads.publish(session, gateway)
    async with gateway.database.write() as session:
        assert not await heads.publish(session, gateway)
    return first


async def test_once_a_day_by_mail_and_journal(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = website.make_gateway(database, website.Clock())
    chosen = gateway.settings.audit.model_copy(update={"publish_to": TO})
    gateway = replace(gateway, settings=gateway.settings.model_copy(update={"audit": chosen}))
    async with database.write() as session:
        session.add(Sender(channel="smtp", medium=Medium.EMAIL, address="office@oakfield.example"))
        await gateway.log.record(session, audit.Line("notice.sent"), now=gateway.now())
        await gateway.log.seal(session)
        verdict = await gateway.log.verify(session)
    assert not await publish(at(gateway, 17))
    assert await publish(at(gateway, 18))
    assert not await publish(at(gateway, 23))
    assert await publish(at(gateway, 20, day=24))
    async with database.read() as session:
        mails = (await session.scalars(sa.select(Message).order_by(core(Message).c.created_at))).all()
        assert (await gateway.log.verify(session, expect_head=verdict.head)).fault == ""
    assert sorted(mail.address for mail in mails) == sorted([*TO, *TO])
    assert f"handbell audit verify --against {verdict.head}" in mails[0].body
    assert verdict.head in capsys.readouterr().out
