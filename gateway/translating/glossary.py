"""The school's own terms: how each language puts them, or that they stay as they are. A TOML file of the school's.

Sections are languages, and ``all``; a term stands beside its wording, or beside ``keep``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway import errors, toml
from templates import languages

KEEP: Final = "keep"
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Glossary:
    """Wordings by language tag and English term."""

    terms: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def of(self, language: str) -> Mapping[str, str]:
        """Each English term, in small letters, with its wording in a language."""
        found = dict(self.terms.get(_ALL, {}))
        for tag in reversed(languages.fallbacks(language)):
            found |= self.terms.get(tag, {}) if tag != languages.ENGLISH else {}
        return {term.casefold(): term if wording == KEEP else wording for term, wording in found.items()}


def load(path: Path | None) -> Glossary:
    """Read the school's glossary, an empty one where it has none. Raises :class:`errors.BadInput`."""
    if path is None:
        return Glossary()
    text, data = toml.read(path, shown=str(path))
    return read(data, text, shown=str(path))


def read(data: Mapping[str, Any], text: str, *, shown: str) -> Glossary:
    """Take what stands in a glossary; ``text`` and ``shown`` name mistakes. Raises :class:`errors.BadInput`."""
    problems, terms = list[errors.Problem](), dict[str, dict[str, str]]()
    for section, listed in data.items():
        tag = _ALL if section == _ALL else languages.match(section)
        if tag is None or not isinstance(listed, dict):
            what = f"“{section}” is no language that Handbell knows."
            cure = f"Begin a section with a language, such as [pl], or with [{_ALL}], and write its terms below."
            problems.append(errors.Problem(what, cure, shown, _line(text, section)))
            continue
        for term, wording in listed.items():
            if not isinstance(wording, str) or not wording.strip() or set("{}") & set(term + wording):
                what, cure = f"“{term}” has no wording.", f'Write "{term}" = "…", or "{KEEP}", without braces.'
                problems.append(errors.Problem(what, cure, shown, _line(text, term), section))
            else:
                terms.setdefault(tag, {})[term.strip()] = wording.strip()
    if problems:
        raise errors.BadInput(problems)
    return Glossary(terms)


def _line(text: str, word: str) -> int:
    return next(_lines(text, word), 0)


def _lines(text: str, word: str) -> Iterator[int]:
    return (number for number, line in enumerate(text.splitlines(), start=1) if word in line)
