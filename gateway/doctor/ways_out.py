"""By which way messages leave, and whether those who take them answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sqlmodel import select

from channels.base import Advises, Channel, Medium, Misconfigured, Receiver
from gateway import context
from gateway.doctor.findings import Finding, State
from gateway.models import Sender

_CHECK_SECONDS = 30


async def senders(gateway: context.Gateway) -> list[Finding]:
    """As whom each medium is sent, and who is held back."""
    async with gateway.database.read() as session:
        known = await context.senders(session)
        held = [
            row
            for row in await session.scalars(select(Sender))
            if row.open_since or (row.held_until and row.held_until > gateway.now())
        ]
    findings = [
        Finding(
            "senders", "warn", f"{row.address} is held back: {row.held_because}", f"handbell sender release {row.id}"
        )
        for row in held
    ]
    for medium in Medium:
        names = [sender.address for sender in known.get(medium, ())]
        if names:
            findings.append(Finding("senders", "ok", f"{medium}: sent as {', '.join(names)}."))
        elif any(channel.medium is medium for channel in gateway.channels.values()):
            sentence = f"{medium}: no sender is in the database yet."
            findings.append(Finding("senders", "warn", sentence, "handbell run writes it there when it starts."))
        else:
            findings.append(Finding("senders", "warn", f"{medium}: not set up, so nothing goes out that way."))
    return findings


async def channels(gateway: context.Gateway) -> AsyncIterator[Finding]:
    """Whether each provider answers, and what it advises."""
    if not gateway.channels:
        yield Finding(
            "channels", "bad", "There is no way out: no provider is set up.", "See handbell config reference."
        )
    for name, channel in gateway.channels.items():
        yield await answers(name, channel)
        if isinstance(channel, Advises) and not gateway.settings.practice.enabled:
            for advice in await channel.advise():
                state: State = "bad" if advice.severe else "warn" if advice.cure else "ok"
                yield Finding(name, state, advice.sentence, advice.cure)


async def answers(name: str, channel: Channel | Receiver) -> Finding:
    """Whether one channel or receiver answers."""
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await channel.open()
            try:
                return Finding(name, "ok", await channel.check())
            finally:
                await channel.close()
    except Misconfigured as error:
        return Finding(name, "bad", str(error))
    except (OSError, TimeoutError) as error:
        return Finding(name, "bad", f"It does not answer ({error or 'no answer in time'}).", "Is the network up?")
