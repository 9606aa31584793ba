"""Recordings taken over from the provider: never lost, never twice, and gone there in the end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support import desk, school, website

from channels import calls_in
from channels.simulator import Simulator, recordings, records
from channels.simulator.faults import Fault, Kind
from channels.twilio_account import TwilioAccount
from channels.twilio_line import TwilioLine
from gateway import context, errors, intake, tokens
from gateway.database import Database
from gateway.models import Audit, PhoneCall, Reply, Task, VoiceMessage, VoiceSound
from gateway.models.types import core
from gateway.phone_line import voicemail

ACCOUNT, TOKEN = "AC" + "5a" * 16, "a-practice-token"
CALL, REF, SECONDS = "CA" + "1" * 32, "RE" + "1" * 32, 7
MUM, SCHOOL = "+447700900123", "+441134960002"


@dataclass
class Office:
    """A gateway with a phone line at the simulated provider, one call that came in, and a recording of it there."""

    simulator: Simulator
    gateway: context.Gateway
    clock: desk.Clock

    async def told(self, seconds: int = SECONDS) -> None:
        """The provider tells of the recording."""
        async with self.gateway.database.write() as session:
            recording = calls_in.Recording(REF, CALL, seconds, self.clock.now)
            assert await voicemail.take(session, self.gateway, TwilioLine.name, recording)
        await intake.handle_waiting(self.gateway.database, log=desk.LOG, now=self.clock.now)

    async def works(self, tries: int = 10) -> int:
        """As the daemon's job does, with time passing in between. Gives how many steps it took until none was left."""
        for number in range(tries):
            while await voicemail.work(self.gateway):
                pass
            if (await self.message()).due_at is None:
                return number
            self.clock.pass_(hours=1)
        return tries

    async def message(self) -> VoiceMessage:
        async with self.gateway.database.read() as session:
            return (await session.scalars(sa.select(VoiceMessage))).one()

    async def sounds(self) -> list[bytes]:
        async with self.gateway.database.read() as session:
            return [row.content for row in await session.scalars(sa.select(VoiceSound))]

    async def replies(self) -> list[Reply]:
        async with self.gateway.database.read() as session:
            return list(await session.scalars(sa.select(Reply)))

    async def audited(self, action: str) -> list[str]:
        async with self.gateway.database.read() as session:
            query = sa.select(core(Audit).c.actor).where(core(Audit).c.action == action)
            return list(await session.scalars(query))

    async def tasks(self) -> list[Task]:
        async with self.gateway.database.read() as session:
            return list(await session.scalars(sa.select(Task)))


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with opened(database) as found:
        yield found


@pytest.fixture
async def small_office(sqlite_database: Database) -> AsyncIterator[Office]:
    """For what does not depend on the database."""
    async with opened(sqlite_database) as found:
        yield found


@contextlib.asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Office]:
    simulator, clock = Simulator(account_sid=ACCOUNT, auth_token=TOKEN), desk.Clock()
    await simulator.start()
    account = TwilioAccount(ACCOUNT, TOKEN, api_base_url=simulator.http_url, read_seconds=1.0, total_seconds=5.0)
    line = TwilioLine(account)
    await line.open()
    made = desk.gateway(database, clock)
    gateway = context.Gateway(
        settings=made.settings, database=database, log=desk.LOG, secret=b"s" * 32, channels={},
        lines={TwilioLine.name: line}, now=clock,
    )  # fmt: skip
    kept = records.Recording(REF, CALL, SECONDS, clock.now, recordings.tone(SECONDS))
    simulator.world.recordings[REF] = kept
    await school.add(database, PhoneCall(line=TwilioLine.name, ref=CALL, caller=MUM, called=SCHOOL, began_at=clock.now))
    yield Office(simulator, gateway, clock)
    await line.close()
    await simulator.stop()


