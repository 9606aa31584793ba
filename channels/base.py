"""The contract between the gateway and every provider. Standard library only.

A channel is handed an :class:`Outgoing` and gives back a :class:`SendResult`: failure is a value with facts, so that
nobody has to guess from an exception what happened on the wire. Whatever comes back later is a :class:`Receipt`
(a provider's word about one of our messages) or a :class:`Reply` (words or key presses of a person).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Medium(StrEnum):
    """How words travel."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"


class Outcome(StrEnum):
    """What is known of one provider call."""

    ACCEPTED = "accepted"  #: the provider took it and named it
    REFUSED = "refused"  #: the provider says that it did not take it, and never will
    RETRY = "retry"  #: certainly not taken; may be tried again
    UNKNOWN = "unknown"  #: it may have been taken; only evidence can decide


class Reason(StrEnum):
    """Why something failed: one closed vocabulary for every provider."""

    BAD_ADDRESS = "bad_address"  #: no such number or mailbox
    NO_TEXTS = "no_texts"  #: a number that takes no texts, such as a landline; it may still ring
    GONE = "gone"  #: nobody knows this phone or mailbox at the moment: sure only when it is said again another day
    OPTED_OUT = "opted_out"  #: the person told the provider to stop
    BLOCKED = "blocked"  #: the network or the handset refuses us
    UNREACHABLE = "unreachable"  #: switched off, no signal
    FULL = "full"  #: the mailbox is full
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"  #: a machine answered, or nobody pressed a key
    CONTENT = "content"  #: the words were refused: too long, empty
    FILTERED = "filtered"  #: taken for spam by the networks
    RATE = "rate"  #: too fast for the provider
    AUTH = "auth"  #: our credentials or our account
    CONFIG = "config"  #: our settings: sender, region, route
    TEMPORARY = "temporary"  #: the provider's own trouble
    EXPIRED = "expired"  #: the provider gave up within the validity that we asked for
    OTHER = "other"  #: a word that is not in the table; the raw event is kept


class ReceiptState(StrEnum):
    """A provider's later word about a message."""

    ACCEPTED = "accepted"  #: on its way (queued, sent, ringing)
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Saying:
    """Words that are heard in a call, in the language of ``locale``.

    ``url``  where a recording of them is to be had, which is played instead; ``""`` where a machine voice says them
    """

    locale: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """Whom key 0 leads to, when it is for a person.

    ``number``   to put the call through to, E.164; ``""`` while nobody is there
    ``through``  said before it rings there
    ``nobody``   said where it does not ring, or nobody answers; somebody is told that this family wants to be rung
    """

    number: str
    ring_seconds: int
    through: str
    nobody: str


@dataclass(frozen=True, slots=True)
class CallScript:
    """What a voice call says. Until a key is pressed only ``opening`` and ``fallback`` are heard: nothing private.

    ``opening``  who calls, and which key to press to hear the message
    ``fallback`` for a machine or a silent line: the school's name and its number, no more
    ``menu``     said after the message, when an answer is expected
    ``thanks``   said after an answer key
    ``again``    said when a key that is not on the menu was pressed
    ``zero``     said after the opening: what key 0 is for, another language or a person; None where it is for nothing
    ``other``    the same call in that other language
    ``office``   who that person is
    ``sounds``   for the parts above and ``body``: what is heard instead, piece by piece, in a language without a voice
    """

    opening: str
    fallback: str
    menu: str = ""
    thanks: str = ""
    again: str = ""
    zero: Saying | None = None
    other: CallVersion | None = None
    office: Office | None = None
    sounds: Mapping[str, Sequence[Saying]] = field(default_factory=dict[str, Sequence[Saying]])


