"""The school's own translations: a folder of ``.po`` files that lie over ours, text by text.

A gateway is installed where nobody may write, and an upgrade brings new files; so what a school's volunteers review is
kept in a folder of the school's (``languages.folder``). Only what has passed the checks is used: a file that cannot be
read, or a text with a wrong blank, leaves ours in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from templates import fallback, languages, library, phrases, translations, words


def use(folder: Path) -> list[str]:
    """Use the school's words from here on; give a sentence for everything that cannot be used.

    What was made ready with other words is forgotten, what was given out is not.
    """
    compiled, problems = read(folder)
    lay_over(compiled)
    return problems


def lay_over(compiled: Mapping[str, bytes]) -> None:
    """Use these words, which :func:`read` gave, from here on."""
    if translations.lay_over(compiled):
        for made in (phrases.language_for, phrases.parsed, phrases.menu, words.prepare, fallback.form):
            made.cache_clear()


def read(folder: Path) -> tuple[Mapping[str, bytes], list[str]]:
    """Compile what can be used, by language, with a sentence for everything that cannot."""
    compiled, problems = dict[str, bytes](), list[str]()
    if not any(folder.glob("*/LC_MESSAGES/*.po")):
        return compiled, problems
    from templates import checking, pofiles  # Babel's reader, which most commands can do without

    plural = _plural_texts()
    for language, path in pofiles.paths(folder).items():
        if languages.match(language) != language:
            meant = languages.match(language)
            cure = f"Name it {meant.replace('-', '_')}." if meant else "Name it by a tag such as so or pt_BR."
            problems.append(f"{path}: “{path.parent.parent.name}” is not the tag of a language. {cure}")
            continue
        findings = [finding for finding in checking.check_file(path, language) if finding.stops]
        problems += [f"{path}: {finding}" for finding in findings]
        try:
            catalogue = pofiles.read(path, language)
        except pofiles.Unreadable:
            continue
        for finding in findings:
            catalogue.drop(finding.entry)
        for message in list(pofiles.texts(catalogue)):
            # gettext looks at the singular alone, and would take the words of another English.
            context = message.context or ""
            if pofiles.english(message) != plural.get(context, pofiles.english(message)):
                catalogue.drop(context)
        compiled[language] = pofiles.compiled(catalogue, every_state=True)
    return compiled, problems


def _plural_texts() -> dict[str, tuple[str, str]]:
    """Give the English of today, one and many, of each text that has a plural."""
    found = [
        notice.source(medium, field)
        for notice in library.notices().values()
        for medium, table in library.MEDIA.items()
        if getattr(notice, table) is not None
        for field in notice.wording(medium).fields()
    ]
    return {source.context: (source.text, source.plural) for source in found if source.plural}
