"""What speaks for what in a text, in one language: finds, and what takes them away.

A find falls to a longer one that holds all of its words ("late" to "late reply"), and to a negation before it, or
behind it where the language puts it there, in the same part of a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.understanding import finding, folding, language, meaning

_INTENTS = frozenset(one.value for one in meaning.Intent)
_REACH, _REACH_BACK = 3, 1  #: words between a negation and what it denies, behind it and before it
_DOUBTFUL = 5  #: letters of the shortest words in which a slip is forgiven: what is guessed of those is not sure
_REACHES = {"negation.before": _REACH, "negation.close": 0, "negation.after": _REACH_BACK}
#: Which finds take their words away from shorter ones.
_TAKERS = frozenset({*_INTENTS, "neutral", "safe", "no_reason"}) - {meaning.Intent.QUESTION, meaning.Intent.THANKS}
_LOSERS = frozenset({*_INTENTS, "alarm"})
#: Of these a word is enough to fall to something said in passing: «sorry for the late reply».
_SAID_IN_PASSING = frozenset({"late", "holiday"})
_NOT_WITH_ME = frozenset({"late", "says_present", "alarm"})  #: what "at home with me" speaks against
#: Finds that a negation takes away.
_DENIED = frozenset(
    {
        *(meaning.Intent.ILLNESS, meaning.Intent.MEDICAL_APPOINTMENT, meaning.Intent.LATE, meaning.Intent.HOLIDAY),
        *(meaning.Intent.RELIGIOUS_OBSERVANCE, meaning.Intent.FAMILY_EMERGENCY, meaning.Intent.SAYS_PRESENT),
        *(meaning.Intent.THANKS, "safe", "after_register", "over", "away"),
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for ``section``, with the words that say it.

    ``start`` and ``end`` are places among the tokens of the text, ``sentence`` the number of the sentence.
    """

    section: str
    weight: int
    words: str
    start: int
    end: int
    sentence: int
    language: str
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text, cut into words."""

    folded: str
    tokens: tuple[folding.Token, ...]

    @classmethod
    def of(cls, text: str) -> Text:
        """Cut a text into words."""
        folded = folding.fold(text)
        return cls(folded, tuple(folding.tokens(folded)))

    def between(self, start: int, end: int) -> str:
        """The words from one place to another."""
        return self.folded[self.tokens[start].start : self.tokens[end - 1].end]

    def sentence(self, at: int) -> int:
        """The number of the sentence that a token stands in."""
        return sum(token.word in {".", "?", "!"} for token in self.tokens[:at])


@dataclass(frozen=True, slots=True)
class Read:
    """What one language finds in a text. ``forms.origin`` leads from its words to the tokens of the text."""

    evidence: tuple[Evidence, ...]
    days: tuple[finding.Found, ...]
    forms: finding.Forms


def known(text: Text, lang: language.Language) -> float:
    """The share of a text's words that a language knows."""
    words = [token.word for token in text.tokens if not token.is_break and not token.word[0].isdigit()]
    return sum(map(lang.knows, words)) / len(words) if words else 0.0


def gather(text: Text, lang: language.Language, *, names: frozenset[str] = frozenset()) -> Read:
    """Find what speaks for what. ``names`` are never taken for misspelt words."""
    forms, guessed = _forms(text, lang, names)
    found = list(lang.index.search(forms))
    denials = [one for one in found if one.pattern.section.startswith("negation.")]
    days = [one for one in found if one.pattern.section.startswith("days.")]
    speaking = _uncontained([one for one in found if one.pattern.weight])
    consumed = frozenset(
        at
        for one in speaking
        if one.pattern.weight == 3 and one.pattern.section in (*_INTENTS, "no_reason", "safe")
        for at in one.taken
    )
    reasons = [one for one in speaking if one.pattern.section == meaning.Intent.ILLNESS]
    kept = [
        one
        for one in speaking
        if not _denied(one, _reaching(one, denials, reasons), consumed, forms=forms, stops=lang.stops)
    ]
    evidence = tuple(_evidence(one, text, forms, lang, guessed) for one in kept)
    return Read(evidence, tuple(days), forms)


def _reaching(
    one: finding.Found, denials: Sequence[finding.Found], reasons: Sequence[finding.Found]
) -> list[finding.Found]:
    """The negations that may speak of a find: «not ill left for school» denies the illness, and not the way there."""
    if one.pattern.section != meaning.Intent.SAYS_PRESENT:
        return list(denials)
    return [
        denial
        for denial in denials
        if not any(denial.end <= reason.start and reason.end <= one.start for reason in reasons)
    ]


def _forms(text: Text, lang: language.Language, names: frozenset[str]) -> tuple[finding.Forms, frozenset[int]]:
    """Write every word out as the language's lists do; say which of them are guesses at a misspelt one."""
    found = finding.Forms([], lang.numbers)
    guessed: set[int] = set()
    for place, token in enumerate(text.tokens):
        for word in _written_out(token, lang):
            forms = [word, *_bare(word, lang.prefixes)]
            if not token.is_break and word not in names and not any(map(lang.knows, forms)):
                meant = lang.speller.meant(_squeezed(word))
                if meant:
                    forms.append(meant)
                    guessed.add(len(found.forms))
            found.forms.append(tuple(forms))
            found.origin.append(place)
    return found, frozenset(guessed)


