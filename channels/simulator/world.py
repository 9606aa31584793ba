"""The pretend world: phones, mailboxes, and what each of them really got."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from channels.simulator import magic
from channels.simulator.magic import CallFate, TextFate, TextStatus
from channels.simulator.records import Call, Mail, Recording, Text

if TYPE_CHECKING:
    from channels.simulator.journal import Journal


@dataclass(frozen=True, slots=True)
class Script:
    """What the person with the phone does unasked.

    ``replies``   to the first text the first, to the second the second …; ``""`` is silence
    ``after``     seconds until the reply
    ``press``     in each call: at the first question the first, at the second the second …; ``""`` is nothing
    ``calls``     how the phone takes calls, None for the world's way
    ``hangs_up``  at the first word of a call
    """

    replies: tuple[str, ...] = ()
    after: float = 0.0
    press: tuple[str, ...] = ()
    calls: CallFate | None = None
    hangs_up: bool = False


#: A person who answers, presses 1 at the first question ("press 1 to hear the message") and then nothing.
PRESSES_ONE = Script(press=("1",))


@dataclass(slots=True)
class Phone:
    """A pretend phone. ``texts`` are its bubbles, oldest first: what it got and what its person wrote."""

    number: str
    on: bool = True
    text_fate: TextFate | None = None
    call_fate: CallFate | None = None
    script: Script | None = None
    stopped: set[str] = field(default_factory=set)  #: senders to whom STOP was said
    texts: list[Text] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    got: int = 0  #: texts of the gateway's that arrived
    touched: int = 0  #: the greater, the later something happened on it

    @property
    def call(self) -> Call | None:
        """The call that is going on."""
        return next((call for call in reversed(self.calls) if call.live), None)


@dataclass(slots=True)
class Settings:
    """How the world is set up. ``pace`` is the seconds a text takes; ``patience`` the seconds a hands-on call waits."""

    calls: CallFate = CallFate.ANSWER
    script: Script = PRESSES_ONE
    pace: float = 0.0
    patience: float = 60.0
    inbound_sms_url: str = ""
    inbound_voice_url: str = ""
    school_number: str = ""  #: what people ring
    service_number: str = "+447700900999"  #: what a messaging service sends from


class World:
    """Everything that the simulated provider knows. ``seed`` makes its ids repeatable, ``now`` gives aware times."""

    def __init__(self, *, settings: Settings, seed: int, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        self.journal: Journal | None = None  #: where what happens is written down at once
        self.random = random.Random(seed)  # noqa: S311 - not a secret: a rehearsal must be repeatable
        self.reset()

    def reset(self) -> None:
        """Forget everything that happened; the settings stay."""
        self.phones: dict[str, Phone] = {}
        self.mailboxes: dict[str, list[Mail]] = {}
        self.mails: list[Mail] = []
        self.texts: dict[str, Text] = {}
        self.calls: dict[str, Call] = {}
        self.recordings: dict[str, Recording] = {}
        self.deleted: list[str] = []  #: recordings that the gateway had deleted
        self.texts_by_to: defaultdict[str, list[Text]] = defaultdict(list)
        self.complaints: deque[str] = deque(maxlen=200)  #: what the gateway did wrong, in sentences
        self.clock = 0  #: how often something happened on a phone

    def new_sid(self, prefix: str) -> str:
        """A fresh id in Twilio's form: two letters and 32 hex digits."""
        return f"{prefix}{self.random.getrandbits(128):032x}"

    def phone(self, number: str) -> Phone:
        """The phone with this number; it comes into being when it is first seen."""
        phone = self.phones.get(number)
        if phone is None:
            phone = self.phones[number] = Phone(number)
            if number in magic.MAGIC_TEXTS:
                phone.text_fate = magic.TEXT_FATES[magic.MAGIC_TEXTS[number]]
            if number in magic.MAGIC_CALLS:
                manner = magic.MAGIC_CALLS[number]
                phone.script = Script(press=manner.press, hangs_up=manner.hangs_up, calls=manner.fate)
        return phone

    def note(self, record: Text | Call | Mail) -> None:
        """Write down how a record stands, where a journal is kept; called before anybody is answered."""
        if self.journal is not None:
            self.journal.note(record)

    def touch(self, phone: Phone) -> None:
        """Put a phone to the front of the wall."""
        self.clock += 1
        phone.touched = self.clock

    def add_text(self, text: Text) -> None:
        """Enter a text in the provider's list."""
        self.texts[text.sid] = text
        self.texts_by_to[text.to].append(text)
        self.note(text)

    def show(self, phone: Phone, text: Text) -> None:
        """Show a text on a handset: got, or written on it."""
        text.arrived = True
        phone.texts.append(text)
        phone.got += text.is_ours
        self.touch(phone)

    def add_call(self, call: Call) -> None:
        """Enter a call in the provider's list and on the phone."""
        self.calls[call.sid] = call
        phone = self.phone(call.handset)
        phone.calls.append(call)
        self.touch(phone)
        self.note(call)

    def add_mail(self, *, sender: str, to: str, raw: bytes) -> Mail:
        """Put a mail in a mailbox, which comes into being when it is first seen."""
        mail = Mail(len(self.mails) + 1, sender, to, raw, self.now())
        self.mails.append(mail)
        self.mailboxes.setdefault(to.lower(), []).append(mail)
        self.note(mail)
        return mail

    def text_fate(self, phone: Phone) -> TextFate:
        """What will become of a text to this phone now."""
        if not phone.on:
            return magic.TEXT_FATES["temporary"]
        return phone.text_fate or TextFate()

    def call_fate(self, phone: Phone) -> CallFate:
        """What will become of a call to this phone now."""
        if not phone.on:
            return CallFate.NO_ANSWER
        script = phone.script
        if phone.call_fate is not None:
            return phone.call_fate
        if script is not None and script.calls is not None:
            return script.calls
        if script is not None and (script.press or script.hangs_up):
            return CallFate.ANSWER
        return self.settings.calls

    def script_of(self, phone: Phone) -> Script:
        """What its person does unasked."""
        return phone.script or self.settings.script

    def script(
        self,
        number: str = "",
        *,
        reply: str | Sequence[str] = (),
        after: float = 0.0,
        press: str | Sequence[str] = (),
        calls: CallFate | str | None = None,
        hangs_up: bool = False,
    ) -> None:
        """Tell a phone, or with no number every phone that has no script of its own, what to do unasked."""
        script = Script(
            replies=(reply,) if isinstance(reply, str) else tuple(reply),
            after=after,
            press=(press,) if isinstance(press, str) else tuple(press),
            calls=None if calls is None else CallFate(calls),
            hangs_up=hangs_up,
        )
        if number:
            self.phone(number).script = script
            return
        self.settings.script = script
        if script.calls is not None:
            self.settings.calls = script.calls

    def switch(self, number: str, *, on: bool) -> None:
        """Switch a phone off: its texts end undelivered (30003) and its calls unanswered. Or on again."""
        phone = self.phone(number)
        phone.on = on
        self.touch(phone)

    def behave(self, number: str, *, text: str = "", calls: str = "") -> None:
        """Set how a phone takes texts (a name of ``magic.TEXT_FATES``) and calls (a :class:`CallFate`).

        Raises ``KeyError`` or ``ValueError`` for a name that does not exist.
        """
        phone = self.phone(number)
        if text:
            phone.text_fate = magic.TEXT_FATES[text]
        if calls:
            phone.call_fate = CallFate(calls)

    def texts_to(self, number: str) -> list[Text]:
        """The gateway's texts that this phone really got, oldest first."""
        phone = self.phones.get(number)
        return [text for text in phone.texts if text.is_ours] if phone else []

    def calls_to(self, number: str) -> list[Call]:
        """The calls placed to this phone, whatever came of them, oldest first."""
        phone = self.phones.get(number)
        return list(phone.calls) if phone else []

    def mails_to(self, address: str) -> list[Mail]:
        """The mails that this mailbox really got, oldest first."""
        return list(self.mailboxes.get(address.lower(), ()))

    def landline_texts(self) -> list[Text]:
        """Texts that went to landlines; a good gateway sends none."""
        return [text for text in self.texts.values() if text.read_aloud]

    def finish(self, text: Text, fate: TextFate) -> None:
        """Bring a text to its end in the provider's list and, if it arrives, on the phone."""
        text.status = fate.status
        text.error_code = fate.code or None
        text.sent = text.sent or self.now()
        text.updated = self.now()
        if fate.status in {TextStatus.DELIVERED, TextStatus.SENT}:
            text.read_aloud = magic.is_landline(text.to)
            self.show(self.phone(text.to), text)
        self.note(text)
