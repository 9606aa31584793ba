"""The settings themselves, section by section. The descriptions here are the documentation (see ``reference``).

Times end in ``_s`` (seconds), money is in pence, rates are per second. Where a default is a figure of the trade, it is
a proposal of ours and no fact: every provider's contract differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from config import values

_NO_SECRET = SecretStr("")
#: Pauses between two looks at Twilio's lists, in seconds: where they are the only way in, and where webhooks are.
_POLL_S, _CATCH_UP_S = 30.0, 900.0


class School(values.Section):
    """The school that speaks."""

    name: str = Field(default="Practice School", min_length=1, max_length=80, description="The school's full name")
    short_name: str = Field(
        default="Practice", min_length=1, max_length=20, description="Begins every text, 20 characters at most"
    )
    phone: values.Phone = Field(
        default="020 7946 0000", description="The office's number, as families are asked to ring it"
    )
    timezone: values.TimeZone = Field(default="Europe/London", description="Time zone of all dates and times on paper")
    language: values.LanguageTag = Field(default="en", description="Language for families who have named none")


class Database(values.Section):
    """Where everything is kept."""

    url: values.DatabaseUrl = Field(
        default="",
        description="sqlite:///file or postgresql://user@host/name; empty: a file handbell.sqlite3 in state_dir",
    )
    password: SecretStr = Field(
        default=_NO_SECRET, description="PostgreSQL password; one written inside url is moved here when it is read"
    )
    state_dir: Path = Field(
        default=Path("/var/lib/handbell"),
        description="Folder for the SQLite file and locks; systemd's STATE_DIRECTORY sets it",
    )

    @model_validator(mode="before")
    @classmethod
    def _move_password(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        url, password = values.part_password(data["url"])
        if not password:
            return data
        if data.get("password"):
            raise ValueError("must have its password once, not in url and in password too")
        return {**data, "url": url, "password": password}

    def dsn(self) -> str:
        """Give the address for SQLAlchemy, with its driver and its password: for the driver alone, never for a log."""
        url = self.url or f"sqlite+aiosqlite:///{self.state_dir / 'handbell.sqlite3'}"
        return values.join_password(url, self.password.get_secret_value())


class Web(values.Section):
    """The HTTP side: webhooks of the providers, the API, unsubscribe links, health."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on")
    public_base_url: values.WebAddress = Field(
        default="",
        description="How providers and families reach this machine, https://…; empty: they cannot, see twilio.poll",
    )
    max_body_bytes: int = Field(
        default=10_485_760, ge=65_536, le=1_073_741_824, description="Largest upload, such as a pupil list, in bytes"
    )


class TextSender(values.Section):
    """One number, messaging service or name that texts are sent as."""

    address: values.TextSender = Field(
        description="+44… number, MG… messaging service, or a name of up to 11 letters and digits"
    )
    parts_per_second: float = Field(
        default=1.0, gt=0, le=2000, description="Text parts a second that the provider's contract allows"
    )
    burst: int = Field(default=1, ge=1, le=10_000, description="Text parts that may leave at once after a rest")


class VoiceSender(values.Section):
    """One number that calls are made from."""

    address: values.Number = Field(description="+44… number that families can ring back")
    calls_per_second: float = Field(
        default=1.0, gt=0, le=100, description="New calls a second that the contract allows"
    )
    burst: int = Field(default=1, ge=1, le=100, description="Calls that may start at once after a rest")


class SharedKey(values.Section):
    """One of Twilio's webhook keys (HMAC-SHA256)."""

    key_id: str = Field(min_length=1, description="Its name in the header X-Twilio-Webhooks-Signature-Settings")
    secret: SecretStr = Field(min_length=1, description="The key itself")


