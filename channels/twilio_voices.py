"""Which voice speaks which language on a call.

The voices stand in ``twilio_voices.csv``: for each language the best that Twilio lists for ``<Say>`` (SayVoice and
SayLanguage of twilio-node; the Python library takes any string and checks nothing). Neural and WaveNet voices come
before standard ones. The generative ones (Polly's Generative, Google's Chirp3-HD) are the newest and the dearest, and
a school that wants one names it in ``twilio.voices``.

A language that is not there has no machine voice at Twilio: Urdu, Somali, Albanian, Persian, Pashto and Kurdish among
them. Such a call needs recordings, or another language.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import NamedTuple

_GOOGLE = re.compile(r"Google\.([a-z]{2,3}-[A-Za-z]{2})-.+")


class Voice(NamedTuple):
    """``name`` and ``language`` as ``<Say>`` wants them; ``language`` is ``""`` where the voice alone decides."""

    name: str
    language: str


@cache
def table() -> Mapping[str, Voice | None]:
    """Read the table: BCP 47 tag in lower case -> voice; None says that a variant has none, though its language has."""
    text = (resources.files("channels") / "twilio_voices.csv").read_text("utf-8")
    return {
        row["tag"].lower(): Voice(row["voice"], row["language"]) if row["voice"] else None
        for row in csv.DictReader(text.splitlines())
    }


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices in use. ``chosen`` are the school's own choices: tag -> name of a voice, ``""`` for none at all."""

    chosen: Mapping[str, str] = field(default_factory=dict[str, str])

    def find(self, locale: str) -> Voice | None:
        """Give the voice of the longest part of a tag that is known, or None: ``pl-PL`` is spoken as ``pl``."""
        own = {tag.lower(): name for tag, name in self.chosen.items()}
        parts = locale.lower().replace("_", "-").split("-")
        for length in range(len(parts), 0, -1):
            tag = "-".join(parts[:length])
            if tag in own:
                return _named(own[tag])
            if tag in table():
                return table()[tag]
        return None


def _named(name: str) -> Voice | None:
    """A voice by its name alone: Google's say in it which language they speak, and Polly's speak only one."""
    found = _GOOGLE.fullmatch(name)
    return Voice(name, found[1] if found else "") if name else None
