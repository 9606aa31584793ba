"""Texts, as Twilio's own client sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels.simulator import Simulator, magic, records
from channels.simulator.magic import CallFate, TextStatus

SCHOOL = "+442079460137"
MUM = "+447700900123"


async def send(client: Client, **more: Any) -> Any:
    return await client.messages.create_async(**{"to": MUM, "from_": SCHOOL, "body": "Hello"} | more)


async def test_a_text_reaches_the_phone_once(simulator: Simulator, client: Client) -> None:
    message = await send(client, body="Lena is not in school today. Why?")
    assert message.status == "queued"
    assert message.sid.startswith("SM")
    assert message.num_segments == "1"
    assert message.error_code is None
    await simulator.idle()
    assert [text.body for text in simulator.world.texts_to(MUM)] == ["Lena is not in school today. Why?"]
    later = await client.messages(message.sid).fetch_async()
    assert later.status == "delivered"
    assert later.date_sent is not None
    assert later.date_sent.tzinfo is not None


async def test_a_messaging_service_answers_accepted_and_chooses_the_sender(
    simulator: Simulator, client: Client
) -> None:
    message = await client.messages.create_async(to=MUM, messaging_service_sid="MG" + "0" * 32, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    await simulator.idle()
    assert (await client.messages(str(message.sid)).fetch_async()).from_ == simulator.world.settings.service_number


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "07700 900123"}, 21211),
        ({"to": "+44770090012345678"}, 21211),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"from_": ""}, 21603),
        ({"from_": "A name that is too long"}, 21212),
        ({"status_callback": "nowhere"}, 21609),
        ({"validity_period": 36001}, 21624),
        ({"media_url": ["https://example.com/a.png"]}, 20001),
        ({"to": "+447700900910"}, 21610),
        ({"to": "+447700900911"}, 21211),
        ({"to": "+447700900912"}, 21612),
        ({"to": "+447700900914"}, 21614),
        ({"to": "+447700900948"}, 21408),
        ({"to": "+447700900961"}, 21611),
    ],
)
async def test_refused_as_twilio_refuses(
    simulator: Simulator, client: Client, changed: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await send(client, **changed)
    assert caught.value.code == code
    assert simulator.world.texts == {}


async def test_a_wrong_token_and_a_strange_account(simulator: Simulator, client: Client, connect: Any) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await send(connect(simulator, token="wrong"))
    assert (caught.value.status, caught.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as caught:
        await client.api.accounts("AC" + "0" * 32).messages.create_async(to=MUM, from_=SCHOOL, body="Hello")
    assert caught.value.code == 20404


async def test_unknown_parameters_are_refused(simulator: Simulator, web_client: aiohttp.ClientSession) -> None:
    url = f"{simulator.http_url}/2010-04-01/Accounts/{simulator.account_sid}/Messages.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(simulator.account_sid, "a-practice-token")}
    form = {"To": MUM, "From": SCHOOL, "Body": "Hello", "IdempotencyKey": "1"}
    async with web_client.post(url, data=form, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == 20001
    async with web_client.get(url, params={"Colour": "red"}, headers=headers) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(("number", "fate"), magic.MAGIC_TEXTS.items())
async def test_every_magic_number(simulator: Simulator, client: Client, number: str, fate: str) -> None:
    wanted = magic.TEXT_FATES[fate]
    if wanted.refused:
        with pytest.raises(TwilioRestException) as caught:
            await send(client, to=number)
        assert caught.value.code == wanted.refused
        return
    sid = (await send(client, to=number)).sid
    await simulator.idle()
    message = await client.messages(sid).fetch_async()
    assert (message.status, message.error_code) == (wanted.status.value, wanted.code or None)
    arrived = wanted.status in {TextStatus.DELIVERED, TextStatus.SENT}
    assert len(simulator.world.texts_to(number)) == int(arrived)


async def test_a_landline_text_is_marked(simulator: Simulator, client: Client) -> None:
    await send(client, to="+442079460999")
    await send(client)
    assert [text.to for text in simulator.world.landline_texts()] == ["+442079460999"]


async def test_a_phone_that_is_off(simulator: Simulator, client: Client) -> None:
    simulator.world.switch(MUM, on=False)
    lost = (await send(client)).sid
    simulator.world.switch(MUM, on=True)
    await send(client, body="Again")
    message = await client.messages(lost).fetch_async()
    assert (message.status, message.error_code) == ("undelivered", 30003)
    assert [text.body for text in simulator.world.texts_to(MUM)] == ["Again"]


async def test_behaviour_and_reset(simulator: Simulator, client: Client) -> None:
    simulator.world.behave(MUM, text="filtered", calls="busy")
    sid = (await send(client)).sid
    assert (await client.messages(sid).fetch_async()).error_code == 30007
    assert simulator.world.call_fate(simulator.world.phone(MUM)) is CallFate.BUSY
    await simulator.reset()
    assert simulator.world.texts == {}
    await send(client)
    assert len(simulator.world.texts_to(MUM)) == 1


async def test_lists_are_newest_first_filtered_and_paged(simulator: Simulator, client: Client) -> None:
    for count in range(7):
        await send(client, body=f"No {count}")
    await send(client, to="+447700900124")
    found = await client.messages.list_async(to=MUM, from_=SCHOOL, page_size=3)
    assert [message.body for message in found] == [f"No {count}" for count in reversed(range(7))]
    assert len(await client.messages.list_async(page_size=1000)) == 8
    assert await client.messages.list_async(to="+447700900199") == []


async def test_pages_do_not_shift_when_texts_come_in_between(simulator: Simulator, client: Client) -> None:
    for count in range(4):
        await send(client, body=f"No {count}")
    first = await client.messages.page_async(to=MUM, page_size=2)
    assert [message.body for message in first] == ["No 3", "No 2"]
    await send(client, body="Late")
    second = await first.next_page_async()
    assert second is not None
    assert [message.body for message in second] == ["No 1", "No 0"]


async def test_lists_by_date(connect: Any) -> None:
    clock = [datetime(2026, 11, 22, 9, 0, tzinfo=UTC)]
    simulator = Simulator(account_sid="AC" + "1" * 32, auth_token="t", now=lambda: clock[0])
    await simulator.start()
    client = connect(simulator, token="t")
    for day in range(3):
        clock[0] = datetime(2026, 11, 22 + day, 9, 0, tzinfo=UTC)
        await send(client, body=f"Day {day}")
    nine = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    after = await client.messages.list_async(date_sent_after=nine)
    before = await client.messages.list_async(date_sent_before=nine)
    exactly = await client.messages.list_async(date_sent=nine)
    later = await client.messages.list_async(to=MUM, date_sent_after=nine + timedelta(seconds=1))
    assert [message.body for message in after] == ["Day 2", "Day 1"]
    assert [message.body for message in before] == ["Day 1", "Day 0"]
    assert [message.body for message in exactly] == ["Day 1"]
    assert [message.body for message in later] == ["Day 2"]
    await simulator.stop()


async def test_ids_are_repeatable() -> None:
    made = []
    for _ in range(2):
        simulator = Simulator(account_sid="AC" + "1" * 32, auth_token="t", seed=3)
        made.append(simulator.world.new_sid("SM"))
    assert made[0] == made[1]


@given(st.text(alphabet="aé€{ł😀", max_size=400))
def test_segments_never_split_a_pair_and_never_waste_a_part(body: str) -> None:
    parts = records.count_segments(body)
    gsm = not set(body) & set("ł😀")
    units = sum((2 if sign in "€{" else 1) if gsm else (2 if sign == "😀" else 1) for sign in body)
    whole, part = (160, 153) if gsm else (70, 67)
    if units <= whole:
        assert parts == 1
    else:
        assert -(-units // part) <= parts <= -(-units // (part - 1))


def test_segments_of_known_texts() -> None:
    assert records.count_segments("a" * 152 + "€" + "a" * 152) == 3
    assert records.count_segments("😀" * 35) == 1
    assert records.count_segments("😀" * 36) == 2
