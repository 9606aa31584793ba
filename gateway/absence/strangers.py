"""Whoever writes of an absence and may not speak of any child: a person reads it, with a guess at whose child it is.

The guess is for staff alone. It is made anew whenever somebody looks, kept nowhere, and nothing is sent back.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import people, tasks
from gateway.absence import cases
from gateway.absence.meaning import Meaning
from gateway.database import Session
from gateway.models import AbsenceHeard, Contact, Conversation, Pupil, Reply
from gateway.models.types import core
from gateway.understanding import folding
from gateway.understanding.meaning import Intent

ALARM: Final = "alarm"  #: staff have an urgent task about it already
STRANGER: Final = "stranger"  #: the outcome of a reply from somebody who may not speak of any child

_MOST = 5  #: more children than so fit as well: it is no guess any more
_A_NAME, _A_FORM = 2, 1  #: what they weigh
#: Names that are words of families' texts as well: alone they name nobody. Chosen by hand; «Poppy» or «Smith» is none.
_ALSO_WORDS: Final = """
    will may can an do my so see sun son mark bill sue drew art grant rich guy chase miles rose dawn eve star rain snow
    grace hope joy faith mercy patience charity blessing angel precious destiny princess king honey love lucky happy
    april june august summer autumn winter spring monday friday noon moon sunny day week early late swift speed
    long short young small little best good sharp strong major junior child park hill wood street bell cook page price
    rice bird fish green brown white black gray grey gold silver home house hall school stone west east north south
    french english welsh driver teacher
"""
_UPN = re.compile(r"\b[A-Za-z]\d{11}[A-Za-z0-9]\b")
#: These say something of a child's absence, whoever writes them.
_OF_ABSENCE = frozenset(Intent) - {
    Intent.WRONG_NUMBER, Intent.WILL_CALL, Intent.QUESTION, Intent.OPT_OUT, Intent.THANKS, Intent.OTHER,
}  # fmt: skip

_WHAT = "Somebody who is on file for no child, or may not speak for one, writes of an absence. No child was spoken of."
_CURE = "handbell absence strangers shows the words, and whose child it may be. Ring the family by a number on file."


@dataclass(frozen=True, slots=True)
class Guess:
    """A child whom a stranger may mean, and the words that say so."""

    pupil: people.Child
    because: Sequence[str]

    @property
    def name(self) -> str:
        """The child as staff know it: name and form."""
        return ", ".join(filter(None, [f"{self.pupil.called} {self.pupil.surname}", self.pupil.form]))

    @property
    def is_sure(self) -> bool:
        """Whether more than one name fits: one alone may be somebody else's."""
        return len(self.because) > 1 or self.pupil.upn in self.because


@dataclass(frozen=True, slots=True)
class Stranger:
    """What somebody wrote, and whom it may be about."""

    reply: Reply
    medium: Medium
    sender: str  #: the number or mailbox, or the name of a contact who may not speak for the child
    guesses: Sequence[Guess]


async def take(session: Session, reply: Reply, said: Sequence[Meaning], *, today: date, means: cases.Means) -> str:
    """Give a stranger's words to a person, where they are about a child. Gives what came of it, in a word or two."""
    urgent = any(one.urgent for one in said)
    about = urgent or any(one.intent in _OF_ABSENCE for one in said)
    if not about and not any(one.is_sure for one in await guess(session, reply.body, today=today)):
        return "left"  # it stands in the list of answers that nobody has read, as everything does
    ask = tasks.Ask("absence.stranger", f"conversation:{reply.conversation_id}", _WHAT, _CURE, loud=urgent)
    await tasks.ask(session, ask, log=means.log, now=means.now)
    return f"{ALARM}, {STRANGER}" if urgent else STRANGER


async def listed(session: Session, *, after: datetime, today: date) -> list[Stranger]:
    """What strangers wrote that nobody has read yet, the newest first."""
    reply, heard = core(Reply).c, core(AbsenceHeard).c
    query = (
        sa.select(Reply, Conversation, Contact)
        .join(Conversation, core(Conversation).c.id == reply.conversation_id)
        .join(AbsenceHeard, heard.reply_id == reply.id)
        .outerjoin(Contact, core(Contact).c.id == reply.contact_id)
        .where(heard.outcome.contains(STRANGER), reply.seen_at.is_(None), reply.at > after)
        .order_by(reply.at.desc(), reply.id.desc())
    )
    rows = (await session.execute(query)).all()
    roll = await _roll(session, today) if rows else []
    return [
        Stranger(row, talk.medium, contact.full_name if contact else talk.address, _among(roll, row.body))
        for row, talk, contact in rows
    ]


async def guess(session: Session, words: str, *, today: date) -> list[Guess]:
    """Whom on roll these words may be about: by UPN, else by names, surnames and forms; none where too many fit."""
    return _among(await _roll(session, today), words)


async def _roll(session: Session, today: date) -> Sequence[people.Child]:
    """Everybody on roll, as plain rows: a page asks for them each time that somebody looks."""
    t = core(Pupil).c
    query = sa.select(*(t[name] for name in people.Child._fields)).where(people.on_roll(today))
    return [people.Child(*row) for row in await session.execute(query.order_by(t.form, t.surname))]


def _among(roll: Sequence[people.Child], text: str) -> list[Guess]:
    upns = {found.upper() for found in _UPN.findall(text)}
    if exact := [Guess(pupil, (pupil.upn,)) for pupil in roll if pupil.upn.upper() in upns]:
        return exact
    said = _words(text)
    best: list[Guess] = []
    weight = 0
    for pupil in roll:
        found = _fits(pupil, said)
        mine = sum(found.values())
        if mine < _A_NAME or mine < weight:
            continue
        if mine > weight:
            best, weight = [], mine
        best.append(Guess(pupil, tuple(found)))
    return best if len(best) <= _MOST else []


def _fits(pupil: people.Child, said: Sequence[str]) -> Mapping[str, int]:
    """The words of a text that are a pupil's, with what they weigh.

    A form says something only beside a name; a name that is a word as well, as «will», only beside another or a form.
    """
    words, names = set(said), dict[str, int]()
    for name in (pupil.known_as or pupil.forename, pupil.surname):
        if (parts := _named(name)) and words.issuperset(parts):
            names[name] = _A_NAME
    form = "".join(_named(pupil.form))
    pairs = {first + second for first, second in itertools.pairwise(said)}
    if names and form and form in words | pairs:
        names[pupil.form] = _A_FORM
    return {} if len(names) == 1 and _ORDINARY.issuperset(_named(*names)) else names


@lru_cache(maxsize=16_384)
def _named(name: str) -> tuple[str, ...]:
    """The words of a name or of a form: a page asks for those of the whole roll each time that somebody looks."""
    return tuple(_words(name))


def _words(text: str) -> list[str]:
    return [token.word for token in folding.tokens(folding.fold(text)) if not token.is_break]


_ORDINARY: Final = frozenset(_words(_ALSO_WORDS))
