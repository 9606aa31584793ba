"""What no single setting can know: whether the settings fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config import identity, values

if TYPE_CHECKING:
    from config.settings import Settings


def problems(settings: Settings) -> list[str]:
    """Give a sentence for everything that cannot work."""
    found = [*_check_timing(settings), *_check_mail(settings), *_check_mail_in(settings)]
    found += [*_check_oauth(settings), *_check_senders(settings), *_check_absence(settings), *_check_notify(settings)]
    found += [*_check_phone_line(settings), *_check_translation(settings), *_check_digest(settings)]
    return [*found, *(_check_practice(settings) if settings.practice.enabled else _check_live(settings))]


def _check_digest(settings: Settings) -> Iterator[str]:
    starts, ends, _ = settings.quiet.hours
    at = settings.load.digest_time
    inside = starts <= at < ends if starts <= ends else at >= starts or at < ends
    if settings.quiet.enabled and inside:
        yield (
            f"load.digest_at is {settings.load.digest_at}, in the quiet hours from {settings.quiet.starts} to "
            f"{settings.quiet.ends}: the digest would wait for their end. Choose another time."
        )


def warnings(settings: Settings, *, file_secrets: tuple[str, ...] = ()) -> list[str]:
    """Give a sentence for everything that works, but perhaps not as expected; ``file_secrets`` stand in the file."""
    found = [
        f"{key} stands in the settings file: move it to a systemd credential of that name, or to {_variable(key)}."
        for key in file_secrets
    ]
    if settings.practice.enabled:
        return found
    for number, sender in enumerate(settings.twilio.sms_senders, start=1):
        found += [f"twilio.sms_senders#{number}.address {remark}." for remark in identity.doubts(sender.address)]
    return [*found, *_doubt_reach(settings), *_doubt_staff(settings), *_doubt_mail(settings), *_doubt_costs(settings)]


def _doubt_staff(settings: Settings) -> Iterator[str]:
    web = settings.web
    if not values.is_loopback(web.host) and not (web.office_url or web.public_base_url).startswith("https://"):
        yield (
            "Staff sign in over plain http: whoever listens on the wire can read their passwords. Let a proxy with a "
            "certificate stand before web.host, and set web.office_url."
        )


def _variable(key: str) -> str:
    return f"HANDBELL_{key.replace('.', '__').upper()}"


def _unset(key: str, why: str, *, secret: bool = False) -> str:
    place = f"the credential {key} or {_variable(key)}" if secret else f"the settings file or {_variable(key)}"
    return f"{key} is not set: {why}. Write it into {place}, or set practice.enabled to true to practise."


def _check_live(settings: Settings) -> Iterator[str]:
    school, twilio = settings.school, settings.twilio
    for key in ("name", "short_name", "phone"):
        # The defaults are a made-up school's: real families must not be greeted by it.
        if key not in school.model_fields_set:
            yield _unset(f"school.{key}", "families must know who writes to them")
    senders = (*twilio.sms_senders, *twilio.voice_senders)
    if not senders and not settings.smtp.host and not settings.notify.sms_senders:
        yield _unset("twilio.sms_senders", "nor twilio.voice_senders nor smtp.host, so nothing could be sent")
    if senders and not twilio.account_sid:
        yield _unset("twilio.account_sid", "Twilio takes no text or call without it")
    if senders and not twilio.auth_token.get_secret_value():
        yield _unset("twilio.auth_token", "Twilio takes no text or call without it", secret=True)
    key = settings.audit.key.get_secret_value()
    if not key:
        yield _unset("audit.key", "the record of every deed could not be sealed", secret=True)
    elif len(key) < 32:
        yield "audit.key is too short: it must have at least 32 characters that nobody can guess."


def _check_timing(settings: Settings) -> Iterator[str]:
    sending, twilio = settings.sending, settings.twilio
    # A lease that ends while the provider may still answer would hand the message to a second worker.
    share = sending.call_s / sending.lease_s
    call = twilio.connect_timeout_s + twilio.read_timeout_s
    if sending.call_s <= call:
        yield (
            f"sending.lease_s must be more than {call / share:g} seconds: one call of Twilio may take"
            " twilio.connect_timeout_s and twilio.read_timeout_s, and then it must be written down."
        )
    # One slow answer before the text is handed over, one to the text itself; SmtpEmail sees to the rest.
    delivery = 2 * settings.smtp.timeout_s
    if sending.call_s < delivery:
        yield (
            f"sending.lease_s must be at least {delivery / share:g} seconds: one mail may take twice smtp.timeout_s,"
            " and then it must be written down."
        )


def _check_practice(settings: Settings) -> Iterator[str]:
    """Nothing leaves: in practice every address that we call is this machine's own."""
    twilio, web = settings.twilio, settings.web
    api = urlsplit(twilio.api_base_url)
    if twilio.account_sid and not (api.scheme == "http" and values.is_loopback(api.hostname or "") and api.port):
        yield _not_here("twilio.api_base_url", "http://127.0.0.1 and a free port, such as http://127.0.0.1:9001")
    if settings.notify.in_use and not values.is_loopback(urlsplit(settings.notify.api_base_url).hostname or ""):
        yield _not_here("notify.api_base_url", "the address of twilio.api_base_url")
    if settings.smtp.host and not values.is_loopback(settings.smtp.host):
        yield _not_here("smtp.host", "127.0.0.1")
    if settings.mail_in.mode == "imap" and settings.mail_in.host and not values.is_loopback(settings.mail_in.host):
        yield _not_here("mail_in.host", "127.0.0.1")  # real mail would be put aside, and answered by a made-up school
    if settings.translation.url and not values.is_loopback(urlsplit(settings.translation.url).hostname or ""):
        yield _not_here("translation.url", "a server on this machine, or translation.service to off")
    if web.public_base_url and not values.is_loopback(urlsplit(web.public_base_url).hostname or ""):
        yield _not_here("web.public_base_url", f"http://127.0.0.1:{web.port}")


