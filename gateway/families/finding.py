"""Finding a family: by the name of a child or a grown-up, a number, an email address, or a form.

Names are compared without accents and case, and every word has to be somewhere in the family. Who must never be
contacted is found by nobody who may not see locked details: else whoever asks for a number learns whose it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import sqlalchemy as sa

from gateway import homes, people
from gateway.database import Session
from gateway.families import known
from gateway.models import Contact, ContactPoint, Pupil
from gateway.models.types import core

MOST: Final = 50  #: families that are shown at once; who looks for one among more types more
_FEWEST_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: words, a form; and by whom."""

    words: str = ""
    form: str = ""
    sees: known.Sees = field(default=lambda _form: True)
    locked: bool = False  #: may see locked details


@dataclass(frozen=True, slots=True)
class Found:
    """The families that match, the first of them whole; and of how many families and children that is."""

    families: Sequence[known.Family]
    matching: int
    of_families: int
    of_children: int
    forms: Mapping[str, int] = field(default_factory=dict[str, int])  #: how many children are in each


async def find(session: Session, wanted: Wanted, *, today: date) -> Found:
    """Look for families. Without words and form there are none, only how many there are."""
    pupil = core(Pupil).c
    columns = (pupil.id, pupil.form, pupil.source_id, pupil.upn, pupil.forename, pupil.known_as, pupil.surname)
    rows = (await session.execute(sa.select(*columns).where(people.on_roll(today)))).all()
    seen = {row[0]: row for row in rows if wanted.sees(row[1])}
    ties = await people.ties(session, today=today)
    every = [one for one in homes.grouped((row[0] for row in rows), ties, today=today) if seen.keys() & one.pupils]
    forms = dict[str, int]()
    for row in seen.values():
        forms[row[1]] = forms.get(row[1], 0) + 1
    words = folded(wanted.words).split()
    chosen = every if words or wanted.form else []
    if wanted.form:
        chosen = [one for one in chosen if any(seen[two][1] == wanted.form for two in one.pupils if two in seen)]
    if words:
        texts = {row[0]: _names(row[2:]) for row in seen.values()}
        await _add_grown_ups(session, wanted, ties, texts, today=today)
        whole = _number(wanted.words) or wanted.words.casefold().strip() if _is_address(wanted.words) else ""
        chosen = [one for one in chosen if _matches([texts.get(two, "") for two in one.pupils], words, whole)]
    surnames = {one.id: folded(next(seen[two][6] for two in one.pupils if two in seen)) for one in chosen}
    first = words[0] if words else ""
    chosen.sort(key=lambda one: (not surnames[one.id].startswith(first), surnames[one.id], one.id))
    shown = chosen[:MOST]
    loaded = await people.load(session, today=today, pupil_ids=[two for one in shown for two in one.pupils])
    families = [known.make(loaded, one, today=today, sees=wanted.sees) for one in shown]
    return Found(families, len(chosen), len(every), len(seen), dict(sorted(forms.items())))


async def _add_grown_ups(
    session: Session, wanted: Wanted, ties: Mapping[int, Sequence[people.Tie]], texts: dict[int, str], *, today: date
) -> None:
    """Put the names of those who answer for each child behind its own, and their addresses where one is asked for."""
    contact = core(Contact).c
    query = sa.select(contact.id, contact.forename, contact.surname)
    names = {row[0]: _names(row[1:]) for row in await session.execute(query)}
    for contact_id, address in await owners(session, wanted.words):
        names[contact_id] = f"{names.get(contact_id, '')} {address}"
    for pupil_id, text in texts.items():
        free = [tie for tie in ties.get(pupil_id, ()) if wanted.locked or not tie.barred_on(today)]
        texts[pupil_id] = " ".join([text, *(names.get(tie.contact_id, "") for tie in free)])


async def owners(session: Session, words: str) -> Sequence[tuple[int, str]]:
    """The contacts whose phone or mailbox has these words in it, and that address; none where they are no address."""
    point, part = core(ContactPoint).c, _number(words) or (words.casefold().strip() if "@" in words else "")
    if not part:
        return []
    query = sa.select(point.contact_id, point.address).where(point.address.contains(part, autoescape=True))
    return [(contact_id, address) for contact_id, address in await session.execute(query)]


def _matches(texts: Collection[str], words: Iterable[str], whole: str) -> bool:
    if whole and any(whole in text for text in texts):
        return True
    return all(any(word in text for text in texts) for word in words)


def _names(parts: Iterable[str]) -> str:
    return folded(" ".join(part for part in parts if part))


def folded(text: str) -> str:
    """Without accents, marks and case: ``Łucja`` and ``lucja`` are one."""
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
    return "".join(one for one in plain if not unicodedata.combining(one)).casefold()


def _is_address(words: str) -> bool:
    return bool(_number(words)) or "@" in words


def _number(words: str) -> str:
    """The digits of a number, or of a part of one, as they stand in the database; ``""`` where it is none."""
    digits = re.sub(r"[\s().\-/]", "", words)
    if not re.fullmatch(r"\+?\d+", digits) or len(digits) < _FEWEST_DIGITS:
        return ""
    return digits.removeprefix("+").removeprefix("00").lstrip("0")
