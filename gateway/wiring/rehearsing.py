"""A rehearsal of an alarm: the school's people on file, and pretend phones, mailboxes and providers on this machine.

Nothing of the settings that could lead out is taken over: no provider's address, account or secret, no mail server. A
gateway of its own is made from scratch, with a database of its own that is thrown away, and its providers are the
simulator that this process starts on loopback. So no setting and no mistake in one can let it reach a real channel.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from pydantic import SecretStr

from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway import audit, context, daemon, own_words, people
from gateway.database import Database, Session
from gateway.emergency import alarm, alarmed, shown, timing
from gateway.models import (
    About,
    Attempt,
    Clip,
    Contact,
    ContactPoint,
    EmergencyPart,
    Guardianship,
    Membership,
    Message,
    MessageState,
    OptOut,
    Pupil,
    PupilGroup,
    Run,
)
from gateway.models.types import core
from gateway.practice import setup
from gateway.wiring import building, world

#: Whom messages go to and in which words: all that is copied. Parents before children, for the foreign keys.
COPIED: Final = (Pupil, Contact, Guardianship, ContactPoint, OptOut, PupilGroup, Membership, Clip)
_LONGEST = 20.0  #: seconds that a channel takes in a rehearsal; where it would be longer its senders are so much faster
_PATIENCE = 300.0
_ON_ITS_WAY = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
_ARRIVED = (MessageState.ACCEPTED, MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Report:
    """What a rehearsal came to. ``took`` is by medium, in the real senders' seconds; ``ended``: all of it was sent."""

    outlook: alarm.Outlook
    arrived: Mapping[str, int]
    failed: Mapping[str, int]
    took: Mapping[str, float]
    faster: Mapping[Medium, float]
    unreached: Sequence[Mapping[str, Any]]
    ended: bool

    def sentences(self) -> list[str]:
        """The report for a person to read."""
        said = list(shown.times(self.outlook.channels))
        for medium, number in self.arrived.items():
            took = timing.span(self.took.get(medium, 0.0))
            said.append(f"{medium}: {number} have arrived at pretend ones; at the senders' own rates that took {took}.")
        said += [f"{medium}: {number} have not arrived." for medium, number in self.failed.items()]
        if not self.ended:
            said.append("It was broken off: not everything had been sent after five minutes.")
        said += shown.remarks(self.outlook)
        if not self.unreached:
            said.append("Of every child somebody was reached.")
        else:
            children = shown.count(len(self.unreached), "child", "children")
            said.append(f"Of {children} nobody was reached, and nobody would be:")
        return said

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "sentences": self.sentences(),
            "outlook": shown.outlook_data(self.outlook),
            "arrived": dict(self.arrived),
            "failed": dict(self.failed),
            "seconds": {medium: round(seconds, 1) for medium, seconds in self.took.items()},
            "times_faster": {medium.value: round(times, 1) for medium, times in self.faster.items()},
            "ended": self.ended,
            "unreached": [dict(one) for one in self.unreached],
        }


async def rehearse(gateway: context.Gateway, asked: alarm.Asked, *, by: str) -> Report:
    """Send an alarm to the people on file, as far as this machine's pretend phones. Takes about half a minute at most.

    Raises :class:`errors.BadDefinition`, :class:`errors.NotReady` when the pretend world cannot be started.
    """
    async with gateway.database.read() as session:
        outlook = await alarm.preview(session, gateway, asked)
    needed = {channel.medium: channel.seconds for channel in outlook.channels}
    faster = {medium: max(1.0, needed.get(medium, 0.0) / _LONGEST) for medium in Medium}
    with tempfile.TemporaryDirectory(prefix="handbell-rehearsal-") as folder:
        settings = apart(gateway.settings, Path(folder), faster=faster)
        await building.set_up(settings)
        stage = building.build(settings)
        try:
            await _copy(gateway.database, stage.database)
            async with _playing(stage):
                async with stage.database.write() as session:
                    sent = await alarm.send(session, stage, asked, by=by)
                ended = await _wait(stage, sent.key)
                report = await _report(stage, sent.key, outlook, faster=faster, ended=ended)
        finally:
            await stage.database.close()
    facts = {"arrived": dict(report.arrived), "unreached": len(report.unreached), "ended": ended}
    async with gateway.database.write() as session:
        await gateway.log.record(session, audit.Line("emergency.rehearsed", "", facts, by), now=gateway.now())
    return report


async def beside(gateway: context.Gateway, asked: alarm.Asked, by: str) -> Mapping[str, Any]:
    """The same for a page of a running daemon: in a thread with a loop and connections of its own, so that nothing real
    waits for what is pretended. Gives the report as plain data.
    """

    async def alone() -> Report:
        own = building.build(gateway.settings, now=gateway.now)
        try:
            return await rehearse(own, asked, by=by)
        finally:
            await own.database.close()

    return (await asyncio.to_thread(asyncio.run, alone())).as_data()


