"""The polled channels against the simulator's lists: the same events as by webhook, whatever the lists do."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from channels import base, twilio_account, twilio_polling, twilio_sms, twilio_voice
from channels.simulator import Simulator
from channels.simulator.faults import Fault, Kind
from channels.simulator.magic import TextStatus

SCHOOL, OTHER, MUM = "+442079460137", "+442079460138", "+447700900123"
SERVICE = "MG" + "0" * 32
INBOUND = f"inbound {SCHOOL}"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FORMS = {"content-type": "application/x-www-form-urlencoded"}


def account(simulator: Simulator) -> twilio_account.TwilioAccount:
    return twilio_account.TwilioAccount(
        simulator.account_sid, "a-practice-token", api_base_url=simulator.http_url, total_seconds=5, read_seconds=5
    )


@pytest.fixture
async def texts(simulator: Simulator) -> AsyncIterator[twilio_sms.TwilioSms]:
    channel = twilio_sms.TwilioSms(account(simulator), senders=(SCHOOL, SERVICE, "Oakfield"))
    await channel.open()
    yield channel
    await channel.close()


@pytest.fixture
async def calls(simulator: Simulator) -> AsyncIterator[twilio_voice.TwilioVoice]:
    channel = twilio_voice.TwilioVoice(account(simulator))
    await channel.open()
    yield channel
    await channel.close()


def now() -> datetime:
    return datetime.now(UTC)


async def look(
    channel: twilio_sms.TwilioSms, since: datetime | None = None, stream: str = INBOUND
) -> tuple[list[str], datetime]:
    since = since or now() - timedelta(days=1)
    ids: list[str] = []
    async for page in channel.look(stream, since, now=now()):
        ids += [event.event_id for event in page.events]
        since = page.since
    return ids, since


async def follow(channel: base.Polled, refs: Sequence[str]) -> list[base.Receipt]:
    pending = [base.Pending(ref, now()) for ref in refs]
    return [receipt async for page in channel.follow(pending, now=now()) for receipt in page]


def outgoing(number: str = MUM, *, callback_url: str = "") -> base.Outgoing:
    script = base.CallScript(opening="Press a key.", fallback="Oakfield School.")
    return base.Outgoing("01M", number, SCHOOL, "Hello", script=script, callback_url=callback_url)


def test_only_what_can_be_answered_is_a_stream(texts: twilio_sms.TwilioSms, calls: twilio_voice.TwilioVoice) -> None:
    assert isinstance(texts, base.Polled)
    assert isinstance(calls, base.Polled)
    assert texts.streams() == (INBOUND, f"inbound {SERVICE}")
    assert calls.streams() == ()


async def test_an_answer_is_the_webhooks_answer(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    sent = simulator.reply(MUM, "Yes\0, she is ill", to=SCHOOL, media=2)
    form = {"MessageSid": sent.sid, "From": MUM, "To": SCHOOL, "Body": "Yes, she is ill", "NumMedia": "2"}
    [called] = texts.parse(hook("/hooks/twilio-sms/inbound", form))
    [page, end] = [page async for page in texts.look(INBOUND, LONG_AGO, now=now())]
    [found] = page.events
    assert isinstance(called, base.Reply)
    assert isinstance(found, base.Reply)
    assert end.events == ()
    same = ("medium", "sender", "to", "body", "event_id", "media", "keys", "in_reply_to")
    assert [getattr(found, name) for name in same] == [getattr(called, name) for name in same]
    assert abs(found.at - now()) < timedelta(minutes=1)


async def test_what_is_not_for_us_is_not_taken(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    await texts.send(outgoing())
    simulator.reply(MUM, "To another application of the account", to=OTHER)
    ours = simulator.reply(MUM, "Hello", to=SCHOOL)
    by_service = simulator.reply(MUM, "Hello", to=OTHER)
    by_service.service_sid = SERVICE
    assert (await look(texts))[0] == [ours.sid]
    assert (await look(texts, stream=f"inbound {SERVICE}"))[0] == [by_service.sid]


def hook(path: str, form: dict[str, str]) -> base.HookRequest:
    fields = {name: [value] for name, value in form.items()}
    return base.HookRequest("POST", f"https://school.example{path}", path, {}, FORMS, fields, b"", now())


@pytest.mark.parametrize("number", [MUM, "+447700900901", "+447700900902", "+447700900903"])
async def test_a_status_is_the_callbacks_status(simulator: Simulator, texts: twilio_sms.TwilioSms, number: str) -> None:
    ref = (await texts.send(outgoing(number))).ref
    await simulator.idle()
    record = simulator.world.texts[ref]
    form = {"MessageSid": ref, "MessageStatus": record.status.value}
    form |= {"ErrorCode": str(record.error_code)} if record.error_code else {}
    [called] = texts.parse(hook("/hooks/twilio-sms/status", form))
    [found] = await follow(texts, [ref])
    assert isinstance(called, base.Receipt)
    same = ("ref", "state", "event_id", "reason", "code")
    assert [getattr(found, name) for name in same] == [getattr(called, name) for name in same]


@pytest.mark.parametrize("calls_are", ["answer", "no-answer", "busy", "voicemail", "failed"])
async def test_a_calls_end_is_the_callbacks_end(
    simulator: Simulator, calls: twilio_voice.TwilioVoice, calls_are: str
) -> None:
    simulator.world.script(MUM, calls=calls_are)
    ref = (await calls.send(outgoing())).ref
    await simulator.idle()
    record = simulator.world.calls[ref]
    heard = [part.text for part in record.heard]
    assert heard in (["Oakfield School.", "Oakfield School."], [])
    [called] = calls.parse(hook("/hooks/twilio-voice/status", {"CallSid": ref, "CallStatus": record.status}))
    [found] = await follow(calls, [ref])
    assert isinstance(called, base.Receipt)
    same = ("ref", "state", "event_id", "reason", "hung_up")
    assert [getattr(found, name) for name in same] == [getattr(called, name) for name in same]
    assert found.state is base.ReceiptState.FAILED, "nobody has pressed a key, so nobody is known to have heard it"


async def test_many_are_followed_by_the_list_and_few_one_by_one(
    simulator: Simulator, texts: twilio_sms.TwilioSms
) -> None:
    refs = [(await texts.send(outgoing())).ref for _ in range(120)]
    await simulator.idle()
    assert sorted(receipt.ref for receipt in await follow(texts, refs)) == sorted(refs)
    simulator.faults.add(Fault("messages.list", Kind.STATUS, count=None))
    assert [receipt.ref for receipt in await follow(texts, refs[:3])] == refs[:3]
    with pytest.raises(base.CouldNotLook, match="trouble of its own"):
        await follow(texts, refs)
    assert await follow(texts, ["SM" + "0" * 32]) == [], "deleted at Twilio"


async def test_every_page_is_read_whatever_comes_meanwhile(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    sent = [simulator.reply(MUM, f"Word {count}", to=SCHOOL).sid for count in range(3 * twilio_polling.PAGE_SIZE + 7)]
    simulator.faults.add(Fault("messages.list", Kind.SHIFT, count=None))
    found: list[str] = []
    since = LONG_AGO
    async for page in texts.look(INBOUND, LONG_AGO, now=now()):
        found += [event.event_id for event in page.events]
        since = page.since
        sent.append(simulator.reply(MUM, "Meanwhile", to=SCHOOL).sid)
    found += (await look(texts, since))[0]
    assert set(found) >= set(sent[:-1])
    assert max(Counter(found).values()) > 1, "what shifted was seen twice, under the same id"


async def test_a_wrong_order_hides_nothing(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    sent = {simulator.reply(MUM, f"Word {count}", to=SCHOOL).sid for count in range(130)}
    simulator.faults.add(Fault("messages.list", Kind.SHUFFLE, count=None))
    assert set((await look(texts))[0]) == sent


async def test_what_appears_late_is_found_by_the_overlap(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    early = simulator.reply(MUM, "Early", to=SCHOOL)
    late = simulator.reply(MUM, "Late", to=SCHOOL)
    late.created -= timedelta(minutes=50)
    simulator.world.texts_by_to[SCHOOL].remove(late)
    first, since = await look(texts)
    simulator.world.texts_by_to[SCHOOL].insert(0, late)
    second, _ = await look(texts, since)
    assert first == [early.sid]
    assert set(second) == {early.sid, late.sid}
    simulator.faults.add(Fault("messages.list", Kind.LATE, count=None, seconds=600))
    assert (await look(texts))[0] == [late.sid], "the simulator hides what is too young"


async def test_old_ones_are_left_alone_and_end_the_look(simulator: Simulator, texts: twilio_sms.TwilioSms) -> None:
    for count in range(300):
        text = simulator.reply(MUM, f"Word {count}", to=SCHOOL)
        text.created -= timedelta(days=30 if count < 299 else 0)
        text.sent = text.created
    simulator.faults.add(Fault("messages.list", Kind.STATUS, count=None, page=2))
    ids, since = await look(texts)
    assert len(ids) == 1
    assert abs(since - now()) < timedelta(minutes=1)


async def test_texts_that_waited_long_in_twilios_queue_hide_no_answer(
    simulator: Simulator, texts: twilio_sms.TwilioSms
) -> None:
    """A service's list has our own texts too. They may have been made hours before they were sent, or wait still."""
    answer = simulator.reply(MUM, "Hello", to=OTHER)
    answer.service_sid = SERVICE
    for count in range(120):
        await texts.send(outgoing())
        ours = list(simulator.world.texts.values())[-1]
        ours.created -= timedelta(hours=9)
        ours.status, ours.sent = (TextStatus.QUEUED, None) if count < 60 else (TextStatus.DELIVERED, now())
    assert (await look(texts, now() - timedelta(minutes=1), stream=f"inbound {SERVICE}"))[0] == [answer.sid]


