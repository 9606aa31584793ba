"""Whatever is sent to a webhook, signed or not, the answer is never a failure of ours, and nothing genuine is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from support.website import PUBLIC, Running, sign

from gateway import intake
from gateway.models import Inbound

PATHS = st.sampled_from(
    [
        "/hooks/twilio-sms/inbound",
        "/hooks/twilio-sms/status?m=01x",
        "/hooks/twilio-voice/keys?m=01x&step=open",
        "/hooks/twilio-voice/keys?step=answer&k=1,2&m=",
        "/hooks/twilio-voice/status",
        "/hooks/twilio-voice/machine?m=%F0%9F%A4%92",
        "/hooks/twilio-sms/%2e%2e",
    ]
)
NAMES = st.sampled_from(
    [
        "MessageSid",
        "SmsSid",
        "MessageStatus",
        "ErrorCode",
        "From",
        "To",
        "Body",
        "NumMedia",
        "RawDlrDoneDate",
        "CallSid",
        "CallStatus",
        "Digits",
        "AnsweredBy",
        "Direction",
        "\0",
        "",
    ]
)
WORDS = st.sampled_from(["delivered", "completed", "no-answer", "1", "STOP", "+447700900001", "2611231200", "30003"])
VALUES = st.one_of(WORDS, st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
ONE_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@ONE_DATABASE
@given(path=PATHS, fields=st.lists(st.tuples(NAMES, VALUES), max_size=8))
async def test_whatever_is_signed_is_stored(running: Running, path: str, fields: list[tuple[str, str]]) -> None:
    answer = await running.hook(path, fields)
    assert answer.status == 200
    gateway = running.gateway
    await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
    async with gateway.database.read() as session:
        kept = (await session.scalars(select(Inbound))).all()
    assert kept
    assert [row.outcome for row in kept if row.kind != "raw" and row.outcome.startswith("failed")] == []
    assert [row.event_id for row in kept if row.tries and row.kind == "reply"] == []


@ONE_DATABASE
@given(
    path=PATHS,
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/x-www-form-urlencoded", "application/json", "multipart/form-data", "x", ""]),
    signature=st.sampled_from(["", "AAAA", "genuine"]),
)
async def test_whatever_is_not_signed_is_refused(
    running: Running, path: str, body: bytes, kind: str, signature: str
) -> None:
    headers: dict[str, Any] = {"Content-Type": kind}
    if signature:
        headers["X-Twilio-Signature"] = sign(f"{PUBLIC}{path}") if signature == "genuine" else signature
    answer = await running.ask("POST", path, data=body, headers=headers)
    # A genuine signature over no fields is genuine for a body without any.
    assert answer.status in ((200, 403) if signature == "genuine" else (403,))
