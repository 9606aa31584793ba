"""The values of a message: is each what the notice says it is, and how is it written in the language."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar, cast

from templates import dress, errors, formats, languages, library, spoken

T = TypeVar("T")
Value = str | int | float | Decimal | datetime.date | datetime.time | tuple[str, ...]
Checked = Mapping[str, Value]

#: What no value may carry: control characters but for line end and tab, and the marks that embed, override or isolate
#: directions: one that a value opens and does not close would turn the rest of the message around.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ud800-\udfff]")
_URL: Final = re.compile(r"https?://[^\s<>\"]+")
_PHONE: Final = re.compile(r"\+?[\d ()\-]*\d[\d ()\-]*")

#: What each kind looks like, for the error sentences.
LOOKS: Final[Mapping[library.Kind, str]] = {
    "text": 'words, such as "burst water pipe", or words by language with English among them',
    "name": 'a name, such as "Oakfield"',
    "names": 'a list of names, such as ["Ana", "Ben"]',
    "date": "a date, such as 2025-11-03",
    "time": "a time of day, such as 08:45",
    "datetime": "a date and time, such as 2025-11-03 08:45",
    "number": "a number, such as 3",
    "url": "a web address that begins with https:// or http://",
    "phone": "a phone number, such as 020 7946 0123",
}


def check(
    given: Mapping[str, object],
    known: Mapping[str, library.Value],
    *,
    needed: frozenset[str],
    language: str,
    where: str,
) -> dict[str, Value]:
    """Check every given value and that all ``needed`` ones are there; optional ones that are empty are left out.

    Raises :class:`errors.UnknownValue`, :class:`errors.WrongType` or :class:`errors.MissingValue`.
    """
    checked: dict[str, Value] = {}
    for name, raw in given.items():
        value = _check_one(name, raw, known, language, where)
        if value or value not in ("", ()):
            checked[name] = value
    if missing := needed.difference(checked):
        for name in sorted(missing):
            _check_missing(name, known, where=where)
    return checked


def check_values(key: str, given: Mapping[str, object]) -> list[str]:
    """Check the values of a notice *definition*, before there is any recipient; give one sentence for each problem.

    What the gateway fills in for each message (school, children …) must not stand in a definition.
    """
    try:
        notice = library.notice(key)
    except errors.UnknownNotice as error:
        return [str(error)]
    problems = [
        f'The value "{name}" is filled in by Handbell itself; take it out of the definition.'
        for name in sorted(given.keys() & (library.provided().keys() | library.DERIVED))
    ]
    where = f'the notice "{key}"'
    for name in sorted((given.keys() | notice.values.keys()) - library.provided().keys() - library.DERIVED):
        try:
            if name not in given or _check_one(name, given[name], notice.values, languages.ENGLISH, where) in ("", ()):
                _check_missing(name, notice.values, where=where)
        except errors.WordingError as error:
            problems.append(str(error))
    return problems


def _check_one(name: str, raw: object, known: Mapping[str, library.Value], language: str, where: str) -> Value:
    blank = known.get(name)
    if blank is None:
        near = errors.suggestion(name, known)
        raise errors.UnknownValue(f'In {where} a value "{name}" was given, which it does not know.{near}')
    value = _KINDS[blank.type](raw, language)
    if value is None:
        raise errors.WrongType(f'In {where} the value of "{name}" ({blank.help}) must be {LOOKS[blank.type]}.')
    return value


def _check_missing(name: str, known: Mapping[str, library.Value], *, where: str) -> None:
    blank = known.get(name)
    if blank is None:
        near = errors.suggestion(name, known.keys() | library.DERIVED)
        raise errors.UnknownValue(f"In {where} nobody fills the placeholder {{{name}}}.{near}")
    if blank.required:
        raise errors.MissingValue(
            f"In {where} there is no value for {{{name}}} ({blank.help}). Give it {LOOKS[blank.type]}."
        )


def infer(raw: object) -> library.Value:
    """Say what kind a value of a free text is, where no notice declares it."""
    kind: library.Kind = "text"
    if isinstance(raw, datetime.datetime):
        kind = "datetime"
    elif isinstance(raw, datetime.date):
        kind = "date"
    elif isinstance(raw, datetime.time):
        kind = "time"
    elif isinstance(raw, int | float | Decimal):
        kind = "number"
    elif isinstance(raw, str) and _URL.fullmatch(raw):
        kind = "url"
    elif isinstance(raw, Sequence) and not isinstance(raw, str):
        kind = "names"
    return library.Value(type=kind, help="given with the text")


def show(value: Value, kind: library.Kind, *, language: str, clothes: dress.Dress) -> str:
    """Write a checked value in the language, dressed for the medium."""
    if isinstance(value, tuple):
        return formats.names([clothes.value(name) for name in value], language)
    if isinstance(value, str):
        return clothes.phone(value) if kind == "phone" else value if kind == "url" else clothes.value(value)
    return clothes.value(spoken.write(value, language) if clothes.aloud else formats.write(value, language))


def amount(value: Value | None) -> int:
    """Give the number that selects the plural form: how many names, or the number itself; 1 if there is none."""
    if isinstance(value, tuple):
        return len(value)
    return abs(int(value)) if isinstance(value, int | float | Decimal) else 1


def clean(text: str) -> str:
    """Take out what no value may carry and the space around it; everything visible stays."""
    if text.isprintable():  # as nearly every name is; nothing forbidden counts as printable
        return text.strip()
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def by_language(texts: Mapping[str, str], language: str) -> str | None:
    """Pick the text for a language: its own, its base's, English; None where there is none of them."""
    return next((texts[tag] for tag in languages.fallbacks(language) if texts.get(tag)), None)