@dataclass(frozen=True, slots=True)
class CallVersion:
    """A call in one language: its private part and what is said around it."""

    locale: str
    body: str
    script: CallScript


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with an email. ``content_type`` as ``application/pdf``; ``name`` without a folder."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that a channel may know of a message.

    ``id``            our message id: goes into the callback URL, or is the Message-ID of an email
    ``attempt``       1, 2, 3 …: which try this is
    ``to``            E.164 number or email address
    ``sender``        the number, messaging service or From address to send as
    ``body``          the text, the plain part of an email, or the private part of a call
    ``html``          the HTML part of an email
    ``locale``        BCP 47 tag of ``body``, e.g. ``pl`` or ``ur``
    ``callback_url``  base of our public webhooks, ``""`` where the provider cannot reach us
    ``keys``          the key presses or words that answer the message, in the order of the menu
    ``valid_seconds`` after this many seconds the provider should give up, or None
    ``unsubscribe_url``  one-click address (RFC 8058), ``""`` on what is mandatory
    ``attachments``   files of an email, an ``.ics`` among them; other media carry none
    ``in_reply_to``   Message-ID of the email that this one answers, with its brackets, or ``""``
    """

    id: str
    to: str
    sender: str
    body: str
    attempt: int = 1
    subject: str = ""
    html: str = ""
    locale: str = "en"
    callback_url: str = ""
    keys: tuple[str, ...] = ()
    script: CallScript | None = None
    valid_seconds: int | None = None
    unsubscribe_url: str = ""
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of one provider call.

    ``ref``   the provider's id of the message, ``""`` if it gave none
    ``code``  the provider's own code as text (``21610``, ``550 5.1.1``)
    ``text``  a sentence for staff and logs; never the message's words nor a whole number
    ``wait``  seconds the provider asked us to wait, or None
    ``lane_wide``  the trouble is the sender's or the account's, not this message's: the whole lane must hold back
    """

    outcome: Outcome
    ref: str = ""
    code: str = ""
    reason: Reason | None = None
    text: str = ""
    wait: float | None = None
    lane_wide: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's word about one of our messages.

    ``message_id``  ours, from the callback URL or the VERP address; ``""`` when only ``ref`` is known
    ``attempt``     which try of ours it speaks of, from the callback URL; 0 when it does not say
    ``event_id``    unique per event and stable over re-deliveries of the same event
    ``hung_up``     a call came to its end; it failed only if nobody had pressed a key in it before
    ``address``     whom it speaks of, where it names somebody: a bounce does
    ``lane_wide``   the trouble is the sender's or the account's, not this message's
    """

    message_id: str
    ref: str
    state: ReceiptState
    event_id: str
    at: datetime
    reason: Reason | None = None
    code: str = ""
    attempt: int = 0
    hung_up: bool = False
    address: str = ""
    lane_wide: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """Words or key presses of a person.

    ``sender``       the address that they came from; ``to`` the address of ours that they reached
    ``keys``         the keys pressed, for a call
    ``in_reply_to``  our message id where the provider ties the two, else ``""``
    ``media``        how many attachments were sent along (they are not fetched)
    ``automatic``    what sort of machine wrote it, ``""`` for a person: a machine's words are nobody's answer
    ``unasked``      said of the person's own accord: it answers none of our messages, whatever went out before
    """

    medium: Medium
    sender: str
    to: str
    body: str
    event_id: str
    at: datetime
    keys: str = ""
    in_reply_to: str = ""
    media: int = 0
    automatic: str = ""
    unasked: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)


Event = Receipt | Reply


class Found(StrEnum):
    """What a look into the provider's own list says about a doubtful message."""

    HERE = "here"
    ABSENT = "absent"
    CANNOT_TELL = "cannot_tell"  #: it was asked, or has no list at all, and nobody is the wiser
    NOT_NOW = "not_now"  #: it could not be asked (not reached, too busy, refused us): that says nothing of the message