def apart(settings: Settings, folder: Path, *, faster: Mapping[Medium, float]) -> Settings:
    """Settings of a rehearsal: what says how the school speaks, and nothing that leads anywhere."""
    web, http, smtp = setup.free_ports(3)
    return Settings(
        school=settings.school,
        languages=settings.languages.model_copy(update={"folder": own_words.folder(settings)}),
        costs=settings.costs,
        emergency=settings.emergency.model_copy(update={"second_person": False}),
        practice=sections.Practice(enabled=True),
        database=sections.Database(state_dir=folder),
        web=sections.Web(port=web, public_base_url=f"http://127.0.0.1:{web}"),
        sending=sections.Sending(poll_s=0.2),
        audit=sections.Audit(key=SecretStr(secrets.token_hex(32))),
        twilio=sections.Twilio(
            account_sid=f"AC{secrets.token_hex(16)}",
            auth_token=SecretStr(secrets.token_hex(16)),
            api_base_url=f"http://127.0.0.1:{http}",
            sms_senders=tuple(
                one.model_copy(update={"parts_per_second": min(2000.0, one.parts_per_second * faster[Medium.SMS])})
                for one in settings.twilio.sms_senders
            ),
            voice_senders=tuple(
                one.model_copy(update={"calls_per_second": min(100.0, one.calls_per_second * faster[Medium.VOICE])})
                for one in settings.twilio.voice_senders
            ),
        ),
        smtp=sections.Smtp(
            host="127.0.0.1",
            port=smtp,
            security="none",
            from_address=settings.smtp.from_address or "office@example.com",
            messages_per_second=min(10_000.0, settings.smtp.messages_per_second * faster[Medium.EMAIL]),
        )
        if settings.smtp.host
        else sections.Smtp(),
    )


async def _copy(source: Database, target: Database) -> None:
    """The people and what is recorded, and nothing else: no message, no reply, no token."""
    async with source.read() as session:
        rows = [(core(table), (await session.execute(sa.select(core(table)))).mappings().all()) for table in COPIED]
    async with target.write() as session:
        for table, found in rows:
            if found:
                await session.execute(sa.insert(table), [dict(row) for row in found])


@asynccontextmanager
async def _playing(stage: context.Gateway) -> AsyncIterator[None]:
    """The pretend world, and a whole gateway that knows no other."""
    from gateway.wiring import running

    async with world.simulated(stage.settings) as simulator:
        ready = asyncio.Event()
        works: daemon.Daemon = running.make_daemon(stage, simulator, ready=ready.set)
        task = asyncio.create_task(works.run())
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            works.stop()
            waiting.cancel()
            await task


async def _wait(stage: context.Gateway, key: str) -> bool:
    """Wait until the first step has been sent. Whether it was."""
    message = core(Message).c
    query = sa.select(sa.func.count()).where(message.state.in_(_ON_ITS_WAY), message.step == 0)
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                async with stage.database.read() as session:
                    runs = await _runs(session, key)
                    if runs and not await session.scalar(query.where(message.run_id.in_(runs))):
                        return True
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False


async def _runs(session: Session, key: str) -> list[int]:
    """The runs of the alarm once all of it is planned."""
    found = await alarm.run_ids(session, await alarm.find(session, key), EmergencyPart.ALARM)
    run = core(Run).c
    planned = await session.scalar(sa.select(sa.func.count()).where(run.id.in_(found), run.planned_at.is_not(None)))
    return found if planned == len(found) else []


async def _report(
    stage: context.Gateway, key: str, outlook: alarm.Outlook, *, faster: Mapping[Medium, float], ended: bool
) -> Report:
    message, attempt, about = core(Message).c, core(Attempt).c, core(About).c
    arrived, failed, took = dict[str, int](), dict[str, int](), dict[str, float]()
    async with stage.database.read() as session:
        runs = await _runs(session, key)
        mine = (message.run_id.in_(runs), message.step == 0)
        states = sa.select(message.medium, message.state, sa.func.count()).where(*mine)
        for medium, state, number in await session.execute(states.group_by(message.medium, message.state)):
            if state in _ARRIVED:
                arrived[medium.value] = arrived.get(medium.value, 0) + number
            elif state is not MessageState.SKIPPED:
                failed[medium.value] = failed.get(medium.value, 0) + number
        begun = (
            sa.select(message.medium, sa.func.min(attempt.begun_at), sa.func.max(attempt.begun_at))
            .join(core(Attempt), attempt.message_id == message.id)
            .where(*mine)
            .group_by(message.medium)
        )
        for medium, first, last in await session.execute(begun):
            took[medium.value] = (last - first).total_seconds() * faster[medium]
        concerned = await alarmed.concerned(session, runs)
        there = sa.select(about.pupil_id).join(core(Message), message.id == about.message_id)
        reached = set(await session.scalars(there.where(*mine, message.state.in_(_ARRIVED)).distinct()))
        why = sa.select(about.pupil_id, message.reason).join(core(Message), message.id == about.message_id)
        reasons: dict[int, dict[str, None]] = {}
        for pupil_id, reason in await session.execute(why.where(*mine, message.reason != "").distinct()):
            reasons.setdefault(pupil_id, {})[reason] = None
        lost = [one for one in concerned if one not in reached]
        known = await people.load(session, today=stage.today(), pupil_ids=lost)
    unreached = shown.children_without(known, {one: reasons.get(one, {}) for one in lost})
    return Report(outlook, arrived, failed, took, faster, unreached, ended)
