"""From evidence to one meaning.

The order in which a family's reasons win over one another, where several are said with the same weight, is told at
:data:`_ORDER`. Whether it is urgent is asked apart from that. A miss costs most: so what speaks of a child and is not
understood, or is in a language that nobody here knows, goes to a person at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.understanding import evidence
from gateway.understanding.meaning import Intent

_SURE, _LIKELY = 3, 2

_CODES = {
    Intent.ILLNESS: "I",
    Intent.MEDICAL_APPOINTMENT: "M",
    Intent.LATE: "L",
    Intent.HOLIDAY: "G",
    Intent.RELIGIOUS_OBSERVANCE: "R",
    Intent.WILL_CALL: "N",
}
#: What is asked for before anything that is not about the child's day. Of two with the same weight the first wins;
#: an appointment and an illness go by which was said first.
_ORDER = (
    Intent.SAFEGUARDING_CONCERN,
    Intent.SAYS_PRESENT,
    Intent.FAMILY_EMERGENCY,
    Intent.WRONG_NUMBER,
    Intent.MEDICAL_APPOINTMENT,
    Intent.ILLNESS,
    Intent.RELIGIOUS_OBSERVANCE,
    Intent.HOLIDAY,
    Intent.LATE,
)
#: Reasons that settle where a child is.
_SETTLED = frozenset(
    {
        *(Intent.ILLNESS, Intent.MEDICAL_APPOINTMENT, Intent.HOLIDAY, Intent.RELIGIOUS_OBSERVANCE),
        *(Intent.FAMILY_EMERGENCY, Intent.WRONG_NUMBER),
    }
)
_DAY = (Intent.MEDICAL_APPOINTMENT, Intent.ILLNESS, Intent.RELIGIOUS_OBSERVANCE, Intent.HOLIDAY, Intent.LATE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence comes to; ``because`` are the finds that decided, the weightiest first. For ``over`` and
    ``away`` see :class:`~gateway.understanding.meaning.Meaning`.
    """

    intent: Intent
    code: str | None
    urgent: bool
    confidence: float
    because: tuple[evidence.Evidence, ...]
    over: bool
    away: bool


class _Weights:
    """The evidence, asked by section."""

    def __init__(self, every: Iterable[evidence.Evidence]):
        self.every = sorted(every, key=lambda one: (-one.weight, one.start, -one.end))

    def of(self, section: str) -> int:
        return max((one.weight for one in self.every if one.section == section), default=0)

    def first(self, section: str) -> int:
        """The place at which it is first said with its full weight."""
        weight = self.of(section)
        return min(one.start for one in self.every if one.section == section and one.weight == weight)

    def came_back(self) -> bool:
        """Whether it is said that the child came away again after it went in: «went in but was sent home»."""
        return self.of("safe") > 0 and self.first("safe") > self.first(Intent.SAYS_PRESENT)

    def speaks_unexplained(self) -> bool:
        """Whether a sentence speaks of a child and of nothing else: what another one asks does not explain it."""
        other = {one.sentence for one in self.every if one.section != "alarm"}
        return any(one.section == "alarm" and one.sentence not in other for one in self.every)

    def all(self, *sections: str) -> tuple[evidence.Evidence, ...]:
        return tuple(one for one in self.every if one.section in sections)


def judge(
    every: Sequence[evidence.Evidence], *, asks: bool, foreign: bool, after_register: bool, gives_number: bool = False
) -> Judgement:
    """Weigh the evidence.

    ``asks``            a question mark stands in it
    ``foreign``         it is in a language that is known little here or not at all
    ``after_register``  it names a time of arrival when registers are closed
    ``gives_number``    a telephone number stands in it
    """
    weights = _Weights(_in_questions_lowered(every, asks=asks))
    intent = _intent(weights, asks=asks)
    if intent is Intent.WRONG_NUMBER and (gives_number or any(weights.of(one) == _SURE for one in _DAY)):
        intent = Intent.OTHER  # whoever knows the right number, or why the child is away, is no stranger
    explained = weights.all(intent, "no_reason", "safe", "only_a_head")
    urgent = _urgent(weights, intent) or (foreign and intent is Intent.OTHER and not explained)
    away = any(weights.of(one) == _SURE for one in ("no_reason", "safe", "away"))
    because = weights.all(intent)
    if urgent and intent not in (Intent.SAFEGUARDING_CONCERN, Intent.SAYS_PRESENT):
        because += weights.all(Intent.SAYS_PRESENT, "alarm")
    return Judgement(
        intent=intent,
        code=_code(weights, intent, after_register=after_register),
        urgent=urgent,
        confidence=_confidence(weights, intent),
        because=because or weights.all("no_reason", "safe"),
        over=weights.of("over") > 0 and not away,
        away=away,
    )


def _in_questions_lowered(every: Sequence[evidence.Evidence], *, asks: bool) -> Iterable[evidence.Evidence]:
    """«Can he come in with a cough?» asks about coughs; it does not say that he has one."""
    starts = [one for one in every if one.section == "asking" and (asks or one.weight == _SURE)]
    asking = {one.sentence: one.start for one in reversed(starts)}
    for one in every:
        inside = one.start >= asking.get(one.sentence, one.start + 1)
        if (one.section == "asking" and one not in starts) or (
            inside and one.section == Intent.SAYS_PRESENT and one.weight < _SURE
        ):
            continue
        yield evidence.lowered(one, 1) if inside and one.section in _DAY else one


