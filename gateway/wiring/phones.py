"""Texts and calls, by the settings: both of one Twilio account."""

from __future__ import annotations

from channels import twilio_voices
from channels.base import Channel, Medium
from channels.calls_in import PhoneLine
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from channels.twilio_voice import TwilioVoice
from config.settings import Settings
from gateway import senders, sweeping

ACCOUNT = "twilio"  #: what is refused to one of its senders is refused to the others


def channels(settings: Settings) -> list[Channel]:
    """Those for which there are senders."""
    twilio, found = settings.twilio, list[Channel]()
    if not twilio.account_sid:
        return found
    if texts := len(twilio.sms_senders):
        addresses = [sender.address for sender in twilio.sms_senders]
        found.append(TwilioSms(account(settings, senders=texts), senders=addresses))
    if callers := len(twilio.voice_senders):
        detect = twilio.answering_machine_detection != "off"
        found.append(TwilioVoice(account(settings, senders=callers), detect_machines=detect, voices=voices(settings)))
    return found


def lines(settings: Settings) -> dict[str, PhoneLine]:
    """The number that families ring, where it is set up. What only it needs is imported here: few schools have it."""
    if not settings.phone_line.enabled:
        return {}
    from channels.twilio_line import TwilioLine

    return {TwilioLine.name: TwilioLine(account(settings, senders=1), voices=voices(settings))}


def voices(settings: Settings) -> twilio_voices.Voices:
    """Who speaks which language: the best that there is, or whom the school has chosen."""
    return twilio_voices.Voices(settings.twilio.chosen_voices())


def wanted_senders(settings: Settings) -> list[senders.Wanted]:
    """The numbers and names that the settings give."""
    twilio = settings.twilio
    texts = [
        senders.Wanted(TwilioSms.name, Medium.SMS, one.address, one.parts_per_second, one.burst, ACCOUNT)
        for one in twilio.sms_senders
    ]
    return texts + [
        senders.Wanted(TwilioVoice.name, Medium.VOICE, one.address, one.calls_per_second, one.burst, ACCOUNT)
        for one in twilio.voice_senders
    ]


def account(settings: Settings, *, senders: int) -> TwilioAccount:
    """The account, for a channel with so many senders."""
    twilio = settings.twilio
    base = twilio.api_base_url.rstrip("/")
    return TwilioAccount(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token.get_secret_value(),
        api_base_url="" if base == "https://api.twilio.com" else base,
        accepted_tokens=tuple(token.get_secret_value() for token in twilio.accepted_tokens),
        shared_keys={key.key_id: key.secret.get_secret_value() for key in twilio.shared_keys},
        connect_seconds=twilio.connect_timeout_s,
        read_seconds=twilio.read_timeout_s,
        total_seconds=settings.sending.call_s,
        # A send that had to wait for a place would count as no connection: each has one, and so has each look.
        connections=settings.sending.concurrency * senders + sweeping.LOOKS_AT_ONCE + senders + 1,
    )
