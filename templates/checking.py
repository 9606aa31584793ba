"""What may be wrong with a catalogue: each finding names the text and the cure, for a translator to act on.

What ``stops`` would send a family nonsense: a blank that nobody fills, a form that is missing, a sentence turned
around.
The rest is for a person to look at, and whatever is not translated yet just waits.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from babel.messages.catalog import Message

from templates import (
    dress,
    errors,
    formats,
    languages,
    library,
    phrases,
    plain,
    pofiles,
    samples,
    segments,
    skeleton,
    states,
    translations,
    values,
)  # fmt: skip

#: A text message of ours in more parts than this costs a school too much, even with the longest names.
MOST_PARTS: Final = 6

_OPENS: Final = re.compile("[\u2066\u2067\u2068]")
_CLOSES: Final = "\u2069"
_TURNS: Final = re.compile("[\u202a-\u202e]")
_UNPRINTABLE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufeff\ufffd\ufffe\uffff]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_SAME_WORDS: Final = 4  #: a translation of so many words that is the English itself was forgotten


class Finding(NamedTuple):
    """One thing to put right. ``stops`` where it must be; ``line`` is that of the file, 0 where there is none."""

    entry: str
    line: int
    what: str
    cure: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{self.entry}: {self.what} {self.cure}".strip()


class Waiting(NamedTuple):
    """How many texts are there, and how many still need a translator."""

    texts: int
    missing: int
    stale: int


def check_file(path: Path, language: str) -> list[Finding]:
    """Check one file, readable or not."""
    try:
        return list(check(pofiles.read(path, language)))
    except pofiles.Unreadable as error:
        return [
            Finding("the file", error.line, str(error), "Look at that line and the one above it." * (error.line > 0))
        ]


def check(catalogue: pofiles.Po) -> Iterator[Finding]:
    """Check what is translated. What is missing or stale only waits: :func:`waiting`."""
    if catalogue.plural_header and not _same_rule(catalogue.plural_header, catalogue.rule.header):
        cure = f"It must say {catalogue.rule.header} handbell words update puts it right."
        yield Finding("the header", 1, "Plural-Forms is not CLDR's.", cure)
    for message in pofiles.texts(catalogue):
        yield from check_text(catalogue, message)
    yield from _lengths(catalogue)


def check_text(catalogue: pofiles.Po, message: Message) -> Iterator[Finding]:
    """Check one text, if it is translated and not stale."""
    have = pofiles.strings(message)
    if any(have) and not message.fuzzy:
        for what, cure, stops in _text(catalogue, message, have):
            yield Finding(message.context or "", message.lineno or 0, what, cure, stops)


def waiting(catalogue: pofiles.Po) -> Waiting:
    """Count what a translator still has to do."""
    found = [pofiles.text_state(message, catalogue.state) for message in pofiles.texts(catalogue)]
    return Waiting(len(found), found.count("missing"), found.count("stale"))


def refuse(english: Iterable[str], have: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Say what makes a translation unusable, and the cure: for every door through which words come in."""
    wanted = [set(skeleton.names(text)) for text in english]
    for text in filter(None, have):
        try:
            names = set(skeleton.parse(text, where="the translation").names)
        except errors.BadWording as error:
            yield str(error), ""
            continue
        if names not in wanted:
            yield _names(names, wanted[-1])
        if not _paired(text):
            yield "A direction mark is opened and not closed.", "Put U+2069 after what U+2066, U+2067 or U+2068 begins."
        if _TURNS.search(text):
            yield "It has a mark that turns the rest of the message around.", "Take out U+202A to U+202E."
        if _UNPRINTABLE.search(text):
            yield "It has a character that cannot be printed.", "Type that place again."


