"""What a call says, cut into pieces that somebody can record: for languages that no machine voice speaks.

A call's words are cut at their placeholders, and what stands between (days, times, numbers, telephone numbers) into
words that are recorded once and put together. A piece is known by its words alone: a wording that changes becomes other
pieces, so an old recording is never played for new words, and what two notices share is recorded once.

Names cannot be recorded beforehand. Where nobody has, the English voice says them: a family knows the name of its child
in any voice, and must hear which child it is. Free words (why the school is closed) have to be recorded for the day.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal, NamedTuple

from templates import formats, library, phrases, skeleton, spoken, translations, values, words

Kind = Literal["ours", "value", "name", "free"]

_SLOTS: Final = tuple(map(chr, range(0xE000, 0xE040)))  #: private letters, to see what stands between names
_AROUND: Final = " \t\n.,;:!?·।،؛؟۔。，、"
_MEDIUM: Final = "voice"
_CALL: Final = ("opening", "fallback", "choice", "thanks", "again")  #: the parts of a call around its message
_YEAR: Final = tuple(datetime.date(2025, 1, 1) + datetime.timedelta(days=n) for n in range(365))


class Piece(NamedTuple):
    """Words that are said in one breath.

    ``kind``  ``ours`` are our wording's; ``value`` days, months, digits and the like; ``name`` and ``free`` are given
    """

    words: str
    kind: Kind = "ours"


class Line(NamedTuple):
    """A piece to be recorded, and where it is heard: the key of a notice, ``call`` or ``values``."""

    piece: Piece
    where: str


def fingerprint(language: str, said: str) -> str:
    """What these words are known by."""
    plain = " ".join(unicodedata.normalize("NFC", said).split()).casefold()
    return hashlib.sha256(f"{language}\n{plain}".encode()).hexdigest()[:12]


def body(renderer: words.Renderer, given: Mapping[str, object], *, keys: phrases.Answers = ()) -> list[Piece]:
    """Cut the private part of a call for somebody, in the order in which it is heard.

    A ``{menu}`` in it is said as the call's own menu is, whose pieces are recorded anyway.
    Raises a :class:`errors.WordingError` as :meth:`words.Renderer.fill` does.
    """
    known = renderer.known(given)
    # With nothing left out, so that an optional value that is not given changes no piece beside it.
    needed = renderer.form(1, frozenset()).needed
    checked = values.check(given, known, needed=needed, language=renderer.language, where=renderer.where)
    form = renderer.form(values.amount(checked.get(renderer.notice.plural_by)), frozenset()).text
    shown = {name: list(_value(checked[name], known[name].type, renderer.language)) for name in checked}
    shown["greeting"] = _greeting(str(checked.get("recipient", "")), renderer.phrases_language)
    shown["menu"] = _menu(keys, renderer.phrases_language)
    return list(_filled(form, shown))


def around(language: str, *, school: str, school_phone: str, keys: phrases.Answers) -> dict[str, list[Piece]]:
    """Cut what is said around the message, by the parts of a call's script."""
    shown = {"school": [Piece(values.clean(school), "name")], "school_phone": list(_digits(school_phone))}
    found = {part: list(_filled(phrases.parsed("call", part, language), shown)) for part in _CALL if part != "choice"}
    return found | {"menu": _menu(keys, language)}


def script(language: str) -> list[Line]:
    """Everything that is to be recorded in a language, each piece once: calls, every notice we have, values.

    Empty for a language in which we have no words for a call.
    """
    if phrases.language_for("call", language) != language:
        return []
    found: dict[str, Line] = {}
    for line in (*_of_calls(language), *_of_notices(language), *_of_values(language)):
        found.setdefault(fingerprint(language, line.piece.words), line)
    return list(found.values())


def of_notice(key: str, language: str) -> list[Piece]:
    """The pieces of one notice and of its answers: its own words, in every plural form. Values are not among them."""
    renderer = words.prepare(key, language=language, medium=_MEDIUM)
    forms = [renderer.form(n, frozenset()).text for n in (range(12) if renderer.notice.plural_by else (1,))]
    own = [piece for form in forms for piece in _filled(form, {})]
    return list(dict.fromkeys([*own, *(Piece(label) for _, label in renderer.answers())]))


def kinds(key: str) -> set[str]:
    """The kinds of values that a notice says in a call: what must be recorded beside its own words."""
    notice = library.notice(key)
    known = notice.known()
    names = skeleton.parse(notice.wording(_MEDIUM).text, where=key).names
    return {known[name].type for name in names if name in known}


