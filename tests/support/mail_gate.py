"""A gate before the simulator's mail server that follows the conversation, and goes wrong at one step of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from support.gate import Behaviour, Gate, Reader, Writer

STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".")


def at(
    step: str, answer: bytes, *, taken: bool = False, then: Callable[[Gate, Writer], object] | None = None
) -> Behaviour:
    """Answer this step with these bytes, and go on, or do ``then``. ``taken``: the server has heard it before."""

    async def behave(gate: Gate, reader: Reader, writer: Writer) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", gate.upstream)

        async def goes_wrong() -> bool:
            """Whether this was the end of the line."""
            gate.hits += 1
            writer.write(answer)
            await writer.drain()
            done = then(gate, writer) if then else None
            if asyncio.iscoroutine(done):
                await done
            return then is not None

        try:
            greeting = await _reply(up_reader)
            if step == "greeting":
                await goes_wrong()
                return
            writer.write(greeting)
            while line := await reader.readline():
                verb = line.split()[0].decode().upper() if line.split() else ""
                if verb == step:
                    if await goes_wrong():
                        return
                    continue
                up_writer.write(line)
                reply = await _reply(up_reader)
                writer.write(reply)
                if verb == "DATA" and reply.startswith(b"354"):
                    text = await reader.readuntil(b"\r\n.\r\n")
                    if step == "." and not taken:
                        await goes_wrong()
                        return
                    up_writer.write(text)
                    reply = await _reply(up_reader)
                    if step == ".":
                        await goes_wrong()
                        return
                    writer.write(reply)
        finally:
            up_writer.transport.abort()

    return behave


async def _reply(reader: Reader) -> bytes:
    lines = [await reader.readline()]
    while lines[-1][3:4] == b"-":
        lines.append(await reader.readline())
    return b"".join(lines)
