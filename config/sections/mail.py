"""Email, out and in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config import values


class Smtp(values.Section):
    """Email."""

    host: values.HostName = Field(default="", description="The mail server that takes our mail; empty: no email")
    port: int = Field(default=587, ge=1, le=65535, description="Port of that server, see security")
    username: str = Field(default="", description="Login, where it asks for one")
    password: SecretStr = Field(default=values.NO_SECRET, description="Password of that login")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls (port 587), tls (port 465), or none inside this machine"
    )
    from_address: values.MailAddress = Field(default="", description="Address that mail is sent from")
    from_name: str = Field(default="", max_length=80, description="Name beside it; empty: the school's name")
    bounce_domain: values.HostName = Field(
        default="",
        description="Domain of the envelope sender bounce+ID@…, where a mailbox takes those; "
        "empty: bounces go to from_address",
    )
    dkim_selector: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)?$",
        description="Name under which DNS has the public key that mail is signed with (DKIM); "
        "empty: the mail server signs, or nobody",
    )
    dkim_private_key: SecretStr = Field(
        default=values.NO_SECRET, description="The private RSA key for that, PEM: openssl genrsa -out dkim.pem 2048"
    )
    dkim_domain: values.HostName = Field(default="", description="Domain that signs; empty: the domain of from_address")
    messages_per_second: float = Field(
        default=10.0, gt=0, le=10_000, description="Mails a second that the server allows"
    )
    pool_size: int = Field(
        default=4, ge=1, le=100, description="Connections kept open to the server, and mails in flight at once"
    )
    ca_file: Path | None = Field(
        default=None, description="Certificate authority of the server, where it is the school's own"
    )
    timeout_s: float = Field(
        default=30.0, gt=0, le=300, description="Patience for each answer of the server, in seconds"
    )


class OAuth(values.Section):
    """Logins by token, for mail servers that take no password any more (Microsoft 365).

    Where ``token_url`` is set, the logins of smtp and mail_in that have no password use a token.
    """

    token_url: values.WebAddress = Field(
        default="",
        description="Where tokens are given: https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
    )
    client_id: str = Field(default="", description="Id of the application that was registered for Handbell there")
    client_secret: SecretStr = Field(default=values.NO_SECRET, description="Secret that belongs to that id")
    scope: str = Field(default="https://outlook.office365.com/.default", description="What it may do")
    ca_file: Path | None = Field(
        default=None, description="Certificate authority of that server, where it is not public"
    )


class MailIn(values.Section):
    """Mail that comes in: families' answers, bounces, out-of-office notes."""

    mode: Literal["off", "imap", "lmtp"] = Field(
        default="off",
        description="imap: Handbell watches a mailbox; lmtp: the school's own mail server hands it over; off: neither",
    )
    host: values.HostName = Field(default="", description="imap: the mail server")
    port: int = Field(default=993, ge=1, le=65535, description="imap: its port")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="imap: tls (port 993), starttls (port 143), or none inside this machine"
    )
    username: str = Field(default="", description="imap: login of the mailbox")
    password: SecretStr = Field(default=values.NO_SECRET, description="imap: password of that login")
    ca_file: Path | None = Field(
        default=None, description="imap: certificate authority of the server, where it is the school's own"
    )
    folder: str = Field(
        default="INBOX", min_length=1, description="imap: the folder to watch; all mail in it is taken in"
    )
    taken: Literal["move", "flag"] = Field(
        default="move",
        description="imap: what becomes of a mail that was taken in. move: into the folder Handbell/Done; flag: it "
        "stays where it is, unread if it was, with an invisible mark, which not every server keeps",
    )
    poll_s: float = Field(
        default=60.0,
        ge=1,
        le=1500,
        description="imap: pause between two looks, in seconds; servers that announce new mail are looked at "
        "at once, and at this pace besides",
    )
    max_age_days: int = Field(
        default=90, ge=1, le=3650, description="imap: mail that is older was there before Handbell, and is left alone"
    )
    timeout_s: float = Field(
        default=30.0, gt=0, le=300, description="imap: patience for each answer of the server, in seconds"
    )
    lmtp_host: str = Field(min_length=1, default="127.0.0.1", description="lmtp: address to listen on")
    lmtp_port: int = Field(default=8024, ge=1, le=65535, description="lmtp: port to listen on")
    lmtp_socket: Path | None = Field(
        default=None, description="lmtp: a Unix socket instead of address and port; its folder's group may connect"
    )
    lmtp_beyond: bool = Field(
        default=False,
        description="lmtp: listen beyond this machine too; it asks for no password, so a firewall must stand before it",
    )
    addresses: Annotated[tuple[values.MailAddress, ...], values.Listed] = Field(
        default=(),
        description="lmtp: addresses whose mail is ours, beside smtp.from_address and bounce+ID@ smtp.bounce_domain",
    )
    max_bytes: int = Field(
        default=26_214_400,
        ge=100_000,
        le=1_073_741_824,
        description="Largest mail, in bytes (25 MB). A larger one is refused (lmtp), or its beginning is read (imap)",
    )
