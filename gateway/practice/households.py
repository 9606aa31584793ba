"""The grown-ups of a family: who lives where, who may be told what, and which telephones they share."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from importlib.resources import files
from itertools import count
from random import Random

from gateway.practice.phonebook import Phonebook


class Situation(StrEnum):
    """How a family lives."""

    TOGETHER = "together"
    SEPARATED = "separated"
    MOTHER = "mother"
    FATHER = "father"
    TWO_MOTHERS = "two_mothers"
    TWO_FATHERS = "two_fathers"
    GRANDPARENTS = "grandparents"
    FOSTER = "foster"
    ONE_MOBILE = "one_mobile"
    LANDLINE_ONLY = "landline_only"
    NO_PHONE = "no_phone"
    NOBODY = "nobody"
    BARRED = "barred"
    BAR_ENDED = "bar_ended"
    BARRED_ON_HOME_LINE = "barred_on_home_line"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one home language; see ``names.toml``."""

    tag: str
    record: str
    families: int
    girls: list[str]
    boys: list[str]
    women: list[str]
    men: list[str]
    surnames: list[str]
    own_names: bool = False


@dataclass(frozen=True, slots=True)
class Adult:
    """A contact as the MIS holds it; the languages are names, not tags."""

    id: str
    title: str
    forename: str
    surname: str
    mobile: str = ""
    home: str = ""
    work: str = ""
    email: str = ""
    written: str = ""
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    """What an adult is to the children of a family. ``barred`` = a court order, from and until when (or no end)."""

    adult: Adult
    relation: str
    priority: int
    responsible: bool = True
    lives_with: bool = True
    barred: tuple[date, date | None] | None = None


def names() -> dict[str, Names]:
    """Read the names that come with Handbell, by tag of their language."""
    data = tomllib.loads(files("gateway.practice").joinpath("names.toml").read_text(encoding="utf-8"))
    return {tag: Names(tag=tag, **table) for tag, table in data.items()}


class Household:
    """Makes the grown-ups of one family after another."""

    def __init__(self, rng: Random, *, today: date):
        self.rng, self.today = rng, today
        self.phones = Phonebook(rng)
        self._ids = count(5001)
        self.names: Names
        self.surname = ""

    def ties(self, names: Names, surname: str, situation: Situation) -> list[Tie]:
        """The adults of a family of this surname (``man/woman``), in this situation."""
        self.names, self.surname = names, surname
        made = MAKERS[situation](self)
        if situation in {Situation.TOGETHER, Situation.SEPARATED, Situation.MOTHER} and self.rng.random() < 0.27:
            made.append(self.grandparent(priority=len(made) + 1))
        return made

    def mother(self, *, priority: int = 1, relation: str = "Mother", **known: str) -> Tie:
        """A woman of the family; ``known`` sets or empties her telephones."""
        title = self.rng.choices(("Mrs", "Ms", "Miss"), (6, 3, 1))[0]
        forename = self.rng.choice(self.names.women)
        return Tie(self._adult(title, forename, woman=True, **known), relation, priority)

    def father(self, *, priority: int = 2, relation: str = "Father", **known: str) -> Tie:
        """A man of the family."""
        return Tie(self._adult("Mr", self.rng.choice(self.names.men), woman=False, **known), relation, priority)

    def grandparent(self, *, priority: int) -> Tie:
        """A grandmother or grandfather in a house of their own: a landline, and a mobile in two of three."""
        woman = self.rng.random() < 0.7
        forename = self.rng.choice(self.names.women if woman else self.names.men)
        mobile = self.phones.mobile() if self.rng.random() < 0.67 else ""
        title, relation = ("Mrs", "Grandmother") if woman else ("Mr", "Grandfather")
        adult = self._adult(title, forename, woman=woman, mobile=mobile, home=self.phones.landline(), email="", work="")
        return Tie(adult, relation, priority, responsible=False, lives_with=False)

    def home_line(self, share: float = 0.35) -> str:
        """The landline of a household, if it has one."""
        return self.phones.landline() if self.rng.random() < share else ""

    def _adult(self, title: str, forename: str, *, woman: bool, **known: str) -> Adult:
        his, _, hers = self.surname.partition("/")
        surname = (hers or his) if woman else his
        if woman and self.names.own_names:
            surname = self.rng.choice(self.names.surnames)
        written, spoken = self._languages()
        given = {
            "mobile": known["mobile"] if "mobile" in known else self._mobile(),
            "home": known.get("home", ""),
            "work": known["work"] if "work" in known else self.home_line(0.06),
            "email": known["email"] if "email" in known else self._email(forename, surname),
        }
        return Adult(f"C{next(self._ids)}", title, forename, surname, written=written, spoken=spoken, **given)

    def _mobile(self) -> str:
        note = self.rng.choices(("", " (works nights)", " text only please"), (96, 2, 2))[0]
        return self.phones.mobile() + note

    def _email(self, forename: str, surname: str) -> str:
        return self.phones.mailbox(forename, surname) if self.rng.random() < 0.85 else ""

    def _languages(self) -> tuple[str, str]:
        """Written and spoken: most use the home language for both, some read English, a few were never asked."""
        home = self.names.record
        spoken = "Panjabi (Mirpuri)" if self.names.tag == "ur" and self.rng.random() < 0.3 else home
        pairs = ((home, spoken), ("English", spoken), ("English", "English"), ("", ""))
        return self.rng.choices(pairs, (70, 15, 10, 5))[0]


