"""Look-ups of names: one at a time for each, and no error of another kind. For a silent server see tests/faults."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from channels import names


async def test_an_address_is_its_own_answer() -> None:
    before = threading.active_count()
    [found] = await names.Lookups().addresses("127.0.0.1", 25)
    assert found[4] == ("127.0.0.1", 25)
    assert threading.active_count() == before


async def test_many_who_ask_share_one_answer_and_the_next_one_asks_again() -> None:
    lookups = names.Lookups()
    first, second = await asyncio.gather(*(lookups.addresses("localhost", 25) for _ in range(2)))
    assert first is second
    assert "127.0.0.1" in {address[4][0] for address in first}
    assert await lookups.addresses("localhost", 25) is not first


@pytest.mark.parametrize("name", ["nobody.invalid", "two..dots", "x" * 300])
async def test_no_such_name(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await names.Lookups().addresses(name, 25)


async def test_who_stops_waiting_stops_nobody_else() -> None:
    lookups = names.Lookups()
    waiting = [asyncio.create_task(lookups.addresses("localhost", 25)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await waiting[1]
    assert waiting[0].cancelled()
