"""What may be praised: each kind is a notice of ours, so that its sentence comes in the family's language."""

from __future__ import annotations

from functools import cache
from typing import Final

from gateway import errors
from templates import library

_PREFIX: Final = "good_news_"
OTHER: Final = "other"  #: anything else: the teacher's own words alone


@cache
def every() -> tuple[str, ...]:
    """All kinds; each but the last has a file ``templates/notices/good_news_KIND.toml``."""
    return (*(key.removeprefix(_PREFIX) for key in library.notices() if key.startswith(_PREFIX)), OTHER)


def template(kind: str) -> str:
    """The wording of a kind."""
    return "good_news" if kind == OTHER else f"{_PREFIX}{kind}"


def has_since(kind: str) -> bool:
    """Whether its sentence names the day from which on it is true."""
    return "since" in library.notice(template(kind)).values


def read(written: str) -> str:
    """A kind as somebody typed it. Raises :class:`errors.BadInput`."""
    found = named(written)
    if found is None:
        cure = f"Write one of {', '.join(every())}."
        raise errors.BadInput([errors.Problem(f"“{written}” is no kind of good news.", cure, field="kind")])
    return found


def named(written: str) -> str | None:
    """The kind that a word, or three letters of its beginning, stands for; None for none."""
    word = written.strip().casefold().rstrip(".:,")
    if len(word) < 3:
        return None
    return next((kind for kind in every() if kind.startswith(word)), None)
