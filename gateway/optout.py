"""The words by which a person stops, restarts or asks about our texts: a rule of the networks, not of ours.

The whole message must be the word, in any case: «STOP» is an opt-out, «stop please» is for a person to read.
Sources: the default keywords of the networks for long codes, and words of other networks and languages. A network acts
on its own words by itself and refuses later sends; the others are ours alone to honour.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from gateway.models.types import Keyword

NETWORK_STOP = frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"})
#: Starts texts again where they were stopped. A phone that has not stopped only answers with it: it is passed on.
YES = "yes"
NETWORK_START = frozenset({"start", "unstop", YES})
NETWORK_HELP = frozenset({"help", "info"})
#: Honoured by us alone: variants of other networks, French, Welsh, Arabic.
OUR_STOP = frozenset({"stop all", "opt-out", "opt out", "arret", "arrêt", "stopio", "قف", "توقف"})

_AROUND = " \t\r\n.!,;:\"'“”‘’()[]،۔؟?\u200e\u200f\u2066\u2067\u2068\u2069\ufeff\u200b"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text reads, and why in a sentence."""

    keyword: Keyword | None
    because: str


def fold(text: str) -> str:
    """Words as they are compared: whatever case they are in, and whatever stands around them."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().strip(_AROUND).split())


def is_no_answer(label: str) -> bool:
    """Whether no answer can be called so, as networks act on the word. «Yes» can: whoever is asked has not stopped."""
    return fold(label) != YES and read(label).keyword is not None


def read(text: str) -> Reading:
    """Say whether the whole message is an opt-out, opt-in or help word."""
    word = fold(text)
    if word in NETWORK_STOP:
        return Reading(
            Keyword.OPT_OUT, f"The whole message is “{word}”, one of the networks' words for stopping texts."
        )
    if word in OUR_STOP:
        return Reading(
            Keyword.OPT_OUT, f"The whole message is “{word}”, a word for stopping that Handbell itself honours."
        )
    if word in NETWORK_START:
        return Reading(
            Keyword.OPT_IN, f"The whole message is “{word}”, one of the networks' words for starting texts again."
        )
    if word in NETWORK_HELP:
        return Reading(
            Keyword.HELP, f"The whole message is “{word}”, one of the networks' words for asking who we are."
        )
    inside = sorted(set(word.split()) & (NETWORK_STOP | OUR_STOP))
    if inside:
        return Reading(None, f"“{inside[0]}” stands in it, but not alone: a person must read it.")
    return Reading(None, "The whole message is none of the words that the networks act on.")
