"""Which answer of a menu a family means: by its digit, with or without courtesy, or by its words in any language.

Only what can mean one answer alone is taken: everything else is for a person to read. The networks' own words are not
this module's business: whoever asks has looked for them before (``gateway/optout.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.understanding import folding, menu

#: What may stand beside an answer and changes nothing: «Reply 1», «1 thank you», «ok 2 pls», «1 dziękuję», «no thanks».
_COURTESY: Final = """
    reply replying answer option number nr text press pressed please pls plz thanks thank you thankyou thx thnx ty tyvm
    ta cheers ok okay k hi hello sir miss many x xx xxx prosze dziekuje dzieki dobrze diolch iawn merci
    svp accord gracias por favor vale grazie prego per favore danke bitte obrigado obrigada multumesc mersi
    va rog aciu prasau tesekkurler tesekkur ederim tamam lutfen faleminderit koszonom koszi kerem
    mahadsanid mahadsan shukriya shukria dhanyavad dhonnobad sipas
    дякую спасибо благодаря мерси добре хорошо пожалуйста
    شكرا تمام شکریہ ممنون مرسی سپاس سوپاس مننه
    ধন্যবাদ धन्यवाद આભાર நன்றி ਧੰਨਵਾਦ 谢谢 謝謝
"""
#: May stand beside a digit as well («yes 1»), yet not beside the words of an answer: «no, ja» is for a person.
_YES: Final = """
    yes yep tak oui si ja sim da taip evet po igen haa ji так да نعم جی بله هو হ্যাঁ जी हाँ હા ஆம் ਜੀ ਹਾਂ 好
"""
#: A digit written out, up to five. Words that mean something else in English, as «do» and «due», are left out.
_SPELT: Final[Mapping[str, str]] = {
    "1": "one jeden jedna un une uno una um uma один одна един bir egy nje viena yek ik ikk ek aik "
    "واحد یک یەک ایک یو এক एक એક ஒன்று ਇੱਕ 一",
    "2": "two dwa dau deux dos dois doua два две дві iki ketto dvi laba اثنين دو دوو دوه দুই दो બે இரண்டு ਦੋ 二",
    "3": "three trzy trois tres tre trei три uc harom trys saddex ثلاثة سه سێ تین তিন तीन ત્રણ மூன்று ਤਿੰਨ 三",
    "4": "four cztery pedwar quatre cuatro quattro quatro patru четыре чотири четири dort negy kater keturi afar "
    "اربعة چهار چوار چار চার चार ચાર நான்கு ਚਾਰ 四",
    "5": "five piec cinq cinco cinque cinci пять bes pese penki shan خمسة پنج پێنج پانچ পাঁচ पांच પાંચ ஐந்து ਪੰਜ 五",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
}
_BETWEEN: Final = re.compile(r"(?<=\d)(?=[^\W\d_])")  #: «1ok»


def key(text: str, options: Mapping[str, Sequence[str]]) -> str:
    """The key of the one option that a whole text means, or ``""``.

    ``options`` has the labels of each key, in whichever languages there are. A label may stand beside its own digit.
    """
    if alone := menu.digit(text):
        return alone if alone in options else ""
    said = _words(text)
    if said is None:
        return ""
    names = {one: {_words(label) or () for label in labels} for one, labels in options.items()}
    named = {word for labels in names.values() for label in labels for word in label}
    bare = tuple(word for word in said if word in named or word not in _COURTESIES)
    meant = {one for one, labels in names.items() if bare and bare in labels}
    if meant:
        return meant.pop() if len(meant) == 1 else ""
    if said[:1] == ("no",) and "no" not in named and len(said) > 1 and said[1].isdigit():
        said = said[1:]  # short for number, and nothing else may be meant
    digits = {word for word in said if word.isdigit()} or {_DIGITS[word] for word in said if word in _DIGITS}
    found = digits.pop() if len(digits) == 1 else ""
    if found not in options:
        return ""
    own = {word for label in names[found] for word in label}
    others = named - own  # «2 yes» is two answers where 1 is called «yes»
    fits = own | (_KIND - others) | {word for word in said if _DIGITS.get(word, word) == found} - others
    return found if fits.issuperset(said) else ""


def _words(text: str) -> tuple[str, ...] | None:
    """The words of a text in the one spelling, without its marks and emoji; None for a question."""
    tokens = folding.tokens(folding.fold(_BETWEEN.sub(" ", text)))
    if any(token.word == "?" for token in tokens):
        return None
    return tuple(token.word for token in tokens if any(character.isalnum() for character in token.word))


_COURTESIES: Final = frozenset(_words(_COURTESY) or ())
_KIND: Final = _COURTESIES.union(_words(_YES) or ())
_DIGITS: Final[Mapping[str, str]] = {word: digit for digit, said in _SPELT.items() for word in _words(said) or ()}
