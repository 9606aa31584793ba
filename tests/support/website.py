"""A gateway that really listens on loopback, with the real Twilio channels, and a caller who signs as Twilio does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import argon2
from twilio.request_validator import RequestValidator
from yarl import URL

from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from channels.twilio_voice import TwilioVoice
from config import sections
from config.settings import Settings
from gateway import audit, context
from gateway.accounts import passwords
from gateway.database import Database
from gateway.phone_line.talking import Talking
from gateway.practice import setup
from gateway.web import app, server
from gateway.web import site as pages
from support import closing

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PUBLIC = "https://oakfield.example/handbell"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
MUM, DAD, OFFICE = "+447700900001", "+447700900002", "+447700900999"


@dataclass
class Clock:
    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str
    json: Any = None


@dataclass
class Running:
    """The gateway as the world meets it. ``heard`` is what the daemon was told."""

    gateway: context.Gateway
    clock: Clock
    url: str
    client: aiohttp.ClientSession
    token: str = ""
    heard: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    talking: Talking = field(default_factory=Talking)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """One request, with the path sent exactly as it is written."""
        url = URL(f"{self.url}{path}", encoded=True)
        async with self.client.request(method, url, allow_redirects=False, **options) as response:
            text = await response.text()
            is_json = response.content_type.endswith(("/json", "+json"))
            parsed = await response.json(content_type=None) if is_json else None
            return Answer(response.status, response.headers, text, parsed)

    async def api(self, method: str, path: str, *, key: str = "", **options: Any) -> Answer:
        """One request to the API, by a caller with a token."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        if key:
            headers["Idempotency-Key"] = key
        return await self.ask(method, f"/api/v1{path}", headers=headers, **options)

    async def hook(
        self, path: str, form: Mapping[str, str] | Sequence[tuple[str, str]], *, signed_for: str = "", **options: Any
    ) -> Answer:
        """A webhook, signed as Twilio signs: over the public address and the fields."""
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        signature = sign(signed_for or f"{PUBLIC}{path}", pairs)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(pairs).encode("utf-8", "surrogatepass")
        return await self.ask("POST", path, headers=headers | options.pop("headers", {}), data=body, **options)


class Fields(dict[str, list[str]]):
    def getlist(self, name: str) -> list[str]:
        return self[name]


def sign(url: str, pairs: Sequence[tuple[str, str]] = ()) -> str:
    fields = Fields()
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return str(RequestValidator(AUTH_TOKEN).compute_signature(url, fields))


@contextlib.asynccontextmanager
async def served(application: Any, *, grace_seconds: int = 5) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An application on a free port, until the end of the block."""
    [port], stopping = setup.free_ports(1), asyncio.Event()
    run = server.serve(application, host="127.0.0.1", port=port, grace_seconds=grace_seconds)
    task = asyncio.ensure_future(run(stopping))
    try:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                break
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}", stopping
    finally:
        await closing.let_in()
        stopping.set()
        await task


def make_gateway(database: Database, clock: Clock) -> context.Gateway:
    account = TwilioAccount(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN)
    settings = Settings(
        school=sections.School(name="Oakfield School", short_name="Oakfield", phone="020 7946 0000"),
        web=sections.Web(public_base_url=PUBLIC, max_body_bytes=65_536 * 4),
        costs=sections.Costs(pence_per_text_part=4, pence_per_call_minute=2, pence_per_email=0.1),
    )
    return context.Gateway(
        settings=settings,
        database=database,
        log=audit.Log(b"k" * 32),
        secret=b"s" * 32,
        channels={TwilioSms.name: TwilioSms(account), TwilioVoice.name: TwilioVoice(account)},
        now=clock,
    )


def here(gateway: context.Gateway) -> context.Gateway:
    """The same gateway, reached by plain http on this machine alone."""
    return replace(gateway, settings=gateway.settings.model_copy(update={"web": sections.Web()}))


@contextlib.asynccontextmanager
async def running_on(
    database: Database,
    *,
    practice: pages.Practice | None = None,
    changed: Callable[[context.Gateway], context.Gateway] = lambda gateway: gateway,
) -> AsyncIterator[Running]:
    """A whole site on a database."""
    clock = Clock()
    gateway = changed(make_gateway(database, clock))
    heard: list[str] = []
    stuck: list[str] = []
    failing: list[str] = []
    talking, closing = Talking(), asyncio.Event()
    application = app.build(
        gateway,
        stuck=lambda: stuck,
        failing=lambda: failing,
        arrived=lambda: heard.append("arrived"),
        planned=lambda: heard.append("planned"),
        talking=talking,
        closing=closing,
        practice=practice,
        passwords=passwords.Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    )
    async with served(application) as (url, _), aiohttp.ClientSession() as client:
        running = Running(gateway, clock, url, client, heard=heard, stuck=stuck, failing=failing, talking=talking)
        running.closing = closing
        try:
            yield running
        finally:
            closing.set()


@dataclass(frozen=True)
class Family:
    ana: int
    ben: int
    mum: int
    dad: int
