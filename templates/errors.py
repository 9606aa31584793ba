"""What can be wrong with words. Each error is a sentence that names the notice, the placeholder and the cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WordingError(ValueError):
    """Base of all: the words cannot be made. A row is refused with this sentence, never sent with a blank."""


class UnknownNotice(WordingError):
    """There is no notice of that key, or it has no words for that medium."""


class MissingValue(WordingError):
    """A placeholder has nothing to stand in for it."""


class UnknownValue(WordingError):
    """A value was given that the notice does not know, or a text names a placeholder that nobody fills."""


class WrongType(WordingError):
    """A value is not what the notice says that it is (a date, a list of names …)."""


class BadWording(WordingError):
    """The wording itself is malformed: a lone brace, a forbidden answer word, an English text that is missing."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give `` Did you mean "date"?`` with a leading space, or the names there are, or nothing."""
    names = sorted(known)
    near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{near[0]}"?'
    return f" There are: {', '.join(names)}." if names else ""
