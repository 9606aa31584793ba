"""The outside world of practice mode, and who answers each of its phones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlmodel import col, select

from channels.twilio_sms import TwilioSms
from config.settings import Settings
from gateway import context, errors
from gateway.models import Contact, ContactPoint

if TYPE_CHECKING:
    from channels.simulator import Simulator


@asynccontextmanager
async def simulated(settings: Settings) -> AsyncIterator[Simulator | None]:
    """In practice mode, the outside world at the addresses that the settings take for the providers'."""
    if not settings.practice.enabled:
        yield None
        return
    simulator = practice_world(settings)
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


def practice_world(settings: Settings) -> Simulator:
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
        inbound_sms_url=f"{settings.web.public_base_url.rstrip('/')}/hooks/{TwilioSms.name}/inbound",
        inbound_voice_url=f"{settings.web.public_base_url.rstrip('/')}/hooks/{TwilioLine.name}/call",
        school_number=next(iter(settings.rung_numbers), ""),
        calls="ring",
        pace=0.5,
    )


async def names(gateway: context.Gateway) -> dict[str, str]:
    """Who answers each phone and mailbox."""
    found: dict[str, list[str]] = defaultdict(list)
    query = select(ContactPoint.address, Contact).join(Contact, col(Contact.id) == col(ContactPoint.contact_id))
    async with gateway.database.read() as session:
        for address, contact in await session.execute(query.order_by(col(ContactPoint.id))):
            found[address].append(contact.full_name)
    return {address: ", ".join(people) for address, people in found.items()}
