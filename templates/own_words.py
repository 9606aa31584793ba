"""The school's own translations: a folder of ``.po`` files that lie over ours, text by text.

A gateway is installed where nobody may write, and an upgrade brings new files; so what a school's volunteers review is
kept in a folder of the school's (``languages.folder``). Only what has passed the checks is used: a file that cannot be
read, or a text with a wrong blank, leaves ours in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from templates import fallback, phrases, translations, words


def use(folder: Path) -> list[str]:
    """Use the school's words from here on; give a sentence for everything that cannot be used.

    For the start of a process: what was made ready with other words is forgotten, what was given out is not.
    """
    compiled, problems = read(folder)
    if translations.lay_over(compiled):
        for made in (phrases.language_for, phrases.parsed, phrases.menu, words.prepare, fallback.form):
            made.cache_clear()
    return problems


def read(folder: Path) -> tuple[Mapping[str, bytes], list[str]]:
    """Compile what can be used, by language, with a sentence for everything that cannot."""
    compiled, problems = dict[str, bytes](), list[str]()
    if not any(folder.glob("*/LC_MESSAGES/*.po")):
        return compiled, problems
    from templates import checking, pofiles  # Babel's reader, which most commands can do without

    for language, path in pofiles.paths(folder).items():
        findings = [finding for finding in checking.check_file(path, language) if finding.stops]
        problems += [f"{path}: {finding}" for finding in findings]
        try:
            catalogue = pofiles.read(path, language)
        except pofiles.Unreadable:
            continue
        for finding in findings:
            catalogue.drop(finding.entry)
        compiled[language] = pofiles.compiled(catalogue, every_state=True)
    return compiled, problems
