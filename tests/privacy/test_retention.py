"""What is over goes at night, by clocks that the school sets; at the provider, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support import planting, tampering, website

from channels import base, twilio_account, twilio_sms
from channels.simulator import Simulator, shapes
from channels.simulator.faults import Fault, Kind
from channels.simulator.magic import TextStatus
from channels.simulator.records import Text
from gateway import context, daemon
from gateway.database import Database
from gateway.doctor import keeping
from gateway.models import Inbound, Message, MessageState, Scrub, Sender
from gateway.models.types import core
from gateway.privacy import retention, scrubbing
from gateway.privacy.holdings import Clock

MUM, SCHOOL = "+447700900123", "+442079460137"


async def run(gateway: context.Gateway) -> dict[str, int]:
    gone = dict[str, int]()
    async with gateway.database.write() as session:
        for rule in retention.RULES:
            gone[rule.table] = gone.get(rule.table, 0) + await retention.apply(session, gateway, rule)
        await retention.record(session, gateway, gone)
    return {name: count for name, count in gone.items() if count}


async def test_each_clock_lets_its_own_go(database: Database) -> None:
    clock = website.Clock(planting.NOW)
    gateway = website.make_gateway(database, clock)
    await planting.plant(database, "contact")
    async with database.write() as session:
        await session.execute(sa.update(core(Message)).values(state=MessageState.DELIVERED))
        await session.execute(sa.text("UPDATE new_detail SET state = 'failed'"))
        await session.execute(sa.text("DELETE FROM absence_heard"))
    # What was planted with its own date lies long back: the marks of 2015.
    assert set(await run(gateway)) == {"mark", "absence_reason", "absence_case", "phone_report"}
    seen = dict[int, set[str]]()
    for days in (31, 91, 181, 366, 2193):
        clock.at = planting.NOW + timedelta(days=days)
        seen[days] = set(await run(gateway))
        assert await run(gateway) == {}  # once is enough
    assert seen[31] == {"new_detail", "import_conflict", "sign_in_try", "idempotency"}
    assert seen[91] == {"inbound"}
    assert seen[181] == {"import_change"}
    assert {"message", "reply", "letter", "gist", "conversation_note", "praise"} <= seen[366]
    assert {"message", "phone_call", "fresh_question", "task"} <= seen[2193]
    async with database.read() as session:
        message = (await session.execute(sa.text("SELECT state, body, address, slot, contact_id FROM message"))).one()
        assert message == ("delivered", "", "", "old:1", None)
        assert (await gateway.log.verify(session)).fault == ""


async def test_nothing_young_or_open_goes(sqlite_database: Database) -> None:
    clock = website.Clock(planting.NOW)
    gateway = website.make_gateway(sqlite_database, clock)
    await planting.plant(sqlite_database, "contact")
    clock.at += timedelta(days=400)
    async with sqlite_database.read() as session:
        found = {(one.rule.table, one.rule.clock): one.rows for one in await retention.due(session, gateway)}
    assert found["message", Clock.WORDS] == 0  # it waits to be sent, whatever its age
    assert found["letter", Clock.WORDS] == 1
    assert found["phone_call", Clock.RECORDS] == 0


async def test_a_call_that_nobody_could_read_goes_with_all_that_came(sqlite_database: Database) -> None:
    """It has numbers and words as they came, in base64, where no erasing finds them."""
    clock = website.Clock(planting.NOW)
    gateway = website.make_gateway(sqlite_database, clock)
    came = {"method": "POST", "url": "/hooks/twilio-sms/inbound", "body": "RnJvbT0rNDQ3NzAwOTAwMTIz"}
    row = Inbound(channel="twilio-sms", event_id="raw:1", kind="raw", event=came, raw={"From": MUM})
    row.received_at = row.handled_at = planting.NOW
    async with sqlite_database.write() as session:
        session.add(row)
    clock.at += timedelta(days=100)
    await run(gateway)
    async with sqlite_database.read() as session:
        [kept] = await session.scalars(sa.select(Inbound))
    assert (kept.event, kept.raw or {}) == ({}, {})


async def test_once_a_night(sqlite_database: Database) -> None:
    clock = website.Clock(planting.NOW.replace(hour=2))
    gateway = website.make_gateway(sqlite_database, clock)

    async def is_due() -> bool:
        async with sqlite_database.read() as session:
            return await retention.is_due(session, gateway)

    assert not await is_due()
    clock.pass_by(hours=1)
    assert await is_due()
    await run(gateway)
    assert not await is_due()
    clock.pass_by(days=1)
    assert await is_due()


async def test_a_night_that_was_cut_short_is_not_said_to_be_done(sqlite_database: Database) -> None:
    clock = website.Clock(planting.NOW)
    works = daemon.Daemon(website.make_gateway(sqlite_database, clock), listen=None, roles=("clock",))
    works.stop()
    await works.jobs.retain()
    async with sqlite_database.read() as session:
        assert await retention.last_night(session) is None


async def test_words_are_deleted_at_the_provider_and_failures_survived(sqlite_database: Database) -> None:
    simulator = Simulator(account_sid="AC" + "5a" * 16, auth_token="a-practice-token", seed=7)
    await simulator.start()
    account = twilio_account.TwilioAccount(
        simulator.account_sid, "a-practice-token", api_base_url=simulator.http_url, total_seconds=5
    )
    channel = twilio_sms.TwilioSms(account)
    await channel.open()
    try:
        await scrub(sqlite_database, simulator, channel)
    finally:
        await channel.close()
        await simulator.stop()


async def sent(channel: twilio_sms.TwilioSms, simulator: Simulator) -> Text:
    """A text that came to its end; until then its words stay."""
    result = await channel.send(base.Outgoing(id="M1", to=MUM, sender=SCHOOL, body="Ana is ill."))
    text = simulator.world.texts[result.ref]
    await simulator.idle()
    text.status = TextStatus.SENT
    with pytest.raises(base.CouldNotScrub, match="HTTP 400"):
        await channel.scrub(result.ref)
    text.status, text.media = TextStatus.DELIVERED, 2
    await channel.scrub("SM" + "0" * 32)  # one that is not there is as good
    return text


async def noted(gateway: context.Gateway) -> int:
    async with gateway.database.write() as session:
        return await scrubbing.note(session, gateway)


async def scrub(database: Database, simulator: Simulator, channel: twilio_sms.TwilioSms) -> None:
    clock = website.Clock(planting.NOW)
    gateway = replace(website.make_gateway(database, clock), channels={channel.name: channel})
    text = await sent(channel, simulator)
    async with database.write() as session:
        await session.execute(sa.delete(core(Sender)))
        session.add(Sender(id=1, channel=channel.name, medium=channel.medium, address=SCHOOL))
        await session.flush()
        session.add(
            Message(id="M1", sender_id=1, medium=channel.medium, address=MUM, slot="s", purpose="service",
                    body="Ana is ill.", state=MessageState.DELIVERED, ref=text.sid, due_at=clock.at,
                    created_at=clock.at, changed_at=clock.at)
        )  # fmt: skip
    assert await noted(gateway) == 0  # a doubt may still be decided by the provider's list
    clock.pass_by(days=4)
    assert await noted(gateway) == 1
    assert await noted(gateway) == 0
    simulator.faults.add(Fault("messages.update", Kind.STATUS, status=503))
    assert await scrubbing.work(gateway)
    assert not await scrubbing.work(gateway)  # it waits
    async with database.read() as session:
        assert await session.scalar(sa.select(core(Scrub).c.trouble))
        assert await scrubbing.waiting(session) == (1, 0)
    assert not text.redacted
    clock.pass_by(minutes=6)
    assert await scrubbing.work(gateway)
    assert text.redacted
    assert text.body == "Ana is ill."  # the phone still has it
    assert text.media == 0
    assert shapes.message(text, simulator.account_sid)["body"] == ""
    async with database.read() as session:
        assert await scrubbing.waiting(session) == (0, 1)
    assert not await scrubbing.work(gateway)


async def test_doctor_says_whether_it_goes_and_whether_the_log_is_guarded(database: Database) -> None:
    clock = website.Clock(planting.NOW)
    gateway = website.make_gateway(database, clock)
    assert (await keeping.clocks(gateway))[0].state == "ok"
    await planting.plant(database, "contact")
    [finding] = await keeping.clocks(gateway)
    assert finding.state == "warn"
    assert "rows of people are over" in finding.sentence
    await run(gateway)
    assert (await keeping.clocks(gateway))[0].state == "ok"
    clock.pass_by(days=3)
    assert (await keeping.clocks(gateway))[0].state == "warn"
    assert (await keeping.guards(gateway))[0].state == "ok"
    async with database.write() as session:
        await tampering.unguard(session)
    [finding] = await keeping.guards(gateway)
    assert finding.state == "bad"
    assert "audit_delete" in finding.sentence
