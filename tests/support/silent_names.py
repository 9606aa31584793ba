"""A school whose name server says nothing for a while: one lane's provider has a name, and the others' is in hosts(5).

    unshare --mount sh -c 'mount --bind RESOLV_CONF /etc/resolv.conf && python -m support.silent_names URL sms ADDRESS'

``ADDRESS`` is where its name server listens (port 53). It prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import threading
from typing import Any, cast

from channels.base import Medium
from gateway.database import Database
from gateway.models import Message
from support import engine, journal
from support.engine import S
from support.waiting import until

NAME = "provider.example.com"
MANY = 12


class NameServer(asyncio.DatagramProtocol):
    """Reads questions. Once ``speaks`` is set it answers that every name is this machine."""

    def __init__(self) -> None:
        self.speaks = False
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.speaks:
            self._transport.sendto(_answer(data), addr)


def _answer(question: bytes) -> bytes:
    """RFC 1035 section 4: the question again, and for type A one record that says 127.0.0.1."""
    end = question.index(b"\0", 12) + 5
    is_a = question[end - 4 : end - 2] == b"\0\1"
    head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, int(is_a), 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH4B", 1, 1, 1, 4, 127, 0, 0, 1) if is_a else b""
    return head + question[12:end] + record


async def main(url: str, medium: Medium, address: str) -> None:
    server = NameServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=(address, 53)
    )  # fmt: skip
    database = Database(url)
    by_mail = medium is Medium.EMAIL
    texts = {"api_base_url": "http://localhost:{port}" if by_mail else f"https://{NAME}"}
    smtp = {"host": NAME if by_mail else "localhost"}
    async with engine.running(database, texts=texts, smtp=smtp) as works:
        messages = await works.queue(medium, MANY)
        await until(lambda: works.held(medium), "the lane backs off")
        await asyncio.sleep(3)  # ten minutes of the fast clock: it has tried again and again
        names = [thread.name for thread in threading.enumerate()]
        seen: dict[str, Any] = {"asked": server.asked, "looking": sum(name.startswith("look-up") for name in names)}
        seen["pool"] = sum(name.startswith("asyncio") for name in names)
        others = list[Message]()
        for other in works.gates:
            if other is not medium:
                others += await works.queue(other)
        await until(lambda: all(works.got(one) == 1 for one in others), "the others go on")
        seen["others_tries"] = [row.attempt for row in await works.rows(others)]
        seen["others_held"] = [await works.held(other) for other in works.gates if other is not medium]
        rows = await works.rows(messages)
        seen["states"], seen["retries"] = sorted({row.state.value for row in rows}), sum(row.retries for row in rows)
        if by_mail:  # the texts' way would want a certificate
            server.speaks = True
            await until(lambda: works.all_are(messages, S.ACCEPTED), "everything goes out once it answers")
            seen["got"] = sum(works.got(one) for one in messages)
    transport.close()
    await database.close()
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    journal.write_plainly()
    asyncio.run(main(sys.argv[1], Medium(sys.argv[2]), sys.argv[3]))
