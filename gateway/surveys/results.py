"""What was answered: by option, by form and by language.

Of an anonymous survey no group under five is shown, and never one alone beside a sum from which it could be worked out;
with fewer than five answers in all nothing is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from gateway import spreadsheet
from gateway.database import Session
from gateway.definitions import survey as shape
from gateway.models import Contact, Survey, SurveyAnswer, SurveyTaker, SurveyTally
from gateway.models.types import core
from gateway.surveys import asking
from templates import languages

SMALLEST: Final = 5  #: answers of a group that is shown

Counts = Mapping[str, int]


@dataclass(slots=True)
class Group:
    """The answers of one form or one language to one question; ``counts`` is None where it is too small to show."""

    kind: str
    name: str
    answers: int
    counts: Counts | None


@dataclass(slots=True)
class Question:
    """One question: its options with their labels, how often each was chosen, and by which groups."""

    text: str
    labels: Mapping[str, str]
    answers: int = 0
    counts: Counts | None = None
    groups: list[Group] = field(default_factory=list[Group])
    words: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Results:
    """``asked`` people have had the first question; ``answered`` have answered at least one, ``finished`` all."""

    survey: Survey
    asked: int
    answered: int
    finished: int
    questions: Sequence[Question]


async def read(session: Session, survey: Survey) -> Results:
    """The results as they are now."""
    whole = shape.read(survey.definition)
    found = await (_tallies(session, survey) if survey.anonymous else _answers(session, survey))
    questions = [
        _question(one, found[number], anonymous=survey.anonymous) for number, one in enumerate(whole.questions)
    ]
    if not survey.anonymous:
        await _add_words(session, survey, questions)
    t = core(SurveyTaker).c
    takers = sa.select(sa.func.count()).where(t.survey_id == survey.id)
    answered = await session.scalar(takers) or 0
    finished = await session.scalar(takers.where(t.answered >= len(whole.questions))) or 0
    return Results(survey, await asking.how_many_asked(session, survey), answered, finished, questions)


@dataclass(frozen=True, slots=True)
class Head:
    """A survey in a list, with how many were asked and how many of them have answered something."""

    survey: Survey
    asked: int
    answered: int


async def heads(session: Session, *, limit: int) -> list[Head]:
    """The latest surveys first."""
    t = core(SurveyTaker).c
    surveys = list(await session.scalars(sa.select(Survey).order_by(core(Survey).c.id.desc()).limit(limit)))
    counting = sa.select(t.survey_id, sa.func.count()).where(t.survey_id.in_([one.id for one in surveys]))
    answered = {row[0]: row[1] for row in await session.execute(counting.group_by(t.survey_id))}
    return [Head(one, await asking.how_many_asked(session, one), answered.get(one.id, 0)) for one in surveys]


_Row = tuple[str, str, str, int]  #: option, form, language, answers
_Found = Mapping[int, Sequence[_Row]]  #: by question


async def _tallies(session: Session, survey: Survey) -> _Found:
    t = core(SurveyTally).c
    query = sa.select(t.question, t.option, t.form, t.language, t.answers).where(t.survey_id == survey.id)
    return _by_question([tuple(row) for row in await session.execute(query)])


async def _answers(session: Session, survey: Survey) -> _Found:
    t = core(SurveyAnswer).c
    columns = (t.question, t.option, t.form, t.language)
    query = sa.select(*columns, sa.func.count()).where(t.survey_id == survey.id, t.option != "").group_by(*columns)
    return _by_question([tuple(row) for row in await session.execute(query)])


def _by_question(rows: Sequence[tuple[Any, ...]]) -> _Found:
    found = defaultdict[int, list[_Row]](list)
    for question, option, form, language, answers in rows:
        found[question].append((option, form, language, answers))
    return found


def _question(one: shape.Question, rows: Sequence[_Row], *, anonymous: bool) -> Question:
    labels = {option.key: option.label["en"] for option in one.options}
    total = sum(row[3] for row in rows)
    made = Question(one.text["en"], labels, total)
    if anonymous and total < SMALLEST:
        return made
    made.counts = _counted(labels, [(option, answers) for option, _, _, answers in rows])
    for kind, place in (("form", 1), ("language", 2)):
        by_name = defaultdict[str, list[tuple[str, int]]](list)
        for row in rows:
            by_name[str(row[place])].append((row[0], row[3]))
        groups = [
            Group(kind, name, sum(answers for _, answers in some), _counted(labels, some))
            for name, some in sorted(by_name.items())
        ]
        made.groups += _suppressed(groups) if anonymous else groups
    return made


def _counted(labels: Mapping[str, str], rows: Sequence[tuple[str, int]]) -> dict[str, int]:
    counts = dict.fromkeys(labels, 0)
    for option, answers in rows:
        counts[option] = counts.get(option, 0) + answers
    return counts


def _suppressed(groups: Sequence[Group]) -> list[Group]:
    """Hide each group under five; and as many more as it takes, the smallest first, that those hidden are five
    together: or what one of them said would be the sum without the others.
    """
    by_size = sorted(groups, key=lambda group: (group.answers, group.name))
    hidden = 0
    for group in by_size:
        if group.answers < SMALLEST or 0 < hidden < SMALLEST:
            hidden += group.answers
            group.counts = None
    return list(groups)


async def _add_words(session: Session, survey: Survey, questions: Sequence[Question]) -> None:
    answer, taker = core(SurveyAnswer).c, core(SurveyTaker).c
    query = (
        sa.select(answer.question, answer.words, Contact)
        .join(core(SurveyTaker), taker.id == answer.taker_id)
        .join(Contact, core(Contact).c.id == taker.contact_id)
        .where(answer.survey_id == survey.id, answer.words != "")
        .order_by(answer.id)
    )
    for number, words, contact in await session.execute(query):
        questions[number].words.append((contact.full_name, words))
        questions[number].answers += 1


def csv_of(found: Results) -> str:
    """The same as CSV."""
    lines = list[Sequence[object]]([("question", "text", "by", "group", "key", "answer", "answers")])
    for number, one in enumerate(found.questions, 1):
        rows = [Group("all", "", one.answers, one.counts), *one.groups]
        for group in rows:
            for key, label in one.labels.items():
                count = "fewer than 5, or hidden" if group.counts is None else group.counts.get(key, 0)
                lines.append((number, one.text, group.kind, _name(group), key, label, count))
        lines += [(number, one.text, "person", who, "", words, 1) for who, words in one.words]
    return spreadsheet.csv_of(lines)


def _name(group: Group) -> str:
    return named(group) if group.kind != "all" else ""


def named(group: Group) -> str:
    """What a group is called."""
    if group.kind == "language":
        return languages.english(group.name) if group.name else "unknown"
    return group.name or "no form"


def as_data(found: Results) -> list[dict[str, Any]]:
    """The questions as plain data; ``counts`` is null where a group is too small to show."""
    return [
        {
            "text": one.text,
            "options": dict(one.labels),
            "answers": one.answers,
            "counts": one.counts,
            "groups": [{"by": group.kind, "name": named(group), "counts": group.counts} for group in one.groups],
            "words": [{"who": who, "words": words} for who, words in one.words],
        }
        for one in found.questions
    ]
