"""A simulator that is killed forgets nothing that it has answered."""

from __future__ import annotations

import asyncio
import smtplib
from pathlib import Path

import aiohttp

from channels.simulator import Simulator, journal

ACCOUNT = "AC" + "0" * 32
PHONE = "+447700900201"


def made(file: Path, *, pace: float = 0.0) -> Simulator:
    return Simulator(account_sid=ACCOUNT, auth_token="t", journal=file, pace=pace, seed=int(file.exists()))


async def post(simulator: Simulator, what: str, **form: str) -> str:
    url = f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}/{what}.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "t")}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=form) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["sid"])


async def text(simulator: Simulator, words: str) -> str:
    return await post(simulator, "Messages", To=PHONE, From="+441134960001", Body=words)


def mail(simulator: Simulator) -> None:
    with smtplib.SMTP(simulator.smtp_host, simulator.smtp_port) as smtp:
        smtp.sendmail("office@oakfield.example", ["mum@example.com"], "Subject: Hi\r\n\r\nHello")


async def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    first = made(file)
    await first.start()
    sid = await text(first, "Hello")
    assert next(journal.entries(file))[1]["sid"] == sid
    call = await post(first, "Calls", To=PHONE, From="+441134960002", Twiml="<Response><Say>Hi</Say></Response>")
    await first.idle()
    await asyncio.to_thread(mail, first)
    first.reply(PHONE, "Thanks")
    before = file.read_bytes()
    await first.stop()
    with file.open("ab") as torn:  # killed in the middle of a line that nobody was answered for
        torn.write(b'{"text": {"sid": "SM')
    second = made(file)
    await second.start()
    try:
        world = second.world
        assert [item.body for item in world.phones[PHONE].texts] == ["Hello", "Thanks"]
        assert [item.sid for item in world.texts_to(PHONE)] == [sid]
        assert {item.sid: item.status for item in world.calls_to(PHONE)} == {call: "completed"}
        assert [item.subject for item in world.mails_to("mum@example.com")] == ["Hi"]
        await text(second, "Again")
        assert file.read_bytes().startswith(before)
        assert len(list(journal.entries(file))) > before.count(b"\n")
    finally:
        await second.stop()


async def test_a_text_on_its_way_travels_on(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    first = made(file, pace=3600)
    await first.start()
    await text(first, "Hello")
    assert not first.world.phones[PHONE].texts
    await first.stop()
    second = made(file)
    await second.start()
    try:
        await second.idle()
        assert [item.body for item in second.world.texts_to(PHONE)] == ["Hello"]
    finally:
        await second.stop()
