"""Looking names up, so that a name server that never answers stops nobody else.

A look-up cannot be broken off: whoever gives up waiting leaves a thread behind that waits on for half a minute. The
loop has a handful of threads for everybody, so that one provider's name took the look-ups of all the others with it.
Here each name is looked up once at a time, in a thread of its own, and whoever asks meanwhile waits for that one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from typing import Any, TypeAlias

#: Family, kind, protocol, canonical name and the address itself, as :func:`socket.getaddrinfo` gives them.
Address: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
_Asked: TypeAlias = tuple[str, int, socket.AddressFamily]


class Lookups:
    """The look-ups of one channel. Used within one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[_Asked, asyncio.Future[Sequence[Address]]] = {}

    async def addresses(
        self, host: str, port: int, *, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[Address]:
        """Give the addresses of a name. Raises :class:`socket.gaierror`; how long that takes, the system decides."""
        asked = (host, port, family)
        try:
            return _ask(asked, socket.AI_NUMERICHOST)  # an address is its own answer
        except socket.gaierror:
            pass
        if asked not in self._under_way:
            self._under_way[asked] = self._begin(asked)
        return await asyncio.shield(self._under_way[asked])

    def _begin(self, asked: _Asked) -> asyncio.Future[Sequence[Address]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[Address]] = loop.create_future()

        def end(found: Sequence[Address], error: OSError | None) -> None:
            del self._under_way[asked]
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)
                answer.exception()  # nobody may be waiting any more

        def look() -> None:
            found: Sequence[Address] = ()
            trouble: OSError | None = None
            try:
                found = _ask(asked, socket.AI_ADDRCONFIG)
            except OSError as error:
                trouble = error
            with contextlib.suppress(RuntimeError):  # the loop may have ended long ago
                loop.call_soon_threadsafe(end, found, trouble)

        # A daemon: the program does not wait for it at its end.
        threading.Thread(target=look, name=f"look-up of {asked[0]}", daemon=True).start()
        return answer


def _ask(asked: _Asked, flags: int) -> Sequence[Address]:
    host, port, family = asked
    try:
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:  # no name at all, such as one with two dots in a row
        raise socket.gaierror(socket.EAI_NONAME, "not a name") from None
