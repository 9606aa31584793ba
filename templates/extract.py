"""What Babel needs to find our English in TOML files: notices and phrases alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

from templates import library, phrases, translations

#: line number, gettext function, its arguments, comments for translators: Babel's interface for extractors
Found = tuple[int, str, tuple[str, ...], list[str]]

#: Where a text stands, for translators.
_PLACES: Final[Mapping[tuple[str, str], str]] = {
    ("sms", "text"): "a text message: as short as it can be",
    ("email", "subject"): "the subject of an email",
    ("email", "text"): "an email",
    ("voice", "text"): "read out by a voice in a call",
}


def notice_toml(
    fileobj: IO[bytes], keywords: Sequence[str], comment_tags: Sequence[str], options: Mapping[str, str]
) -> Iterator[Found]:
    """Extract one notice file: every medium's subject and text, and the answers."""
    source = fileobj.read().decode("utf-8")
    key = next(line.split('"')[1] for line in source.splitlines() if line.startswith("key ="))
    notice = library.read(source, name=key)
    blanks = notice.known()
    note = [notice.note] if notice.note else []
    for medium, table in library.MEDIA.items():
        if getattr(notice, table) is None:
            continue
        for field in notice.wording(medium).fields():
            found = notice.source(medium, field)
            names = [name for name in blanks if f"{{{name}}}" in found.text]
            what = f"{notice.title}, {_PLACES[medium, field]}. {notice.description}"
            yield _found(found, [what, *note, *(f"{{{name}}}: {blanks[name].help}" for name in names)])
    for answer in notice.answers:
        as_in = f"{notice.title}: an answer, as in: Reply {answer.key} for …"
        yield _found(notice.answer_source(answer), [as_in, *note])


def phrase_toml(
    fileobj: IO[bytes], keywords: Sequence[str], comment_tags: Sequence[str], options: Mapping[str, str]
) -> Iterator[Found]:
    """Extract ``phrases.toml``."""
    for group, members in phrases.read(fileobj.read().decode("utf-8")).items():
        for name, phrase in members.items():
            yield _found(translations.Source(f"phrases/{group}/{name}", phrase.text.strip()), [phrase.help])


def _found(source: translations.Source, comments: list[str]) -> Found:
    if source.plural:
        return 1, "npgettext", (source.context, source.text, source.plural), comments
    return 1, "pgettext", (source.context, source.text), comments
