"""Plain words: what a family of another tongue, or a tired one, would stumble over, and what to write instead.

The data stand in ``plain.toml``. The reading age is that of Flesch and Kincaid (grade 0.39 × words a sentence + 11.8 ×
syllables a word − 15.59; an English pupil is five years older than the grade), with syllables counted by vowels.
It is the one formula that works on texts of a few sentences; SMOG needs thirty.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from templates import languages, library, segments

#: An ``error`` stops a message, a ``warning`` does not.
Level = Literal["error", "warning"]

OLDEST_READER: Final = 12.0  #: years; the aim is 9 to 11
LONGEST_SENTENCE: Final = 25  #: words
_GROWN_UP: Final = 17  #: years, from which an age says nothing any more
USUAL_PARTS: Final = 3  #: more of them are dear, and some phones show them in pieces
_FEWEST_WORDS: Final = 15  #: of which a reading age says anything
_A_VALUE: Final = 12  #: characters that a placeholder becomes, mostly
_A_LONG_VALUE: Final = 40  #: and at the longest, as the names of three children

_PLACEHOLDER: Final = re.compile(r"\{[a-z0-9_]+\}")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_SHOUTED: Final = re.compile(r"\b[A-Z]{2,}(?: [A-Z]{2,})+\b|\b[A-Z]{4,}\b")
#: Capitals that are to be typed, as they often are: reply NO DAY.
_TYPED: Final = re.compile(r"\b(?:[Rr]eply|[Tt]ext|[Ss]end|[Aa]nswer|word)(?: with)? [\"'“‘]?[A-Z]{2,}(?: [A-Z]{2,})*")
_SALUTATION: Final = re.compile(r"\b(?:dear|hello|hi)\s+(?:all|parents?|carers?|guardians?|families)\b[^,.:\n]*", re.I)
_MONTH: Final = r"(?:jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE: Final = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:may|{_MONTH})\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b"
    r"|\b\d{1,2}/\d{1,2}(?:/\d+)?\b(?! of\b| hours?\b| an hour)",
    re.I,
)
_WEEKDAY: Final = re.compile(r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b", re.I)
_HOW: Final = re.compile(
    r"\b(?:reply|replies|call|ring|phone|text|email|write|answer|contact|tell us|ask)\b|\{menu\}|\{school_phone\}"
    r"|\d[\d ]{6,}|nothing more for you to do",
    re.I,
)
#: Words on which networks act, asked for as an answer. STOP and START are asked for where they are meant.
_ASKED_FOR: Final = re.compile(
    r"\b(?:reply|text|answer|respond)(?: back)?(?: with)?(?: the word)? [\"'“‘]?"
    r"(yes|quit|revoke|optout|opt-out|arret|(?-i:END|CANCEL|REMOVE|TD)|(?:end|cancel|remove)(?=[\"'”’.,;:!]|$))\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: ``code`` names the rule, ``sentence`` says what is wrong, ``cure`` what to do."""

    level: Level
    code: str
    sentence: str
    cure: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.cure}"


def lint(
    text: str,
    *,
    language: str = languages.ENGLISH,
    media: Collection[str] = ("sms",),
    answers: Sequence[str] = (),
    one_way: bool = False,
    part_pence: float = 0.0,
    folded: bool = False,
) -> list[Finding]:
    """Look at an author's own words, placeholders and all; the school's name is not among them, as Handbell adds it.

    ``answers`` are the labels of the menu; ``one_way``: the text comes from a name, which nobody can answer;
    ``part_pence`` is what a part costs; ``folded``: the language is texted without accents. Only English is read for
    plainness; other languages for their cost and dangers.
    """
    found = [*_dangers(text, answers)]
    if "sms" in media:
        found += _costs(segments.fold(text) if folded else text, language, part_pence)
        found += _one_way(text) if one_way else []
    if language == languages.ENGLISH:
        found += [*_reading(text), *_manners(text)]
        if "sms" in media and not answers and not one_way and not _HOW.search(text):
            what = "It does not say how to answer, or whom to call."
            cure = "Add answers, or a sentence such as: Questions? Call {school_phone}."
            found.append(Finding("warning", "no_way_to_answer", what, cure))
    return found


