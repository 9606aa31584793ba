"""What ``handbell doctor`` and ``/readyz`` say of the ways by which receipts and answers come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from support import desk

from channels import twilio_account, twilio_sms, twilio_voice
from channels.base import Channel
from config import sections
from gateway import context, doctor
from gateway.database import Database
from gateway.models import Watermark

NOWHERE = twilio_account.TwilioAccount("AC" + "0" * 32, "token", api_base_url="http://127.0.0.1:1")
URL = "https://school.example"
TEXTS = twilio_sms.TwilioSms(NOWHERE, senders=["+441134960001", "+441134960002", "Oakfield"])


def gateway_on(
    database: Database, *, url: str = "", channels: Mapping[str, Channel] | None = None, **twilio: object
) -> context.Gateway:
    chosen = channels or {"twilio-sms": TEXTS, "twilio-voice": twilio_voice.TwilioVoice(NOWHERE)}
    gateway = desk.gateway(database, channels=chosen)
    parts = {
        "twilio": sections.Twilio.model_validate(twilio),
        "web": sections.Web(public_base_url=url),
        "database": sections.Database(url=database.url.render_as_string(hide_password=False)),
    }
    return replace(gateway, settings=gateway.settings.model_copy(update=parts))


async def ways_back(gateway: context.Gateway) -> list[tuple[str, str]]:
    return [(one.state, one.sentence) for one in await doctor.examine(gateway) if one.name == "ways back"]


async def test_polled(sqlite_database: Database) -> None:
    [texts, calls, lost] = await ways_back(gateway_on(sqlite_database))
    assert texts == (
        "ok",
        (
            "twilio-sms: asked every 30 seconds, so answers and receipts come so much later "
            "(5,760 requests a day, and more while messages are on the way)."
        ),
    )
    assert "requests are made only while messages are on the way" in calls[1]
    assert lost[0] == "warn"
    assert "No key press in a call can reach us" in lost[1]


async def test_called_back(sqlite_database: Database) -> None:
    [texts, _calls] = await ways_back(gateway_on(sqlite_database, url=URL))
    assert texts == (
        "ok",
        (
            f"twilio-sms: called back at {URL}, for receipts, answers and key presses. "
            "What that missed is asked for every 15 minutes "
            "(192 requests a day, and more while messages are on the way)."
        ),
    )


@pytest.mark.parametrize(("url", "state"), [("", "warn"), (URL, "ok")])
async def test_never_asked(sqlite_database: Database, url: str, state: str) -> None:
    [texts, *_] = await ways_back(gateway_on(sqlite_database, url=url, poll="never"))
    assert texts[0] == state
    assert ("it stays unknown" in texts[1]) == (not url)


async def test_looks_that_fail_for_long(sqlite_database: Database) -> None:
    row = Watermark(
        channel="twilio-sms",
        stream="inbound +441134960001",
        since=desk.NOW,
        due_at=desk.NOW,
        looked_at=desk.NOW - timedelta(hours=5),
        failures=9,
        trouble="Twilio did not answer in time.",
    )
    async with sqlite_database.write() as session:
        session.add(row)
    for url, state in (("", "bad"), (URL, "warn")):
        found = await ways_back(gateway_on(sqlite_database, url=url))
        assert (
            state,
            (
                "The list inbound …0001 of twilio-sms could be read to its end last at 2026-11-23 04:00 UTC. "
                "Twilio did not answer in time."
            ),
        ) in found
