"""How aiohttp looks names up in this house."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from channels import names


class Resolver(AbstractResolver):
    """Looks names up for aiohttp, whose own way leaves a thread of everybody's behind for each that hangs."""

    def __init__(self) -> None:
        self._lookups = names.Lookups()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of a name."""
        found = await self._lookups.addresses(host, port, family=family)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address[0], port=address[1], family=one, proto=proto, flags=flags)
            for one, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is kept."""