def _not_here(key: str, instead: str) -> str:
    return f"{key} is not on this machine: while practice.enabled is true nothing may leave it. Set it to {instead}."


def _check_mail(settings: Settings) -> Iterator[str]:
    smtp = settings.smtp
    if smtp.host and not smtp.from_address:
        yield "smtp.from_address is not set: mail needs an address that it comes from, beside smtp.host."
    if smtp.username and not smtp.password.get_secret_value() and not settings.oauth.token_url:
        yield "smtp.password is not set: smtp.username is, and a login needs both. Write it into the credential."
    if smtp.username and smtp.security == "none" and not values.is_loopback(smtp.host):
        yield "smtp.security is none: a login would cross the network in clear. Set it to starttls or tls."
    if bool(smtp.dkim_selector) != bool(smtp.dkim_private_key.get_secret_value()):
        yield "smtp.dkim_selector and smtp.dkim_private_key go together: set both to sign mail, or neither."


def _check_translation(settings: Settings) -> Iterator[str]:
    translation = settings.translation
    if translation.service == "libretranslate" and not translation.url:
        yield "translation.url is not set: translation.service is libretranslate, which has no address of its own."
    if translation.service == "deepl" and not translation.key.get_secret_value():
        yield "translation.key is not set: DeepL takes no question without one. Write it into the credential."
    if translation.service == "deepl" and not translation.url and settings.practice.enabled:
        yield "translation.service is deepl: while practice.enabled is true nothing may leave. Set it to off."
    if translation.replies and translation.service == "off":
        yield "translation.replies is true, but there is no translation.service that could put them into English."


def _check_notify(settings: Settings) -> Iterator[str]:
    notify = settings.notify
    if not notify.in_use:
        return
    if not notify.api_key.get_secret_value():
        yield _unset("notify.api_key", "Notify takes nothing without it", secret=True)
    if notify.sms_senders and not notify.sms_template:
        yield "notify.sms_template is not set: Notify sends templates. Make one whose body is ((body)), and set its id."
    if 0 < len(notify.callback_token.get_secret_value()) < 20:
        yield (
            "notify.callback_token is too short: whoever guesses it answers for families. Make one of at least 20 "
            "characters that nobody can guess (openssl rand -hex 32), and give it to Notify."
        )
    if notify.email_address and not notify.email_template:
        yield (
            "notify.email_template is not set: Notify sends templates. Make one with the subject ((subject)) and the "
            "body ((body)), and set its id."
        )


def _check_oauth(settings: Settings) -> Iterator[str]:
    oauth = settings.oauth
    if oauth.token_url and not (oauth.client_id and oauth.client_secret.get_secret_value()):
        yield "oauth.client_id and oauth.client_secret are not both set: oauth.token_url gives no token without them."


