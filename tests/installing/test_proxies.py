"""The examples of reverse proxies, run: what is let through, whom it is for, and that live pages are not kept back."""

from __future__ import annotations

import asyncio
import io
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from support import programs
from support.waiting import PATIENCE, until

from gateway.practice import setup
from gateway.web import server

EXAMPLES = Path(__file__).resolve().parents[2] / "systemd" / "proxy"
WORLD, OFFICE = "handbell.school.example", "office.school.example"
ELSEWHERE = "127.0.0.2"
TOO_LARGE = (413, 502)  #: Caddy 2.6 finds out only while it hands the body on
Asked = AbstractAsyncContextManager[aiohttp.ClientResponse]


@dataclass
class Front:
    """A proxy before a stand-in for the pages, which tells what reached it."""

    port: int
    session: aiohttp.ClientSession
    trust: ssl.SSLContext
    go_on: asyncio.Event

    def ask(self, site: str, path: str, *, size: int | None = None, **headers: str) -> Asked:
        """Ask for a page of a site, or send so many bytes there."""
        return self.session.request(
            "GET" if size is None else "POST", f"https://127.0.0.1:{self.port}{path}",
            data=None if size is None else io.BytesIO(bytes(size)),
            headers={"Host": site, **headers}, server_hostname=site, ssl=self.trust,
        )  # fmt: skip

    async def status(self, site: str, path: str, *, size: int | None = None) -> int:
        async with self.ask(site, path, size=size) as answer:
            return answer.status


def pages(go_on: asyncio.Event) -> Starlette:
    async def live(_request: Request) -> Response:
        async def events() -> AsyncIterator[str]:
            yield "data: first\n\n"
            await go_on.wait()
            yield "data: last\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def tell(request: Request) -> Response:
        client = request.client.host if request.client else ""
        raw = request.scope["raw_path"].decode()
        size = len(await request.body())
        return JSONResponse({"client": client, "scheme": request.url.scheme, "path": raw, "size": size})

    return Starlette(routes=[Route("/live", live), Route("/{rest:path}", tell, methods=["GET", "POST"])])


def nginx(folder: Path, upstream: int, port: int) -> list[str]:
    site = (EXAMPLES / "nginx.conf").read_text()
    for written, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("/etc/ssl/handbell", str(folder)),
        ("/etc/nginx/handbell-proxy.conf", str(EXAMPLES / "handbell-proxy.conf")),
    ):
        assert written in site
        site = site.replace(written, here)
    (folder / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # or its workers could not write into the test's own folder
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder / 'pid'}; error_log stderr; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off;\n{places}\ninclude {folder / 'site.conf'};\n}}\n"
    )
    return [programs.find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, upstream: int, port: int) -> list[str]:
    text = (EXAMPLES / "Caddyfile").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    for site in (WORLD, OFFICE):
        here = (
            f"https://{site}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder / 'fullchain.pem'} {folder / 'privkey.pem'}\n"
        )
        assert f"\n{site} {{\n" in text
        text = text.replace(f"\n{site} {{\n", f"\n{here}")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}")
    return [programs.find("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@asynccontextmanager
async def front(command: Callable[[Path, int, int], list[str]], folder: Path) -> AsyncIterator[Front]:
    upstream, port = setup.free_ports(2)
    authority, trust = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(trust)
    mine = authority.issue_cert(WORLD, OFFICE)
    mine.private_key_pem.write_to_path(str(folder / "privkey.pem"))
    for part in mine.cert_chain_pems:
        part.write_to_path(str(folder / "fullchain.pem"), append=True)
    go_on, stopping, answering = asyncio.Event(), asyncio.Event(), asyncio.Event()
    run = server.serve(pages(go_on), host="127.0.0.1", port=upstream, proxies=["127.0.0.1"])
    serving = asyncio.create_task(run(stopping, answering))
    await answering.wait()
    with (folder / "said.log").open("wb") as log:
        environ = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        child = await asyncio.create_subprocess_exec(
            *command(folder, upstream, port), stdout=log, stderr=log, env=environ
        )
    connector = aiohttp.TCPConnector(local_addr=(ELSEWHERE, 0), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        made = Front(port, session, trust, go_on)

        async def up() -> bool:
            assert child.returncode is None, (folder / "said.log").read_text()
            try:
                return await made.status(OFFICE, "/") == 200
            except aiohttp.ClientConnectionError:
                return False

        try:
            await until(up, "the proxy answers", every=0.05)
            yield made
        finally:
            go_on.set()
            child.terminate()
            await child.wait()
    stopping.set()
    await serving


@pytest.mark.parametrize("command", [nginx, caddy])
async def test_the_example_does_what_it_says(command: Callable[[Path, int, int], list[str]], tmp_path: Path) -> None:
    programs.need(command.__name__)
    async with front(command, tmp_path) as proxy:
        for path in ("/hooks/twilio-sms/status?id=a%2Fb", "/u/1/x", "/s/1/x", "/e/1/2/3/x", "/media/voice/1"):
            assert await proxy.status(WORLD, path) == 200, path
        for path in ("/", "/sign-in", "/api/v1/notices", "/metrics", "/readyz", "/healthz", "/health"):
            assert await proxy.status(WORLD, path) == 404, path
        for path in ("/metrics", "/readyz"):
            assert await proxy.status(OFFICE, path) == 404, path
        async with proxy.ask(WORLD, "/u/a%2Fb/x%20y") as answer:
            assert (await answer.json())["path"] == "/u/a%2Fb/x%20y", "a signature is made over the path as it came"
        async with proxy.ask(OFFICE, "/sign-in", **{"X-Forwarded-For": "203.0.113.9"}) as answer:
            told = await answer.json()
            assert (told["client"], told["scheme"]) == (ELSEWHERE, "https"), "nobody says himself who he is"
        assert await proxy.status(WORLD, "/hooks/x", size=1_500_000) in TOO_LARGE
        async with proxy.ask(OFFICE, "/import", size=10_485_760) as answer:
            assert (await answer.json())["size"] == 10_485_760
        assert await proxy.status(OFFICE, "/import", size=12_000_000) in TOO_LARGE
        async with proxy.ask(OFFICE, "/live") as answer:
            first = await asyncio.wait_for(answer.content.readuntil(b"\n\n"), PATIENCE)
            assert first == b"data: first\n\n", "it comes before the answer has ended"
            proxy.go_on.set()
            assert await asyncio.wait_for(answer.content.read(), PATIENCE) == b"data: last\n\n"
