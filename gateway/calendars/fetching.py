"""Fetching a feed: from the open internet, and from nowhere else unless the school says so.

Whoever may change the calendar names an address that this machine then asks. Without a wall, that would be a way to ask
what only this machine can reach: its own ports, the school's servers, a cloud's keys (OWASP, server-side request
forgery).
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from config import values
from gateway.calendars import ics

PATIENCE_SECONDS = 20.0  #: for fetching a feed, and again for reading it
_REDIRECTS = 3
_INSIDE = (
    "The feed lies inside a network of its own, or on this machine, and is not fetched from there. "
    "Where that is meant: calendar.feeds_inside = true"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a feed's server said. ``content`` None: nothing has changed."""

    content: bytes | None
    etag: str


class NotFetched(Exception):
    """The feed could not be had; ``str()`` is a sentence."""


class _Outside(AbstractResolver):
    """Looks names up, and gives only addresses of the open internet: what is looked up is what is connected to."""

    def __init__(self) -> None:
        self._resolver = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises :class:`NotFetched` where one of them is inside."""
        found = await self._resolver.resolve(host, port, family)
        if any(not _is_outside(one["host"]) for one in found):
            raise NotFetched(_INSIDE)
        return found

    async def close(self) -> None:
        """End it."""
        await self._resolver.close()


async def fetch(address: str, etag: str, *, inside: bool) -> Answer:
    """Ask for a feed. ``inside`` says that it may lie in the school's own network, or on this machine.

    Raises :class:`NotFetched`.
    """
    url = f"https://{address.removeprefix('webcal://')}" if address.startswith("webcal://") else address
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS, connect=10)
    headers = {"User-Agent": "Handbell", "Accept": "text/calendar"} | ({"If-None-Match": etag} if etag else {})
    door = aiohttp.TCPConnector() if inside else aiohttp.TCPConnector(resolver=_Outside())
    try:
        async with aiohttp.ClientSession(
            connector=door, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            for _ in range(_REDIRECTS + 1):
                url = _checked(url, inside=inside)
                async with session.get(url, headers=headers, allow_redirects=False) as answer:
                    if answer.status == 304:
                        return Answer(None, etag)
                    if answer.status in (301, 302, 303, 307, 308):
                        url = urljoin(url, answer.headers.get("Location", ""))
                        continue
                    if answer.status != 200:
                        raise NotFetched(f"The feed's server answered {answer.status}.")
                    return Answer(await _read(answer.content), answer.headers.get("ETag", "")[:200])
    except TimeoutError:
        raise NotFetched("The feed's server did not answer in time.") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise NotFetched("The feed's server cannot be reached.") from None
    raise NotFetched("The feed's server sends us on and on.")


def _checked(url: str, *, inside: bool) -> str:
    """An address that may be asked: nowhere that the settings may not name, wherever a server sends us."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and values.is_loopback(host)):
        raise NotFetched("The feed's server sends us to an address that is not safe.")
    if not inside and (values.is_loopback(host) or not _is_outside(host)):
        raise NotFetched(_INSIDE)
    return url


def _is_outside(host: str) -> bool:
    """Whether an address is of the open internet. A name is not asked about here: it is looked up first."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global


async def _read(content: aiohttp.StreamReader) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_chunked(65_536):
        size += len(piece)
        if size > ics.LARGEST:
            raise NotFetched(f"The feed is larger than {ics.LARGEST // 2**20} MB.")
        pieces.append(piece)
    return b"".join(pieces)