def _text(catalogue: pofiles.Po, message: Message, have: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    english = pofiles.english(message)
    if not all(have):
        numbers = catalogue.rule.examples()
        gaps = [f"msgstr[{i}] (for {numbers[i]})" for i, text in enumerate(have) if not text]
        yield f"Plural forms are missing: {'; '.join(gaps)}.", "Write them all, alike where the language is.", True
    for what, cure in refuse(english, have):
        yield what, cure, True
    if wrong := states.malformed(message.user_comments):
        yield f"Nobody understands “{wrong}”.", "Write: state: draft, or let handbell words review write it.", True
    entry = message.context or ""
    if "/answer/" in entry and plain.is_opt_out(have[0]):
        yield f"“{have[0]}” is a word that stops all texts.", "Take another word.", True
    if script := foreign(have[0], catalogue.tag):
        yield (
            f"Most of it is in {script} letters.",
            f"Write it as {languages.english(catalogue.tag)} is written.",
            False,
        )
    if any(text != text.strip() for text in have):
        yield "There is space at its beginning or end.", "Take it out.", False
    if have[0] == english[0] and len(_WORD.findall(skeleton.without_names(have[0]))) >= _SAME_WORDS:
        yield "It is the English.", "Translate it, or empty it.", False
    if entry.endswith("/email/text") and min(text.count("\n\n") for text in have) < english[0].count("\n\n"):
        yield "It has fewer paragraphs than the English.", "Part it by empty lines where the English is.", False


def foreign(text: str, language: str) -> str:
    """Name the script of most letters, where it is not that in which the language writes its own name."""
    row = languages.table().get(language)
    letters = [character for character in skeleton.without_names(text) if character.isalpha()]
    if row is None or not letters:
        return ""
    ((most, _),) = Counter(map(_script, letters)).most_common(1)
    return "" if most in set(map(_script, row.own)) else most.capitalize()


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _names(have: set[str], want: set[str]) -> tuple[str, str]:
    extra, gone = sorted(have - want), sorted(want - have)
    said = [f"{_listed(extra)} is not in the English." if extra else "", f"{_listed(gone)} is missing." if gone else ""]
    return " ".join(filter(None, said)), "Names in braces stay as they are, in English."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _paired(text: str) -> bool:
    """Whether every isolate is closed on its own line: a line end would close it (UAX 9, X8)."""
    for line in text.split("\n"):
        depth = 0
        for character in line:
            depth += 1 if _OPENS.match(character) else -1 if character == _CLOSES else 0
            if depth < 0:
                return False
        if depth:
            return False
    return True


def _same_rule(one: str, other: str) -> bool:
    return re.sub(r"[\s;]", "", one) == re.sub(r"[\s;]", "", other)


def parts(catalogue: pofiles.Po) -> dict[str, tuple[int, int]]:
    """Count the parts of every notice's text message: with usual values and with the longest, in its longest form."""
    known = {message.context: message for message in pofiles.texts(catalogue)}
    found: dict[str, tuple[int, int]] = {}
    for key, notice in library.notices().items():
        message = known.get(f"{key}/sms/text")
        if message is None or not pofiles.usable(message):
            continue
        if not any(refuse(pofiles.english(message), pofiles.strings(message))):
            usual, longest = (_parts(notice, known, catalogue.tag, size) for size in ("usual", "longest"))
            found[key] = usual, longest
    return found


def _lengths(catalogue: pofiles.Po) -> Iterator[Finding]:
    """Text messages that would be charged as too many parts with the longest values."""
    lines = {message.context: message.lineno for message in pofiles.texts(catalogue)}
    for key, (_, longest) in parts(catalogue).items():
        if longest > MOST_PARTS:
            entry = f"{key}/sms/text"
            what = f"With the longest names it is {longest} text messages; {MOST_PARTS} is the most."
            yield Finding(entry, lines[entry] or 0, what, "Say it in fewer words.", stops=False)


def _parts(notice: library.Notice, known: Mapping[str | None, Message], language: str, size: samples.Size) -> int:
    clothes = dress.plain(languages.direction(language))
    shown = {
        name: values.show(samples.value(name, blank.type, size), blank.type, language=language, clothes=clothes)
        for name, blank in notice.known().items()
    }

    def said(source: translations.Source) -> str:
        message = known.get(source.context)
        return (pofiles.strings(message)[0] if message else "") or source.text

    choice = said(phrases.source("message", "choice"))
    choices = [choice.replace("{key}", a.key).replace("{label}", said(notice.answer_source(a))) for a in notice.answers]
    if choices:
        menu = said(phrases.source("message", "menu"))
        shown["menu"] = menu.replace("{choices}", formats.choices(choices, language))
    forms = pofiles.strings(known[f"{notice.key}/sms/text"])
    texts = [skeleton.parse(form, where=notice.key) for form in forms]
    return max(segments.count(segments.tidy(text.fill({"menu": "", "greeting": "", **shown}))).parts for text in texts)