def lint_notice(notice: library.Notice) -> list[tuple[str, Finding]]:
    """Look at the English of one notice of the library: (where, finding). A library without findings is the aim."""
    found: list[tuple[str, Finding]] = []
    labels = [answer.label for answer in notice.answers]
    for medium, table in library.MEDIA.items():
        wording = getattr(notice, table)
        for name, pair in wording.fields().items() if wording else ():
            for text in filter(None, pair):
                where = f"{notice.key}/{medium}/{name}"
                found += [(where, one) for one in [*_dangers(text, labels), *_reading(text), *_manners(text)]]
                if name == "text":
                    found += [(where, one) for one in _names(text, medium)]
    return found


def lint_library() -> list[tuple[str, Finding]]:
    """Look at the English of every notice."""
    return [found for notice in library.notices().values() for found in lint_notice(notice)]


def is_opt_out(label: str) -> bool:
    """Whether an answer is, in one of our languages, a word by which people stop or restart texts.

    «Yes» is none: it restarts only what was stopped, and whoever is asked anything has not stopped.
    """
    return label.strip().casefold() in _opt_out()


def reading_age(text: str) -> float:
    """Give the age at which an English pupil reads the text with ease; 0 for one that is too short to tell."""
    sentences = _sentences(text)
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if len(words) < _FEWEST_WORDS:
        return 0.0
    grade = 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return max(grade + 5, 5.0)


def syllables(word: str) -> int:
    """Count the syllables of an English word, by its vowels: right for nine words of ten, enough for a mean."""
    word = word.casefold().removesuffix("'s").removesuffix("’s")
    groups = len(re.findall(r"[aeiouyéèêáíóú]+", word))
    if re.search(r"[^aeiouyl]e$|[^aeiouydt]ed$|[^aeiouyscxzgh]es$", word):
        groups -= 1
    return max(groups, 1)


def _sentences(text: str) -> list[str]:
    """The sentences, with a short name where a value will stand."""
    pieces = _SENTENCE.split(_PLACEHOLDER.sub("Ben", text.strip()))
    return [piece for piece in pieces if _WORD.search(piece)]


def _reading(text: str) -> Iterator[Finding]:
    age = reading_age(text)
    if age > OLDEST_READER:
        words = {w for w in _WORD.findall(_PLACEHOLDER.sub("", text)) if syllables(w) > 2}
        hard = sorted(words, key=lambda word: (-syllables(word), word))[:4]
        cure = "Write shorter sentences" + (f", and other words for {_listed(hard)}." if hard else ".")
        who = f"{age:.0f}-year-olds" if age < _GROWN_UP else "people who read a great deal"
        yield Finding("warning", "reading_age", f"It reads like a text for {who}; aim at 9 to 11 years.", cure)
    for sentence in _sentences(text):
        if (long := len(_WORD.findall(sentence))) > LONGEST_SENTENCE:
            begins = " ".join(sentence.split()[:5])
            what = f"The sentence “{begins} …” has {long} words; {LONGEST_SENTENCE} are enough."
            yield Finding("warning", "long_sentence", what, "Make two of it.")
    for term, instead in sorted(_data()["jargon"].items(), key=lambda pair: -len(pair[0])):
        if found := re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", text, 0 if term[:2].isupper() else re.I):
            text = text.replace(found[0], "")  # whoever knows a "safeguarding lead" is not asked about "safeguarding"
            yield Finding("warning", "jargon", f"Not every family knows “{found[0]}”.", f"Write: {instead}.")


def _manners(text: str) -> Iterator[Finding]:
    """What shouts, greets in the wrong place, or leaves a doubt about the day."""
    plain = _PLACEHOLDER.sub("", text)
    known = {*_data()["capitals"]["words"], *_data()["jargon"]}
    shouted = [one for one in _SHOUTED.findall(_TYPED.sub("", plain)) if not known.issuperset(one.split())]
    if shouted:
        yield Finding(
            "warning", "capitals", f"“{shouted[0]}” in capitals reads like shouting, and is hard to read.",
            "Write it in small letters.",
        )  # fmt: skip
    if "!" in plain:
        yield Finding("warning", "exclamation", "An exclamation mark reads like shouting.", "Write a full stop.")
    if greeting := _SALUTATION.search(plain):
        yield Finding(
            "warning", "salutation", f"“{greeting[0].strip()}” speaks to nobody in particular.",
            "Leave it out, or write {greeting}: Handbell puts the name there.",
        )  # fmt: skip
    for sentence in _SENTENCE.split(plain):
        if (day := _DATE.search(sentence)) and not _WEEKDAY.search(sentence):
            numbers = "/" in day[0]
            what = f"“{day[0]}” can be read as another day" if numbers else f"“{day[0]}” has no weekday"
            yield Finding("warning", "date", f"{what}.", "Write weekday, day and month, such as Monday 3 November.")
            break