@dataclass(frozen=True, slots=True)
class FindResult:
    """``refs`` are the provider's ids that fit, oldest first; the caller takes the first that no other row owns.

    ``moments``  when each was made, as our own clock would have it, to some three seconds; empty: nobody knows
    """

    found: Found
    refs: tuple[str, ...] = ()
    moments: tuple[datetime, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One webhook call as it came. ``url`` is the configured public base plus path and query, as the provider saw it.

    ``headers`` have lower-case names. ``form`` keeps every value of every key, blanks included.
    """

    method: str
    url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    body: bytes
    at: datetime

    def one(self, name: str) -> str:
        """Give the first value of a form field, ``""`` when it is missing."""
        values = self.form.get(name)
        return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class HookResponse:
    """What to answer the provider with."""

    status: int = 200
    content_type: str = "text/xml"
    body: str = "<?xml version='1.0' encoding='UTF-8'?><Response/>"


class BadSignature(Exception):
    """The webhook was not signed by the provider, or not for this address. ``str()`` says what was wrong."""


class Misconfigured(Exception):
    """The channel's settings cannot work; ``str()`` is a sentence that names the setting."""


@runtime_checkable
class Channel(Protocol):
    """One way out. ``send`` never raises for what happens on the wire, only for our own bugs."""

    name: str
    medium: Medium

    async def open(self) -> None:
        """Make connections and pools ready; called once, inside the running loop."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...

    async def send(self, message: Outgoing) -> SendResult:
        """Hand one message to the provider, once."""
        ...

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        """Look for a doubtful message in the provider's own list."""
        ...

    async def check(self) -> str:
        """Prove that the provider answers and knows us. Gives a sentence for ``handbell doctor``.

        Raises :class:`Misconfigured` with a sentence when it does not.
        """
        ...

    def speaks(self, locale: str) -> bool:
        """Whether this wire can carry the language (always true but for voices)."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """A channel that cannot carry everything: letters that it would spoil, files, other countries."""

    def takes(self, to: str, body: str, *, files: bool) -> bool:
        """Whether these words can go to this address as they are."""
        ...


@runtime_checkable
class KnowsIds(Protocol):
    """A channel that finds a message by our id: of one that was made anew, after a restore, that one says nothing."""

    async def find_alike(self, message: Outgoing, since: datetime) -> FindResult:
        """Look for what went to the same address with the same words, under whatever id.

        ABSENT where nothing at all went there in that time; other words prove nothing.
        """
        ...


@runtime_checkable
class Callbacks(Protocol):
    """A channel that the provider calls back."""

    def verify(self, request: HookRequest) -> None:
        """Raise :class:`BadSignature` unless the provider signed this request."""
        ...

    def parse(self, request: HookRequest) -> Sequence[Event]:
        """Translate into our vocabulary. An unknown word becomes ``other``, never an error."""
        ...

    def answer(self, request: HookRequest, events: Sequence[Event], message: Outgoing | None) -> HookResponse:
        """What the provider is told; ``message`` is the one that the events are about, if it is known."""
        ...


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that ``handbell doctor`` says of a channel beside that it answers. ``cure`` is empty where all is well.

    ``severe`` is what families would notice: mail that is refused, answers that never come.
    """

    sentence: str
    cure: str = ""
    severe: bool = False


@runtime_checkable
class Advises(Protocol):
    """A channel that looks at its surroundings: DNS records, the way back."""

    async def advise(self) -> Sequence[Advice]:
        """Look, in a few seconds at most. Never raises for what it finds or cannot find."""
        ...


@runtime_checkable
class TellsTime(Protocol):
    """A channel whose provider says in its answers what time it is."""

    @property
    def ahead(self) -> timedelta | None:
        """By how much the provider's clock is ahead of ours, as of its last answer; None while nobody knows."""
        ...


class CouldNotScrub(Exception):
    """A provider still has the words of a message; ``str()`` is a sentence for the journal, without any of them."""


@runtime_checkable
class Scrubs(Protocol):
    """A channel whose provider keeps words, and deletes them when it is asked to."""

    medium: Medium

    async def scrub(self, ref: str) -> None:
        """Delete the words of a message that has come to its end, by the provider's id of it; again is no harm.

        Raises :class:`CouldNotScrub`.
        """
        ...


class CouldNotLook(Exception):
    """A look at a provider's list did not come to its end. ``str()`` is a sentence for staff, without numbers or words.

    ``wait``  seconds the provider asked us to wait, or None
    """

    def __init__(self, sentence: str, *, wait: float | None = None) -> None:
        super().__init__(sentence)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Look:
    """One page of a look at a stream.

    ``events``  what was on it; what an earlier look or a webhook gave is among it, under the same ``event_id``
    ``since``   how far the stream is read once this page is stored; before the last page it stands where it stood
    """

    events: Sequence[Event]
    since: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that a provider took at ``since`` and has not brought to an end, as far as we know."""

    ref: str
    since: datetime


@runtime_checkable
class Polled(Protocol):
    """A channel that we ask: for what people sent us, and for what became of our messages.

    Its events are those of the webhooks, with the same ids, so that both ways may be in use at once. All of its
    methods raise :class:`CouldNotLook` where a look stops half-way; what was given before that stands.
    """

    def streams(self) -> Sequence[str]:
        """The lists that hold what people sent us, by names that stay the same from start to start."""
        ...

    def look(self, stream: str, since: datetime, *, now: datetime) -> AsyncGenerator[Look, None]:
        """Read a stream, page by page: everything that reached the provider after ``since``, and some of before."""
        ...

    def follow(self, pending: Sequence[Pending], *, now: datetime) -> AsyncGenerator[Sequence[Receipt], None]:
        """Give the provider's present word about these messages; nothing about those it does not know."""
        ...


#: Takes events over; once it returns they are stored. When it raises, they are not, and must be handed in again.
Deliver = Callable[[Sequence[Event]], Awaitable[None]]


@runtime_checkable
class Receiver(Protocol):
    """A way in with a loop of its own: a mailbox that is watched, a port that mail is handed to.

    Events may be delivered twice (the store knows them by ``event_id``), but none may be lost.

    ``trouble``  a sentence while nothing can be taken in, else ``""``
    """

    name: str
    trouble: str

    async def open(self) -> None:
        """Make ready, inside the running loop; raises :class:`Misconfigured` for settings that cannot work."""
        ...

    async def receive(self, deliver: Deliver) -> None:
        """Hand in what comes, until cancelled. Trouble on the wire is waited out here, never raised."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...

    async def check(self) -> str:
        """Prove that it works. Gives a sentence for ``handbell doctor``; raises :class:`Misconfigured`."""
        ...
