"""A LibreTranslate and a DeepL on loopback. What they say is no language: the tag of it, and the words as they came."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "the-key"
_SPAN = re.compile(r"<span [^>]*>[^<]*</span>|<m [^>]*/>")


def plainly(words: str, target: str) -> str:
    """A pretended translation that keeps everything at its place; into English it takes the tag off again."""
    return re.sub(r"^\w[\w-]*: ", "", words) if target.casefold().startswith("en") else f"{target.upper()}: {words}"


@dataclass
class Service:
    """Both services, as the test wants them. ``heard`` are the bodies of the questions for translations."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked_for_languages: int = 0
    codes: tuple[str, ...] = ("en", "pl", "ur", "pt", "zh-Hans")
    says: Callable[[str, str], str] = plainly
    status: int = 200
    body: str = ""
    silent: bool = False
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def words(self) -> str:
        """All that any question had in it."""
        return " ".join(str(question) for question in self.heard)

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Service]:
        here = cls()
        app = web.Application()
        app.router.add_get("/languages", here._libre_languages)
        app.router.add_post("/translate", here._libre)
        app.router.add_get("/v2/languages", here._deepl_languages)
        app.router.add_post("/v2/translate", here._deepl)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield here
        finally:
            here._never.set()
            await runner.cleanup()

    async def _libre_languages(self, request: web.Request) -> web.Response:
        self.asked_for_languages += 1
        return web.json_response([{"code": code, "name": code, "targets": list(self.codes)} for code in self.codes])

    async def _deepl_languages(self, request: web.Request) -> web.Response:
        self.asked_for_languages += 1
        source = request.query["type"] == "source"
        codes = {"en": ["EN"] if source else ["EN-GB", "EN-US"], "pt": ["PT"] if source else ["PT-PT", "PT-BR"]}
        listed = [one for code in self.codes for one in codes.get(code, [code.upper()])]
        return web.json_response([{"language": code, "name": code} for code in listed])

    async def _libre(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if refused := await self._refused(request, asked):
            return refused
        return web.json_response({"translatedText": [html.unescape(self.says(q, asked["target"])) for q in asked["q"]]})

    async def _deepl(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if request.headers.get("Authorization") != f"DeepL-Auth-Key {KEY}":
            return web.json_response({"message": "Authorization failure"}, status=403)
        if refused := await self._refused(request, asked):
            return refused
        said = [{"detected_source_language": "EN", "text": self.says(t, asked["target_lang"])} for t in asked["text"]]
        return web.json_response({"translations": said})

    async def _refused(self, request: web.Request, asked: dict[str, Any]) -> web.Response | None:
        self.heard.append(asked)
        self.headers.append(dict(request.headers))
        if self.silent:
            await self._never.wait()
        if self.status != 200 or self.body:
            headers = {"Location": "http://127.0.0.1:9/elsewhere"} if self.status == 307 else {}
            return web.Response(
                status=self.status, text=self.body or "{}", content_type="application/json", headers=headers
            )
        return None


@contextmanager
def in_a_thread() -> Iterator[Service]:
    """A service for tests that have no loop of their own, as commands make theirs."""
    ready: Future[Service] = Future()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with Service.listening() as here:
            ready.set_result(here)
            await over.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serve())
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ready.result(timeout=60)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def backwards(words: str, target: str) -> str:
    """A service that puts the marks into another order."""
    marks = iter(reversed(_SPAN.findall(words)))
    return plainly(_SPAN.sub(lambda _: next(marks), words), target)


def forgetful(words: str, target: str) -> str:
    """A service that loses the first mark."""
    return plainly(_SPAN.sub("", words, count=1), target)
