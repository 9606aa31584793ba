"""Two schools that share one service at GOV.UK Notify, which calls one address back: how the other's receipts come."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import select
from support import school, trust, website
from support.waiting import until

from channels import base
from channels.notify import Letterhead, Notify
from channels.notify_api import NotifyAccount
from channels.simulator import Simulator
from channels.simulator.notify_api import Service
from config import sections
from gateway import context, intake, polling
from gateway.database import Database
from gateway.models import Inbound, Message, MessageState

SERVICE, SECRET = "26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0"
KEY, TOKEN = f"hand-bell-{SERVICE}-{SECRET}", "a-token-of-twenty-characters"
TEMPLATE, SENDER_ID = (f"{one}33517ff-2a88-4f6e-b855-c550268ce08a" for one in "ab")
SHOWN, TO = "Trust", "+447700900123"


async def test_the_school_that_is_not_called_back_asks(three: trust.Trust) -> None:
    """Oak is called with a receipt of Beech's: it changes nothing there. Beech finds it in the list, a quarter of an
    hour after its last look at most, or within half a minute where it is told to ask always.
    """
    async with contextlib.AsyncExitStack() as stack:
        simulator = Simulator(
            account_sid="AC1", auth_token="t",
            notify=Service(KEY, TOKEN, templates={TEMPLATE: "sms"}, numbers={SENDER_ID: SHOWN}),
        )  # fmt: skip
        await simulator.start()
        stack.push_async_callback(simulator.stop)

        def with_notify(gateway: context.Gateway) -> context.Gateway:
            account = NotifyAccount(KEY, TOKEN, api_base_url=simulator.http_url)
            return replace(
                gateway, channels={"notify-sms": Notify(account, base.Medium.SMS, Letterhead(TEMPLATE, {SHOWN: ""}))}
            )

        oak, beech = [
            await stack.enter_async_context(website.running_on(Database(three.of(key)), changed=with_notify))
            for key in three.keys[:2]
        ]
        for one in (oak, beech):
            stack.push_async_callback(one.gateway.database.close)
            await stack.enter_async_context(opened(one.gateway))
        service = replace(simulator.notify.service, receipts_url=f"{oak.url}/hooks/notify-sms/status")
        simulator.notify.service = service
        looks = looks_of(beech)
        await looks.tick()
        sent = await send(beech)
        await until(lambda: stored(oak), "Oak is called back")
        assert not await stored(beech)
        for _ in range(2):
            await handle(oak)
            oak.clock.pass_by(seconds=intake.PATIENCE.total_seconds())
        [called] = await stored(oak)
        assert (called.message_id, called.outcome) == (sent, "orphan")
        assert TO.removeprefix("+44") not in f"{called.event} {called.raw}", "and Oak learns of nobody by it"
        beech.clock.pass_by(minutes=14)
        await looks.tick()
        assert not await stored(beech)
        beech.clock.pass_by(minutes=1)
        await looks.tick()
        await handle(beech)
        async with beech.gateway.database.read() as session:
            assert (await session.get_one(Message, sent)).state is MessageState.DELIVERED
        always = beech.gateway.settings.model_copy(update={"twilio": sections.Twilio(poll="always")})
        assert polling.pause(replace(beech.gateway, settings=always)) == timedelta(seconds=30)


@contextlib.asynccontextmanager
async def opened(gateway: context.Gateway) -> AsyncIterator[None]:
    for channel in gateway.channels.values():
        await channel.open()
    try:
        yield
    finally:
        for channel in gateway.channels.values():
            await channel.close()


def looks_of(running: website.Running) -> polling.Looks:
    gateway = running.gateway
    [stream] = [one for one in polling.streams(gateway) if one.name == polling.STATUSES]
    pause = polling.pause(gateway)
    assert pause == timedelta(minutes=15), "as whoever has a public address"
    return polling.Looks(gateway, stream, pause, arrived=lambda: None, turned=lambda: None)


async def send(running: website.Running) -> str:
    """A text that Notify has taken."""
    database, now = running.gateway.database, running.clock()
    sender = await school.sender(database, channel="notify-sms")
    message_id = await school.message(database, sender, now=now, number=TO, state=MessageState.ACCEPTED)
    text = base.Outgoing(id=message_id, to=TO, sender=SHOWN, body="Beech: hello")
    result = await running.gateway.channels["notify-sms"].send(text)
    async with database.write() as session:
        await session.execute(sa.update(Message).where(sa.column("id") == message_id).values(ref=result.ref))
    return message_id


async def stored(running: website.Running) -> list[Inbound]:
    async with running.gateway.database.read() as session:
        return list(await session.scalars(select(Inbound).where(Inbound.channel == "notify-sms")))


async def handle(running: website.Running) -> None:
    gateway = running.gateway
    while await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now()):
        pass