def _text(raw: object, language: str) -> str | None:
    if isinstance(raw, Mapping):
        texts = cast(Mapping[object, object], raw)
        if not all(isinstance(tag, str) and isinstance(text, str) for tag, text in texts.items()):
            return None
        found = by_language(cast(Mapping[str, str], raw), language)
        return None if found is None else clean(found)
    return clean(raw) if isinstance(raw, str) else None


def _name(raw: object, language: str) -> str | None:
    return _one_line(raw) if isinstance(raw, str) else None


def _one_line(text: str) -> str:
    return " ".join((text if text.isprintable() else clean(text)).split())


def _names(raw: object, language: str) -> tuple[str, ...] | None:
    # A tuple is asked for first: it takes four times as long to know whether something is any kind of sequence.
    if not isinstance(raw, tuple) and (isinstance(raw, str) or not isinstance(raw, Sequence)):
        return None
    given = cast(Sequence[object], raw)
    names = tuple([_one_line(name) for name in given if isinstance(name, str)])
    return names if all(names) and len(names) == len(given) else None


def _date(raw: object, language: str) -> datetime.date | None:
    if isinstance(raw, datetime.datetime):
        return None
    return raw if isinstance(raw, datetime.date) else _iso(raw, datetime.date.fromisoformat)


def _time(raw: object, language: str) -> datetime.time | None:
    return raw if isinstance(raw, datetime.time) else _iso(raw, datetime.time.fromisoformat)


def _datetime(raw: object, language: str) -> datetime.datetime | None:
    if isinstance(raw, datetime.datetime):
        return raw
    # A bare date would read as midnight, which nobody meant.
    return _iso(raw, datetime.datetime.fromisoformat) if isinstance(raw, str) and len(raw) > len("2025-11-03") else None


def _iso(raw: object, parse: Callable[[str], T]) -> T | None:
    try:
        return parse(raw.strip()) if isinstance(raw, str) else None
    except ValueError:
        return None


def _number(raw: object, language: str) -> int | float | Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None
    return raw if Decimal(raw).is_finite() else None


def _url(raw: object, language: str) -> str | None:
    text = _name(raw, language)
    return text if text is not None and (not text or _URL.fullmatch(text)) else None


def _phone(raw: object, language: str) -> str | None:
    text = _name(raw, language)
    return text if text is not None and (not text or _PHONE.fullmatch(text)) else None


_KINDS: Final[Mapping[library.Kind, Callable[[object, str], Value | None]]] = {
    "text": _text,
    "name": _name,
    "names": _names,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "number": _number,
    "url": _url,
    "phone": _phone,
}
