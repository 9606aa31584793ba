"""``docs/wordings.md``: every wording of ``templates/notices``, with its English words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from docs.writers import markdown
from templates import library, translations

_INTRO = """
A wording is the words of one kind of notice. A [definition](definitions.md) names it as `template` and fills its blanks
in `[values]`. Each is a file `templates/notices/<key>.toml`, and these are its English words; `{…}` is a blank to fill.
Where an optional blank stays empty, so does its place.
"""
#: The tables of such a file: how TOML writes each, and what is in it.
_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "At its top": library.Notice, "`[values.date]`": library.Value, "`[[answers]]`": library.Answer,
    "`[sms]`, `[email]`, `[spoken]`": library.Wording,
}  # fmt: skip
_MEDIA = {"sms": "Text message", "email": "Email", "voice": "Call, after a key was pressed"}


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Wordings", "templates/notices")
    yield _INTRO
    yield f"There are words in {_languages()}. A draft is sent only where `languages.allow_drafts` is true."
    yield "Handbell itself fills these blanks, in every wording:"
    yield _values(library.provided())
    yield "`{greeting}` is made from the recipient, `{menu}` from the answers."
    yield "## How such a file is written"
    for heading, model in _TABLES.items():
        yield f"### {heading}"
        rows = [
            (markdown.code(name), "yes" if field.is_required() else "no", f"{field.description}.")
            for name, field in model.model_fields.items()
        ]
        yield markdown.table(("key", "must be given", "meaning"), rows)
    for notice in library.notices().values():
        yield from _notice(notice)


def _languages() -> str:
    return ", ".join(f"`{tag}`" for tag in sorted(translations.languages_available()))


def _notice(notice: library.Notice) -> Iterator[str]:
    yield f"## {notice.key}"
    yield f"**{notice.title}.** {notice.description}"
    yield f"Purposes: {markdown.listed(notice.purposes)}."
    yield _values(notice.values) if notice.values else "It has no blanks of its own."
    if notice.answers:
        yield "Answers:"
        rows = [(markdown.code(answer.key), answer.label, markdown.code(answer.code)) for answer in notice.answers]
        yield markdown.table(("key", "words", "kept as"), rows)
    for medium, title in _MEDIA.items():
        if getattr(notice, library.MEDIA[medium]) is not None:
            yield from _medium(notice, medium, title)


def _medium(notice: library.Notice, medium: str, title: str) -> Iterator[str]:
    wording = notice.wording(medium)
    yield f"### {title}: {notice.key}"
    yield markdown.block(_letter(wording.subject, wording.text), "text")
    if wording.text_plural or wording.subject_plural:
        yield f"Where `{notice.plural_by}` is more than one:"
        plural = _letter(wording.subject_plural or wording.subject, wording.text_plural or wording.text)
        yield markdown.block(plural, "text")


def _letter(subject: str, text: str) -> str:
    return f"Subject: {subject}\n\n{text.strip()}" if subject else text


def _values(values: Mapping[str, library.Value]) -> str:
    rows = [
        (markdown.code(name), value.type, "yes" if value.required else "no", value.help)
        for name, value in values.items()
    ]
    return markdown.table(("value", "kind", "must be given", "meaning"), rows)
