"""Whose names stand in a text: those on file, and the school's own. They never leave the house."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from gateway import context
from gateway.database import Session
from gateway.models import Contact, Pupil
from gateway.models.types import core
from gateway.understanding import folding, library

_AT_ONCE = 400  #: names in one question; databases take only so many values
_LONGEST = 3  #: words in a forename or a surname
#: A word, without the ’s of whatever is somebody's.
_WORD = re.compile(r"[^\W\d_]+(?:(?!['’]s\b)['’-][^\W\d_]+)*")


async def found(session: Session, gateway: context.Gateway, text: str) -> set[str]:
    """The names of pupils and contacts that stand in a text, each as it stands there, and whoever the settings name.

    A forename that is an English word too, such as Will or May, is one only beside another name: «on 4 May» names
    nobody.
    """
    runs = list(_capitals(text))
    asked = {" ".join(run[at : at + size]) for run in runs for at in range(len(run)) for size in range(1, _LONGEST + 1)}
    on_file = await _on_file(session, asked)
    plain = {name for name in on_file if not _is_a_word(name)}
    beside = {
        " ".join(pair)
        for run in runs
        for pair in itertools.pairwise(run)
        if set(pair) <= on_file and not plain.isdisjoint(pair)
    }
    lead = gateway.settings.absence.safeguarding_lead.strip()
    return plain | beside | ({lead} if lead else set())


def school(gateway: context.Gateway) -> set[str]:
    """What the school is called."""
    return {gateway.settings.school.name, gateway.settings.school.short_name}


def _capitals(text: str) -> Iterator[list[str]]:
    """The runs of words with a capital, one beside the other. All of a text that is shouted is one."""
    run, end = list[str](), 0
    for word in _WORD.finditer(text):
        if not word[0][0].isupper() or text[end : word.start()].strip():
            if run:
                yield run
            run = []
        if word[0][0].isupper():
            run.append(word[0])
        end = word.end()
    if run:
        yield run


async def _on_file(session: Session, asked: Iterable[str]) -> set[str]:
    """Those of them that somebody is called. What is written in capitals throughout is looked for as Ana, too."""
    spelt = {spelling: name for name in asked for spelling in (name, name.title() if name.isupper() else name)}
    pupil, contact, names = core(Pupil).c, core(Contact).c, set[str]()
    columns = (pupil.forename, pupil.known_as, pupil.surname, contact.forename, contact.surname)
    wanted = sorted(spelt)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for column in columns:
            for name in await session.scalars(sa.select(column).where(column.in_(some)).distinct()):
                names.add(spelt[name])
    return names


def _is_a_word(name: str) -> bool:
    return library.load()["en"].knows(folding.fold(name))
