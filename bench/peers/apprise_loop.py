"""Apprise: one notification a person, by its Twilio plugin or by SMTP. It has no queue: a loop in one process."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from bench import email, house
from bench.peers import fetching, processes
from bench.peers.contract import Peer

DOES = "a call of a library a text; nothing is kept: no queue, no status, nothing after a crash"
#: The plugin knows Twilio's address alone, and waits between two calls out of politeness.
_TEXTS = """
import sys
from apprise import Apprise
from apprise.plugins.twilio import NotifyTwilio
sink, body = sys.argv[1:]
NotifyTwilio.notify_sms_url = sink + "/2010-04-01/Accounts/{sid}/Messages.json"
NotifyTwilio.request_rate_per_sec = 0
for line in sys.stdin:
    for n in range(int(line)):
        one = Apprise()
        one.add(f"twilio://AC{'0' * 32}:{'0' * 32}@441134960001/4477009{n:05d}")
        if not one.notify(body=body):
            sys.exit("Apprise could not send")
    print("done", flush=True)
"""
#: As its pages say: an address a person, a text that it makes HTML of beside the plain one.
_EMAILS = """
import sys
from urllib.parse import urlencode
from apprise import Apprise
port, office, subject, body = sys.argv[1:]
for line in sys.stdin:
    for n in range(1, int(line) + 1):
        one = Apprise()
        to = urlencode({"from": office, "to": f"parent{n}@example.com", "mode": "insecure"})
        one.add(f"mailto://127.0.0.1:{port}?{to}")
        if not one.notify(title=subject, body=body.format(name=f"Ana {n}"), body_format="text"):
            sys.exit("Apprise could not send")
    print("done", flush=True)
"""


@contextlib.asynccontextmanager
async def texts(sink: str, folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    """The loop for texts, waiting for work."""
    async with _loop(_TEXTS, sink, house.BODY, folder=folder) as one:

        async def send(count: int) -> None:
            before = await processes.count(session, sink)
            await one.send(count)
            await processes.arrived(session, sink, before + count)

        yield Peer(send, one.pids, one.version)


@contextlib.asynccontextmanager
async def emails(port: int, folder: Path) -> AsyncIterator[Peer]:
    """The loop for emails to a mail server at this port. Each has arrived when the next is begun."""
    body = f"{email.BODY}\n\n{email.FOOTER}"
    async with _loop(_EMAILS, str(port), email.OFFICE, email.SUBJECT, body, folder=folder) as one:
        yield one


@contextlib.asynccontextmanager
async def _loop(script: str, *arguments: str, folder: Path) -> AsyncIterator[Peer]:
    python = await fetching.environment("apprise", "apprise")
    async with processes.loop([str(python), "-c", script, *arguments], folder=folder) as one:
        yield dataclasses.replace(one, version=fetching.python_version(python, "apprise"))
