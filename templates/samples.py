"""Made-up values to try wordings with: usual ones to show, and the longest that a school is likely to have.

They are shown to volunteers who review a translation, so no pupil is in them.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from templates import library, values

Size = Literal["usual", "longest"]

_USUAL_DAY: Final = datetime.datetime(2026, 11, 3, 9, 0)  # noqa: DTZ001 a wall clock's time, as in a definition
_LONG_DAY: Final = datetime.datetime(2026, 9, 30, 10, 35)  # noqa: DTZ001 Wednesday, September: long in many languages

_BY_KIND: Final[Mapping[library.Kind, tuple[values.Value, values.Value]]] = MappingProxyType(
    {
        "text": ("burst water pipe", "the heating has failed in the whole building"),
        "name": ("Mrs Kowalska", "Mr Oluwaseun Adebayo-Richardson"),
        "names": (("Ana Kowalska",), ("Ana Kowalska", "Maximilian Kowalska", "Zofia Kowalska")),
        "date": (_USUAL_DAY.date(), _LONG_DAY.date()),
        "time": (_USUAL_DAY.time(), _LONG_DAY.time()),
        "datetime": (_USUAL_DAY, _LONG_DAY),
        "number": (2, 1000),
        "url": ("https://example.com/s/k7", "https://messages.example.com/u/01J9ZK3V7Q8W5/4f1d"),
        "phone": ("020 7946 0123", "+44 20 7946 0123"),
    }
)  # fmt: skip
_BY_NAME: Final[Mapping[str, tuple[values.Value, values.Value]]] = MappingProxyType(
    {"school": ("Oakfield", "St Bartholomew's Primary"), "place": ("Main hall", "the hall of the lower school")}
)


def value(name: str, kind: library.Kind, size: Size) -> values.Value:
    """Give a made-up value for a blank."""
    usual, longest = _BY_NAME.get(name) or _BY_KIND[kind]
    return usual if size == "usual" else longest


def values_of(notice: library.Notice, size: Size, *, children: int | None = None) -> dict[str, values.Value]:
    """Give a value for every blank of a notice, and so many children where that is asked for."""
    found = {name: value(name, blank.type, size) for name, blank in notice.known().items()}
    if children is not None:
        found["children"] = tuple(f"Child {number}" for number in range(1, children + 1))
    return found
