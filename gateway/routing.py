"""By which provider a message goes: the first rule that fits, whose provider is in order (decision 73).

Rules stand in the settings (``sending.text_routes``). They wish; two things are above them: what a provider cannot
carry it is never given, and one in trouble is passed over while another one is in order. What is to be answered comes
from a number whose answers we read, and a family hears from the same number of a provider each time.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from sqlmodel import col

from channels.base import Choosy, Medium
from config import identity
from gateway import allowance
from gateway.database import Session
from gateway.models import Message, MessageState, Sender
from gateway.models.types import fixed
from templates import segments

#: A sender that is held for less than this is waited for: a provider that asks for a moment is not in trouble.
PATIENCE: Final = timedelta(seconds=10)
CANNOT: Final = "it cannot carry it as it is"


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to go. ``answered``: an answer is expected; ``files``: an email that may have some."""

    medium: Medium
    words: str
    parts: int = 1
    answered: bool = False
    urgent: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A provider's account, and what must hold. ``written`` as in the settings, ``""`` for what is nobody's wish."""

    by: str
    only: Sequence[str] = ()
    written: str = ""


class Grade(IntEnum):
    """How well a way suits, best first."""

    FITS = 0
    UNWISHED = 1  #: in order, but a rule does not want it
    TROUBLE = 2
    CANNOT = 3


@dataclass(frozen=True, slots=True)
class Way:
    """One rule tried for one message: as whom it would go, how well that suits, and why not where it does not."""

    rule: Rule
    senders: Sequence[Sender]
    grade: Grade
    because: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The senders that a message may go as, all of one provider; what it costs, None: as the settings' costs say."""

    senders: Sequence[Sender]
    pence: float | None
    because: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules need to know: who cannot carry everything, what providers without a price of their own ask."""

    rules: Mapping[Medium, Sequence[Rule]]
    channels: Mapping[str, object]
    pence: Mapping[Medium, float]


class Router:
    """Chooses ways by what is known now. ``queued`` are the parts that wait already, by sender."""

    def __init__(
        self,
        senders: Mapping[Medium, Sequence[Sender]],
        around: Surroundings,
        *,
        today: date,
        now: datetime,
        queued: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.senders, self._around, self._now = senders, around, now
        #: The parts that are still free, by account.
        self.free = dict[str, int]()
        for one in senders.get(Medium.SMS, ()):
            if one.free_parts:
                used = queued.get(one.id or 0, 0) + allowance.used(one, today=today)
                self.free[one.account] = self.free.get(one.account, one.free_parts) - used
        self._known = dict[tuple[object, ...], Choice]()
        # Whether a channel is of a protocol takes longer to find out than all else that is asked of a message.
        self._choosy = {name: one for name, one in around.channels.items() if isinstance(one, Choosy)}

    def lone(self, ask: Ask) -> Choice | None:
        """What :meth:`choose` gives, but for its reason, where there is one sender alone and nothing to be weighed."""
        senders = self.senders.get(ask.medium, ())
        return Choice(senders, self._pence(senders[0], ask), "") if len(senders) == 1 else None

    def choose(self, ask: Ask, to: str) -> Choice:
        """The way for one message to one address; no senders where the medium has none."""
        # What was chosen for the same words holds while the same is free: most of a school gets the same words.
        key = (ask, to.startswith("+44"), *(ask.parts <= left for left in self.free.values()))
        if (known := self._known.get(key)) is not None:
            return known
        ways = self.ways(ask, to)
        best = min(ways, key=lambda way: way.grade, default=None)
        if best is None or not best.senders:
            return Choice((), None, "")
        choice = Choice(best.senders, self._pence(best.senders[0], ask), _why(best, ways))
        self._known[key] = choice
        return choice

    def ways(self, ask: Ask, to: str) -> list[Way]:
        """Every rule and what becomes of it, in order."""
        ours = may_send(self.senders.get(ask.medium, ()), answered=ask.answered)
        rules = list(self._around.rules.get(ask.medium, ()))
        named = {rule.by for rule in rules}
        rules += [Rule(account) for account in dict.fromkeys(one.account for one in ours) if account not in named]
        return [
            self._weigh(rule, some, ask, to)
            for rule in rules
            if (some := [one for one in ours if one.account == rule.by])
        ]

    def take(self, sender: Sender, parts: int) -> None:
        """Count what was planned."""
        if sender.account in self.free and sender.medium is Medium.SMS:
            self.free[sender.account] -= parts

    def _weigh(self, rule: Rule, some: Sequence[Sender], ask: Ask, to: str) -> Way:
        carrying = [one for one in some if self.carries(one, ask, to)]
        if not carrying:
            return Way(rule, some, Grade.CANNOT, CANNOT)
        well = [one for one in carrying if not trouble(one, urgent=ask.urgent, now=self._now)]
        if not well:
            return Way(rule, carrying, Grade.TROUBLE, trouble(carrying[0], urgent=ask.urgent, now=self._now))
        unmet = [CONDITIONS[name].unmet for name in rule.only if not CONDITIONS[name].holds(self, well[0], ask)]
        return Way(rule, well, Grade.UNWISHED if unmet else Grade.FITS, " and ".join(unmet))

    def carries(self, sender: Sender, ask: Ask, to: str) -> bool:
        """Whether a sender's provider takes it as it is."""
        choosy = self._choosy.get(sender.channel)
        return choosy is None or choosy.takes(to, ask.words, files=ask.files)

    def is_free(self, sender: Sender, ask: Ask) -> bool:
        """Whether it is within what the provider takes for nothing."""
        return ask.parts <= self.free.get(sender.account, 0) or sender.pence == 0

    def price(self, sender: Sender, ask: Ask) -> float:
        """Pence for one message."""
        own = self._pence(sender, ask)
        return ask.parts * self._around.pence.get(ask.medium, 0.0) if own is None else own

    def lowest(self, ask: Ask) -> float:
        """The least that any provider asks for it."""
        return min(self.price(one, ask) for one in self.senders[ask.medium] if self.carries(one, ask, "+44"))

    def _pence(self, sender: Sender, ask: Ask) -> float | None:
        if sender.pence is None:
            return None
        return 0.0 if self.is_free(sender, ask) else ask.parts * sender.pence


