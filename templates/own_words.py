"""The school's own translations: a folder of ``.po`` files that lie over ours, text by text.

A gateway is installed where nobody may write, and an upgrade brings new files; so what a school's volunteers review is
kept in a folder of the school's (``languages.folder``). Only what has passed the checks is used: a file that cannot be
read, or a text with a wrong blank, leaves ours in its place.
"""

from __future__ import annotations

from pathlib import Path

from templates import checking, fallback, phrases, pofiles, translations, words


def use(folder: Path | None) -> list[str]:
    """Use the school's words from here on; give a sentence for everything that cannot be used.

    For the start of a process: what was made ready with other words is forgotten, what was given out is not.
    """
    problems: list[str] = []
    compiled: dict[str, bytes] = {}
    for language, path in pofiles.paths(folder).items() if folder else ():
        findings = [finding for finding in checking.check_file(path, language) if finding.stops]
        problems += [f"{path}: {finding}" for finding in findings]
        try:
            catalogue = pofiles.read(path, language)
        except pofiles.Unreadable:
            continue
        for finding in findings:
            catalogue.drop(finding.entry)
        compiled[language] = pofiles.compiled(catalogue, every_state=True)
    translations.lay_over(compiled)
    for made in (phrases.language_for, phrases.parsed, phrases.menu, words.prepare, fallback.form):
        made.cache_clear()
    return problems