class Twilio(values.Section):
    """Texts and calls."""

    account_sid: values.AccountSid = Field(default="", description="The account's SID, which begins with AC")
    auth_token: SecretStr = Field(default=_NO_SECRET, description="The account's auth token")
    accepted_tokens: Annotated[tuple[SecretStr, ...], values.Listed] = Field(
        default=(), description="Further tokens that may sign webhooks, while the token is being changed"
    )
    shared_keys: Annotated[tuple[SharedKey, ...], values.Listed] = Field(
        default=(), description="Keys that may sign webhooks by HMAC-SHA256"
    )
    api_base_url: values.WebAddress = Field(
        default="https://api.twilio.com", min_length=1, description="Where Twilio's API answers"
    )
    sms_senders: Annotated[tuple[TextSender, ...], values.Listed] = Field(
        default=(), description="What texts are sent as"
    )
    voice_senders: Annotated[tuple[VoiceSender, ...], values.Listed] = Field(
        default=(), description="Numbers that calls are made from"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Patience for a connection, in seconds")
    read_timeout_s: float = Field(default=15.0, gt=0, le=120, description="Patience for an answer, in seconds")
    poll: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Whether we ask Twilio for texts and receipts. auto: often where web.public_base_url is empty, as "
        "nothing comes back otherwise, else now and then, to catch what a webhook missed; always: often; never: not",
    )
    poll_every_s: float | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="Pause between two looks, in seconds: the delay of answers and receipts where nothing else brings "
        "them. Not set: 30, or 900 where it is only to catch what was missed",
    )
    # No DetectMessageEnd: Twilio listens beside the call, which never waits for a beep, so it would only report later.
    answering_machine_detection: Literal["off", "enable"] = Field(
        default="off",
        description="enable: Twilio says, for a charge per call, whether a machine answered; "
        "calls never wait for that, and are safe without it: a key opens them",
    )

    voices: Annotated[tuple[values.VoiceChoice, ...], values.Listed] = Field(
        default=(),
        description="Voices of your own choice, such as “pl: Polly.Ewa”; “cy:” alone: none, only recordings",
    )

    def chosen_voices(self) -> dict[str, str]:
        """Give the school's own voices: language -> name, ``""`` for none at all."""
        return {tag.strip(): name.strip() for tag, _, name in (one.partition(":") for one in self.voices)}

    def look_every_s(self, *, called_back: bool) -> float | None:
        """Give the pause between two looks at Twilio's lists, in seconds; None where there are none.

        ``called_back``  whether Twilio can reach us
        """
        if self.poll == "never":
            return None
        catch_up = called_back and self.poll == "auto"
        return self.poll_every_s or (_CATCH_UP_S if catch_up else _POLL_S)


class Smtp(values.Section):
    """Email."""

    host: values.HostName = Field(default="", description="The mail server that takes our mail; empty: no email")
    port: int = Field(default=587, ge=1, le=65535, description="Its port")
    username: str = Field(default="", description="Login, where it asks for one")
    password: SecretStr = Field(default=_NO_SECRET, description="Password of that login")
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
        default=_NO_SECRET, description="The private RSA key for that, PEM: openssl genrsa -out dkim.pem 2048"
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
    client_secret: SecretStr = Field(default=_NO_SECRET, description="Its secret")
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
    password: SecretStr = Field(default=_NO_SECRET, description="imap: password of that login")
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


class Retry(values.Section):
    """How often and how far apart we try again what was certainly not taken."""

    base_s: float = Field(gt=0, description="Wait before the second try, in seconds; it doubles from try to try")
    max_s: float = Field(gt=0, le=86_400, description="Longest wait between two tries, in seconds")
    max_attempts: int = Field(ge=1, le=100, description="Tries in all; then the message has failed")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_s < self.base_s:
            raise ValueError("must have a max_s that is no less than its base_s")
        return self


def _over(default: Retry) -> BeforeValidator:
    """Let a section that gives only some of the three figures keep the medium's own defaults for the rest."""
    return BeforeValidator(lambda given: {**default.model_dump(), **given} if isinstance(given, dict) else given)


_SMS_RETRY = Retry(base_s=5, max_s=600, max_attempts=8)
_EMAIL_RETRY = Retry(base_s=300, max_s=21_600, max_attempts=14)
_VOICE_RETRY = Retry(base_s=300, max_s=1800, max_attempts=4)


class Retries(values.Section):
    """Trying again, by medium."""

    sms: Annotated[Retry, _over(_SMS_RETRY)] = Field(default=_SMS_RETRY, description="Texts: about ten minutes in all")
    email: Annotated[Retry, _over(_EMAIL_RETRY)] = Field(default=_EMAIL_RETRY, description="Email: two days in all")
    voice: Annotated[Retry, _over(_VOICE_RETRY)] = Field(default=_VOICE_RETRY, description="Calls: half an hour in all")