def _dangers(text: str, answers: Sequence[str]) -> Iterator[Finding]:
    """Words on which networks act, and links that they hold back."""
    for label in answers:
        if is_opt_out(label):
            yield _no_answer(label)
    asked = _ASKED_FOR.search(text)
    if asked and asked[1].casefold() not in {label.strip().casefold() for label in answers}:
        yield _no_answer(asked[1])
    for host in _data()["links"]["shorteners"]:
        if re.search(rf"(?<![\w.-]){re.escape(host)}/", text, re.I):
            what = f"Families take a link to {host} for fraud, and networks hold such texts back."
            yield Finding("warning", "short_link", what, "Write the school's own address.")


def _no_answer(word: str) -> Finding:
    return Finding(
        "error", "opt_out_answer",
        f"“{word}” cannot be an answer: it is a word for stopping or starting texts, and networks act on it.",
        "Use a number, or a word such as COMING or ILL.",
    )  # fmt: skip


def _one_way(text: str) -> Iterator[Finding]:
    """A text from a name: nobody can answer, ask back or say that it came to the wrong phone."""
    if "{children}" not in text:
        return
    sensitive = next((w for w in _data()["sensitive"]["words"] if re.search(rf"\b{w}\b", text, re.I)), "")
    if sensitive:
        yield Finding(
            "error", "one_way_sensitive",
            f"It speaks of a child and of “{sensitive}”, and comes from a name: nobody can answer it.",
            "Call the family, or write an email.",
        )  # fmt: skip
    else:
        yield Finding(
            "warning", "one_way_child",
            "It names a child and comes from a name: nobody can answer, or say that it came to the wrong phone.",
            "Send it from a +44 number or by email, or leave {children} out.",
        )  # fmt: skip


def _costs(text: str, language: str, part_pence: float) -> Iterator[Finding]:
    """Characters that make a text dearer than it need be, in scripts that have a cheap way to write."""
    usual = segments.tidy(_PLACEHOLDER.sub("x" * _A_VALUE, text))
    now, dear = segments.count(usual), segments.dear(usual)
    instead = {c: segments.bare(c) for c in dear}
    stuck = [c for c in dear if instead[c] == c]
    # A letter of another script belongs where it is; a sign or a picture can be left out.
    if dear and not any(unicodedata.category(c)[0] in "LM" for c in stuck):
        cheap = segments.tidy(segments.bare("".join(c for c in usual if c not in stuck)))
        saved = now.parts - segments.count(cheap).parts
        if saved > 0:
            pence = f", {saved * part_pence:.3g}p more for each family" if part_pence else ""
            what = f"{_listed(dear)} {'makes' if len(dear) == 1 else 'make'} this text {now.parts} parts"
            what += f" instead of {now.parts - saved}{pence}."
            cure = f"Write {_listed(list(instead.values()))} there."
            if stuck:
                cure = f"Leave {_listed(stuck)} out."
            elif language != languages.ENGLISH:  # nobody who is careful misspells by hand
                cure = f"Where families read it so too, set languages.fold_accents to write {language} without accents."
            yield Finding("warning", "dear_character", what, cure)
    longest = segments.count(segments.tidy(_PLACEHOLDER.sub("x" * _A_LONG_VALUE, text))).parts
    if longest > USUAL_PARTS:
        what = f"With the longest names the text takes {longest} parts, and each is charged; {USUAL_PARTS} are enough."
        yield Finding("warning", "parts", what, "Shorten it, or send it by email.")


def _names(text: str, medium: str) -> Iterator[Finding]:
    """What every notice of the library must have: who writes, and how to answer. A call says its name before."""
    if medium != "voice" and "{school}" not in text:
        yield Finding("error", "no_school", "It does not name the school.", "Write {school}.")
    if not ("{words}" in text or re.search(r"\{(menu|school_phone)\}", text) or medium == "voice"):
        yield Finding("error", "no_way_to_answer", "It does not say how to answer.", "Write {menu} or {school_phone}.")


def _listed(items: Sequence[str]) -> str:
    quoted = [f"“{item}”" for item in items]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((resources.files("templates") / "plain.toml").read_text("utf-8"))


@cache
def _opt_out() -> frozenset[str]:
    """Every word that counts as stopping or starting, folded."""
    words = {word.casefold() for word in library.KEYWORDS} | set(_data()["opt_out"]["words"])
    return frozenset(words - {"yes"})
