"""Email, out and in, by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from channels.base import Channel, Medium, Receiver
from channels.email_dkim import Signer
from channels.email_smtp import SmtpEmail, SmtpServer
from channels.oauth import Client, Tokens
from config.settings import Settings
from gateway import context, senders


def channels(settings: Settings) -> list[Channel]:
    """The one that sends, where there is a mail server."""
    return [SmtpEmail(server(settings), now=context.utc_now)] if settings.smtp.host else []


def wanted_senders(settings: Settings) -> list[senders.Wanted]:
    """The From address that the settings give."""
    smtp = settings.smtp
    if not smtp.host or not smtp.from_address:
        return []
    rate = smtp.messages_per_second
    return [senders.Wanted(SmtpEmail.name, Medium.EMAIL, smtp.from_address, rate, max(1.0, rate / 10))]


def receivers(settings: Settings) -> tuple[Receiver, ...]:
    """The ways in that are set up. What only they need is imported here, as most schools have none or one."""
    mail = settings.mail_in
    if mail.mode == "imap":
        from channels import imap_session, mail_reading, mailbox_imap

        mailbox = imap_session.Mailbox(
            host=mail.host,
            port=mail.port,
            username=mail.username,
            password=mail.password.get_secret_value(),
            security=mail.security,
            ca_file=str(mail.ca_file or ""),
            folder=mail.folder,
            taken=mail.taken,
            poll=mail.poll_s,
            most_bytes=mail.max_bytes,
            timeout=mail.timeout_s,
            tokens=None if mail.password.get_secret_value() else _tokens(settings),
        )
        keep = timedelta(days=mail.max_age_days)
        return (mailbox_imap.ImapMailbox(mailbox, read=mail_reading.read, now=context.utc_now, keep=keep),)
    if mail.mode == "lmtp":
        from channels import mail_lmtp, mail_reading

        addresses = (settings.smtp.from_address, *mail.addresses)
        door = mail_lmtp.Door(
            host=mail.lmtp_host,
            port=mail.lmtp_port,
            path=mail.lmtp_socket,
            beyond=mail.lmtp_beyond,
            addresses=tuple(address for address in addresses if address),
            bounce_domain=settings.smtp.bounce_domain,
            most_bytes=mail.max_bytes,
        )
        return (mail_lmtp.LmtpDoor(door, read=mail_reading.read, now=context.utc_now),)
    return ()


def server(settings: Settings) -> SmtpServer:
    """The server that takes our mail."""
    smtp = settings.smtp
    return SmtpServer(
        host=smtp.host,
        port=smtp.port,
        username=smtp.username,
        password=smtp.password.get_secret_value(),
        security=smtp.security,
        ca_file=str(smtp.ca_file or ""),
        pool_size=smtp.pool_size,
        timeout=smtp.timeout_s,
        deadline=settings.sending.call_s,
        bounce_domain=smtp.bounce_domain,
        school_name=smtp.from_name or settings.school.name,
        tokens=_tokens(settings) if smtp.username and not smtp.password.get_secret_value() else None,
        from_address=smtp.from_address,
        dkim=_signer(settings),
    )


def _tokens(settings: Settings) -> Tokens | None:
    oauth = settings.oauth
    if not oauth.token_url:
        return None
    secret, ca_file = oauth.client_secret.get_secret_value(), str(oauth.ca_file or "")
    return Tokens(Client(oauth.token_url, oauth.client_id, secret, oauth.scope, ca_file))


def _signer(settings: Settings) -> Signer | None:
    smtp = settings.smtp
    if not smtp.dkim_selector:
        return None
    domain = smtp.dkim_domain or smtp.from_address.rpartition("@")[2]
    return Signer(domain, smtp.dkim_selector, smtp.dkim_private_key.get_secret_value())


def explain_bounce(raw: bytes) -> Mapping[str, object]:
    """Say of a mail whether it is a bounce, and of each address that it is about what became of it there."""
    from channels import mail_explaining

    return mail_explaining.bounce(raw)


def explain_email(raw: bytes, *, suffix: str = ".eml") -> Mapping[str, object]:
    """Say of a mail whether a machine wrote it, and which words are new. A ``.txt`` or ``.html`` is its body alone."""
    from channels import mail_explaining

    return mail_explaining.email(raw, suffix=suffix)


def new_words(text: str) -> str:
    """Give what is new in the text of a mail: without what it quotes."""
    from channels import quoting

    return quoting.new_words(text)
