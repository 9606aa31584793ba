"""The simulator misbehaves exactly as it is told to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from support.waiting import until

from channels.simulator import Simulator
from channels.simulator.faults import PLACES, Fault, Kind

SCHOOL = "+442079460137"
MUM = "+447700900123"


@pytest.fixture
def ask(simulator: Simulator, web_client: aiohttp.ClientSession) -> Any:
    root = f"{simulator.http_url}/2010-04-01/Accounts/{simulator.account_sid}"
    key = {"Authorization": aiohttp.encode_basic_auth(simulator.account_sid, "a-practice-token")}

    async def post(path: str = "/Messages.json", **more: Any) -> tuple[int, str, str]:
        form = {"To": MUM, "From": SCHOOL, "Body": "Hello"} if path.startswith("/Messages") else None
        method = "POST" if form else "GET"
        async with web_client.request(method, root + path, headers=key, data=form, **more) as answer:
            return answer.status, answer.headers.get("Retry-After", ""), await answer.text()

    return post


@pytest.mark.parametrize("taken", [False, True])
async def test_cut(simulator: Simulator, ask: Any, taken: bool) -> None:
    simulator.faults.add(Fault("messages.create", Kind.CUT, taken=taken))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask()
    assert len(simulator.world.texts_to(MUM)) == int(taken)
    assert (await ask())[0] == 201


@pytest.mark.parametrize("taken", [False, True])
async def test_hang(simulator: Simulator, ask: Any, taken: bool) -> None:
    simulator.faults.add(Fault("messages.create", Kind.HANG, taken=taken, seconds=30))
    asking = asyncio.create_task(ask())
    await until(lambda: not simulator.faults.orders and len(simulator.world.texts_to(MUM)) == int(taken))
    await asyncio.wait([asking], timeout=0.1)
    assert not asking.done()
    asking.cancel()
    assert len(simulator.world.texts_to(MUM)) == int(taken)


@pytest.mark.parametrize("taken", [False, True])
async def test_hang_ends(simulator: Simulator, ask: Any, taken: bool) -> None:
    simulator.faults.add(Fault("messages.create", Kind.HANG, taken=taken, seconds=0.01))
    if taken:
        assert (await ask())[0] == 201
    else:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await ask()


@pytest.mark.parametrize(("after", "header"), [(None, ""), (2.5, "2.5"), (3, "3")])
async def test_too_many_requests(simulator: Simulator, ask: Any, after: float | None, header: str) -> None:
    simulator.faults.add(Fault("messages.create", Kind.STATUS, status=429, retry_after=after))
    status, wait, body = await ask()
    assert (status, wait, json.loads(body)["code"]) == (429, header, 20429)
    assert simulator.world.texts_to(MUM) == []


@pytest.mark.parametrize("taken", [False, True])
async def test_server_errors_before_and_after_taking(simulator: Simulator, ask: Any, taken: bool) -> None:
    simulator.faults.add(Fault("messages.create", Kind.STATUS, status=503, taken=taken, count=2))
    assert [(await ask())[0] for _ in range(3)] == [503, 503, 201]
    assert len(simulator.world.texts_to(MUM)) == (3 if taken else 1)


async def test_garbage(simulator: Simulator, ask: Any) -> None:
    simulator.faults.add(Fault("messages.create", Kind.GARBAGE, taken=True))
    status, _, body = await ask()
    assert status == 200
    assert body.startswith("<html>")
    assert len(simulator.world.texts_to(MUM)) == 1


async def test_share_is_seeded_and_only_hits_its_place(simulator: Simulator, ask: Any) -> None:
    simulator.faults.add(Fault("messages.create", Kind.STATUS, status=500, share=0.5, count=None))
    seen = [(await ask())[0] for _ in range(40)]
    assert 8 < seen.count(500) < 32
    assert (await ask(".json"))[0] == 200
    simulator.faults.clear()
    assert (await ask())[0] == 201


async def test_a_refusal_is_not_hidden_by_a_fault_that_comes_after(simulator: Simulator, ask: Any) -> None:
    simulator.faults.add(Fault("messages.create", Kind.HANG, taken=True, seconds=0.0))
    simulator.world.behave(MUM, text="refused-stopped")
    assert (await ask())[0] == 400


def test_a_place_refuses_what_it_cannot_do(simulator: Simulator) -> None:
    for place, kind in (("messages.create", Kind.LOSE), ("smtp.mail", Kind.GREYLIST), ("nowhere", Kind.CUT)):
        with pytest.raises(ValueError, match="cannot go wrong"):
            simulator.faults.add(Fault(place, kind))
    assert set(PLACES) >= {"messages.create", "receipts", "smtp.data"}


async def test_many_hang_at_once_and_stop_does_not_wait(simulator: Simulator, ask: Any) -> None:
    simulator.faults.add(Fault("messages.create", Kind.HANG, count=None))
    asked = [asyncio.create_task(ask()) for _ in range(5)]
    await asyncio.sleep(0.05)
    await simulator.stop()
    assert all(isinstance(end, aiohttp.ClientError) for end in await asyncio.gather(*asked, return_exceptions=True))
