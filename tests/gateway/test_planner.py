"""From a notice to messages: one text per phone, every child named, nobody barred, and nobody without a row."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import lanes
from support.desk import NOW, definition
from support.village import Village

from channels.base import Medium
from gateway import audience, errors, guard, planner, submission, wording
from gateway.definitions import model
from gateway.models import LineType, MessageState, PointState, Sender
from templates import fallback, letter, segments

LONDON = ZoneInfo("Europe/London")
TODAY = NOW.date()
SCHOOL = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123")
COSTS = wording.Costs(text_part=4.0, call_minute=10.0, email=0.1)
SENDERS = {medium: [Sender(id=n, channel="c", medium=medium, address=medium)] for n, medium in enumerate(Medium, 1)}
MUM, DAD, HOME, LAND = "+447700900001", "+447700900002", "+447700900003", "+442079460001"


def every_voice(_language: str) -> bool:
    return True


def plan(
    village: Village,
    notice: model.Definition,
    *,
    school: wording.School = SCHOOL,
    speaks: Callable[[str], bool] = every_voice,
    fire_at: datetime = NOW,
    held: bool = False,
    senders: dict[Medium, Any] | None = None,
) -> list[planner.Planned]:
    numbers = itertools.count(1)
    means = planner.Means(
        composer=wording.Composer(notice, school, speaks),
        costs=COSTS,
        router=lanes.router(SENDERS if senders is None else senders, now=NOW),
        new_id=lambda: f"m{next(numbers):04d}",
        timezone=LONDON,
        unsubscribe_url=lambda message_id: f"https://oakfield.example/u/{message_id}",
    )
    chosen = village.audience(notice.audience)
    return planner.plan(notice, chosen, means, fire_at=fire_at, now=NOW, held=held)


def texts(rows: Sequence[planner.Planned]) -> dict[str, str]:
    """Address to words, of whatever leaves."""
    return {row.message.address: row.message.body for row in rows if row.message.state is MessageState.QUEUED}


def reasons(rows: Sequence[planner.Planned]) -> Counter[str]:
    return Counter(row.message.reason for row in rows if row.message.state is MessageState.SKIPPED)


@pytest.fixture
def village() -> Village:
    return Village(TODAY)


def test_two_parents_with_one_phone_get_one_text(village: Village) -> None:
    ana = village.pupil("Ana")
    for name in ("Maria", "Ivan"):
        village.phone(village.contact(name, ana), HOME)
    rows = plan(village, definition())
    assert list(texts(rows)) == [HOME]
    assert texts(rows)[HOME].count("Ana") == 1
    assert reasons(rows) == {"merged": 1}


def test_siblings_and_twins_are_named_in_one_text_eldest_first(village: Village) -> None:
    children = [
        village.pupil("Cem", born=date(2019, 5, 1)),
        village.pupil("Tom", born=date(2017, 1, 1)),
        village.pupil("Tim", born=date(2017, 1, 1)),
        village.pupil("Unknown"),
        village.pupil("Ana", known_as="Annie", born=date(2015, 1, 1)),
    ]
    village.phone(village.contact("Maria", *children), MUM)
    [(_, body)] = texts(plan(village, definition())).items()
    assert body.endswith("for Annie, Tom, Tim, Cem and Unknown.")


def test_two_families_with_one_phone_hear_of_all_their_children(village: Village) -> None:
    """A childminder's number: what it is about is the phone's business, so both children are named once."""
    ana, ben = village.pupil("Ana", born=date(2015, 1, 1)), village.pupil("Ben", born=date(2016, 1, 1))
    village.phone(village.contact("Maria", ana), HOME)
    village.phone(village.contact("Bea", ben, ana), HOME)
    rows = plan(village, definition())
    assert texts(rows) == {HOME: "Oakfield: The book fair is on Friday for Ana and Ben."}
    sent = next(row for row in rows if row.message.state is MessageState.QUEUED)
    assert sorted(sent.pupil_ids) == [ana, ben]


def test_a_phone_shared_with_somebody_barred_never_names_that_child(village: Village) -> None:
    ana, ben = village.pupil("Ana"), village.pupil("Ben")
    maria = village.contact("Maria", ana, ben)
    ivan = village.contact("Ivan", ben)
    village.tie(ana, ivan, no_contact=True)
    village.phone(maria, HOME)
    village.phone(ivan, HOME)
    rows = plan(village, definition())
    assert texts(rows) == {HOME: "Oakfield: The book fair is on Friday for Ben."}
    assert reasons(rows) == {"barred_address": 1, "merged": 1, "barred": 1}


def test_a_child_left_out_of_a_shared_phone_is_told_by_the_parents_own(village: Village) -> None:
    ana, ben = village.pupil("Ana"), village.pupil("Ben")
    maria, ivan = village.contact("Maria", ana, ben), village.contact("Ivan", ben)
    village.tie(ana, ivan, no_contact=True)
    village.phone(maria, HOME)
    village.phone(maria, MUM)
    village.phone(ivan, HOME)
    rows = plan(village, definition())
    assert texts(rows) == {
        HOME: "Oakfield: The book fair is on Friday for Ben.",
        MUM: "Oakfield: The book fair is on Friday for Ana.",
    }


def test_a_landline_is_called_but_never_texted(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), LAND, LineType.LANDLINE)
    rows = plan(village, definition(media=["sms", "voice"]))
    assert [row.message.medium for row in rows if row.message.state is MessageState.QUEUED] == [Medium.VOICE]
    assert reasons(rows) == {"landline": 1}


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        (None, "no_number"),
        ({"line_type": LineType.LANDLINE}, "landline"),
        ({"line_type": LineType.OTHER}, "no_texts"),
        ({"state": PointState.DEAD}, "dead"),
    ],
)
def test_why_a_phone_is_not_used(village: Village, phone: dict[str, Any] | None, reason: str) -> None:
    maria = village.contact("Maria", village.pupil("Ana"))
    if phone is not None:
        village.phone(maria, MUM, **phone)
    [row] = plan(village, definition())
    assert (row.message.state, row.message.reason) == (MessageState.SKIPPED, reason)
    assert row.message.reason_text == guard.REASONS[reason]
    assert (row.message.body, row.message.pence, row.message.sender_id) == ("", 0.0, None)


def test_the_next_phone_is_used_where_the_first_cannot_be(village: Village) -> None:
    maria = village.contact("Maria", village.pupil("Ana"))
    village.phone(maria, LAND, LineType.LANDLINE)
    village.phone(maria, MUM, state=PointState.DEAD)
    village.phone(maria, HOME)
    assert list(texts(plan(village, definition()))) == [HOME]


def test_no_mailbox(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    assert reasons(plan(village, definition(media=["email"]))) == {"no_email": 1}


@pytest.mark.parametrize(
    ("medium", "mandatory_too", "purpose", "sent"),
    [
        (Medium.SMS, True, "emergency", False),
        (Medium.SMS, False, "good_news", False),
        (Medium.SMS, False, "service", True),
        (Medium.VOICE, True, "emergency", True),
    ],
)
def test_who_told_us_to_stop_is_left_alone(
    village: Village, medium: Medium, *, mandatory_too: bool, purpose: str, sent: bool
) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    village.opted_out[medium, MUM] = mandatory_too
    rows = plan(village, definition(purpose=purpose))
    assert (MUM in texts(rows)) is sent
    assert reasons(rows) == ({} if sent else {"opted_out": 1})


CLOSURE = {
    "text": {},
    "template": "closure",
    "values": {"date": date(2026, 11, 24), "reason": "burst pipe"},
    "title": "Closed",
}


@pytest.mark.parametrize(("drafts", "language"), [(False, "en"), (True, "pl")])
def test_a_draft_is_sent_only_where_the_school_allows_it(village: Village, *, drafts: bool, language: str) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana"), written_language="pl"), MUM)
    school = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123", allow_drafts=drafts)
    [row] = plan(village, definition(**CLOSURE), school=school)
    assert (row.message.language, row.wanted) == (language, "pl")


def line_for(village: Village, language: str, **notice: Any) -> tuple[str, Any]:
    """What the plan makes of a notice for one family: its English alone, and the row with the line."""
    maria = village.contact("Maria", village.pupil("Ana"), written_language=language)
    village.phone(maria, MUM)
    [row] = plan(village, definition(**notice))
    english = row.message.body.splitlines()[0]
    return english, row


def test_english_goes_with_a_line_in_the_familys_language(village: Village) -> None:
    english, row = line_for(village, "pl", **CLOSURE)
    assert row.message.body.splitlines()[1:] == [
        "Ta wiadomosc jest po angielsku. Pomoc w jej przeczytaniu: 020 7946 0123."
    ]
    assert (row.message.language, row.message.words_state, row.wanted) == ("en", "source", "pl")
    # Latin letters lose their accents: so the text stays GSM-7, and costs one part more at most.
    assert row.message.parts == segments.count(english).parts + row.added
    assert row.added <= 1


def test_a_line_in_another_script_goes_where_the_news_must_be_understood(village: Village) -> None:
    english, row = line_for(village, "ur", **CLOSURE | {"purpose": "emergency"})
    (line,) = row.message.body.splitlines()[1:]
    assert line.startswith("\u2068یہ پیغام")
    assert line.endswith("\u2069"), "it runs its own way, beside a text that runs the other"
    assert 1 < row.added <= fallback.MOST_MORE_MANDATORY
    assert row.message.parts <= guard.MOST_PARTS
    assert row.message.parts == segments.count(english).parts + row.added


def test_a_line_that_costs_too_much_stays_out_of_other_news(village: Village) -> None:
    english, row = line_for(village, "ur", text={"en": "Come to the fair. " * 7}, purpose="community")
    assert (row.message.body, row.added) == (english, 0)


def test_a_line_never_makes_a_text_too_long_to_go(village: Village) -> None:
    english, row = line_for(village, "ur", text={"en": "word " * 180}, purpose="emergency")
    assert (row.message.body, row.message.state) == (english, MessageState.QUEUED)
    assert row.message.parts == segments.count(english).parts == guard.MOST_PARTS


def test_a_family_without_a_catalogue_gets_english_alone(village: Village) -> None:
    english, row = line_for(village, "vi", **CLOSURE)
    assert (row.message.body, row.wanted) == (english, "vi")


def test_an_email_in_english_begins_in_the_familys_language(village: Village) -> None:
    village.mailbox(village.contact("Maria", village.pupil("Ana"), written_language="ur"), "maria@example.com")
    [row] = plan(village, definition(**CLOSURE | {"media": ["email"]}))
    page = letter.from_plain(row.message.body, title=row.message.subject, language=row.message.language)
    assert '<html lang="en" dir="ltr">' in page
    first, second = re.findall(r"<p[^>]*>.*?</p>", page, re.DOTALL)[:2]
    assert first.startswith('<p lang="ur" dir="rtl">')
    assert "020 7946 0123" in first
    assert second.startswith("<p>Dear Maria")


def test_the_phrases_around_an_authors_own_words_are_drafts_too(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana"), written_language="pl"), MUM)
    options = [{"key": "1", "label": {"en": "coming", "pl": "przyjdę"}}]
    notice = definition(text={"en": "Come.", "pl": "Zapraszamy."}, replies={"options": options}, media=["sms", "voice"])
    sms, call = plan(village, notice)
    assert sms.message.language == "pl"
    assert sms.message.body == "Oakfield: Zapraszamy.\nReply 1 for przyjdę."
    assert call.message.script is not None
    assert "Oakfield Primary School" in call.message.script["opening"]
    allowed = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123", allow_drafts=True)
    [drafted, _] = plan(village, notice, school=allowed)
    assert "Reply" not in drafted.message.body


def test_a_call_is_in_the_spoken_language_where_there_is_a_voice_for_it(village: Village) -> None:
    text = {"en": "Hello {children}", "pl": "Witaj {children}", "ur": "سلام {children}"}
    maria = village.contact("Maria", village.pupil("Ana"), written_language="ur", spoken_language="pl")
    village.phone(maria, MUM)
    notice = definition(text=text, media=["sms", "voice"])
    sms, call = plan(village, notice)
    assert (sms.message.language, call.message.language) == ("ur", "pl")
    _, voiceless = plan(village, notice, speaks=lambda language: language == "en")
    assert (voiceless.message.language, voiceless.message.body, voiceless.wanted) == ("en", "Hello Ana", "pl")


def test_cost_and_parts(village: Village) -> None:
    maria = village.contact("Maria", village.pupil("Ana"))
    village.phone(maria, MUM)
    village.mailbox(maria, "maria@example.com")
    notice = definition(text={"en": "x" * 300}, media=["sms", "email", "voice"])
    by_medium = {row.message.medium: row.message for row in plan(village, notice)}
    assert {medium: (row.parts, row.pence) for medium, row in by_medium.items()} == {
        Medium.SMS: (3, 12.0),
        Medium.EMAIL: (1, 0.1),
        Medium.VOICE: (1, 10.0),
    }


def test_the_menu_is_in_the_text_and_in_the_call_and_the_keys_are_kept(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    options = [{"key": "1", "label": {"en": "coming"}}, {"key": "2", "label": {"en": "not coming"}}]
    sms, call = plan(village, definition(media=["sms", "voice"], replies={"options": options}))
    assert sms.message.body.endswith("\nReply 1 for coming or 2 for not coming.")
    assert (sms.message.keys, call.message.keys) == ("12", "12")
    assert call.message.script is not None
    assert "coming" in call.message.script["menu"]
    assert "Ana" not in "".join(call.message.script.values()), "nothing private before a key is pressed"
    assert sms.message.script is None


def test_a_menu_that_the_author_placed_is_not_said_twice(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    options = [{"key": "1", "label": {"en": "coming"}}]
    [row] = plan(village, definition(text={"en": "The fair! {menu} Thank you."}, replies={"options": options}))
    assert row.message.body == "Oakfield: The fair! Reply 1 for coming. Thank you."


@pytest.mark.parametrize(("purpose", "link"), [("service", False), ("emergency", False), ("good_news", True)])
def test_only_mail_that_may_be_declined_has_a_link_to_unsubscribe(
    village: Village, purpose: str, *, link: bool
) -> None:
    village.mailbox(village.contact("Maria", village.pupil("Ana")), "maria@example.com")
    [row] = plan(village, definition(purpose=purpose, media=["email"], subject={"en": "The fair"}))
    assert (f"/u/{row.message.id}" in row.message.body) is link
    assert row.message.subject == "The fair"


def test_the_details_of_an_event_fill_a_free_text(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    event = {"starts": "2026-12-03T17:30:00", "place": "Hall"}
    [row] = plan(village, definition(kind="event", event=event, text={"en": "{title}: {date}, {time}, {place}."}))
    assert "Book fair: " in row.message.body
    assert "3 December" in row.message.body
    assert "Hall." in row.message.body


@pytest.mark.parametrize(("until", "only_if"), [(None, "not_reached"), ("answered", "not_answered")])
def test_a_ladder_waits_and_asks_again(village: Village, until: str | None, only_if: str) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    steps = [{"media": ["sms"]}, {"media": ["voice"], "after": "20m"}, {"media": ["voice"], "after": "1h"}]
    rows = plan(village, definition(media=[], ladder=steps, until=until))
    assert [(row.message.step, row.message.due_at - NOW, row.message.only_if) for row in rows] == [
        (0, timedelta(0), ""),
        (1, timedelta(minutes=20), only_if),
        (2, timedelta(minutes=80), only_if),
    ]


@pytest.mark.parametrize(
    ("valid", "fire_at", "ends"),
    [
        ({}, NOW, None),
        ({"for": "12h"}, NOW, NOW + timedelta(hours=12)),
        ({"until": "2026-11-23T15:00:00"}, NOW, datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ({"until": "2026-07-01T15:00:00"}, NOW, datetime(2026, 7, 1, 14, tzinfo=UTC)),
        ({"for": "1h", "until": "2026-11-23T15:00:00"}, NOW, NOW + timedelta(hours=1)),
        ({"until": "2026-11-23T15:00:00+02:00"}, NOW, datetime(2026, 11, 23, 13, tzinfo=UTC)),
        # The clocks go back at 01:00 UTC on 25 October: a day of waiting is 24 hours, whatever the clock shows.
        ({"for": "1d"}, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)),
        ({"until": "2026-10-25T01:30:00"}, datetime(2026, 10, 24, 12, tzinfo=UTC),
         datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ({"until": "2026-10-25T02:30:00"}, datetime(2026, 10, 24, 12, tzinfo=UTC),
         datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        # On 29 March 01:30 is not on any clock: the first moment after the leap.
        ({"until": "2026-03-29T01:30:00"}, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_how_long_it_is_worth_saying(valid: dict[str, Any], fire_at: datetime, ends: datetime | None) -> None:
    assert planner.not_after(definition(valid=valid), fire_at, LONDON) == ends


def look_at(village: Village, rows: Sequence[planner.Planned]) -> None:
    outlook = submission.Outlook()
    outlook.take(village.audience(definition().audience), rows)
    submission.check(outlook, again=False)


def test_a_text_that_is_too_long_is_refused(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    rows = plan(village, definition(text={"en": "x" * 1000}))
    assert [(row.message.state, row.message.reason) for row in rows] == [(MessageState.SKIPPED, "too_long")]
    with pytest.raises(errors.BadDefinition, match=r"6 is the most.*Shorten it"):
        look_at(village, rows)


def test_one_family_with_many_children_does_not_hold_up_the_others(village: Village) -> None:
    crowd = [village.pupil(f"Child{'x' * 30}{n}") for n in range(25)]
    village.phone(village.contact("Maria", *crowd), MUM)
    village.phone(village.contact("Eve", village.pupil("Ana")), "+447700900122")
    rows = plan(village, definition(text={"en": "Hello {children}"}))
    assert sorted((row.message.state, row.message.reason) for row in rows) == [
        (MessageState.QUEUED, ""),
        (MessageState.SKIPPED, "too_long"),
    ]
    look_at(village, rows)


def test_fundraising_goes_only_to_those_who_agreed(village: Village) -> None:
    willing, other = (village.contact(name, village.pupil("Ana")) for name in ("Maria", "Eve"))
    village.phone(willing, MUM)
    village.phone(other, "+447700900122")
    village.contacts[willing].marketing_consent = True
    rows = plan(village, definition(purpose="fundraising_or_paid"))
    assert {row.message.contact_id: row.message.reason for row in rows} == {willing: "", other: "no_consent"}


def test_an_email_shows_the_menu_above_its_footer(village: Village) -> None:
    village.mailbox(village.contact("Maria", village.pupil("Ana")), "maria@example.com")
    options = [{"key": "1", "label": {"en": "we are coming"}}]
    [row] = plan(village, definition(media=["email"], replies={"expected": True, "options": options}))
    body, _, footer = row.message.body.partition("\n-- \n")
    assert "Reply 1 for we are coming" in body
    assert "Reply 1" not in footer


def test_a_blank_is_never_sent(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    with pytest.raises(errors.BadDefinition, match=r"\{chidlren\}.*children"):
        plan(village, definition(text={"en": "Hello {chidlren}"}))


def test_without_a_sender_nothing_leaves_and_the_row_says_so(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    [row] = plan(village, definition(), senders={})
    assert (row.message.state, row.message.reason, row.message.pence) == (MessageState.SKIPPED, "no_sender", 0.0)


def test_one_family_stays_with_one_of_several_numbers(village: Village) -> None:
    for number in range(20):
        village.phone(village.contact("Maria", village.pupil("Ana")), f"+4477009001{number:02d}")
    several = {Medium.SMS: [Sender(id=n, channel="c", medium=Medium.SMS, address=str(n)) for n in (1, 2)]}
    first, again = ([row.message.sender_id for row in plan(village, definition(), senders=several)] for _ in range(2))
    assert first == again
    assert set(first) == {1, 2}


def test_what_waits_for_approval_is_held(village: Village) -> None:
    village.phone(village.contact("Maria", village.pupil("Ana")), MUM)
    [row] = plan(village, definition(), held=True)
    assert row.message.state is MessageState.HELD


phones = st.sampled_from([MUM, DAD, HOME, LAND])
mailboxes = st.sampled_from(["a@example.com", "b@example.com"])
days = st.sampled_from([None, TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)])


@st.composite
def villages(draw: st.DrawFn) -> Village:
    """Families as they come: shared phones, bars with dates, dead numbers, people who told us to stop."""
    village = Village(TODAY)
    children = [village.pupil(f"P{n}") for n in range(draw(st.integers(1, 4)))]
    lines = {address: draw(st.sampled_from(list(LineType))) for address in (MUM, DAD, HOME, LAND)}
    for n in range(draw(st.integers(0, 4))):
        contact = village.contact(f"C{n}", written_language=draw(st.sampled_from(["", "pl", "ur"])))
        for child in draw(st.lists(st.sampled_from(children), unique=True)):
            yes = st.booleans()
            village.tie(
                child, contact, priority=draw(st.integers(1, 3)), parental_responsibility=draw(yes),
                lives_with=draw(yes), no_contact=draw(yes), no_contact_from=draw(days), no_contact_until=draw(days),
            )  # fmt: skip
        for address in draw(st.lists(phones, unique=True)):
            village.phone(contact, address, lines[address], state=draw(st.sampled_from(list(PointState))))
        for address in draw(st.lists(mailboxes, unique=True)):
            village.mailbox(contact, address, state=draw(st.sampled_from(list(PointState))))
    stopped = st.tuples(st.sampled_from(list(Medium)), st.one_of(phones, mailboxes))
    village.opted_out = draw(st.dictionaries(stopped, st.booleans(), max_size=3))
    return village


@st.composite
def notices(draw: st.DrawFn) -> model.Definition:
    some = st.lists(st.sampled_from([medium.value for medium in Medium]), min_size=1, unique=True)
    wanted = {
        "whole_school": True,
        "tell": draw(st.sampled_from(["first_contact", "parental_responsibility", "lives_with", "everyone"])),
        "languages": draw(st.sampled_from([[], ["pl"], ["en", "ur"]])),
    }
    ladder = [{"media": media} for media in draw(st.lists(some, min_size=1, max_size=2))]
    purpose = draw(st.sampled_from(["service", "good_news"]))
    return definition(media=[], ladder=ladder, audience=wanted, purpose=purpose)


@settings(max_examples=250, deadline=None)
@given(villages(), notices())
def test_nobody_is_told_what_they_must_not_hear_and_nobody_vanishes(village: Village, notice: model.Definition) -> None:
    rows = plan(village, notice)
    known = village.people()
    chosen = village.audience(notice.audience)
    going = [row for row in rows if row.message.state is MessageState.QUEUED]

    for row in going:
        for pupil_id in row.pupil_ids:
            barred = {t.contact_id for t in known.ties[pupil_id] if t.barred_on(TODAY)}
            assert row.message.contact_id not in barred
            assert row.message.address not in {p.address for p in village.points if p.contact_id in barred}
            hears = {t.contact_id for t in known.ties[pupil_id] if not t.barred_on(TODAY)}
            assert row.message.address in {p.address for p in village.points if p.contact_id in hears}
        assert len(set(row.pupil_ids)) == len(row.pupil_ids) > 0

    slots = [row.message.slot for row in rows]
    assert len(set(slots)) == len(slots)
    keys = [(row.message.medium, row.message.address, row.message.step) for row in going]
    assert len(set(keys)) == len(keys), "one text per phone"
    assert {row.message.state for row in rows} <= {MessageState.QUEUED, MessageState.SKIPPED, MessageState.HELD}

    for step, rung in enumerate(notice.steps):
        for medium in rung.media:
            here = [row for row in rows if (row.message.step, row.message.medium) == (step, medium)]
            assert {pupil for row in here for pupil in row.pupil_ids} == set(village.pupils), "every pupil has a row"
            own = Counter(
                (row.message.contact_id, pupil_id)
                for row in here
                for pupil_id in row.pupil_ids
                if row.message.state is MessageState.SKIPPED or _hears(chosen, row, pupil_id)
            )
            expected = {(listener.contact_id, pupil) for listener in chosen.listeners for pupil in listener.pupil_ids}
            assert own == Counter(expected), "every listener has one row for each child"


def _hears(chosen: audience.Audience, row: planner.Planned, pupil_id: int) -> bool:
    """Whether the row is the contact's own news of the child, not that of somebody who shares the phone."""
    return any(
        listener.contact_id == row.message.contact_id and not listener.reason and pupil_id in listener.pupil_ids
        for listener in chosen.listeners
    )


def test_times_of_day_survive_in_values() -> None:
    values = definition(values={"hour": "15:30:00", "day": "2026-12-04", "code": "3A"}).template_values()
    assert (values["hour"], values["day"], values["code"]) == (time(15, 30), date(2026, 12, 4), "3A")