class Sending(values.Section):
    """How the outbox works."""

    concurrency: int = Field(default=20, ge=1, le=1000, description="Texts or calls in flight at once for each sender")
    urgent_slots: int = Field(
        default=4, ge=0, description="How many of them are kept free for emergencies and absences"
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        le=3600,
        description="After this a claimed message counts as left behind, in seconds; "
        "keep TimeoutStopSec of the systemd unit above it",
    )
    poll_s: float = Field(
        default=1.0, gt=0, le=60, description="Pause between two looks at an empty outbox, in seconds"
    )
    in_doubt_grace_s: float = Field(
        default=60.0, gt=0, le=3600, description="Wait before we ask the provider about a message in doubt, in seconds"
    )
    in_doubt_patience_s: float = Field(
        default=600.0, gt=0, le=86_400, description="How long we look for evidence before staff must decide, in seconds"
    )
    sweep_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Pause between two looks for messages that a worker left behind, and for evidence about doubts, "
        "in seconds",
    )
    lane_hold_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="How long a sender rests after trouble that concerns all its messages, in seconds, "
        "where the provider does not say",
    )
    retry: Retries = Retries()

    @property
    def call_s(self) -> float:
        """The longest that one provider call may take, in seconds; the rest of the lease is for writing it down."""
        return 0.8 * self.lease_s

    @model_validator(mode="after")
    def _check_slots(self) -> Self:
        if self.urgent_slots >= self.concurrency:
            raise ValueError("must have fewer urgent_slots than its concurrency, or nothing else is ever sent")
        return self


class Answers(values.Section):
    """What Handbell answers by itself, such as that it opens no pictures. The limits keep two machines from a chat.

    The figures are proposals of ours: no family runs into them, and a loop ends after a few pence.
    """

    per_hour: int = Field(default=3, ge=0, le=100, description="Automatic answers to one number in an hour; 0: none")
    per_day: int = Field(default=6, ge=0, le=1000, description="Automatic answers to one number in a day; 0: none")
    same_words_per_hour: int = Field(
        default=5, ge=2, le=1000, description="The same words so often from one number in an hour: staff are told"
    )
    words: Path | None = Field(
        default=None,
        description="Folder of the school's own words for understanding what families write, a file for a language "
        "(docs/replies.md)",
    )


_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_WITHIN = r"^([1-9][0-9]{0,2}[mh]|[1-9][0-9]?d)$"


