"""Rules that need no database: whose digits are whose, and which times are shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.village import Village

from gateway.definitions import event_times, model
from gateway.events import guests, offers
from gateway.models import EventGuest, EventSlot

NOW = datetime(2026, 12, 8, 15, 0, tzinfo=UTC)
DETAILS = model.EventDetails.model_validate(
    {
        "starts": "2026-12-08T15:30:00",
        "place": "Hall",
        "sessions": [{"starts": "2026-12-08T15:30:00", "ends": "2026-12-08T18:00:00"}],
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=12))
def test_families_who_share_a_phone_never_share_a_digit(children: list[tuple[int, int]]) -> None:
    """Each child has a parent, who has one of four phones."""
    village = Village(date(2026, 11, 23))
    for phone, _ in children:
        child = village.pupil("Ana")
        village.phone(village.contact("Maria", child), f"+44770090010{phone}")
    told = village.audience(model.Audience(whole_school=True))
    homes = guests.households(told.people, told.listeners, DETAILS)
    assert len(homes) == len(children)
    digits = guests.digits(homes, told.people)
    for phone in range(4):
        mine = [digits[f"pupil:{number}"] for number, (one, _) in enumerate(children, 1) if one == phone]
        used = [first + place for first, count in mine for place in range(count)]
        assert len(used) == len(set(used))
        assert set(used) <= set(range(1, 10))
        assert all(count == 0 or count >= 2 for _, count in mine)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=24), st.integers(1, 6), st.integers(1, 30), st.integers(0, 3))
def test_times_are_shown_evenly_and_late_ones_first_to_newcomers(
    late: list[bool], most: int, families: int, newcomers: int
) -> None:
    found = [
        EventSlot(id=number, event_id=1, starts_at=NOW + timedelta(minutes=10 * number), capacity=1, forms=[])
        for number in range(1, len(late) + 1)
    ]
    evening = frozenset(one.id or 0 for one, is_late in zip(found, late, strict=True) if is_late)
    book = offers.Book(found, evening, newcomers={"3A": newcomers})
    for number in range(families):
        guest = EventGuest(id=number, event_id=1, household=str(number), invited_at=NOW, newcomer=number % 2 == 0)
        shown = book.times(guest, "3A", most=most)
        ids = [one.id or 0 for one in shown]
        assert len(ids) == len(set(ids))
        assert len(ids) <= most
        assert shown == sorted(shown, key=lambda one: one.starts_at)
        if guest.newcomer:
            assert len(evening & set(ids)) == min(len(evening), most)
        elif len(evening) <= newcomers:
            assert evening.isdisjoint(ids)
    early = [book.shown[one.id or 0] for one in found if one.id not in evening]
    if len(evening) <= newcomers or not evening:
        assert not early or max(early) - min(early) <= 1


@given(st.integers(2, 60), st.integers(2, 240))
def test_a_session_is_cut_into_whole_times(minutes: int, length: int) -> None:
    starts = datetime(2026, 12, 8, 15, 30)  # noqa: DTZ001 - the school's own clock
    session = model.EventSession.model_construct(
        starts=starts, ends=starts + timedelta(minutes=length), minutes=minutes, capacity=1, host="", forms=[]
    )
    times = event_times.of(session)
    assert len(times) == length // minutes
    assert all(ends - begins == timedelta(minutes=minutes) for begins, ends in times)
    assert not times or times[-1][1] <= session.ends
