"""The way in: from an answer's text to its meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Final

from gateway import optout
from gateway.models.types import Keyword
from gateway.understanding import children, days, evidence, folding, judging, language, library, meaning, menu
from gateway.understanding.meaning import Intent, Meaning

#: Shares of a text's words that a language knows: as many as the best one; hardly any; enough to be asked.
_AS_GOOD, _LITTLE, _SOME = 0.985, 0.15, 0.1
_NEARLY = 0.95  #: of the best one's share: asked as the text's own language where the best one finds nothing
_FEW_WORDS, _HALF = 2, 0.5
_NUMBER = re.compile(r"(?<!\d)(?:\+|0)\d(?:[ ()./-]{0,2}\d){8,}")
_MOST = 6  #: languages that a text is read in at a time
_UNSURE = 0.5  #: below this confidence other languages are asked
_GUESSED = 0.4  #: at most, where nobody can say of which day it is
SURE: Final = 0.5  #: below this confidence a person reads it; what is urgent is never left for that
#: Registers may stay open for half an hour (DfE), so this is late enough for any school that begins by nine.
REGISTERS_CLOSE = time(9, 30)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a sender and of what they were asked.

    ``children``  the names of the pupils whose family this is
    ``menu``      the answers of the message that is answered: key to code, as ``templates.library.Answer`` has them
    ``language``  the language on file, or ``""``
    """

    today: date
    children: Sequence[str] = ()
    menu: Mapping[str, str] | None = None
    language: str = ""
    registers_close: time = REGISTERS_CLOSE


def understand(text: str, asked: Asked, *, languages: Mapping[str, language.Language] | None = None) -> Meaning:
    """Say what an answer means. Never raises on any text. Of one of more than 300 words it looks at
    the first 240 and the last 60.

    It expects the new words alone: what a mail quotes is taken away by whoever reads mails.
    """
    known = library.load() if languages is None else languages
    opted = optout.read(text)
    if opted.keyword is Keyword.OPT_OUT:
        return Meaning(Intent.OPT_OUT, None, urgent=False, confidence=1.0, because=(opted.because,))
    if pressed := menu.digit(text):
        return _of_menu(pressed, asked)
    cut = evidence.Text.of(text)
    called = children.words(asked.children)
    whole = _meaning(cut, asked, known, names=frozenset(called))
    mentions: dict[str, list[children.Part]] = {}
    for part in children.parts(cut, called):
        for name in part.names:
            mentions.setdefault(name, []).append(part)
    about = {name: _of_child(cut, parts, asked, known, names=frozenset(called)) for name, parts in mentions.items()}
    return _with_children(whole, about)


def gives_number(text: str) -> bool:
    """Whether a telephone number stands in it: the office must see it, whatever else was understood."""
    return _NUMBER.search(text) is not None


def asks(text: str) -> bool:
    """Whether anything is asked, in whichever script: then it wants an answer, whatever else was understood."""
    return not folding.QUESTION_MARKS.isdisjoint(text)


def _of_menu(pressed: str, asked: Asked) -> Meaning:
    usual = asked.menu is None
    code = (menu.USUAL if asked.menu is None else asked.menu).get(pressed, "")
    intent = menu.ANSWERS.get(code, Intent.OTHER)
    judged = judging.of_menu(intent)
    what = f"“{pressed}” is {'the usual' if usual else 'the'} menu's answer for {intent}" if code else ""
    because = what or f"“{pressed}” is no answer of the menu"
    return Meaning(intent, judged, intent is Intent.SAYS_PRESENT, (0.8 if usual else 0.98) if code else 0.1, (because,))


def _of_child(
    cut: evidence.Text,
    parts: Sequence[children.Part],
    asked: Asked,
    known: Mapping[str, language.Language],
    *,
    names: frozenset[str],
) -> Meaning:
    """What is said of one child in all the places that name it, read together; what is urgent in one of them stays so.

    «Ana left at 8. Ben is ill. Ana had a cold, too»: the cold does not find her.
    """
    each = [evidence.Text(cut.folded, cut.tokens[part.start : part.end]) for part in parts]
    tokens = list(each[0].tokens)
    for one in each[1:]:
        begins = one.tokens[0].start
        tokens += [folding.Token(".", begins, begins), *one.tokens]
    together = _meaning(evidence.Text(cut.folded, tuple(tokens)), asked, known, names=names)
    if together.urgent or len(each) == 1:
        return together
    alone = (_meaning(one, asked, known, names=names) for one in each)
    return next((one for one in alone if one.urgent), together)


def _with_children(whole: Meaning, about: Mapping[str, Meaning]) -> Meaning:
    """Children of whom nothing is said by themselves mean what the whole says: «Amy is ill. Ben too»."""
    empty = {name for name, said in about.items() if said.intent is Intent.OTHER and said.confidence < 0.3}
    each = tuple((name, whole if name in empty or len(about) == 1 else said) for name, said in about.items())
    urgent = whole.urgent or any(said.urgent for _, said in each)
    return replace(whole, urgent=urgent, children=each)