def _check_mail_in(settings: Settings) -> Iterator[str]:
    mail = settings.mail_in
    if mail.mode == "imap":
        missing = [key for key in ("host", "username") if not getattr(mail, key)]
        for key in missing:
            yield f"mail_in.{key} is not set: a mailbox cannot be watched without it. Or set mail_in.mode to off."
        if not mail.password.get_secret_value() and not settings.oauth.token_url:
            yield f"mail_in.password is not set: write it into the credential, or {_variable('mail_in.password')}."
        if mail.security == "none" and mail.host and not values.is_loopback(mail.host):
            yield "mail_in.security is none: a login would cross the network in clear. Set it to tls or starttls."
    elif mail.mode == "lmtp":
        if not (mail.lmtp_socket or mail.lmtp_beyond or values.is_loopback(mail.lmtp_host)):
            yield (
                "mail_in.lmtp_host is not this machine alone: anybody who reaches it could hand in mail, as LMTP asks"
                " for no password. Set it to 127.0.0.1, or mail_in.lmtp_beyond to true behind a firewall."
            )
        if not (settings.smtp.from_address or settings.smtp.bounce_domain or mail.addresses):
            yield "mail_in.addresses is not set, nor smtp.from_address: mail for no address at all would be taken."


def _check_absence(settings: Settings) -> Iterator[str]:
    if settings.absence.enabled and not settings.absence.safeguarding_lead:
        yield (
            "absence.safeguarding_lead is not set: name the person who takes over a child whom nobody could account"
            " for, or set absence.enabled to false."
        )


def _check_phone_line(settings: Settings) -> Iterator[str]:
    line, twilio = settings.phone_line, settings.twilio
    if not line.enabled:
        return
    if not (twilio.account_sid and twilio.auth_token.get_secret_value()):
        yield "twilio.account_sid or twilio.auth_token is not set: phone_line.enabled is true, and no call comes in so."
    if not (line.numbers or twilio.voice_senders):
        yield "phone_line.numbers is not set, nor twilio.voice_senders: there is no number that families could ring."
    if line.office_number and line.office_number in (*line.numbers, *(s.address for s in twilio.voice_senders)):
        yield "phone_line.office_number is the number that families ring: a call put through would come back again."


def _check_senders(settings: Settings) -> Iterator[str]:
    twilio, notify = settings.twilio, settings.notify
    named = {
        "twilio.sms_senders": [sender.address for sender in twilio.sms_senders],
        "notify.sms_senders": list(notify.senders()),
        "twilio.voice_senders": [sender.address for sender in twilio.voice_senders],
    }
    for key, addresses in named.items():
        for number, address in enumerate(addresses, start=1):
            for fault in identity.faults(address):
                yield f"{key}#{number}.address {fault}."
        if len(set(addresses)) < len(addresses):
            # Two lanes for one number would each believe that they may use its whole rate.
            yield f"{key} has the same address twice: give each number once, with its whole rate."


def _doubt_reach(settings: Settings) -> Iterator[str]:
    twilio = settings.twilio
    if (twilio.sms_senders or twilio.voice_senders) and not settings.web.public_base_url and twilio.poll == "never":
        yield (
            "web.public_base_url is not set and twilio.poll is never: no receipts, and no answers by text, will come"
            " back. Set twilio.poll to auto."
        )
    if twilio.voice_senders and not settings.web.public_base_url:
        yield "web.public_base_url is not set: key presses in calls cannot reach this machine."
    if settings.phone_line.enabled and not settings.web.public_base_url:
        yield "phone_line.enabled is true and web.public_base_url is not set: no call to the school can be answered."


def _doubt_mail(settings: Settings) -> Iterator[str]:
    smtp = settings.smtp
    if smtp.bounce_domain and settings.mail_in.mode == "off":
        yield "smtp.bounce_domain is set and mail_in.mode is off: bounces go to a mailbox that nobody reads."
    if smtp.host and smtp.security == "none" and not values.is_loopback(smtp.host):
        yield "smtp.security is none: mail about pupils crosses the network in clear."


def _doubt_costs(settings: Settings) -> Iterator[str]:
    notify, web = settings.notify, settings.web
    if notify.in_use and web.public_base_url and not notify.callback_token.get_secret_value():
        yield "notify.callback_token is not set: Notify's calls are refused, and its lists are asked now and then."
    costs, twilio = settings.costs, settings.twilio
    if twilio.sms_senders and not costs.pence_per_text_part:
        yield "costs.pence_per_text_part is 0: estimates leave out the price of texts. Take it from your contract."
    if twilio.voice_senders and not costs.pence_per_call_minute:
        yield "costs.pence_per_call_minute is 0: estimates leave out the price of calls. Take it from your contract."
