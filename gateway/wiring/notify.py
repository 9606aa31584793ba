"""Texts and emails by GOV.UK Notify, by the settings: both of one service."""

from __future__ import annotations

from channels.base import Channel, Medium
from config.settings import Settings
from gateway import senders, sweeping

ACCOUNT = "notify"  #: what is refused to one of its senders is refused to the others
_TEXTS, _EMAILS = "notify-sms", "notify-email"


def channels(settings: Settings) -> list[Channel]:
    """Those for which there are senders. What only they need is imported here: most schools have Twilio alone."""
    notify, found = settings.notify, list[Channel]()
    if not notify.in_use:
        return found
    from channels.notify import Letterhead, Notify
    from channels.notify_api import NotifyAccount

    account = NotifyAccount(
        api_key=notify.api_key.get_secret_value(),
        callback_token=notify.callback_token.get_secret_value(),
        api_base_url=notify.api_base_url,
        connect_seconds=settings.twilio.connect_timeout_s,
        read_seconds=settings.twilio.read_timeout_s,
        total_seconds=settings.sending.call_s,
        # A send that had to wait for a place would count as no connection: each has one, and so has each look.
        connections=settings.sending.concurrency * max(1, len(notify.sms_senders)) + sweeping.LOOKS_AT_ONCE + 2,
    )
    if notify.sms_senders:
        letterhead = Letterhead(notify.sms_template, notify.senders(), abroad=notify.abroad)
        found.append(Notify(account, Medium.SMS, letterhead))
    if notify.email_address:
        reply_to = {notify.email_address: notify.email_reply_to_id}
        found.append(Notify(account, Medium.EMAIL, Letterhead(notify.email_template, reply_to)))
    return found


def wanted_senders(settings: Settings) -> list[senders.Wanted]:
    """The numbers, names and the address that the settings give."""
    notify = settings.notify
    rate, free, pence = notify.parts_per_second, notify.free_text_parts, notify.pence_per_text_part
    found = [
        senders.Wanted(_TEXTS, Medium.SMS, address, rate, rate, ACCOUNT, free, pence) for address in notify.senders()
    ]
    if notify.email_address:
        rate = notify.emails_per_second
        found.append(
            senders.Wanted(_EMAILS, Medium.EMAIL, notify.email_address, rate, max(1.0, rate / 10), ACCOUNT, 0, 0.0)
        )
    return found
