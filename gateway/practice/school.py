"""Oakfield School: 420 pupils, 14 forms, 312 families, 12 home languages, and every case that is hard to get right."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from gateway import upn
from gateway.practice.households import Household, Names, Situation, Tie, names

YEARS: tuple[str, ...] = ("R", "1", "2", "3", "4", "5", "6")
FORM_SIZE = 30
SIZES = {3: 12, 2: 84, 1: 216}  #: families by the number of their children here: 312 with 420
TWINS = 5

SITUATIONS = {
    Situation.NOBODY: 1,
    Situation.BARRED: 2,
    Situation.BAR_ENDED: 1,
    Situation.BARRED_ON_HOME_LINE: 1,
    Situation.ONE_MOBILE: 6,
    Situation.LANDLINE_ONLY: 4,
    Situation.NO_PHONE: 2,
    Situation.FOSTER: 3,
    Situation.GRANDPARENTS: 4,
    Situation.TWO_MOTHERS: 3,
    Situation.TWO_FATHERS: 2,
    Situation.FATHER: 6,
    Situation.MOTHER: 46,
    Situation.SEPARATED: 40,
}  #: the other families live together

GROUPS = {"Choir": 0.12, "Football": 0.14, "Breakfast Club": 0.16, "Chess Club": 0.05, "SEN register": 0.13}

STREETS = ("Mill Lane", "Station Road", "Church Street", "Park Row", "Victoria Terrace", "Oak Avenue", "Canal Side")

PUPIL_HEADINGS = (
    "Pupil ID", "UPN", "Forename", "Surname", "Preferred Forename", "Date of Birth", "Year Group", "Reg Group",
    "Groups", "Home Language", "SEN Status", "EAL", "FSM", "Leaving Date",
)  # fmt: skip
CONTACT_HEADINGS = (
    "Pupil ID", "Contact ID", "Title", "Forename", "Surname", "Relationship", "Priority", "Parental Responsibility",
    "Lives with Pupil", "Court Order", "Court Order From", "Court Order Until", "Mobile Number", "Home Telephone",
    "Work Telephone", "Email", "Written Language", "Spoken Language", "Address Line 1", "Town", "Postcode",
)  # fmt: skip


@dataclass(slots=True)
class Child:
    """A pupil as the MIS holds it."""

    id: str
    forename: str
    surname: str
    born: date
    year: str
    language: str
    known_as: str = ""
    form: str = ""
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class Family:
    """Children here, and the grown-ups who answer for them."""

    situation: Situation
    children: list[Child]
    ties: list[Tie]
    twins: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written, and where the hard cases are: ``cases`` names pupils by source id, family by family.

    Its keys are the situations (``barred``, ``bar_ended``, ``barred_on_home_line``, ``one_mobile``, ``nobody``,
    ``landline_only``, ``no_phone``, ``separated`` …), ``twins``, ``siblings``, and ``cousins``, whose families share
    a grandmother.
    """

    files: tuple[Path, Path]
    pupils: int
    families: int
    contacts: int
    cases: dict[str, list[tuple[str, ...]]]


def write(folder: Path, *, seed: int, today: date) -> Summary:
    """Write ``pupils.csv`` and ``contacts.csv`` into the folder: the same seed and day give the same bytes.

    ``today`` sets the school year, and so the dates of birth and of court orders.
    """
    families = make(Random(seed), today=today)  # noqa: S311 - a made-up school, not a secret
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "pupils.csv", folder / "contacts.csv"
    children = sorted((child for family in families for child in family.children), key=lambda child: child.id)
    # One system writes a byte order mark, the other does not, as in life.
    _save(files[0], PUPIL_HEADINGS, [_pupil_row(child) for child in children], encoding="utf-8-sig")
    rows = [_contact_row(family, child, tie) for family in families for child in family.children for tie in family.ties]
    _save(files[1], CONTACT_HEADINGS, rows, encoding="utf-8")
    adults = {tie.adult.id for family in families for tie in family.ties}
    return Summary(files, len(children), len(families), len(adults), _cases(families))


def make(rng: Random, *, today: date) -> list[Family]:
    """Make the families of the school."""
    known = names()
    spoken = [name for name in known.values() for _ in range(name.families)]
    rng.shuffle(spoken)
    sizes = [size for size, many in SIZES.items() for _ in range(many)]
    situations = _situations(sizes, rng)
    house, places = Household(rng, today=today), _Places(rng)
    families: list[Family] = []
    ids = iter(rng.sample(range(1001, 1001 + 2 * sum(sizes)), sum(sizes)))
    for number, (language, size, situation) in enumerate(zip(spoken, sizes, situations, strict=True)):
        twins = size == 2 and number < SIZES[3] + TWINS
        surname = rng.choice(language.surnames)
        years = places.take(size, twins=twins)
        births = _births(years, rng, today=today)
        children: list[Child] = []
        for year, born in zip(years, births, strict=True):
            named = {child.forename for child in children}
            children.append(_child(str(next(ids)), language, surname, rng, year=year, born=born, not_named=named))
        families.append(Family(situation, children, house.ties(language, surname, situation), twins))
    _share_grandmother(families)
    _leave_to_letters(families)
    _put_into_forms([child for family in families for child in family.children], rng)
    return families


def _situations(sizes: Sequence[int], rng: Random) -> list[Situation]:
    """One for each family. The pupil with nobody is an only child here: one such case is enough."""
    special = [situation for situation, many in SITUATIONS.items() for _ in range(many)]
    others = [*special[1:], *[Situation.TOGETHER] * (len(sizes) - len(special))]
    rng.shuffle(others)
    return [*others[: len(sizes) - 1], special[0]]