def _intent(weights: _Weights, *, asks: bool) -> Intent:
    of = weights.of
    reason = _reason(weights)
    goes_away = reason is Intent.HOLIDAY and of(Intent.OTHER) == _SURE  # to a wedding abroad
    if of("only_a_head") and not of("asking") and (reason is None or goes_away):
        return Intent.OTHER
    if reason is not None and of(reason) == _SURE:
        return reason
    weight = of(reason) if reason else 0
    if of(Intent.QUESTION) == _SURE and (of("asking") or (asks and weight < _LIKELY)):
        return Intent.QUESTION
    for plain in (Intent.WILL_CALL, Intent.OTHER):
        if of(plain) == _SURE:
            return plain
    return reason if reason and weight == _LIKELY else _plain(weights, reason, asks=asks)


def _plain(weights: _Weights, reason: Intent | None, *, asks: bool) -> Intent:
    """What it is where no reason is said plainly."""
    of = weights.of
    if of(Intent.QUESTION) == _SURE:
        return Intent.QUESTION
    if of("no_reason") and not asks:
        return reason if reason and of(reason) >= _LIKELY else Intent.OTHER
    alarmed = of("alarm") == _SURE
    for plain in (Intent.WILL_CALL, Intent.THANKS):
        if of(plain) >= _LIKELY and not alarmed and not (asks and of("alarm")):
            return plain
    if reason is not None and (not alarmed or reason is Intent.SAYS_PRESENT):
        return reason
    return Intent.QUESTION if asks or of(Intent.QUESTION) else Intent.OTHER


def _reason(weights: _Weights) -> Intent | None:
    """The reason that is said with the most weight, ties by :data:`_ORDER`."""
    of = weights.of
    if of(Intent.SAFEGUARDING_CONCERN) == _SURE:
        return Intent.SAFEGUARDING_CONCERN
    top = max(of(one) for one in _ORDER)
    if not top:
        return None
    tied = [one for one in _ORDER if of(one) == top]
    if Intent.LATE in tied and _comes_late(weights, tied):
        return Intent.LATE
    if tied[0] is Intent.SAYS_PRESENT and len(tied) > 1 and weights.came_back():
        tied = tied[1:]
    if tied[:2] == [Intent.MEDICAL_APPOINTMENT, Intent.ILLNESS]:
        return min(tied[:2], key=weights.first)
    return tied[0]


def _comes_late(weights: _Weights, tied: Sequence[Intent]) -> bool:
    """Whether a late arrival goes before the other reasons: a child that comes in today is not off ill."""
    others = set(tied) - {Intent.LATE, Intent.ILLNESS, Intent.SAYS_PRESENT}
    stays = weights.of("maybe") or weights.of("no_reason") or weights.of("safe")
    return not others and not (Intent.ILLNESS in tied and stays)


def _urgent(weights: _Weights, intent: Intent) -> bool:
    of = weights.of
    if intent in (Intent.SAFEGUARDING_CONCERN, Intent.SAYS_PRESENT) or of(Intent.SAFEGUARDING_CONCERN) >= _LIKELY:
        return True
    settled = intent in _SETTLED and of(intent) == _SURE
    if of(Intent.SAYS_PRESENT) == _SURE:
        return not settled
    if settled or of("alarm") == _SURE:
        return not settled
    if of(Intent.SAFEGUARDING_CONCERN) and of(Intent.OTHER) < _SURE and intent in (Intent.OTHER, Intent.QUESTION):
        return True
    if of("safe") and intent is not Intent.QUESTION:
        return False
    if of(Intent.SAYS_PRESENT) >= _LIKELY:
        return intent is not Intent.LATE
    unclear = intent in (Intent.OTHER, Intent.QUESTION, Intent.FAMILY_EMERGENCY, *_DAY) and of(intent) < _SURE
    unclear = unclear or (intent in (Intent.QUESTION, Intent.THANKS) and weights.speaks_unexplained())
    unclear = unclear and not of("no_reason") and not of("only_a_head")
    return bool(of("alarm")) and unclear


def _code(weights: _Weights, intent: Intent, *, after_register: bool) -> str | None:
    of = weights.of
    if intent is Intent.LATE:
        return "U" if after_register or of("after_register") else "L"
    if of("only_a_head") and intent not in (Intent.ILLNESS, Intent.MEDICAL_APPOINTMENT):
        return None
    if intent is Intent.OTHER and of("no_reason") and of(Intent.OTHER) < _SURE:
        return "N"
    return _CODES.get(intent)


def _confidence(weights: _Weights, intent: Intent) -> float:
    of = weights.of
    own = [one for one in weights.every if one.section == intent]
    if not own:
        return 0.5 if intent is Intent.OTHER and of("no_reason") else 0.2
    sure = {3: 0.9, 2: 0.7, 1: 0.4}[of(intent)]
    rivals = [one for one in _ORDER if one is not intent and of(one) == of(intent)]
    sure -= 0.15 * min(len(rivals), 2)
    if all(one.guessed for one in own):
        sure -= 0.1
    return round(min(sure + 0.03 * min(len(own) - 1, 3), 0.98), 2)


def of_menu(intent: Intent) -> str | None:
    """The code that an answer of a menu suggests."""
    return _CODES.get(intent)
