"""By which way receipts and answers reach us, what that costs, and what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from channels.base import Callbacks, Polled
from gateway import context, polling
from gateway.doctor.findings import Finding, State


def ways(gateway: context.Gateway) -> Iterator[Finding]:
    """By which way receipts and answers reach us, what that costs, and what is lost."""
    url, here = gateway.public_url, "ways back"
    if not any(isinstance(channel, Callbacks) for channel in gateway.channels.values()):
        return
    if url and not url.startswith("https://") and not gateway.settings.practice.enabled:
        yield Finding(here, "bad", f"{url} is this machine alone: no provider can call it.", "Set an https address.")
    pause = polling.pause(gateway)
    for name, channel in gateway.channels.items():
        if isinstance(channel, Callbacks):
            yield from _way_back(name, channel, url, pause if isinstance(channel, Polled) else None)
    if not url:
        yield Finding(
            here,
            "warn",
            "There is no public address. No key press in a call can reach us: calls say the school's name and number "
            "and hang up, and count as not heard. A link to unsubscribe works inside the school's network alone.",
            "Set web.public_base_url to an https address that leads to this machine.",
        )


def _way_back(name: str, channel: Callbacks, url: str, pause: timedelta | None) -> Iterator[Finding]:
    if url:
        sentence = f"{name}: called back at {url}, for receipts, answers and key presses."
        if pause:
            sentence += f" What that missed is asked for every {_span(pause)}{_requests(channel, pause)}."
        yield Finding("ways back", "ok", sentence)
    elif pause:
        sentence = f"{name}: asked every {_span(pause)}, so answers and receipts come so much later"
        yield Finding("ways back", "ok", f"{sentence}{_requests(channel, pause)}.")
    else:
        yield Finding(
            "ways back",
            "warn",
            f"{name}: it stays unknown what became of its messages, and nobody's answer comes in. Only the provider "
            "itself hears a STOP.",
            "Set twilio.poll to auto.",
        )


def _requests(channel: object, pause: timedelta) -> str:
    """What looking costs: Twilio names no price for reading its lists, so it is counted in requests."""
    lists = len(channel.streams()) if isinstance(channel, Polled) else 0
    day = round(lists * timedelta(days=1) / pause)
    while_open = "while messages are on the way"
    return f" ({day:,} requests a day, and more {while_open})" if day else f" (requests are made only {while_open})"


def _span(pause: timedelta) -> str:
    seconds = pause.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


async def looks(gateway: context.Gateway) -> list[Finding]:
    """Whether the lists of the providers can really be read."""
    async with gateway.database.read() as session:
        found = await polling.troubles(session, gateway)
    state: State = "warn" if gateway.public_url else "bad"
    cure = "See the channel above: does the provider answer, and is handbell.service running?"
    return [Finding("ways back", state, sentence, cure) for sentence in found]