def _written_out(token: folding.Token, lang: language.Language) -> Sequence[str]:
    word = token.word
    if token.is_break:
        return (word,)
    if word in lang.spelt:
        return lang.spelt[word]
    squeezed = _squeezed(word)
    if squeezed != word and not lang.knows(word):
        word = squeezed
        if word in lang.spelt:
            return lang.spelt[word]
    digits = len(word) - len(word.lstrip("0123456789"))
    if 0 < digits < len(word) and word[digits:].isalpha() and not lang.knows(word):  # 3ayyan is a word, 10am is not
        return (word[:digits], *lang.spelt.get(word[digits:], (word[digits:],)))
    return (word,)


def _squeezed(word: str) -> str:
    """A word without the letters that were held down: sooooo poorlyyy."""
    if not word.isalpha():
        return word
    kept = [letter for at, letter in enumerate(word) if at < 2 or not (letter == word[at - 1] == word[at - 2])]
    squeezed = "".join(kept)
    if squeezed == word:
        return word
    return squeezed[:-1] if squeezed[-1:] == squeezed[-2:-1] else squeezed


def _bare(word: str, prefixes: Sequence[str]) -> Iterator[str]:
    """A word without the little words that Arabic writes in one with it."""
    for prefix in prefixes:
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            yield word[len(prefix) :]


def _uncontained(found: Sequence[finding.Found]) -> list[finding.Found]:
    takers = [one for one in found if one.pattern.section in _TAKERS]
    return [one for one in found if not any(_takes(taker, one) for taker in takers)]


def _takes(taker: finding.Found, one: finding.Found) -> bool:
    if taker.pattern.section == one.pattern.section:
        return False
    if one.pattern.section == meaning.Intent.SAFEGUARDING_CONCERN and one.pattern.weight == 3:
        return one.taken < taker.taken and taker.pattern.section in ("neutral", "late")
    if taker.pattern.section == "neutral" and one.pattern.section != "alarm":
        # The words between are part of what is said in passing: «took him to the doctor yesterday».
        inside = one.taken < frozenset(range(taker.start, taker.end))
    else:
        inside = one.taken < taker.taken
    match taker.pattern.section:
        case "neutral" if one.pattern.section in _SAID_IN_PASSING:
            return bool(one.taken & taker.taken)
        case "neutral" if one.pattern.section == meaning.Intent.OTHER:
            return False
        case "safe" | "no_reason" if one.pattern.section not in _NOT_WITH_ME:
            return False
    return one.pattern.section in _LOSERS and inside


def _denied(
    one: finding.Found,
    denials: Sequence[finding.Found],
    consumed: frozenset[int],
    *,
    forms: finding.Forms,
    stops: frozenset[str],
) -> bool:
    if one.pattern.section not in _DENIED:
        return False
    for denial in denials:
        if denial.taken & one.taken:
            continue
        if denial.taken <= consumed and one.pattern.section != meaning.Intent.SAYS_PRESENT:
            continue
        if denial.pattern.section == "negation.close" and one.pattern.section == meaning.Intent.SAYS_PRESENT:
            continue  # «No, he is there.»
        before = denial.pattern.section != "negation.after"
        reach = _REACHES[denial.pattern.section]
        between = range(denial.end, one.start) if before else range(one.end, denial.start)
        apart = one.start - denial.end if before else denial.start - one.end
        if not 0 <= apart <= reach:
            continue
        if not any(forms.is_break(at) or forms.forms[at][0] in stops for at in between):
            return True
    return False


def _evidence(
    one: finding.Found, text: Text, forms: finding.Forms, lang: language.Language, guessed: frozenset[int]
) -> Evidence:
    start, end = forms.origin[one.start], forms.origin[one.end - 1] + 1
    doubtful = any(len(forms.forms[at][0]) == _DOUBTFUL for at in one.taken & guessed)
    return Evidence(
        section=one.pattern.section,
        weight=min(one.pattern.weight, 2) if doubtful else one.pattern.weight,
        words=text.between(start, end),
        start=start,
        end=end,
        sentence=text.sentence(start),
        language=lang.tag,
        guessed=bool(one.taken & guessed),
    )


def lowered(one: Evidence, weight: int) -> Evidence:
    """The same, speaking no louder than that."""
    return replace(one, weight=min(one.weight, weight))


def is_foreign(one: Evidence, text: Text, mine: Sequence[language.Language]) -> bool:
    """Whether none of its words is one that these languages know, and none is a guess."""
    words = [token.word for token in text.tokens[one.start : one.end] if not token.is_break]
    return not one.guessed and not any(lang.knows(word) for word in words for lang in mine)