def speakable(language: str) -> list[str]:
    """The notices that there are words for in exactly this language, for calls."""
    found = [one for one in library.notices().values() if one.spoken and one.key != "free_text"]
    return [one.key for one in found if translations.speaks(language, one.sources(_MEDIUM))]


def values_of(kind: str, language: str) -> list[Piece]:
    """Everything that a value of a kind may consist of."""
    return list(dict.fromkeys(_vocabulary(language).get(kind, ())))


def _of_calls(language: str) -> Iterator[Line]:
    for part in _CALL:
        yield from (Line(piece, "call") for piece in _filled(phrases.parsed("call", part, language), {}))


def _of_notices(language: str) -> Iterator[Line]:
    for key in speakable(language):
        yield from (Line(piece, key) for piece in of_notice(key, language))


def _of_values(language: str) -> Iterator[Line]:
    for pieces in _vocabulary(language).values():
        yield from (Line(piece, "values") for piece in pieces)


def _filled(form: skeleton.Skeleton, shown: Mapping[str, Sequence[Piece]]) -> Iterator[Piece]:
    yield from _ours(form.pieces[0])
    for name, piece in zip(form.names, form.pieces[1:], strict=True):
        yield from shown.get(name, ())
        yield from _ours(piece)


def _greeting(recipient: str, language: str) -> list[Piece]:
    greeting = phrases.parsed("message", "greeting_named" if recipient else "greeting", language)
    return list(_filled(greeting, {"recipient": [Piece(recipient, "name")]}))


def _menu(keys: phrases.Answers, language: str) -> list[Piece]:
    choice = phrases.parsed("call", "choice", language)
    said = [_filled(choice, {"key": [Piece(key, "value")], "label": [Piece(label)]}) for key, label in keys]
    return [piece for each in said for piece in each]


def _ours(literal: str) -> Iterator[Piece]:
    said = literal.strip(_AROUND)
    if any(letter.isalnum() for letter in said):
        yield Piece(" ".join(said.split()))


def _value(value: values.Value, kind: str, language: str) -> Iterator[Piece]:
    if isinstance(value, tuple):
        yield from _names(value, language)
    elif isinstance(value, str):
        yield from _digits(value) if kind == "phone" else [Piece(value, "name" if kind == "name" else "free")]
    else:
        yield from _counted(spoken.write(value, language), language)


def _names(given: Sequence[str], language: str) -> Iterator[Piece]:
    """Names, and the «and» between them."""
    slots = _SLOTS[: len(given)]
    listed = formats.names(slots, language)
    for part in re.split(f"([{''.join(slots)}])", listed):
        yield from [Piece(given[slots.index(part)], "name")] if part in slots else _ours(part)


def _digits(phone: str) -> Iterator[Piece]:
    yield from (Piece(digit, "value") for digit in formats.digits(phone) if digit.isdecimal())


def _counted(said: str, language: str) -> Iterator[Piece]:
    """A day, a time or a number, at its own joints: weekday, month, digits, and our words between them."""
    for part in _joints(language).split(said):
        if part.isdecimal() or part in _calendar(language):
            yield Piece(part, "value")
        else:
            yield from (Piece(piece.words, "value") for piece in _ours(part))


@cache
def _calendar(language: str) -> frozenset[str]:
    locale = formats.locale(language)
    wide = [context["wide"] for kind in (locale.days, locale.months) for context in kind.values()]
    return frozenset(str(name) for table in wide for name in table.values())


@cache
def _joints(language: str) -> re.Pattern[str]:
    longest_first = sorted(_calendar(language), key=len, reverse=True)
    return re.compile("(" + "|".join([*map(re.escape, longest_first), r"\d+"]) + ")")


@cache
def _vocabulary(language: str) -> Mapping[str, tuple[Piece, ...]]:
    """What values are made of, by kind: found by saying a year of days and a day of times."""
    dates = [piece for day in _YEAR for piece in _counted(spoken.date(day, language), language)]
    clock = [datetime.time(hour, minute) for hour in range(6, 23) for minute in (0, *range(60))]
    times = [piece for time in clock for piece in _counted(spoken.time(time, language), language)]
    number = [Piece(str(n), "value") for n in range(60)]
    found = {
        "phone": number[:10],
        "number": number,
        "date": dates,
        "time": times,
        "datetime": [*dates, *times],
        "names": [piece for piece in _names(("A", "B", "C"), language) if piece.kind == "ours"],
    }
    return {kind: tuple(dict.fromkeys(pieces)) for kind, pieces in found.items()}
