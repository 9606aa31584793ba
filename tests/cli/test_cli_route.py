"""``handbell explain route`` and ``handbell sender list``: which way, why, and what is free still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from channels.base import Medium
from gateway import allowance
from gateway.database import Session
from gateway.models import Sender

ID = "8e222534-7f05-4972-86e3-17c5d9f894e2"
MORE = f"""
[notify]
api_key = "handbell-26785a09-ab16-4eb0-8407-a37497a57506-{ID}"
sms_template = "{ID}"
sms_senders = ["+441134960009: {ID}"]

[sending]
text_routes = ["notify if gsm and free", "twilio"]
"""


async def add_notify(session: Session) -> None:
    year = allowance.year(datetime.now(UTC).date())
    given: dict[str, Any] = {"free_parts": 5000, "pence": 2.4, "year": year, "year_parts": 4990}
    twilio = {"channel": "twilio-sms", "medium": Medium.SMS, "address": "+441134960001", "account": "twilio"}
    session.add(Sender(**twilio))
    session.add(Sender(channel="notify-sms", medium=Medium.SMS, address="+441134960009", account="notify", **given))


def test_the_way_and_why(small_office: Any) -> None:
    office = small_office
    office.settings.write_text(office.settings.read_text("utf-8") + MORE, "utf-8")
    office.change(add_notify)
    said = office.gives("explain", "route", "Oakfield: the trip is on Friday.")
    assert said.startswith("By notify: “notify if gsm and free”. It goes as +441134960009.")
    assert "notify: 10 parts are still free this year." in said
    said = office.gives("explain", "route", "آج اسکول بند ہے", "--answered")
    assert "not by notify: it cannot carry it as it is" in said
    assert "It goes as +441134960001." in said
    assert "There is nothing to send it as." in office.gives("explain", "route", "Hello", "--medium", "email")
    assert "4,990 of 5,000 free" in " ".join(office.gives("sender", "list").split())
