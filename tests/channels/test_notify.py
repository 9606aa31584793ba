"""GOV.UK Notify: what goes out and comes back, against a stand-in for it. For outcomes see test_conformance."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from channels import base, notify, notify_api
from channels.simulator import Simulator
from channels.simulator.faults import Fault, Kind
from channels.simulator.notify_api import Service

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
SERVICE, SECRET = "26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0"
KEY, TOKEN = f"hand-bell-{SERVICE}-{SECRET}", "a-token-of-ours"
TEXTS, MAILS, SENDER_ID = (f"{one}33517ff-2a88-4f6e-b855-c550268ce08a" for one in "abc")
OURS, NUMBER, ADDRESS = "+447700900001", "+447700900123", "parent@example.com"
TEXT = base.Outgoing(id="01JDB1W0K6T3C4M5N6P7Q8R9ST", to=NUMBER, sender=OURS, body="Oakfield: Siân is ill (10€)")
MAIL = dataclasses.replace(
    TEXT, id="01JDB1W0K6T3C4M5N6P7Q8R9SU", to=ADDRESS, sender="office@school.example", subject="Trip",
    unsubscribe_url="https://school.example/u/1",
)  # fmt: skip


@pytest.fixture
async def world() -> AsyncIterator[Simulator]:
    simulator = Simulator(
        account_sid="AC1", auth_token="t",
        notify=Service(KEY, TOKEN, templates={TEXTS: "sms", MAILS: "email"}, numbers={SENDER_ID: OURS}),
    )  # fmt: skip
    await simulator.start()
    yield simulator
    await simulator.stop()


def make(url: str, medium: base.Medium = base.Medium.SMS, *, key: str = KEY, **more: Any) -> notify.Notify:
    texts = {"template": TEXTS, "senders": {OURS: SENDER_ID}} if medium is base.Medium.SMS else {"template": MAILS}
    account = notify_api.NotifyAccount(key, TOKEN, api_base_url=url)
    return notify.Notify(account, medium, notify.Letterhead(**{**texts, **more}))


@pytest.fixture
async def sms(world: Simulator) -> AsyncIterator[notify.Notify]:
    channel = make(world.http_url)
    await channel.open()
    yield channel
    await channel.close()


@pytest.fixture
async def email(world: Simulator) -> AsyncIterator[notify.Notify]:
    channel = make(world.http_url, base.Medium.EMAIL)
    await channel.open()
    yield channel
    await channel.close()


def hook(kind: str, said: object, token: str = f"Bearer {TOKEN}") -> base.HookRequest:
    path, body = f"/hooks/notify-sms/{kind}", json.dumps(said).encode()
    headers = {"content-type": "application/json", **({"authorization": token} if token else {})}
    return base.HookRequest("POST", f"https://school.example{path}", path, {}, headers, {}, body, AT)


def test_it_keeps_the_contract() -> None:
    for protocol in (base.Channel, base.Callbacks, base.Polled, base.Choosy):
        assert isinstance(make(""), protocol)


def test_the_token_is_one_that_others_can_read() -> None:
    made = notify_api.token(KEY, at=1_568_818_578.9)
    assert jwt.get_unverified_header(made) == {"typ": "JWT", "alg": "HS256"}
    claims = jwt.decode(made, SECRET, algorithms=["HS256"], options={"verify_iat": False})
    assert claims == {"iss": SERVICE, "iat": 1_568_818_578}


async def test_a_text_reaches_the_phone_as_it_is(sms: notify.Notify, world: Simulator) -> None:
    result = await sms.send(TEXT)
    assert (result.outcome, notify_api.is_id(result.ref)) == (base.Outcome.ACCEPTED, True)
    [got] = world.world.texts_to(NUMBER)
    assert (got.sender, got.body) == (OURS, TEXT.body)


async def test_an_email_brings_its_subject_and_the_way_out(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(201, {}, json.dumps({"id": SENDER_ID}))]
    channel = make(http_url, base.Medium.EMAIL, senders={MAIL.sender: SENDER_ID})
    await channel.open()
    await channel.send(MAIL)
    await channel.close()
    [request] = http_sink.requests
    assert (request.method, request.target) == ("POST", "/v2/notifications/email")
    assert json.loads(request.body) == {
        "template_id": MAILS,
        "email_address": ADDRESS,
        "reference": MAIL.id,
        "email_reply_to_id": SENDER_ID,
        "one_click_unsubscribe_url": MAIL.unsubscribe_url,
        "personalisation": {"subject": "Trip", "body": MAIL.body},
    }


async def test_an_email_arrives(email: notify.Notify, world: Simulator) -> None:
    assert (await email.send(MAIL)).outcome is base.Outcome.ACCEPTED
    [mail] = world.world.mails_to(ADDRESS)
    assert (mail.subject, mail.text.strip()) == ("Trip", MAIL.body)


@pytest.mark.parametrize(
    "changed",
    [{"body": "Ваша дитина"}, {"body": "Zażółć gęślą"}, {"body": "x" * 919}, {"to": "+33612345678"}],
    ids=["another script", "letters with hooks", "too long", "another country"],
)
async def test_what_notify_would_spoil_never_leaves(
    changed: dict[str, Any], sms: notify.Notify, world: Simulator
) -> None:
    result = await sms.send(dataclasses.replace(TEXT, **changed))
    assert (result.outcome, result.reason, result.code) == (base.Outcome.RETRY, base.Reason.CONTENT, "")
    assert not world.notify.sent


async def test_or_there_would_be_question_marks(world: Simulator) -> None:
    """What a program sees that does not look first: the stand-in spoils what Notify spoils."""
    careless = notify_api.NotifyApi(notify_api.NotifyAccount(KEY, api_base_url=world.http_url))
    await careless.open()
    body = {"template_id": TEXTS, "phone_number": NUMBER, "personalisation": {"body": "Zażółć, Siân a Siôn ŵ"}}
    assert (await careless.place("sms", body)).outcome is base.Outcome.ACCEPTED
    await careless.close()
    assert [one.body for one in world.world.texts_to(NUMBER)] == ["Za?ó??, Siân a Siôn ŵ"]


async def test_nor_does_an_email_with_files(email: notify.Notify, world: Simulator) -> None:
    file = base.Attachment("letter.pdf", "application/pdf", b"%PDF")
    assert (await email.send(dataclasses.replace(MAIL, attachments=(file,)))).outcome is base.Outcome.RETRY
    assert not world.notify.sent


async def test_a_doubtful_text_is_found_by_our_reference(sms: notify.Notify, world: Simulator) -> None:
    """Taken, but the answer never came: the list knows. A second one that nobody took is absent."""
    since = datetime.now(UTC)
    world.faults.add(Fault("notify.create", Kind.CUT, taken=True))
    assert (await sms.send(TEXT)).outcome is base.Outcome.UNKNOWN
    world.faults.add(Fault("notify.create", Kind.STATUS, status=500))
    other = dataclasses.replace(TEXT, id="01JDB1W0K6T3C4M5N6P7Q8R9SV")  # the same words to the same phone
    assert (await sms.send(other)).outcome is base.Outcome.UNKNOWN
    found = await sms.find(TEXT, since)
    assert (found.found, found.refs) == (base.Found.HERE, tuple(world.notify.sent))
    assert (await sms.find(other, since)).found is base.Found.ABSENT
    assert (await sms.find(other, since - timedelta(days=8))).found is base.Found.CANNOT_TELL, "not kept so long"
    # A service may say that its messages are kept for three days.
    assert (await sms.find(other, since - timedelta(days=4))).found is base.Found.CANNOT_TELL
    world.faults.add(Fault("notify.list", Kind.STATUS, status=503))
    assert (await sms.find(TEXT, since)).found is base.Found.NOT_NOW


async def test_what_was_made_anew_is_found_by_its_words(
    sms: notify.Notify, email: notify.Notify, world: Simulator
) -> None:
    """After a restore it has another id. What went to the same phone with other words, proves nothing."""
    since, third = datetime.now(UTC), "+447700900124"
    first, other = dataclasses.replace(TEXT, id="A"), dataclasses.replace(TEXT, id="B", body="Oakfield: closed today")
    for sent in (first, dataclasses.replace(other, to=third), dataclasses.replace(TEXT, id="C")):
        await sms.send(sent)
    await email.send(MAIL)
    refs = tuple(one.id for one in world.notify.sent.values() if (one.to, one.body) == (NUMBER, TEXT.body))
    assert await sms.find_alike(TEXT, since) == base.FindResult(base.Found.HERE, refs), "oldest first"
    assert (await sms.find_alike(other, since)).found is base.Found.CANNOT_TELL
    nobody = dataclasses.replace(TEXT, to="+447700900125")
    assert (await sms.find_alike(nobody, since)).found is base.Found.ABSENT
    assert (await sms.find_alike(nobody, since - timedelta(days=4))).found is base.Found.CANNOT_TELL
    assert (await email.find_alike(dataclasses.replace(MAIL, id="D"), since)).found is base.Found.HERE
    assert (await email.find_alike(dataclasses.replace(MAIL, subject="Fair"), since)).found is base.Found.CANNOT_TELL
    for one in world.notify.sent.values():
        one.created -= timedelta(hours=1)
    assert (await sms.find_alike(TEXT, since)).found is base.Found.ABSENT, "that was before the copy"
    world.faults.add(Fault("notify.list", Kind.STATUS, status=429))
    assert (await sms.find_alike(nobody, since)).found is base.Found.NOT_NOW


async def test_all_pages_of_the_list_are_read_before_something_is_said_to_be_absent(
    sms: notify.Notify, world: Simulator
) -> None:
    since = datetime.now(UTC)
    await sms.send(TEXT)
    [first] = world.notify.sent.values()
    for number in range(600):
        one = dataclasses.replace(first, id=f"{number:08x}{first.id[8:]}", to="+447700900124")
        world.notify.sent[one.id] = one
    assert (await sms.find_alike(TEXT, since)).refs == (first.id,)


@pytest.mark.parametrize(
    ("phone", "after", "found"),
    [
        ("+447700900999", None, base.Found.ABSENT),
        (None, None, base.Found.CANNOT_TELL),  # it does not say to whom
        ("447700900123", None, base.Found.HERE),  # as Notify may write it
        ("+447700900999", (503, {}, "{}"), base.Found.NOT_NOW),  # there is another page, and it does not come
    ],
)
async def test_only_a_whole_list_that_says_to_whom_proves_anything(
    http_url: str, http_sink: Any, phone: str | None, after: Any, found: base.Found
) -> None:
    record = {"id": SENDER_ID, "phone_number": phone, "body": f"{TEXT.body}\n", "created_at": None}
    links = {"links": {"next": "there"}} if after else {}
    http_sink.answers = [(200, {}, json.dumps({"notifications": [record], **links})), *([after] if after else [])]
    channel = make(http_url)
    await channel.open()
    assert (await channel.find_alike(TEXT, datetime.now(UTC))).found is found
    await channel.close()


async def test_a_list_that_did_not_look_for_our_reference_proves_nothing(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(200, {}, json.dumps({"notifications": [{"id": SENDER_ID, "reference": "another"}]}))]
    channel = make(http_url)
    await channel.open()
    assert (await channel.find(TEXT, datetime.now(UTC))).found is base.Found.CANNOT_TELL
    await channel.close()


async def test_what_became_of_them_is_asked_for(sms: notify.Notify, world: Simulator) -> None:
    numbers = {"+447700900002": base.Reason.GONE, "+447700900003": base.Reason.UNREACHABLE, NUMBER: None}
    refs = {(await sms.send(dataclasses.replace(TEXT, to=to, id=f"m{to}"))).ref: to for to in numbers}
    for _ in range(260):  # a second page
        await sms.send(TEXT)
    pending = [base.Pending(ref, datetime.now(UTC)) for ref in refs]
    now = datetime.now(UTC) + timedelta(seconds=1)
    told = [receipt async for page in sms.follow(pending, now=now) for receipt in page]
    assert {refs[one.ref]: one.reason for one in told} == numbers
    assert {one.message_id for one in told} == {f"m{to}" for to in numbers}


async def test_texts_that_families_send_are_read_from_the_list_too(sms: notify.Notify, world: Simulator) -> None:
    await sms.send(TEXT)
    world.reply(NUMBER, "She has a cold")
    now = datetime.now(UTC) + timedelta(seconds=1)
    pages = [page async for page in sms.look("inbound", now - timedelta(days=1), now=now)]
    [reply] = [event for page in pages for event in page.events]
    assert isinstance(reply, base.Reply)
    assert (reply.sender, reply.to, reply.body) == (NUMBER, OURS, "She has a cold")
    [called] = sms.parse(
        hook(
            "inbound",
            {
                "id": reply.event_id,
                "source_number": "447700900123",
                "destination_number": "07700900001",
                "message": "She has a cold",
                "date_received": "2026-09-01T08:29:00.000000Z",
            },
        )
    )
    assert isinstance(called, base.Reply)
    assert dataclasses.replace(called, at=reply.at, raw=reply.raw) == reply, "by either way it is the same event"


@pytest.mark.parametrize(("sent", "kept"), [("see C:\\u0000x", "see C:\\u0000x"), ("see\0 you", "see you")])
def test_words_that_look_like_what_json_writes_for_nul_are_words(sent: str, kept: str) -> None:
    said = {"id": SENDER_ID, "source_number": "447700900123", "destination_number": "447700900001", "message": sent}
    [reply] = make("").parse(hook("inbound", said))
    assert isinstance(reply, base.Reply)
    assert reply.body == kept


RECEIPT = {
    "id": SENDER_ID,
    "reference": TEXT.id,
    "to": NUMBER,
    "status": "delivered",
    "created_at": "2026-09-01T08:28:00.000000Z",
    "completed_at": "2026-09-01T08:29:00.000000Z",
    "notification_type": "sms",
}


def test_a_receipt() -> None:
    [receipt] = make("").parse(hook("status", RECEIPT))
    assert receipt == base.Receipt(
        TEXT.id, SENDER_ID, base.ReceiptState.DELIVERED, f"{SENDER_ID}:delivered",
        datetime(2026, 9, 1, 8, 29, tzinfo=UTC), raw={"id": SENDER_ID, "status": "delivered", "type": "sms"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("sms", "permanent-failure", base.Reason.GONE),
        ("sms", "temporary-failure", base.Reason.UNREACHABLE),
        ("email", "temporary-failure", base.Reason.TEMPORARY),
        ("sms", "technical-failure", base.Reason.TEMPORARY),
    ],
)
def test_a_failure_is_in_our_words(kind: str, status: str, reason: base.Reason) -> None:
    [receipt] = make("").parse(hook("status", RECEIPT | {"status": status, "notification_type": kind}))
    assert isinstance(receipt, base.Receipt)
    assert (receipt.state, receipt.reason, receipt.code) == (base.ReceiptState.FAILED, reason, status)


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer another", TOKEN, f"Basic {TOKEN}", "Bearer é"])
def test_a_forged_call_is_refused(token: str) -> None:
    with pytest.raises(base.BadSignature):
        make("").verify(hook("status", RECEIPT, token))


def test_a_genuine_one_is_not_and_without_a_token_none_is() -> None:
    make("").verify(hook("status", RECEIPT))
    account = notify_api.NotifyAccount(KEY)
    with pytest.raises(base.BadSignature):
        notify.Notify(account, base.Medium.SMS, notify.Letterhead(TEXTS)).verify(hook("status", RECEIPT, "Bearer "))


@pytest.mark.parametrize("said", [None, [], {}, "x", {"id": 7, "status": "delivered"}, {"id": SENDER_ID}])
def test_what_is_no_event_gives_none(said: object) -> None:
    assert not make("").parse(hook("status", said))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"key": f"x-{SERVICE}-{SERVICE}"}, "key"),
        ({"template": SENDER_ID}, "no template"),
        ({"medium": base.Medium.EMAIL, "template": TEXTS}, "no template"),
    ],
    ids=["another key", "another template", "one of another kind"],
)
async def test_doctor_says_what_is_wrong(more: dict[str, Any], said: str, world: Simulator) -> None:
    channel = make(world.http_url, **more)
    await channel.open()
    with pytest.raises(base.Misconfigured, match=said):
        await channel.check()
    await channel.close()


async def test_doctor_says_that_all_is_well(sms: notify.Notify, email: notify.Notify) -> None:
    assert "template" in await sms.check()
    assert "template" in await email.check()


@pytest.mark.parametrize("url", ["http://192.0.2.1:1", "http://school.example"])
async def test_nothing_crosses_the_network_openly(url: str) -> None:
    with pytest.raises(base.Misconfigured, match="https"):
        await make(url).open()


async def test_a_key_that_is_none_is_told_at_the_start() -> None:
    with pytest.raises(base.Misconfigured, match="api_key"):
        await make("http://127.0.0.1:1", key="secret").open()