@dataclass(frozen=True, slots=True)
class Condition:
    """A word of a rule: whether it holds, and what to say where it does not."""

    holds: Callable[[Router, Sender, Ask], bool]
    unmet: str


CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "gsm": Condition(
            lambda _, sender, ask: segments.count(ask.words).encoding == "GSM-7",
            "the text is not in the cheap alphabet",
        ),
        "free": Condition(Router.is_free, "what is free this year is used up"),
        "cheapest": Condition(
            lambda router, sender, ask: router.price(sender, ask) <= router.lowest(ask), "another one asks less"
        ),
        "one_way": Condition(lambda _, sender, ask: not ask.answered, "an answer is expected"),
        "can_wait": Condition(lambda _, sender, ask: not ask.urgent, "it is urgent"),
    }
)


def rules(written: Sequence[str]) -> Sequence[Rule]:
    """Read rules as the settings have them: ``notify if gsm and free``."""
    found = []
    for one in written:
        by, _, only = one.partition(" if ")
        found.append(Rule(by, tuple(re.split(" and ", only)) if only else (), one))
    return tuple(found)


def trouble(sender: Sender, *, urgent: bool, now: datetime) -> str:
    """Why nothing should be given to a sender now; ``""`` where it is in order.

    What can wait may go to one that is to be tried again: somebody must be the try, and it is moved on if that fails.
    """
    held = sender.held_until is not None and sender.held_until > now
    if held and sender.held_by:
        return ""  # a person wants its messages to wait
    if sender.open_since is not None and (held or urgent):
        return f"its provider refuses us: {sender.held_because or sender.open_reason}"
    if sender.held_until is not None and sender.held_until > now + PATIENCE:
        return f"it is held back: {sender.held_because or 'its provider asked for it'}"
    return ""


def may_send(senders: Sequence[Sender], *, answered: bool) -> Sequence[Sender]:
    """What is to be answered does not come from a name where there is a number."""
    if not answered:
        return senders
    numbers = [sender for sender in senders if sender.medium is Medium.SMS and not identity.is_name(sender.address)]
    return numbers or senders


def same_for(senders: Sequence[Sender], address: str) -> Sender | None:
    """The same sender for the same family, so that a conversation stays on one number."""
    if len(senders) < 2:
        return senders[0] if senders else None
    return senders[zlib.crc32(address.encode()) % len(senders)]


async def queued(session: Session, senders: Mapping[Medium, Sequence[Sender]]) -> dict[int, int]:
    """The parts that wait, by sender, of those whose free parts are counted."""
    ids = [one.id for one in senders.get(Medium.SMS, ()) if one.free_parts]
    if not ids:
        return {}
    query = (
        sa.select(col(Message.sender_id), sa.func.sum(col(Message.parts)))
        .where(col(Message.sender_id).in_(ids), col(Message.state) == fixed(MessageState.QUEUED))
        .group_by(col(Message.sender_id))
    )
    return {sender_id or 0: int(parts) for sender_id, parts in await session.execute(query)}


def _why(best: Way, ways: Sequence[Way]) -> str:
    """A sentence for staff."""
    said = f"By {best.rule.by}: “{best.rule.written}”" if best.rule.written else f"By {best.rule.by}"
    if best.grade is not Grade.FITS:
        said += f", although {best.because}"
    over = "; ".join(_passed(ways, best))
    return f"{said} ({over})." if over else f"{said}."


def _passed(ways: Sequence[Way], best: Way) -> Iterator[str]:
    for way in ways:
        if way is best:
            return
        yield f"not by {way.rule.by}: {way.because}"
