"""The simulator as a process of its own, told and asked over ``/_sim``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from channels.simulator import Simulator, snapshot

SCHOOL = "+442079460137"
MUM = "+447700900123"
ROOT = Path(__file__).resolve().parents[2]


class Process:
    """One run of ``python -m channels.simulator``."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.ready: dict[str, Any] = {}

    async def start(self, *options: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "channels.simulator",
            *options,
            cwd=ROOT,
            env=os.environ | {"HANDBELL_SIMULATOR_TOKEN": "from-the-environment"},
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.ready = json.loads(await self.process.stdout.readline())

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def send(self, body: str = "Hello") -> dict[str, Any]:
        account = self.ready["account_sid"]
        url = f"{self.ready['http_url']}/2010-04-01/Accounts/{account}/Messages.json"
        key = {"Authorization": aiohttp.encode_basic_auth(account, "from-the-environment")}
        form = {"To": MUM, "From": SCHOOL, "Body": body}
        async with self.session.post(url, data=form, headers=key) as answer:
            assert answer.status == 201
            return dict(await answer.json())

    async def tell(self, name: str, *, expect: int = 200, **asked: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.ready['http_url']}/_sim/{name}", json=asked) as answer:
            found = await answer.json()
            assert answer.status == expect, found
            return dict(found)

    async def look(self, name: str, **query: str) -> Any:
        async with self.session.get(f"{self.ready['http_url']}/_sim/{name}", params=query) as answer:
            assert answer.status == 200
            return await answer.json()


@pytest.fixture
async def process(web_client: aiohttp.ClientSession) -> AsyncIterator[Process]:
    found = Process(web_client)
    yield found
    await found.stop()


async def test_the_truth_can_be_asked_for(process: Process) -> None:
    await process.start("--calls", "busy")
    await process.send("One")
    await process.send("Two")
    (phone,) = (await process.look("phones", number=MUM))["phones"]
    assert [text["body"] for text in phone["texts"]] == ["One", "Two"]
    assert phone["got"] == 2
    assert (await process.look("phones", number="+447700900999"))["phones"] == []
    mail = b"Subject: Trip\n\nBring a coat\n"
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=process.ready["smtp_port"], start_tls=False)
    async with client:
        await client.sendmail("a@example.com", ["dad@example.com"], mail)
    (box,) = (await process.look("mailboxes", address="Dad@example.com"))["mailboxes"]
    assert [(one["subject"], one["text"].strip()) for one in box["mails"]] == [("Trip", "Bring a coat")]
    assert len((await process.look("mailboxes"))["mailboxes"]) == 1
    records = await process.look("records", full="1")
    assert (records["texts"], records["arrived"], records["mails"]) == (2, 2, 1)
    assert [one["status"] for one in records["messages"]] == ["delivered", "delivered"]
    assert await process.stop() == 0


async def test_the_world_can_be_told(process: Process) -> None:
    await process.start()
    await process.send()
    await process.tell("reply", number=MUM, text="STOP")
    (phone,) = (await process.look("phones", number=MUM))["phones"]
    assert phone["stopped"] == [SCHOOL]
    await process.tell("reset")
    assert (await process.look("phones"))["phones"] == []
    await process.tell("switch", number=MUM, on=False)
    await process.send()
    await process.tell("switch", number=MUM, on=True)
    await process.tell("behaviour", number=MUM, text="permanent", calls="busy")
    await process.send()
    assert (await process.look("records"))["arrived"] == 0
    await process.tell("behaviour", number=MUM, text="delivered")
    await process.tell("script", reply=["1"], press=["1", "2"])
    await process.tell("settings", inbound_sms_url="", pace=0, calls="ring", patience=5)
    await process.send()
    await process.tell("faults", place="messages.create", kind="status", status=503)
    with pytest.raises(AssertionError):
        await process.send()
    await process.tell("faults", place="messages.create", kind="cut", count=None)
    async with process.session.delete(f"{process.ready['http_url']}/_sim/faults") as answer:
        assert answer.status == 200
    await process.send()
    await process.tell("press", number=MUM, keys="1", expect=409)
    await process.tell("do", number=MUM, event="lift", expect=409)


async def test_nonsense_is_refused(process: Process) -> None:
    await process.start()
    await process.tell("reply", number=MUM, text="Nobody wrote to me", expect=409)
    for name, asked in {
        "reply": {"number": MUM},
        "press": {"number": MUM, "keys": "lift"},
        "do": {"number": MUM, "event": "explode"},
        "behaviour": {"number": MUM, "text": "explode"},
        "settings": {"colour": "red"},
        "script": {"colour": "red"},
        "faults": {"place": "nowhere", "kind": "cut"},
    }.items():
        assert "error" in await process.tell(name, expect=400, **asked)
    async with process.session.post(f"{process.ready['http_url']}/_sim/reset", data="{}") as answer:
        assert answer.status == 415


async def test_the_world_outlives_a_restart(process: Process, tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    await process.start("--state-file", str(file))
    made = await process.send("Before")
    await process.tell("reply", number=MUM, text="STOP")
    await process.tell("behaviour", number="+447700900124", text="permanent", calls="busy")
    await process.stop()
    await process.start("--state-file", str(file))
    (phone,) = (await process.look("phones", number=MUM))["phones"]
    assert [text["body"] for text in phone["texts"]][:2] == ["Before", "STOP"]
    assert phone["stopped"] == [SCHOOL]
    records = await process.look("records", full="1")
    assert records["messages"][0]["sid"] == made["sid"]


async def test_a_snapshot_keeps_everything(simulator: Simulator, gateway: Any, client: Any) -> None:
    world = simulator.world
    world.script(MUM, press=["1"], calls="answer", reply="x")
    gateway.answers["/start"] = "<Response><Say language='pl'>Hej</Say></Response>"
    await client.calls.create_async(to=MUM, from_=SCHOOL, url=f"{gateway.url}/start")
    await client.messages.create_async(to=MUM, from_=SCHOOL, body="Hello")
    await simulator.idle()
    world.add_mail(sender="a@example.com", to="b@example.com", raw=b"Subject: \xff\n\n")
    world.behave("+447700900124", text="permanent", calls="busy")
    world.complaints.append("Something.")
    written = snapshot.dump(world)
    other = Simulator(account_sid="AC" + "2" * 32, auth_token="t")
    snapshot.load(other.world, written)
    assert snapshot.dump(other.world) == written
    (call,) = other.world.calls_to(MUM)
    assert call.heard[0].language == "pl"
    assert other.world.script_of(other.world.phone(MUM)) == world.script_of(world.phone(MUM))
