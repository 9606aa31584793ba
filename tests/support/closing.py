"""Closing what listens, so that nothing of it is found in another test."""

from __future__ import annotations

import asyncio


async def close(server: asyncio.Server) -> None:
    """Let in who has knocked, and close the door."""
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    await let_in()
    server.close()


async def let_in() -> None:
    """Let in who has knocked.

    A server that closes while it lets somebody in leaves the socket lying (asyncio up to 3.11), for the garbage
    collector to complain of in whatever test comes next.
    """
    for _ in range(5):  # its task, its transport, its protocol, its handler
        await asyncio.sleep(0)
