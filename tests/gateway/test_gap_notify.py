"""After a restore, by the real channel of GOV.UK Notify: the copy has our ids, the rest is known by its words."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select
from support import desk, school

from channels import notify, notify_api
from channels.base import Medium, Outgoing
from channels.simulator import Simulator
from channels.simulator.notify_api import Service
from gateway import outgoing
from gateway.backup import gap, looking
from gateway.database import Database
from gateway.models import Message

KEY = "hand-bell-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
TEMPLATE = "a33517ff-2a88-4f6e-b855-c550268ce08a"
LEFT, OTHER, NOBODY, KNOWN = (f"+44770090060{n}" for n in range(4))


async def test_its_list_tells_what_has_left(database: Database) -> None:
    now, words = datetime.now(UTC), "Oakfield: closed today"
    copied = now - timedelta(hours=1)
    world = Simulator(account_sid="AC1", auth_token="t", notify=Service(KEY, templates={TEMPLATE: "sms"}))
    await world.start()
    account = notify_api.NotifyAccount(KEY, api_base_url=world.http_url)
    channel = notify.Notify(account, Medium.SMS, notify.Letterhead(TEMPLATE))
    await channel.open()
    try:
        office = desk.gateway(database, desk.Clock(now), channels={channel.name: channel})
        lane = await school.sender(database, channel=channel.name)
        before = copied - timedelta(hours=1)
        ours = await school.message(database, lane, now=before, number=KNOWN, body=words)
        # In the gap: that one left, and others that the copy does not know, under ids that are lost.
        for number, said, known_as in (
            (KNOWN, words, ours),
            (LEFT, words, "lost-1"),
            (OTHER, "Oakfield: hello", "lost-2"),
        ):
            await channel.send(Outgoing(id=known_as, to=number, sender="", body=said))
        async with database.write() as session:
            await session.run_sync(lambda plain: gap.close(plain.connection(), now=now))
            await gap.settle(session, office, copied_at=copied, by="Mr Reilly")
        for number in (LEFT, OTHER, NOBODY):
            await school.message(database, lane, now=now, number=number, body=words)
        decided = await looking.look(
            office, stopping=asyncio.Event(),
            outgoing=lambda row: outgoing.build(row, callback_url="", unsubscribe_url=str, now=now),
        )  # fmt: skip
    finally:
        await channel.close()
        await world.stop()
    async with database.read() as session:
        found = {row.address: (row.state.value, row.reason) for row in await session.scalars(select(Message))}
    assert decided == 4
    assert found == {
        KNOWN: ("accepted", ""), LEFT: ("accepted", ""), OTHER: ("held", "restored_unclear"),
        NOBODY: ("held", "restored_absent"),
    }  # fmt: skip
