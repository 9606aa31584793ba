"""A simulator per test, the real Twilio client against it, and a small gateway that takes down its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import yarl
from aiohttp import web
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.simulator import Simulator

SCHOOL = "+442079460137"
ACCOUNT = "AC" + "5a" * 16
TOKEN = "a-practice-token"


@dataclass
class Hook:
    """One webhook call as it came."""

    path: str
    url: str
    form: dict[str, str]
    headers: dict[str, str]
    method: str = "POST"


@dataclass
class Gateway:
    """What stands for Handbell's webhooks. ``answers`` maps a path to TwiML, or to a status to answer with."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    answers: dict[str, str | list[int]] = field(default_factory=dict)

    def at(self, path: str) -> list[Hook]:
        return [hook for hook in self.hooks if hook.path == path]

    async def take(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.hooks.append(Hook(request.path, str(request.url), form, headers, request.method))
        answer = self.answers.get(request.path, "<Response/>")
        if isinstance(answer, list):
            return web.Response(status=answer.pop(0) if answer else 204)
        return web.Response(text=answer, content_type="text/xml")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    found = Gateway()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    found = Simulator(account_sid=ACCOUNT, auth_token=TOKEN, seed=7)
    await found.start()
    yield found
    await found.stop()


class Http(AsyncHttpClient):
    """The Twilio client's way out; its own one uses what aiohttp calls deprecated."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @property
    def is_async(self) -> bool:
        return True

    async def request(  # type: ignore[override]  # the library's own subclass has these arguments too
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        **_: Any,
    ) -> Response:
        signed = dict(headers or {}) | {"Authorization": aiohttp.encode_basic_auth(*auth)}
        async with self._session.request(method, yarl.URL(url), params=params, data=data, headers=signed) as answer:
            return Response(answer.status, await answer.text(), answer.headers)


Connect = Callable[..., Client]


@pytest.fixture
def connect(web_client: aiohttp.ClientSession) -> Connect:
    """Make a Twilio client for a simulator."""

    def make(simulator: Simulator, *, token: str = TOKEN) -> Client:
        found = Client(simulator.account_sid, token, http_client=Http(web_client))
        found.api.base_url = simulator.http_url
        return found

    return make


@pytest.fixture
def client(simulator: Simulator, connect: Connect) -> Client:
    return connect(simulator)


@pytest.fixture
async def web_client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
