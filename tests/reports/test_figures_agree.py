"""Every figure of every report, counted once more from the raw rows of a random year, in the plainest way."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select
from support import desk

from channels.base import Medium
from gateway import ids
from gateway.database import Database
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    CaseState,
    Contact,
    Conversation,
    DaySession,
    DigestItem,
    EventGuest,
    EventTold,
    Inbound,
    Letter,
    Membership,
    Message,
    MessageState,
    Notice,
    NoticeState,
    Promise,
    Pupil,
    PupilGroup,
    Purpose,
    Reply,
    Run,
    SchoolEvent,
    Survey,
    SurveyNotice,
    SurveyTaker,
)
from gateway.models.types import Table
from gateway.reports import absences, answers, cost, figures, good_news, reach, updates
from scheduler import terms
from templates import languages

LONDON = ZoneInfo("Europe/London")
PERIOD = figures.Period(date(2026, 3, 20), date(2026, 11, 4), LONDON)  # both changes of the clocks are in it
YEAR = terms.Terms(
    (
        (date(2026, 2, 23), date(2026, 4, 2)),
        (date(2026, 4, 20), date(2026, 7, 20)),
        (date(2026, 9, 2), date(2026, 12, 18)),
    )
)
TAGS = ("", "en", "pl", "ur", "so", "zh-Hans")
ARRIVED = (MessageState.ACCEPTED, MessageState.DELIVERED)


Row = TypeVar("Row", bound=Table)
MORE = (Run, Notice, Letter, DigestItem, EventGuest, EventTold, SurveyNotice, SurveyTaker, PupilGroup, Membership)


@dataclass
class Rows:
    """Everything that there is, as plain objects."""

    pupils: Sequence[Pupil]
    contacts: dict[int, Contact]
    messages: Sequence[Message]
    about: dict[str, list[int]]
    replies: Sequence[Reply]
    promises: Sequence[Promise]
    cases: Sequence[AbsenceCase]
    steps: Sequence[AbsenceStep]
    more: Mapping[type[Any], Sequence[Any]]

    def of(self, table: type[Row]) -> Sequence[Row]:
        return self.more[table]

    @property
    def posted(self) -> set[str]:
        """The messages instead of which a letter was posted."""
        return {one.message_id for one in self.of(Letter) if one.posted_at}

    def within(self) -> list[Message]:
        return [one for one in self.messages if is_within(one.due_at)]

    def on_roll(self, last: date = PERIOD.last) -> list[Pupil]:
        return [one for one in self.pupils if not one.deceased and (one.left_on is None or one.left_on >= last)]


def is_within(moment: datetime, first: date = PERIOD.first, last: date = PERIOD.last) -> bool:
    return first <= moment.astimezone(LONDON).date() <= last


@pytest.fixture
async def rows(database: Database) -> Rows:
    dice = random.Random(7)
    async with database.write() as session:
        for batch in (_people(dice), _said(dice), _answered(dice), _promised(dice), _away(dice), _other_ways(dice)):
            for kind in dict.fromkeys(map(type, batch)):  # one after another, as one leans on the other
                session.add_all(one for one in batch if type(one) is kind)
                await session.flush()
    async with database.read() as session:
        about = dict[str, list[int]]()
        for one in await session.scalars(select(About)):
            about.setdefault(one.message_id, []).append(one.pupil_id)

        async def every(model: type[Any]) -> list[Any]:
            return list(await session.scalars(select(model)))

        contacts = {one.id: one for one in await every(Contact)}
        lists = [await every(one) for one in (Message, Reply, Promise, AbsenceCase, AbsenceStep)]
        messages, replies, promises, cases, steps = lists
        more = {one: await every(one) for one in MORE}
        return Rows(await every(Pupil), contacts, messages, about, replies, promises, cases, steps, more)


def _moment(dice: random.Random) -> datetime:
    if dice.random() < 0.2:  # about the first and the last midnight, on both sides
        day = dice.choice([PERIOD.first, PERIOD.last + timedelta(days=1)])
        midnight = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
        return midnight + timedelta(seconds=dice.choice([-3600, -1, 0, 1, 3600]))
    return datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(330 * 1440))


def _people(dice: random.Random) -> list[Any]:
    pupils = [
        Pupil(
            id=number, source_id=f"P{number}", forename="Ana", surname="Example",
            form=dice.choice(["1A", "1B", "2A", ""]) if number > 3 else "9Z", deceased=dice.random() < 0.03,
            left_on=PERIOD.last + timedelta(days=dice.choice([-1, 0, 1])) if dice.random() < 0.1 else None,
        )
        for number in range(1, 61)
    ]  # fmt: skip
    contacts = [
        Contact(
            id=number, source_id=f"C{number}", written_language=dice.choice(TAGS), spoken_language=dice.choice(TAGS[:4])
        )
        for number in range(1, 81)
    ]
    notices = [
        Notice(
            id=f"N{number}", key=f"n{number}", title="t", state=NoticeState.DONE, author="a",
            purpose=Purpose.SERVICE if number % 3 else Purpose.GOOD_NEWS,
            definition=dice.choice([{}, {"worrying": True}, {"template": "absence_check"}, {"template": "closure"}]),
            created_at=_moment(dice),
        )
        for number in range(12)
    ]  # fmt: skip
    runs = [Run(id=n + 1, notice_id=f"N{n}", fire_at=_moment(dice)) for n in range(12)]
    return [*pupils, *contacts, *notices, *runs]


def _said(dice: random.Random) -> list[Any]:
    made: list[Any] = []
    for number in range(700):
        moment, medium = _moment(dice), dice.choice(list(Medium))
        message = Message(
            id=f"M{number:04d}", run_id=dice.choice([None, *range(1, 13)]),
            contact_id=dice.choice([None, *range(1, 81)]), medium=medium, slot=ids.new_id(),
            purpose=dice.choice(list(Purpose)), language=dice.choice(TAGS),
            keys=dice.choice(["", "12"]), parts=dice.randrange(1, 4), pence=dice.choice([0.0, 4.0, 12.0]),
            state=dice.choice([*MessageState, *ARRIVED * 3]), due_at=moment, created_at=moment, changed_at=moment,
        )  # fmt: skip
        made.append(message)
        made += [
            About(message_id=message.id, pupil_id=one) for one in dice.sample(range(1, 56), dice.choice([1, 1, 2]))
        ]
    return made


def _other_ways(dice: random.Random) -> list[Any]:
    """Letters, digests, surveys, and answers on the page to which an email leads. Two families nothing has reached."""
    numbers = list(range(700))
    dice.shuffle(numbers)
    at = _moment(dice)
    carriers = [
        Message(
            id=f"D{n}", contact_id=n + 1, medium=Medium.SMS, slot=f"digest:D{n}", purpose=Purpose.SERVICE, parts=2,
            pence=8.0, state=dice.choice(list(MessageState)), due_at=(moment := _moment(dice)), created_at=moment,
            changed_at=moment,
        )
        for n in range(40)
    ]  # fmt: skip
    carriers += [
        Message(
            id=f"L{pupil}", run_id=3, medium=Medium.SMS, slot=f"l{pupil}", purpose=Purpose.SERVICE, state=state,
            due_at=(moment := datetime(2026, 6, 1, tzinfo=UTC)), created_at=moment, changed_at=moment,
        )
        for pupil, state in ((57, MessageState.SKIPPED), (58, MessageState.SKIPPED), (59, MessageState.FAILED))
    ]  # fmt: skip
    made: list[Any] = [*carriers]
    made += [
        Letter(message_id=f"M{n:04d}", printed_at=at, printed_by="x", posted_at=dice.choice([None, at]))
        for n in numbers[:120]
    ]
    made.append(Letter(message_id="L57", printed_at=at, printed_by="x", posted_at=at))
    made += [About(message_id=one.id, pupil_id=int(one.id[1:]) or 60) for one in carriers]
    made += [
        DigestItem(message_id=f"M{n:04d}", digest_id=f"D{n % 40}", state=MessageState.SENDING, at=at)
        for n in numbers[120:220]
    ]
    made += [
        Survey(id=1, key="s", title="t", anonymous=True, definition={}, by="x", created_at=at),
        SurveyNotice(notice_id="N10", survey_id=1, question=0),
        SurveyNotice(notice_id="N11", survey_id=1, question=1),
        *(SurveyTaker(survey_id=1, contact_id=n, answered=dice.randrange(3)) for n in range(1, 40)),
    ]
    made.append(SchoolEvent(id=1, key="e", title="t", starts_at=at))
    made += [
        EventGuest(
            id=n, event_id=1, household=f"h{n}", invited_at=at, how=dice.choice(["page", "text", ""]),
            answered_at=_moment(dice),
        )
        for n in range(1, 31)
    ]  # fmt: skip
    made += [
        EventTold(message_id=f"M{n:04d}", guest_id=dice.randrange(1, 31), kind="invitation") for n in numbers[:300]
    ]
    made += [PupilGroup(id=1, name="SEN"), PupilGroup(id=2, name="Mrs Ali's choir")]
    made += [Membership(pupil_id=n, group_id=n % 2 + 1) for n in range(1, 61, 3)]
    return made


def _answered(dice: random.Random) -> list[Any]:
    made: list[Any] = [Conversation(id=1, medium=Medium.SMS, address="+447700900001", last_at=_moment(dice))]
    for number in range(1, 201):
        made.append(
            Inbound(
                id=number,
                channel="twilio-sms",
                event_id=f"E{number}",
                kind="reply",
                event={},
                raw={},
                received_at=_moment(dice),
            )
        )
        made.append(
            Reply(
                id=number,
                conversation_id=1,
                inbound_id=number,
                message_id=f"M{dice.randrange(700):04d}",
                at=_moment(dice),
            )
        )
    return made


def _promised(dice: random.Random) -> list[Any]:
    made: list[Any] = []
    for number in range(1, 91):
        moment = _moment(dice)
        kept = moment + timedelta(minutes=dice.randrange(600)) if number > 1 else None  # one at most is open
        made.append(
            Promise(
                conversation_id=1, reply_id=dice.randrange(1, 201),
                kind=dice.choice(["absence", "question", "complaint"]),
                made_at=moment, due_at=moment + timedelta(minutes=300), kept_at=kept,
            )
        )  # fmt: skip
    return made


def _away(dice: random.Random) -> list[Any]:
    made: list[Any] = []
    for number in range(1, 181):
        day = PERIOD.first + timedelta(days=number % 60 * 4 - 3)
        opened = datetime(day.year, day.month, day.day, 9, 10, tzinfo=LONDON).astimezone(UTC)
        state = dice.choice(list(CaseState))
        made.append(
            AbsenceCase(
                id=number, pupil_id=(number + number // 60) % 60 + 1, date=day, session=dice.choice(list(DaySession)),
                state=state, opened_at=opened, since=opened, changed_at=opened,
            )
        )  # fmt: skip
        after = opened
        for word in [*dice.sample(["unread", "asking", "to_confirm"], dice.randrange(3)), state.value]:
            after += timedelta(minutes=dice.randrange(90))
            made.append(AbsenceStep(case_id=number, at=after, kind="state", who="x", facts={"after": word}))
    return made


def cells(report: figures.Report, table: int) -> list[list[Any]]:
    return [list(row) for row in report.tables[table].rows]


async def test_reach_by_form_and_by_language(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await reach.read(session, PERIOD, default_language="en")
    best = dict[int, int]()
    for message in rows.within():
        level = {MessageState.DELIVERED: 4, MessageState.ACCEPTED: 3}.get(message.state, 0)
        if message.state in (MessageState.FAILED, MessageState.SENDING, MessageState.UNKNOWN):
            level = 1
        if message.id in rows.posted:
            level = max(level, 2)
        for pupil_id in rows.about[message.id]:
            best[pupil_id] = max(best.get(pupil_id, 0), level)
    expected = list[list[Any]]()
    for form in sorted({one.form for one in rows.on_roll()}):
        levels = [best.get(one.id or 0, 0) for one in rows.on_roll() if one.form == form]
        counts = [levels.count(level) for level in (4, 3, 2, 1, 0)]
        expected.append([form or "no form", len(levels), *counts, sum(counts[:3]) / len(levels)])
    assert all(sum(row[column] for row in expected) for column in range(2, 7))
    small = next(row for row in expected if row[0] == "9Z")
    assert small[1] < figures.FEWEST
    found = cells(report, 0)
    assert "9Z" not in [row[0] for row in found]
    assert found[-1][0] == figures.OTHERS
    kept = {row[0]: row for row in found[:-1]}
    assert kept == {row[0]: row for row in expected if row[0] in kept}
    for column in range(1, 7):
        assert sum(row[column] for row in found) == sum(row[column] for row in expected)

    wanted = dict[str, list[Message]]()
    for message in rows.within():
        contact = rows.contacts.get(message.contact_id or 0)
        if contact is not None and not message.id.startswith("D"):
            reads = contact.written_language or "en"
            hears = contact.spoken_language or reads
            wanted.setdefault((hears if message.medium is Medium.VOICE else reads)[:2], []).append(message)
    names = {"en": "English", "pl": "Polish", "ur": "Urdu", "so": "Somali", "zh": "Chinese"}
    for row in cells(report, 1):
        [tag] = [tag for tag, name in names.items() if row[0].startswith(name)]
        sent = wanted[tag]
        arrived = [one for one in sent if one.state in ARRIVED]
        own = [one for one in arrived if one.language[:2] == tag]
        without = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED)
        assert row == [
            row[0],
            sum((one.written_language or "en")[:2] == tag for one in rows.contacts.values()),
            len(sent),
            len(arrived),
            sum(one.state is MessageState.FAILED for one in sent),
            sum(one.state in without for one in sent),
            len(own),
            len(own) / len(arrived),
        ]
    assert len(cells(report, 1)) == 5


def asked_and_answered(rows: Rows) -> dict[Purpose, list[tuple[bool, float | None]]]:
    """For each question whether it was answered, and after how many seconds, where that is known."""
    found: dict[Purpose, list[tuple[bool, float | None]]] = {purpose: [] for purpose in Purpose}
    surveys = {run.id: put for run in rows.of(Run) for put in rows.of(SurveyNotice) if put.notice_id == run.notice_id}
    guests = {told.message_id: told.guest_id for told in rows.of(EventTold)}
    on_page = {one.id: one.answered_at for one in rows.of(EventGuest) if one.how == "page"}
    takers = {one.contact_id: one.answered for one in rows.of(SurveyTaker)}
    puts = set[tuple[int, int]]()
    for message in rows.within():
        if message.state not in ARRIVED:
            continue
        if put := surveys.get(message.run_id):
            if message.contact_id:
                puts.add((message.contact_id, put.question))
        elif message.keys:
            came = [reply.at for reply in rows.replies if reply.message_id == message.id]
            page = on_page.get(guests.get(message.id))
            if page and message.medium is Medium.EMAIL and page >= message.due_at:
                came.append(page)
            wait = max((min(came) - message.due_at).total_seconds(), 0) if came else None
            found[message.purpose].append((bool(came), wait))
    found[Purpose.SURVEY] += [(takers.get(contact, 0) > question, None) for contact, question in puts]
    return found


async def test_answers_both_ways(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await answers.read(session, PERIOD, default_language="en")
    waits = asked_and_answered(rows)
    assert sum(answered for each in waits.values() for answered, _ in each) > 20
    expected = list[list[Any]]()
    for purpose in Purpose:
        took = [wait for _, wait in waits[purpose] if wait is not None]
        answered = sum(answered for answered, _ in waits[purpose])
        median = round(statistics.median(took) / 60) if took else None
        name = purpose.value.replace("_", " ")
        expected.append([name, len(waits[purpose]), answered, median, answered / len(waits[purpose])])
    assert min(row[1] for row in expected) >= figures.FEWEST
    assert cells(report, 0) == expected
    promised = list[list[Any]]()
    for kind in ("absence", "question", "complaint"):
        made = [one for one in rows.promises if one.kind == kind and is_within(one.made_at)]
        kept = [one for one in made if one.kept_at]
        in_time = sum(one.kept_at <= one.due_at for one in kept if one.kept_at)
        waits = [(one.kept_at - one.made_at).total_seconds() for one in kept if one.kept_at]
        counts = [len(made), in_time, len(kept) - in_time, len(made) - len(kept)]
        promised.append([kind, *counts, round(statistics.median(waits) / 60), in_time / len(made)])
    assert cells(report, 1) == promised


def updates_of(rows: Rows, pupil: Pupil, first: date, last: date) -> int:
    wrong = {Purpose.EMERGENCY, Purpose.SAFEGUARDING, Purpose.FUNDRAISING_OR_PAID}
    said = {
        message.run_id
        for message in rows.messages
        if pupil.id in rows.about[message.id]
        and message.run_id is not None
        and message.purpose not in wrong
        and (message.state in ARRIVED or message.id in rows.posted)
        and is_within(message.due_at, first, last)
    }
    return len(said)


async def test_updates_against_four_a_year(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await updates.read(session, PERIOD, YEAR)
    counts = [(one.form, updates_of(rows, one, PERIOD.first, PERIOD.last)) for one in rows.on_roll()]
    bands = {"none": (0, 0), "1": (1, 1), "2": (2, 2), "3": (3, 3), "4": (4, 4), "5 to 9": (5, 9), "10 to 19": (10, 19)}
    spread = {name: sum(low <= count <= high for _, count in counts) for name, (low, high) in bands.items()}
    spread["20 and more"] = len(counts) - sum(spread.values())
    found = {row[0]: row[1] for row in cells(report, 0)}
    assert {name: count for name, count in found.items() if name != figures.OTHERS}.items() <= spread.items()
    assert min(found.values()) >= figures.FEWEST
    assert sum(found.values()) == len(counts)
    for row in cells(report, 1)[:-1]:
        each = [count for form, count in counts if (form or "no form") == row[0]]
        four = sum(count <= 4 for count in each)
        assert row == [row[0], len(each), each.count(0), four, f"{sum(each) / len(each):.1f}"]
    found = cells(report, 2)
    stretches = [
        (date(2026, 3, 20), date(2026, 4, 2)), (date(2026, 4, 20), date(2026, 7, 20)), (date(2026, 9, 2), PERIOD.last)
    ]  # fmt: skip
    for row, (first, last) in zip(found, stretches, strict=True):
        each = [updates_of(rows, one, first, last) for one in rows.on_roll(last)]
        assert row[1:] == [len(each), each.count(0), f"{sum(each) / len(each):.1f}"]


async def test_people_reached_by_language(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await reach.read(session, PERIOD, default_language="en")
    written = {one.id: one.written_language or "en" for one in rows.contacts.values()}
    for name, count, told in (row[:3] for row in cells(report, 2) if row[0] != figures.OTHERS):
        theirs = [one for one in rows.within() if one.contact_id and languages.english(written[one.contact_id]) == name]
        assert count == len({one.contact_id for one in theirs})
        assert told == len({one.contact_id for one in theirs if one.state in ARRIVED})


async def test_good_news_beside_bad(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await good_news.read(session, desk.gateway(database), PERIOD)
    fired = {run.id: run for run in rows.of(Run)}
    worries = {
        one.id for one in rows.of(Notice)
        if one.definition.get("worrying") or one.definition.get("template") == "absence_check"
    }  # fmt: skip
    praise = {one.id for one in rows.of(Notice) if one.purpose is Purpose.GOOD_NEWS}
    went = (*ARRIVED, MessageState.SENDING, MessageState.UNKNOWN)

    def told(pupil: Pupil, good: bool, first: date) -> set[int | None]:
        return {
            one.run_id for one in rows.messages
            if one.run_id and pupil.id in rows.about[one.id] and (one.state in went or one.id in rows.posted)
            and (one.purpose is Purpose.GOOD_NEWS and fired[one.run_id].notice_id in praise if good
                     else fired[one.run_id].notice_id in worries)
            and is_within(fired[one.run_id].fire_at, first)
        }  # fmt: skip

    groups = {one.pupil_id for one in rows.of(Membership) if one.group_id == 1}

    def line(name: str, pupils: Sequence[Pupil]) -> list[Any]:
        good = [len(told(one, True, PERIOD.first)) for one in pupils]
        bad = sum(len(told(one, False, PERIOD.first)) for one in pupils)
        ratio = f"{sum(good)} to {bad}" if sum(good) or bad else "-"
        return [name, len(good), good.count(0), sum(good), bad, ratio, 1 - good.count(0) / len(good)]

    on_roll = rows.on_roll()
    whole = line("all", on_roll)
    assert whole[3]
    assert whole[4]
    assert report.says[0] == f"{whole[2]} of {whole[1]} children had no good news in these days."
    forms = cells(report, 0)
    for row in forms[:-1]:
        assert row[:6] == line(row[0], [one for one in on_roll if (one.form or "no form") == row[0]])[:6]
        assert row[6] == pytest.approx(1 - row[2] / row[1])
    for column in range(1, 5):
        assert sum(row[column] for row in forms) == whole[column]
    [of_group] = cells(report, 1)  # the choir is called after its teacher
    assert of_group[:6] == line("SEN", [one for one in on_roll if one.id in groups])[:6]
    ever = [bool(told(one, True, date(2000, 1, 1))) for one in on_roll]
    ages = {row[0]: row[1] for row in cells(report, 2)}
    assert ages.get("never", 0) in (0, ever.count(False))
    assert sum(ages.values()) == len(on_roll)
    for form, count, wait in cells(report, 3):
        each = [one for one in on_roll if (one.form or "no form") == form]
        if each:  # not the row of all small forms
            last = [
                max((fired[n].fire_at for n in told(one, True, date(2000, 1, 1)) if n), default=None) for one in each
            ]
            weeks = [(PERIOD.last - at.astimezone(LONDON).date()).days // 7 for at in last if at]
            assert (count, wait) == (len(each), "never any" if None in last else max(weeks))


async def test_absences_followed_up(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await absences.read(session, PERIOD)
    cases = [one for one in rows.cases if PERIOD.first <= one.date <= PERIOD.last]
    assert sum(row[1] for row in cells(report, 0)) == len(cases)
    known = {"seen", "explained", "safe", "to_confirm"}
    months = dict[str, list[tuple[float, bool | None]]]()
    for case in sorted(cases, key=lambda one: one.date):
        steps = sorted((step for step in rows.steps if step.case_id == case.id), key=lambda step: step.at)
        at = next((step.at for step in steps if step.facts["after"] in known), None)
        if case.state.value in known and at is not None:
            early = at.astimezone(LONDON).hour < 10 or at.astimezone(LONDON).strftime("%H:%M:%S") == "10:00:00"
            morning = early if case.session is DaySession.AM else None
            months.setdefault(f"{case.date:%B %Y}", []).append(((at - case.opened_at).total_seconds(), morning))
    small = [month for month, each in months.items() if len(each) < figures.FEWEST]
    if sum(len(months[month]) for month in small) < figures.FEWEST:
        small.append(min((len(each), place, month) for place, (month, each) in enumerate(months.items())
                         if month not in small)[2])  # fmt: skip
    assert len(small) > 1
    expected = list[list[Any]]()
    for month, each in (
        *((name, each) for name, each in months.items() if name not in small),
        (figures.OTHERS, [one for name in small for one in months[name]]),
    ):
        mornings = [early for _, early in each if early is not None]
        median = round(statistics.median(seconds for seconds, _ in each) / 60)
        expected.append([month, len(each), median, sum(mornings) / len(mornings) if mornings else None])
    assert cells(report, 1) == expected


async def test_cost_by_month_against_the_budget(database: Database, rows: Rows) -> None:
    async with database.read() as session:
        report = await cost.read(session, PERIOD, budget_pence=10_000)
    found = cells(report, 0)
    paid = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNKNOWN)
    carried = {one.message_id for one in rows.of(DigestItem)}
    for row in found:
        month = [one for one in rows.within() if f"{one.due_at.astimezone(LONDON):%B %Y}" == row[0]]
        texts, calls, emails = (
            [one for one in month if one.medium is medium and one.state in paid and one.id not in carried]
            for medium in (Medium.SMS, Medium.VOICE, Medium.EMAIL)
        )
        pence = sum(one.pence for one in month if one.state in paid and one.id not in carried)
        assert row[1:6] == [len(texts), sum(one.parts for one in texts), len(calls), len(emails), f"{pence / 100:,.2f}"]
    assert [row[0] for row in found] == [f"{date(2026, month, 1):%B %Y}" for month in range(3, 12)]
    march, april = found[0], found[1]
    assert march[6] == pytest.approx(float(march[5]) * 100 / (10_000 * 12 / 31))
    assert april[6] == pytest.approx(float(april[5]) / 100)