class _Places:
    """The places of the school by year: brothers and sisters go to different years, twins to the same."""

    def __init__(self, rng: Random):
        self._rng = rng
        self._free = dict.fromkeys(YEARS, 2 * FORM_SIZE)

    def take(self, size: int, *, twins: bool) -> list[str]:
        """The years of a family's children, from the years with most room."""
        fullest = sorted(YEARS, key=lambda year: (-self._free[year], self._rng.random()))
        years = [fullest[0]] * 2 if twins else sorted(self._rng.sample(fullest[: max(size, 4)], size), key=YEARS.index)
        if any(not self._free[year] for year in years):
            years = fullest[:size]
        for year in years:
            self._free[year] -= 1
        return years


def _births(years: Sequence[str], rng: Random, *, today: date) -> list[date]:
    """Birthdays that fit the years: pupils of Reception turn five between 1 September and 31 August.

    A family's birthdays fall within two months of the year, so that a year lies between brothers and sisters.
    """
    begins = today.year if today.month >= 9 else today.year - 1
    middle = rng.randrange(20, 345)
    own = {year: middle + rng.randrange(-20, 20) for year in sorted(set(years))}
    return [date(begins - 5 - YEARS.index(year), 9, 1) + timedelta(days=own[year]) for year in years]


def _child(
    number: str, language: Names, surname: str, rng: Random, *, year: str, born: date, not_named: set[str]
) -> Child:
    girl = rng.random() < 0.5
    his, _, hers = surname.partition("/")
    forename = rng.choice([name for name in (language.girls if girl else language.boys) if name not in not_named])
    known_as = forename[:3] if len(forename) > 6 and rng.random() < 0.15 else ""
    groups = tuple(name for name, share in GROUPS.items() if rng.random() < share)
    last = (hers or his) if girl else his
    return Child(number, forename, last, born, year, language.record, known_as, groups=groups)


def _share_grandmother(families: list[Family]) -> None:
    """Cousins: one grandmother stands on the lists of two families."""
    lone = [family for family in families if family.situation is Situation.MOTHER]
    grandmothers = (tie for family in lone for tie in family.ties if tie.relation == "Grandmother")
    tie = next(grandmothers, None)
    other = next((family for family in lone if len(family.ties) == 1), None)
    if tie and other:
        other.ties.append(tie)


def _leave_to_letters(families: list[Family]) -> None:
    """Of those without a phone one has no mailbox either."""
    family = next(one for one in families if one.situation is Situation.NO_PHONE)
    family.ties = [replace(tie, adult=replace(tie.adult, email="")) for tie in family.ties]


def _put_into_forms(children: list[Child], rng: Random) -> None:
    for year in YEARS:
        same = [child for child in children if child.year == year]
        rng.shuffle(same)
        for place, child in enumerate(same):
            child.form = f"{year}{'A' if place < FORM_SIZE else 'B'}"


def _cases(families: Sequence[Family]) -> dict[str, list[tuple[str, ...]]]:
    cases: dict[str, list[tuple[str, ...]]] = {}
    homes: dict[str, list[Family]] = {}
    for family in families:
        for tie in family.ties:
            homes.setdefault(tie.adult.id, []).append(family)
        ids = tuple(child.id for child in family.children)
        labels = [family.situation.value] if family.situation is not Situation.TOGETHER else []
        if len(ids) > 1:
            labels.append("twins" if family.twins else "siblings")
        for label in labels:
            cases.setdefault(label, []).append(ids)
    shared = [child.id for several in homes.values() if len(several) > 1 for home in several for child in home.children]
    return cases | {"cousins": [tuple(shared)]}


def _pupil_row(child: Child) -> Sequence[str]:
    figures = f"9999999{child.born.year % 100:02}{int(child.id) % 1000:03}"
    number = upn.check_letter(figures) + figures
    year = "Reception" if child.year == "R" else f"Year {child.year}"
    return (
        child.id, number, child.forename, child.surname, child.known_as, f"{child.born:%d/%m/%Y}", year, child.form,
        "; ".join(child.groups), child.language, *_registers(child), "",
    )  # fmt: skip


def _registers(child: Child) -> Sequence[str]:
    """SEN by the census's code, EAL and FSM."""
    sen = "N" if "SEN register" not in child.groups else "E" if int(child.id) % 4 == 0 else "K"
    return sen, "No" if child.language == "English" else "Yes", "Yes" if int(child.id) % 5 == 0 else "No"


def _home(family: Family, tie: Tie) -> Sequence[str]:
    """An address that is nobody's: LS99 has no houses. Who lives together has one letter box."""
    number = int(family.children[0].id) if tie.lives_with else int(tie.adult.id.removeprefix("C"))
    letters = f"{'ABDEFGHJ'[number % 8]}{'LNPQRSTU'[number // 8 % 8]}"
    return f"{number % 97 + 1} {STREETS[number % len(STREETS)]}", "Leeds", f"LS99 {number % 9 + 1}{letters}"


def _contact_row(family: Family, child: Child, tie: Tie) -> Sequence[str]:
    adult, (start, end) = tie.adult, tie.barred or (None, None)
    return (
        child.id, adult.id, adult.title, adult.forename, adult.surname, tie.relation, str(tie.priority),
        "Yes" if tie.responsible else "No", "Yes" if tie.lives_with else "No", "Yes" if tie.barred else "No",
        f"{start:%d/%m/%Y}" if start else "", f"{end:%d/%m/%Y}" if end else "",
        adult.mobile, adult.home, adult.work, adult.email, adult.written, adult.spoken, *_home(family, tie),
    )  # fmt: skip


def _save(path: Path, headings: Sequence[str], rows: Sequence[Sequence[str]], *, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows(rows)