def _meaning(
    cut: evidence.Text, asked: Asked, known: Mapping[str, language.Language], *, names: frozenset[str]
) -> Meaning:
    first, nearly, more = listened_to(cut, known, hint=asked.language)
    judged = _heard(cut, asked, known, tags=first, names=names)
    if judged.confidence < _UNSURE and (nearly or more):
        # Words of another language may stand among those of the first: «my beta has bukhar».
        again = _heard(cut, asked, known, tags=(*first, *nearly), more=more, names=names)
        if again.confidence > judged.confidence or again.urgent:
            judged = again
    return judged


def _heard(
    cut: evidence.Text,
    asked: Asked,
    known: Mapping[str, language.Language],
    *,
    tags: Sequence[str],
    more: Sequence[str] = (),
    names: frozenset[str],
) -> Meaning:
    heard = [evidence.gather(cut, known[tag], names=names) for tag in (*tags, *more)]
    every = [one for read in heard[: len(tags)] for one in read.evidence]
    mine = [known[tag] for tag in tags]
    every += [one for read in heard[len(tags) :] for one in read.evidence if evidence.is_foreign(one, cut, mine)]
    times = [when for read in heard[:1] for when in days.clock_times(read)]
    judged = judging.judge(
        every,
        asks=any(token.word == "?" for token in cut.tokens),
        foreign=_is_unread(cut, [known[tag] for tag in (*tags, *more)]),
        gives_number=gives_number(cut.folded),
        after_register=any(when > asked.registers_close for when in times),
    )
    each = (days.read(read, today=asked.today, reason=judged.intent) for read in heard)
    spoken = next((one for one in each if one.until or not one.sure), meaning.Days())
    return Meaning(
        intent=judged.intent,
        code=judged.code,
        urgent=judged.urgent,
        confidence=judged.confidence if spoken.sure else min(judged.confidence, _GUESSED),
        because=tuple(_said(judged.because, known)),
        days=spoken,
        over=judged.over,
        away=judged.away,
        times=tuple(sorted({when for read in heard[:1] for when in days.hours(read)})),
    )


def listened_to(
    cut: evidence.Text, known: Mapping[str, language.Language], *, hint: str
) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """The languages in which a text is read first, with the signs of all; those that it may be in as well; and those
    to ask for single words where that says little.

    They are those that know most of its words. ``hint`` is the language on file: families write in another one, too,
    or in two at once, so it only decides between languages that know as much.
    """
    shares = {
        tag: evidence.known(cut, lang) + (0.08 if _same(tag, hint) else 0.02 if tag == "en" else 0.0)
        for tag, lang in known.items()
        if tag != library.EVERYWHERE
    }
    best = max(shares.values(), default=0.0)
    first = sorted((tag for tag, share in shares.items() if share >= _AS_GOOD * best), key=lambda tag: -shares[tag])
    if best < _LITTLE:
        first = [tag for tag in known if tag == "en" or _same(tag, hint)]
    more = sorted((tag for tag, share in shares.items() if share >= _SOME), key=lambda tag: -shares[tag])
    signs = [tag for tag in known if tag == library.EVERYWHERE]
    nearly = [tag for tag in more if shares[tag] >= _NEARLY * best and tag not in first][:_MOST]
    return [*first[:_MOST], *signs], nearly, [tag for tag in more[:_MOST] if tag not in (*first, *nearly)]


def _same(tag: str, hint: str) -> bool:
    return bool(hint) and tag.split("-")[0] == hint.split("-")[0]


def _is_unread(cut: evidence.Text, heard: Sequence[language.Language]) -> bool:
    """Whether somebody wrote more than a word or two in a language that none of these knows, or that is not English:
    its lists are shorter."""
    words = sum(token.word[0].isalpha() for token in cut.tokens)
    shares = {lang.tag: evidence.known(cut, lang) for lang in heard}
    return words > _FEW_WORDS and shares.get("en", 0.0) < max(_HALF, *shares.values())


_NAMES = {
    "alarm": "may say that a child is not where it should be",
    "no_reason": "says absent, without a reason",
    "safe": "says that the child is not in school",
}


def _said(because: Iterable[evidence.Evidence], known: Mapping[str, language.Language]) -> Iterable[str]:
    told: dict[tuple[str, str], None] = {}
    for one in because:
        what = _NAMES.get(one.section, f"says {one.section}")
        lang = known[one.language].name
        told.setdefault((one.words, f"“{one.words}” {what} ({lang})"))
        if len(told) == 4:
            break
    kept = list(told)
    return [sentence for words, sentence in kept if not any(words != other and words in other for other, _ in kept)]
