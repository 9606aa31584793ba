"""What the wall of practice phones shows: which phones, in which order, how many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels.simulator.records import Call, Mail, Text
from channels.simulator.world import Phone, World

PHONES_PER_PAGE = 24
MAILS_PER_PAGE = 20
BUBBLES = 8  #: the latest that a handset shows

# Enough to choose a fitting font and line height; the languages of Latin script are left to the browser.
_SCRIPTS = (
    ("ٹڈڑںےہھگچپ", "ur"),
    ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ar"),
    ("ਅਆਇਕਖਗਘਚਜਟਡਤਦਨਪਬਮਯਰਲਵਸਹਾਿੀੁੂੇੈੋੌ", "pa"),
    ("அஆஇஈஉஎஏஐஒககசடதநபமயரலவழளறனாிீுூெேைொோ", "ta"),
    ("অআইউএকখগঘচছজটডতদনপবমযরলশসহািীুূেো", "bn"),
)


@dataclass(frozen=True, slots=True)
class Handset:
    """One phone as shown."""

    phone: Phone
    bubbles: Sequence[Text]
    earlier: int
    call: Call | None
    last_call: Call | None
    ringing: bool
    lost: int  #: texts that could not be delivered


@dataclass(frozen=True, slots=True)
class View:
    """One page of the wall. ``pages`` counts from 1; ``mails`` is empty while phones are shown, and the other way."""

    show: str
    search: str
    page: int
    pages: int
    handsets: Sequence[Handset]
    mails: Sequence[Mail]
    phone_count: int
    mail_count: int


def look(world: World, *, show: str, search: str, page: str) -> View:
    """Choose what to show: the phones where something rings or happened last come first."""
    wanted = search.strip().lower()
    digits = "".join(sign for sign in wanted if sign.isdigit()).removeprefix("0")
    phones: list[Phone] = []
    mails: list[Mail] = []
    if show == "mail":
        mails = [mail for mail in reversed(world.mails) if wanted in mail.to.lower()]
    else:
        phones = [phone for phone in world.phones.values() if digits in phone.number]
        phones.sort(key=lambda phone: (_urgency(phone), phone.touched), reverse=True)
    size = MAILS_PER_PAGE if show == "mail" else PHONES_PER_PAGE
    pages = max(1, -(-len(mails or phones) // size))
    number = min(max(int(page) if page.isdigit() else 1, 1), pages)
    part = slice((number - 1) * size, number * size)
    return View(
        show="mail" if show == "mail" else "phones",
        search=search,
        page=number,
        pages=pages,
        handsets=[_handset(world, phone) for phone in phones[part]],
        mails=mails[part],
        phone_count=len(world.phones),
        mail_count=len(world.mails),
    )


def _handset(world: World, phone: Phone) -> Handset:
    call = phone.call
    return Handset(
        phone=phone,
        bubbles=phone.texts[-BUBBLES:],
        earlier=max(0, len(phone.texts) - BUBBLES),
        call=call,
        last_call=phone.calls[-1] if phone.calls else None,
        ringing=_rings(phone),
        lost=sum(text.is_ours and not text.arrived for text in world.texts_by_to.get(phone.number, ())),
    )


def _urgency(phone: Phone) -> int:
    """A call in which somebody is speaking comes first, then one that rings, then everything else."""
    if phone.call is None:
        return 0
    return 1 if _rings(phone) else 2


def _rings(phone: Phone) -> bool:
    call = phone.call
    return call is not None and call.status == "ringing"


def guess_language(words: str) -> str:
    """The language tag that the letters tell, ``""`` where they do not."""
    return next((tag for letters, tag in _SCRIPTS if any(letter in letters for letter in words)), "")
