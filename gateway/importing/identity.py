"""The same person under two spellings, the same child under two ids: told wide, for a bar hangs on it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import sqlalchemy as sa

from gateway.database import Session
from gateway.errors import Problem
from gateway.models import Pupil
from gateway.models.types import core

#: Letters that Unicode does not take apart, and the pairs that typists write for them and for ä, ö, ü.
LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n"}
)
PAIRS = re.compile(r"([aou])e")
TITLES = re.compile(
    r"^(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|dame|lady|lord|rev|revd|reverend|fr|imam|cllr|master)\b[.\s]*)+"
    r"(?=\w)"
)


@dataclass(frozen=True, slots=True)
class Child:
    """What two records of one child may have in common. ``label`` is for people."""

    id: int
    source_id: str
    upn: str
    forename: str
    surname: str
    born: date | None

    @property
    def label(self) -> str:
        """The child's name and the id that the school's records give it."""
        return f"{self.forename} {self.surname} (pupil {self.source_id})"

    def may_be(self, other: Child) -> bool:
        """Whether both records may be of one child: same UPN, same name, or same surname and date of birth.

        Twins are taken for one child too: rather a bar too many.
        """
        if self.id == other.id or (self.upn and self.upn == other.upn):
            return True
        if folded(self.surname) != folded(other.surname):
            return False
        return folded(self.forename) == folded(other.forename) or bool(self.born and self.born == other.born)


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A name without title, accents, punctuation, spaces and case, so that two spellings of it can be compared."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    words = TITLES.sub("", plain.casefold().strip()).translate(LETTERS)
    return PAIRS.sub(r"\1", "".join(filter(str.isalnum, words)))


async def doubled(session: Session) -> list[Problem]:
    """Name the pupils who have one UPN between them: it belongs to one child only (DfE, Unique Pupil Numbers)."""
    pupil = core(Pupil)
    twice = sa.select(pupil.c.upn).where(pupil.c.upn != "").group_by(pupil.c.upn).having(sa.func.count() > 1)
    query = sa.select(pupil.c.upn, pupil.c.source_id).where(pupil.c.upn.in_(twice))
    sharing: dict[str, list[str]] = {}
    for upn, source_id in await session.execute(query.order_by(pupil.c.upn, pupil.c.source_id)):
        sharing.setdefault(upn, []).append(source_id)
    return [
        Problem(
            f"Pupils {' and '.join(ids)} have the same UPN, which belongs to one child only.",
            "Correct it in the school's records.",
        )
        for ids in sharing.values()
    ]
