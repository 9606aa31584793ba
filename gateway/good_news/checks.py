"""What does not belong into a teacher's own words: too many of them, what is private, another child's name."""

from __future__ import annotations

import calendar
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from gateway import context, errors
from gateway.database import Session
from gateway.good_news import pupils
from gateway.translating import naming
from templates import values

LINK = re.compile(r"https?://|www\.|[^\s@]@[^\s@]+\.[^\s@]|(?:\d[ -]?){9,}")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENDS = ("", ".", "!", "?")
SURE = "Say it otherwise; whoever is sure may send it all the same."  #: the cure of a doubt


def clean(words: str) -> str:
    """The words on one line, without what no message may carry."""
    return " ".join(values.clean(words).split())


def length(words: str, most: int) -> list[errors.Problem]:
    """Whether there are too many of them, or what families would tap on."""
    found = list[errors.Problem]()
    if len(words) > most:
        what = f"{len(words)} characters; {most} are the most."
        found.append(errors.Problem(what, "Say it in fewer words.", field="words"))
    if LINK.search(words):
        what = "There is a link, an address or a number to ring in it."
        found.append(errors.Problem(what, "Send a notice for that; the school's number goes along anyway.", "words"))
    return found


async def doubts(session: Session, gateway: context.Gateway, words: str, child: pupils.Found) -> list[errors.Problem]:
    """What whoever is sure may send all the same."""
    found = [errors.Problem(what, SURE, field="words") for what in _sensitive(words)]
    for name in sorted(await _others(session, gateway, words, child)):
        what = f"“{name}” is somebody else's name: one family should not read of another's child."
        found.append(errors.Problem(what, SURE, field="words"))
    return found


def _sensitive(words: str) -> Iterator[str]:
    for kind, why in (("private", "is private: whoever holds the phone reads it"), ("spoils", "turns praise around")):
        for term in _terms()[kind]:
            flags = 0 if term.isupper() else re.IGNORECASE
            if re.search(rf"(?<![^\W_]){re.escape(term)}(?![^\W_])", words, flags):
                yield f"“{term}” {why}."


@cache
def _terms() -> dict[str, Sequence[str]]:
    read = tomllib.loads((resources.files("gateway.good_news") / "sensitive.toml").read_text("utf-8"))
    return {kind: section["words"] for kind, section in read.items()}


async def _others(session: Session, gateway: context.Gateway, words: str, child: pupils.Found) -> set[str]:
    """Names of others: of anybody on file, of every child even where the name is a word too (Will, Grace). At the
    beginning of a sentence, where any word has a capital, only classmates' names count of those; of months, too.
    """
    own = set(pupils.folded(f"{child.forename} {child.known_as} {child.surname}").split())
    roll = await pupils.on_roll(session, today=gateway.today())
    mates = {one.called for one in roll if child.form and one.form == child.form}
    school = {one.called for one in roll} - set(calendar.month_name)
    found = await naming.found(session, gateway, words) - {gateway.settings.absence.safeguarding_lead.strip()}
    for word in _WORD.finditer(words):
        begins = words[: word.start()].rstrip()[-1:] in _ENDS
        if word[0] in (mates if begins else mates | school):
            found.add(word[0])
    return {name for name in found if own.isdisjoint(pupils.folded(name).split())}