async def test_a_clock_that_is_wrong_does_not_move_the_watermark_past_what_comes(
    simulator: Simulator, texts: twilio_sms.TwilioSms
) -> None:
    simulator.reply(MUM, "From the future", to=SCHOOL).created += timedelta(days=400)
    assert (await look(texts))[1] <= now()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("messages.list", Kind.STATUS, count=None, page=2, status=500),
        Fault("messages.list", Kind.STATUS, count=None, page=2, status=429, retry_after=7),
        Fault("messages.list", Kind.STATUS, count=None, page=2, status=401),
        Fault("messages.list", Kind.CUT, count=None, page=2),
        Fault("messages.list", Kind.HALF, count=None, page=2),
        Fault("messages.list", Kind.GARBAGE, count=None, page=2),
        Fault("messages.list", Kind.HALF, count=None, page=1),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} on {fault.page}",
)
async def test_a_look_that_stops_half_way_says_so(
    simulator: Simulator, texts: twilio_sms.TwilioSms, fault: Fault
) -> None:
    for count in range(twilio_polling.PAGE_SIZE * 2):
        simulator.reply(MUM, f"Word {count}", to=SCHOOL)
    simulator.faults.add(fault)
    moved: list[datetime] = []
    with pytest.raises(base.CouldNotLook) as why:
        moved = [page.since async for page in texts.look(INBOUND, LONG_AGO, now=now())]
    assert not moved
    assert why.value.wait == (7 if fault.status == 429 else None)
    assert str(why.value).endswith((".", "?"))
    assert MUM[-6:] not in str(why.value)
    simulator.faults.clear()
    assert len((await look(texts))[0]) == twilio_polling.PAGE_SIZE * 2, "the next one comes to its end"


@pytest.mark.parametrize("query", ["To", "From"])
async def test_lists_filter_by_number_and_day(
    simulator: Simulator, web_client: aiohttp.ClientSession, query: str
) -> None:
    simulator.reply(MUM, "Today", to=SCHOOL)
    yesterday = simulator.reply(MUM, "Yesterday", to=SCHOOL)
    yesterday.sent = now() - timedelta(days=1)
    root = f"{simulator.http_url}/2010-04-01/Accounts/{simulator.account_sid}"
    key = {"Authorization": aiohttp.encode_basic_auth(simulator.account_sid, "a-practice-token")}
    for day, count in ((now(), 1), (now() - timedelta(days=1), 1), (now() - timedelta(days=2), 0)):
        asked = {query: SCHOOL if query == "To" else MUM, "DateSent": f"{day:%Y-%m-%d}"}
        async with web_client.get(f"{root}/Messages.json", params=asked, headers=key) as answer:
            assert len((await answer.json())["messages"]) == count