async def is_home(office: Office) -> bool:
    """Here once, as it was said, and gone at the provider."""
    message = await office.message()
    sound = await office.sounds()
    return (
        sound == [recordings.tone(SECONDS)]
        and message.gone_at is not None
        and office.simulator.world.deleted == [REF]
        and office.simulator.world.recordings == {}
    )


async def test_a_message_is_a_reply_at_once_and_then_comes_home(office: Office) -> None:
    await office.told()
    await office.told()  # a webhook that comes twice
    (reply,) = await office.replies()
    assert reply.body == "Voice message, 7 seconds."
    assert await office.sounds() == []
    assert await office.works() == 0
    assert await is_home(office)
    assert len(await office.audited("voice.kept")) == len(await office.audited("voice.deleted_there")) == 1
    assert await office.tasks() == []


FETCH, DELETE = "recordings.fetch", "recordings.delete"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FETCH, Kind.STATUS, count=2),
        Fault(FETCH, Kind.STATUS, status=429, retry_after=3, count=2),
        Fault(FETCH, Kind.STATUS, status=404, count=2),  # not ready yet
        Fault(FETCH, Kind.CUT, count=3),  # the client itself asks again once
        Fault(FETCH, Kind.HALF),
        Fault(FETCH, Kind.HANG),
        Fault(FETCH, Kind.GARBAGE),
        Fault(DELETE, Kind.STATUS, count=2),
        Fault(DELETE, Kind.STATUS, status=401),
        Fault(DELETE, Kind.CUT, count=3),
        Fault(DELETE, Kind.CUT, taken=True, count=3),  # the next time it is not there: as good
        Fault(DELETE, Kind.HANG, taken=True),
        Fault(DELETE, Kind.GARBAGE),
    ],
    ids=lambda fault: f"{fault.place} {fault.kind} {fault.status if fault.kind is Kind.STATUS else ''}{fault.taken}",
)
async def test_faults_delay_it_and_no_more(small_office: Office, fault: Fault) -> None:
    office = small_office
    office.simulator.faults.add(dataclasses.replace(fault))
    await office.told()
    assert await office.works() >= 1
    assert await is_home(office)
    assert len(await office.replies()) == 1


@pytest.mark.parametrize("place", [FETCH, DELETE])
async def test_a_worker_that_dies_in_between_is_followed_by_another(office: Office, place: str) -> None:
    """Before the sound was stored, and after that: it leaves a lease behind, and whoever comes then goes on."""
    office.simulator.faults.add(Fault(place, Kind.HANG, seconds=60))
    await office.told()
    dies = asyncio.create_task(voicemail.work(office.gateway))
    await wait_for_fault_taken(office)
    dies.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dies
    assert bool(await office.sounds()) is (place == DELETE)
    assert REF in office.simulator.world.recordings
    assert not await voicemail.work(office.gateway)  # its lease is respected
    office.clock.pass_(minutes=10)
    await office.works()
    assert await is_home(office)
    assert len(await office.audited("voice.kept")) == 1


async def wait_for_fault_taken(office: Office) -> None:
    async with asyncio.timeout(60):
        while office.simulator.faults.orders:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)


async def test_two_workers_at_once_do_it_once(office: Office) -> None:
    await office.told()
    assert sorted(await asyncio.gather(*(voicemail.work(office.gateway) for _ in range(4)))) == [False] * 3 + [True]
    assert await is_home(office)


async def test_what_is_too_long_is_not_taken_in_nor_deleted(small_office: Office) -> None:
    office = small_office
    await office.told(seconds=2)  # so it was said
    huge = records.Recording(REF, CALL, 2, office.clock.now, recordings.tone(60))
    office.simulator.world.recordings[REF] = huge
    await office.works()
    assert (await office.sounds(), office.simulator.world.deleted) == ([], [])
    (task,) = await office.tasks()
    assert (task.kind, task.urgent) == ("voice", True)


async def test_what_the_provider_lost_is_told_to_staff(small_office: Office) -> None:
    office = small_office
    office.simulator.world.recordings.clear()
    await office.told()
    await office.works()
    (task,) = await office.tasks()
    assert "lost" in task.what
    assert (await office.message()).due_at is None