class Desk(values.Section):
    """What is promised to families who write: who answers, and by when. Counted in office hours of school days.

    The school's days are those of absence.calendar. The figures are proposals of ours, for the school to publish.
    """

    acknowledge: bool = Field(
        default=True, description="Tell families at once, in their language, who will answer and by when"
    )
    answered_by: str = Field(
        default="", max_length=60, description="Who answers, as families read it; empty: the school office"
    )
    opens: str = Field(default="08:00", pattern=_CLOCK, description="When the office opens, as 08:00")
    closes: str = Field(default="16:00", pattern=_CLOCK, description="When it closes")
    absence_within: str = Field(
        default="15m", pattern=_WITHIN, description="An answer about an absence that a person must read: 15m, 2h or 1d"
    )
    question_within: str = Field(
        default="1d", pattern=_WITHIN, description="Any other question: 1d is one school day of office hours"
    )
    complaint_within: str = Field(default="1d", pattern=_WITHIN, description="A first answer to a complaint")
    canned: Path | None = Field(
        default=None, description="The school's canned answers, a .toml file; not set: those of Handbell"
    )

    @model_validator(mode="after")
    def _check_hours(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("must have an office that closes later than it opens")
        return self


class Absence(values.Section):
    """The absence check: marks of the registers in, and every child accounted for."""

    enabled: bool = Field(default=False, description="Ask families why a child is not in school")
    codes: str = Field(
        default="england",
        min_length=1,
        description="The set of register codes: one that comes with Handbell, or the path of a .toml file of your own",
    )
    calendar: Path | None = Field(
        default=None, description="Your terms, closed days and session times, a .toml file; not set: every weekday"
    )
    ladder: Path | None = Field(
        default=None, description="Who is asked when, and what follows, a .toml file; not set: the one of Handbell"
    )
    teachers: Path | None = Field(
        default=None,
        description="Who takes the register of which form, a .toml file; not set: the office is asked",
    )
    marks_folder: Path | None = Field(
        default=None, description="Folder that the MIS drops register marks into, as CSV; it is watched"
    )
    safeguarding_lead: str = Field(
        default="", max_length=80, description="The person who takes over what the ladder could not settle, by name"
    )
    alert_numbers: Annotated[tuple[values.Number, ...], values.Listed] = Field(
        default=(), description="Mobiles of staff, +44…, that get a text when a child may be missing or unsafe"
    )
    call_after_stop: bool = Field(
        default=True,
        description="Ring a parent who has stopped texts by STOP, to ask where a child is: STOP is a word about texts",
    )
    record: Annotated[tuple[Literal["illness", "medical_appointment"], ...], values.Listed] = Field(
        default=(),
        description="Answers whose code is written down without a person: illness, medical_appointment, or none",
    )
    most_at_once_percent: int = Field(
        default=30,
        ge=1,
        le=100,
        description="Where more of the pupils are absent without a reason, a person looks at the register first",
    )


class PhoneLine(values.Section):
    """The school's number, which families ring: absences by keys, voice messages, the office in its hours."""

    enabled: bool = Field(default=False, description="Answer calls to the school's number; needs web.public_base_url")
    numbers: Annotated[tuple[values.Number, ...], values.Listed] = Field(
        default=(), description="The numbers of yours that families ring, +44…; not set: those of twilio.voice_senders"
    )
    office_number: values.NumberIfAny = Field(
        default="", description="Telephone in the office, +44…, that callers are put through to; not set: nobody is"
    )
    office_opens: values.Clock = Field(
        default="08:00", description="From when the office takes calls on a school day, on the school's clock"
    )
    office_closes: values.Clock = Field(
        default="16:30", description="Until when the office takes calls on a school day"
    )
    ring_s: int = Field(default=25, ge=5, le=120, description="How long the office's telephone rings")
    longest_message_s: int = Field(default=120, ge=10, le=600, description="Longest voice message")
    retention_days: int = Field(
        default=90, ge=1, le=3650, description="For how many days a voice message is kept; that there was one stays"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.office_closes <= self.office_opens:
            raise ValueError("office_closes must be later than office_opens")
        return self


class Costs(values.Section):
    """What your provider charges, in pence. Handbell knows no prices: estimates are as good as these figures."""

    pence_per_text_part: float = Field(default=0.0, ge=0, le=1000, description="One part of a text")
    pence_per_call_minute: float = Field(default=0.0, ge=0, le=1000, description="One begun minute of a call")
    pence_per_email: float = Field(default=0.0, ge=0, le=1000, description="One email")


class Languages(values.Section):
    """Translations."""

    allow_drafts: bool = Field(default=False, description="Send translations that no person has reviewed yet")
    fold_accents: Annotated[tuple[values.LanguageTag, ...], values.Listed] = Field(
        default=(), description="Languages texted without accents, such as pl, where that saves a part: Prosze"
    )
    folder: Path | None = Field(
        default=None,
        description="Folder of the school's own translations, laid over ours (docs/languages.md); "
        "empty: words in database.state_dir",
    )
    instead: Annotated[tuple[values.LanguagesInstead, ...], values.Listed] = Field(
        default=(),
        description="What comes before English where there are no words in a family's language and it named no second "
        "one, such as “ps: fa ur”. There is no list of ours: which languages are near is for your families to say",
    )

    def chosen_instead(self) -> dict[str, tuple[str, ...]]:
        """Give the school's own choices: language on file -> the languages to try."""
        return {tag.strip(): tuple(tags.split()) for tag, _, tags in (one.partition(":") for one in self.instead)}


class Translation(values.Section):
    """A service that drafts translations of the school's own words, which leave the school for it.

    What they are, and what never leaves, says docs/translating.md.
    """

    service: Literal["off", "libretranslate", "deepl"] = Field(
        default="off", description="libretranslate: a server that speaks LibreTranslate's API; deepl; off: none"
    )
    url: values.WebAddress = Field(default="", description="Where it answers; empty: DeepL's own address")
    key: SecretStr = Field(default=_NO_SECRET, description="The key that it asks for")
    pence_per_million_characters: float = Field(
        default=0.0,
        ge=0,
        le=1_000_000,
        description="What it charges, for the cost that is shown before anything is sent",
    )
    timeout_s: float = Field(default=30.0, gt=0, le=300, description="Patience for an answer, in seconds")
    glossary: Path | None = Field(
        default=None, description="The school's own terms and how each language puts them, a .toml file"
    )
    replies: bool = Field(
        default=False,
        description="Send it what families answer in other languages too, for an English gist; that is personal data",
    )


class Audit(values.Section):
    """The record of every deed."""

    key: SecretStr = Field(
        default=_NO_SECRET,
        description="Key of the record's seal, 32 characters or more; keep a copy away from this machine",
    )
    seal_every_s: float = Field(default=1.0, gt=0, le=60, description="Pause between two seals, in seconds")


class Practice(values.Section):
    """A made-up school and a simulated outside world: nothing leaves the machine."""

    enabled: bool = Field(default=False, description="Practise instead of sending")
    seed: int = Field(default=1, ge=0, description="Which made-up school: the same number gives the same families")


class Log(values.Section):
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is written")
    format: Literal["json", "console"] = Field(default="json", description="json for machines, console for people")
