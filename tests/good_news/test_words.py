"""All of a family's praise as one message: whatever is praised, in every language and by every medium."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway import wording
from gateway.good_news import kinds, words
from gateway.models import Praise
from templates import translations

SCHOOL = wording.School("Oakfield Primary School", "Oakfield", "020 7946 0123", allow_drafts=True)
NAMES = ("Anastazja", "Benedykt", "Cemile")
NOW = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
FRAME = words.Frame("good-news-2026-11-30", ["S1"], datetime(2026, 11, 30, 19, 0))  # noqa: DTZ001 - the school's own time
praised = st.tuples(st.integers(0, 2), st.sampled_from(kinds.every()), st.booleans())


def told(number: int, child: int, kind: str, *, own: bool) -> words.Told:
    said = f"{{word}} {number} %s" if own or kind == kinds.OTHER else ""
    since = date(2026, 9, 3) if kinds.has_since(kind) else None
    row = Praise(
        id=number, pupil_id=child, kind=kind, words=said, since=since, staff=f"T{number}", by="x", said_at=NOW,
        due_at=NOW,
    )  # fmt: skip
    return words.Told(row, NAMES[child])


@given(
    st.lists(praised, min_size=1, max_size=5),
    st.sampled_from(translations.languages_available()),
    st.sampled_from(words.MEDIA),
)
def test_every_child_and_every_word_is_in_it(found: list[tuple[int, str, bool]], tag: str, medium: str) -> None:
    several = [told(number, child, kind, own=own) for number, (child, kind, own) in enumerate(found)]
    children = sorted({one.child for one in several})
    composer = wording.Composer(words.of(FRAME, several, SCHOOL), SCHOOL, lambda _: True)
    link = "https://oakfield.example/u/1"
    made = composer.compose(words.Medium(medium), tag, children=children, recipient="", unsubscribe_url=link)
    assert made.language == tag
    assert [name for name in NAMES if name in made.text] == children
    assert [one.praise.words for one in several if one.praise.words not in made.text] == []
    assert [one.praise.staff for one in several if one.praise.staff not in made.text] == []
    english = any(one.praise.words for one in several) and tag != "en"
    assert ("0123" in made.text) or medium == "voice"
    if english:
        line = wording.fallback.line("sms", tag, school_phone=SCHOOL.phone)
        assert line.split(".")[0][:12] in made.text


def test_right_to_left_a_latin_name_turns_nothing_around_and_numbers_stay_in_order() -> None:
    several = [told(1, 0, "effort", own=True), told(2, 1, kinds.OTHER, own=True)]
    composer = wording.Composer(words.of(FRAME, several, SCHOOL), SCHOOL, lambda _: True)
    text = composer.compose(words.Medium.SMS, "ur", children=["Anastazja", "Benedykt"]).text
    assert "\u2067Anastazja نے بہت محنت" in text  # the sentence runs from the right, though its first letter does not
    assert "\n\u2068(word) 1 %s\u2069\n" in text.replace("{", "(").replace("}", ")")  # English, on a line of its own
    assert "\u200e020 7946 0123\u200e" in text  # not 0123 7946 020