async def test_the_click_of_a_receiver_is_no_message(small_office: Office) -> None:
    office = small_office
    await office.told(seconds=1)
    await office.works()
    assert (await office.replies(), await office.sounds(), office.simulator.world.deleted) == ([], [], [REF])


async def test_a_recording_that_nobody_told_of_is_found(office: Office) -> None:
    """A webhook was lost. What is not of a call to us is not ours to touch."""
    other = records.Recording("RE" + "2" * 32, "CA" + "2" * 32, 9, office.clock.now, recordings.tone(9))
    office.simulator.world.recordings[other.sid] = other
    assert await voicemail.look_for_missed(office.gateway, office.clock.now - timedelta(days=2)) == 2
    await office.works()
    await voicemail.look_for_missed(office.gateway, office.clock.now - timedelta(days=2))
    assert (await office.sounds(), office.simulator.world.deleted) == ([recordings.tone(SECONDS)], [REF])
    assert list(office.simulator.world.recordings) == [other.sid]


async def test_it_is_played_to_staff_and_erased_in_time(office: Office) -> None:
    await office.told()
    (reply,) = await office.replies()
    assert reply.id

    async def play() -> voicemail.Played:
        async with office.gateway.database.write() as session:
            return await voicemail.play(session, office.gateway, reply.id or 0, by="Mrs Office")

    with pytest.raises(errors.Conflict, match="not here yet"):
        await play()
    await office.works()
    assert (await play()).audio.content == recordings.tone(SECONDS)
    assert await office.audited("voice.played") == ["Mrs Office"]
    with pytest.raises(errors.NotFound):
        async with office.gateway.database.write() as session:
            await voicemail.play(session, office.gateway, reply.id + 1, by="Mrs Office")
    office.clock.pass_(days=89)
    async with office.gateway.database.write() as session:
        assert await voicemail.erase_old(session, office.gateway) == []
    office.clock.pass_(days=2)
    async with office.gateway.database.write() as session:
        assert len(await voicemail.erase_old(session, office.gateway)) == 1
    assert await office.sounds() == []
    with pytest.raises(errors.Conflict, match="was erased on"):
        await play()


async def test_it_is_played_by_the_api_to_whoever_has_a_token(office: Office) -> None:
    def same(gateway: context.Gateway) -> context.Gateway:
        return dataclasses.replace(gateway, lines=office.gateway.lines, now=office.clock)

    async with website.running_on(office.gateway.database, changed=same) as site:
        async with office.gateway.database.write() as session:
            site.token = await tokens.create(session, "office", log=desk.LOG, now=office.clock.now, read_only=True)
        await office.told()
        (reply,) = await office.replies()
        path = f"/inbound/{reply.id}/voice"
        waiting = await site.api("GET", path)
        assert (waiting.status, "not here yet" in waiting.json["detail"]) == (409, True)
        await office.works()
        url = f"{site.url}/api/v1{path}"
        async with site.client.get(url) as stranger:
            assert stranger.status == 401
        async with site.client.get(url, headers={"Authorization": f"Bearer {site.token}"}) as played:
            assert (played.status, await played.read()) == (200, recordings.tone(SECONDS))
            assert played.content_type in ("audio/wav", "audio/x-wav")
            assert played.headers["Content-Disposition"] == f'attachment; filename="reply-{reply.id}.wav"'
            assert played.headers["Cache-Control"] == "no-store"
        assert await office.audited("voice.played") == ["api:office"]  # and nobody else has heard it
        assert (await site.api("GET", f"/inbound/{(reply.id or 0) + 1}/voice")).status == 404
        office.clock.pass_(days=91)
        async with office.gateway.database.write() as session:
            await voicemail.erase_old(session, office.gateway)
        erased = await site.api("GET", path)
        assert (erased.status, "was erased on" in erased.json["detail"]) == (409, True)