def _together(house: Household) -> list[Tie]:
    line = house.home_line()
    return [house.mother(home=line), house.father(home=line)]


def _separated(house: Household) -> list[Tie]:
    father = house.father(home=house.home_line())
    return [house.mother(home=house.home_line()), Tie(father.adult, "Father", 2, lives_with=False)]


def _foster(house: Household) -> list[Tie]:
    carer = house.mother(relation="Foster carer", home=house.home_line(1))
    return [Tie(carer.adult, "Foster carer", 1, responsible=False)]


def _grandparents(house: Household) -> list[Tie]:
    line = house.phones.landline()
    return [house.mother(relation="Grandmother", home=line), house.father(relation="Grandfather", home=line, mobile="")]


def _one_mobile(house: Household) -> list[Tie]:
    mobile = house.phones.mobile()
    return [house.mother(mobile=mobile, work=""), house.father(mobile=mobile, work="")]


def _landline_only(house: Household) -> list[Tie]:
    line = house.phones.landline()
    return [
        house.mother(mobile="", home=line, email="", work=""),
        house.father(mobile="", home=line, email="", work=""),
    ]


def _barred(house: Household, *, start: int, end: int | None, on_home_line: bool = False) -> list[Tie]:
    """A father under a court order; ``start`` and ``end`` in days from today."""
    line = house.phones.landline()
    father = house.father(priority=3, home=line if on_home_line else "", work="")
    days = (house.today + timedelta(days=start), None if end is None else house.today + timedelta(days=end))
    return [house.mother(home=line), Tie(father.adult, "Father", 3, lives_with=False, barred=days)]


MAKERS: Mapping[Situation, Callable[[Household], list[Tie]]] = {
    Situation.TOGETHER: _together,
    Situation.SEPARATED: _separated,
    Situation.MOTHER: lambda house: [house.mother(home=house.home_line())],
    Situation.FATHER: lambda house: [house.father(priority=1, home=house.home_line())],
    Situation.TWO_MOTHERS: lambda house: [house.mother(), house.mother(priority=2)],
    Situation.TWO_FATHERS: lambda house: [house.father(priority=1), house.father()],
    Situation.GRANDPARENTS: _grandparents,
    Situation.FOSTER: _foster,
    Situation.ONE_MOBILE: _one_mobile,
    Situation.LANDLINE_ONLY: _landline_only,
    Situation.NO_PHONE: lambda house: [house.mother(mobile="", work="")],
    Situation.NOBODY: lambda house: [],
    Situation.BARRED: lambda house: _barred(house, start=-200, end=400),
    Situation.BAR_ENDED: lambda house: _barred(house, start=-800, end=-60),
    Situation.BARRED_ON_HOME_LINE: lambda house: _barred(house, start=-90, end=None, on_home_line=True),
}
