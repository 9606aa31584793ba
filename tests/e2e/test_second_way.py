"""Two ways out, whole: settings, a daemon, and both providers' APIs on loopback, of which one will not have us."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import col, select
from support import school
from support.waiting import until

from channels.simulator import Simulator
from channels.simulator.faults import Fault, Kind
from config import sections
from config.settings import Settings
from gateway import allowance, context
from gateway.models import Message, MessageState, Reply, Sender
from gateway.practice import setup
from gateway.wiring import building, running, world

SERVICE, SECRET = "26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0"
TEXTS, SENDER_ID = (f"{one}33517ff-2a88-4f6e-b855-c550268ce08a" for one in "ac")
TWILIO, NOTIFY = "+441134960001", "+441134960002"


def installed(folder: Path, template: Path, *, routes: tuple[str, ...]) -> Settings:
    shutil.copy(template, folder / "handbell.sqlite3")
    web, providers = setup.free_ports(2)
    here = f"http://127.0.0.1:{providers}"
    return Settings(
        practice=sections.Practice(enabled=True),
        database=sections.Database(state_dir=folder),
        web=sections.Web(port=web, public_base_url=f"http://127.0.0.1:{web}"),
        audit=sections.Audit(key=SecretStr("k" * 32)),
        quiet=sections.Quiet(enabled=False),
        sending=sections.Sending(poll_s=0.1, sweep_s=0.2, text_routes=routes),
        twilio=sections.Twilio(
            account_sid="AC" + "0" * 32,
            auth_token=SecretStr("t" * 32),
            api_base_url=here,
            sms_senders=(sections.TextSender(address=TWILIO, parts_per_second=100, burst=100),),
        ),
        notify=sections.Notify(
            api_key=SecretStr(f"handbell-{SERVICE}-{SECRET}"),
            callback_token=SecretStr("a-token-of-ours-that-is-long"),
            api_base_url=here,
            sms_template=TEXTS,
            sms_senders=(f"{NOTIFY}: {SENDER_ID}",),
        ),
    )


@asynccontextmanager
async def at_work(settings: Settings) -> AsyncIterator[tuple[context.Gateway, Simulator]]:
    """A daemon that sends, and the world that it sends to."""
    await building.set_up(settings)
    gateway, ready = building.build(settings), asyncio.Event()
    async with world.simulated(settings) as simulator:
        assert simulator
        works = running.make_daemon(gateway, simulator, ready=ready.set)
        task = asyncio.create_task(works.run())
        try:
            await until(lambda: ready.is_set() or task.done())
            yield gateway, simulator
        finally:
            works.stop()
            await task
            await gateway.database.close()


async def send(gateway: context.Gateway, sender: str, words: str) -> Message:
    async with gateway.database.read() as session:
        sender_id = (await session.scalars(select(Sender.id).where(Sender.address == sender))).one()
    one = await school.message(gateway.database, sender_id or 0, now=gateway.now(), body=words)
    async with gateway.database.read() as session:
        return await session.get_one(Message, one)


async def arrives(gateway: context.Gateway, message: Message) -> Message:
    async def arrived() -> bool:
        async with gateway.database.read() as session:
            return (await session.get_one(Message, message.id)).state is MessageState.DELIVERED

    await until(arrived, "the text has arrived")
    async with gateway.database.read() as session:
        return await session.get_one(Message, message.id)


async def test_a_text_by_notify_its_receipt_and_the_answer(tmp_path: Path, sqlite_template: Path) -> None:
    async with at_work(installed(tmp_path, sqlite_template, routes=("notify", "twilio"))) as (gateway, simulator):
        text = await arrives(gateway, await send(gateway, NOTIFY, "Oakfield: is Ana ill?"))
        [got] = simulator.world.texts_to(text.address)
        assert (got.sender, got.body) == (NOTIFY, "Oakfield: is Ana ill?")
        simulator.reply(text.address, "yes she is")

        async def heard() -> list[Reply]:
            async with gateway.database.read() as session:
                return list(await session.scalars(select(Reply).where(col(Reply.body) == "yes she is")))

        async def one_is() -> bool:
            return len(await heard()) == 1

        await until(one_is, "the answer has come in")
        [answer] = await heard()
        assert answer.message_id == text.id, "it came to the number that the text came from"
        async with gateway.database.read() as session:
            sender = (await session.scalars(select(Sender).where(Sender.address == NOTIFY))).one()
        assert (sender.year, sender.year_parts) == (allowance.year(gateway.today()), 1)


async def test_where_twilio_will_not_have_us_texts_go_by_notify_and_in_other_scripts_wait(
    tmp_path: Path, sqlite_template: Path
) -> None:
    async with at_work(installed(tmp_path, sqlite_template, routes=("twilio", "notify"))) as (gateway, simulator):
        simulator.faults.add(Fault("messages.create", Kind.STATUS, status=401, count=None))
        english, urdu = [await send(gateway, TWILIO, words) for words in ("Oakfield: closed", "اسکول بند ہے")]
        text = await arrives(gateway, english)
        assert text.remark.startswith("Moved from twilio-sms to notify-sms: ")
        assert [one.sender for one in simulator.world.texts_to(text.address)] == [NOTIFY]
        simulator.faults.clear()
        async with gateway.database.write() as session:
            waits = await session.get_one(Message, urdu.id)
            assert waits.state is MessageState.QUEUED
            for sender in await session.scalars(select(Sender)):
                sender.held_until = gateway.now()
        gateway_text = await arrives(gateway, urdu)
        assert [one.body for one in simulator.world.texts_to(gateway_text.address)] == ["اسکول بند ہے"]
