"""The outside world of practice mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from channels.twilio_sms import TwilioSms
from config.settings import Settings
from gateway import context, errors

if TYPE_CHECKING:
    from channels.simulator import Simulator
    from channels.simulator.notify_api import Service


@asynccontextmanager
async def simulated(
    settings: Settings, *, now: Callable[[], datetime] = context.utc_now
) -> AsyncIterator[Simulator | None]:
    """In practice mode, the outside world at the addresses that the settings take for the providers', by our clock."""
    if not settings.practice.enabled:
        yield None
        return
    simulator = practice_world(settings, now=now)
    try:
        await simulator.start()
    except OSError as error:
        what = f"The pretend phones and mailboxes cannot listen on this machine: {error.strerror}."
        cure = "Give twilio.api_base_url and smtp.port other ports, or make the practice school anew."
        raise errors.NotReady(f"{what} {cure}") from None
    try:
        yield simulator
    finally:
        await simulator.stop()


def practice_world(settings: Settings, *, now: Callable[[], datetime] = context.utc_now) -> Simulator:
    """The simulator that listens where the settings say that Twilio and the mail server are, else on any port.

    ``config.checks`` has seen to it that both are this machine.
    """
    from channels.simulator import Simulator
    from channels.twilio_line import TwilioLine

    twilio, smtp = settings.twilio, settings.smtp
    return Simulator(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token.get_secret_value(),
        http_port=(urlsplit(twilio.api_base_url).port or 0) if twilio.account_sid else 0,
        smtp_port=smtp.port if smtp.host else 0,
        seed=settings.practice.seed,
        now=now,
        inbound_sms_url=f"{settings.web.public_base_url.rstrip('/')}/hooks/{TwilioSms.name}/inbound",
        inbound_voice_url=f"{settings.web.public_base_url.rstrip('/')}/hooks/{TwilioLine.name}/call",
        school_number=next(iter(settings.rung_numbers), ""),
        calls="ring",
        pace=0.5,
        notify=_service(settings),
    )


def _service(settings: Settings) -> Service:
    """The school's service at GOV.UK Notify, as the settings have it; it listens where Twilio does."""
    from channels.simulator.notify_api import Service

    notify, hooks = settings.notify, f"{settings.web.public_base_url.rstrip('/')}/hooks/notify"
    return Service(
        key=notify.api_key.get_secret_value(),
        callback_token=notify.callback_token.get_secret_value(),
        receipts_url=f"{hooks}-sms/status" if notify.sms_senders else f"{hooks}-email/status",
        inbound_url=f"{hooks}-sms/inbound",
        templates={notify.sms_template: "sms", notify.email_template: "email"},
        numbers={sender_id: address for address, sender_id in notify.senders().items()},
    )
