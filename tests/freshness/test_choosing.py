"""After silence: always another way than the last, and never the same failing thing three times."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from channels.base import Medium
from gateway.freshness import choosing
from gateway.freshness.choosing import Outcome, Try, Way

HOURS = [time(8, 30), time(12, 30), time(17, 30)]
MORNING, NOON, EVENING = HOURS
BEGAN = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
SMS, EMAIL, VOICE = Medium.SMS, Medium.EMAIL, Medium.VOICE

media = st.lists(st.sampled_from(list(Medium)), min_size=1, max_size=3, unique=True)
languages = st.sampled_from([["en"], ["ur", "en"]])
outcomes = st.sampled_from(list(Outcome))


def tried(*rows: tuple[Medium, time, Outcome], language: str = "en") -> list[Try]:
    return [
        Try(Way(medium, hour, language), BEGAN + timedelta(days=day), outcome)
        for day, (medium, hour, outcome) in enumerate(rows)
    ]


def test_the_sentence_of_the_issue() -> None:
    tries = tried((VOICE, EVENING, Outcome.ANSWERED), (SMS, MORNING, Outcome.SILENT), (SMS, MORNING, Outcome.SILENT))
    found = choosing.choose(tries, {SMS: ["en"], VOICE: ["en"]}, HOURS)
    assert found is not None
    assert found.way == Way(VOICE, EVENING, "en"), "what worked before, at the hour at which it did"
    assert found.because == "texts unanswered twice at 8.30, so a call at 17.30, as calls were answered before"
    assert found.differs == ["channel", "hour"]


def test_one_channel_alone_is_tried_at_another_hour_then_in_another_language() -> None:
    tries = tried((SMS, MORNING, Outcome.SILENT))
    second = choosing.choose(tries, {SMS: ["en", "ur"]}, HOURS)
    assert second is not None
    assert second.differs == ["hour"]
    assert second.because == "texts unanswered once at 8.30, so a text at 12.30"
    every = tried(*[(SMS, hour, Outcome.SILENT) for hour in HOURS * 2])
    third = choosing.choose(every, {SMS: ["en", "ur"]}, HOURS)
    assert third is not None
    assert third.way.language == "ur"
    assert "in another language" in third.because
    assert choosing.choose(every, {SMS: ["en"]}, HOURS) is None, "everything has failed twice"


@given(media, languages, st.lists(outcomes, min_size=1, max_size=25))
def test_played_to_its_end(usual: list[Medium], spoken: list[str], results: list[Outcome]) -> None:
    """Whatever comes of each try: the next differs from the last, and no way fails three times running."""
    tries = tried((usual[0], MORNING, Outcome.SILENT), language=spoken[0])
    for result in results:
        found = choosing.choose(tries, dict.fromkeys(usual, spoken), HOURS)
        if found is None:
            left = [Way(m, h, la) for m in usual for h in HOURS for la in spoken]
            assert all(
                choosing.running([one for one in tries if one.way == way]) >= 2 or way == tries[-1].way for way in left
            )
            return
        assert found.way != tries[-1].way
        assert found.differs
        assert found.because
        tries.append(Try(found.way, BEGAN, result))
    for way in {one.way for one in tries}:
        assert choosing.running([one for one in tries if one.way == way]) <= 2


@given(st.lists(st.tuples(st.sampled_from([SMS, EMAIL, VOICE]), outcomes), max_size=12))
def test_an_order_is_the_usual_one_with_what_is_tired_behind(rows: list[tuple[Medium, Outcome]]) -> None:
    usual = [SMS, EMAIL, VOICE]
    tries = tried(*[(medium, MORNING, outcome) for medium, outcome in rows])
    order, why = choosing.order(tries, usual)
    tired = {one for one in usual if choosing.running([t for t in tries if t.way.medium is one]) >= 2}
    if not tired or len(tired) == 3:
        assert (order, why) == ([], "")
    else:
        assert sorted(order) == sorted(usual)
        assert set(order[-len(tired) :]) == tired
        assert why
