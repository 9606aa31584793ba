"""In which language somebody is written or spoken to: their own, their further ones, the school's choice, English."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support import lanes
from support.desk import NOW, definition
from support.village import Village

from channels.base import Medium
from gateway import planner, tongues, wording
from gateway.models import Contact, Sender

MUM = "+447700900001"
TEXT = {"en": "Hello", "fa": "سلام", "pl": "Witaj", "pt-PT": "Olá", "ur": "آداب"}


def plan(languages: dict[str, str], *, speaks: Callable[[str], bool] = lambda _: True) -> list[planner.Planned]:
    """A text and a call to one mother."""
    village, numbers = Village(NOW.date()), itertools.count(1)
    village.phone(village.contact("Maria", village.pupil("Ana"), **languages), MUM)
    notice = definition(text=TEXT, media=["sms", "voice"])
    school = wording.School("Oakfield Primary", "Oakfield", "020 7946 0123", instead={"ps": ("ur",)})
    means = planner.Means(
        composer=wording.Composer(notice, school, speaks),
        costs=wording.Costs(),
        router=lanes.router(
            {medium: [Sender(id=1, channel="c", medium=medium, address="+441134960001")] for medium in Medium}, now=NOW
        ),
        new_id=lambda: f"m{next(numbers)}",
        timezone=ZoneInfo("Europe/London"),
        unsubscribe_url=lambda message_id: f"https://oakfield.example/u/{message_id}",
    )
    return planner.plan(notice, village.audience(notice.audience), means, fire_at=NOW, now=NOW)


def chain(medium: Medium = Medium.SMS, instead: dict[str, tongues.Chain] | None = None, **languages: str) -> Any:
    return tongues.chain(medium, Contact(source_id="1", **languages), "en", instead or {})


def test_a_chain_is_the_persons_own_before_the_schools() -> None:
    assert chain() == ("en",)
    assert chain(written_language="ps") == ("ps",)
    assert chain(written_language="ps", further_languages="fa ru", instead={"ps": ("ur",)}) == ("ps", "fa", "ru", "ur")
    assert chain(written_language="so", further_languages="en ar", instead={"so": ("sw",)}) == ("so", "en")


def test_a_call_is_in_what_they_hear_and_then_in_what_they_read() -> None:
    both = {"written_language": "ur", "spoken_language": "pa-Arab"}
    assert chain(Medium.VOICE, **both) == ("pa-Arab", "ur")
    assert chain(Medium.EMAIL, **both) == ("ur",)


@pytest.mark.parametrize(
    ("languages", "sms", "call"),
    [
        ({"written_language": "ps", "further_languages": "fa"}, "fa", "fa"),
        ({"written_language": "ps", "further_languages": "so pl fa"}, "pl", "pl"),
        ({"written_language": "ps"}, "ur", "ur"),
        ({"written_language": "pt-BR"}, "pt-PT", "pt-PT"),
        ({"written_language": "so"}, "en", "en"),
        ({"written_language": "pl", "spoken_language": "ur"}, "pl", "ur"),
    ],
)
def test_words_are_in_the_first_that_there_are_any_in(languages: dict[str, str], sms: str, call: str) -> None:
    rows = plan(languages)
    assert [row.message.language for row in rows] == [sms, call]
    assert rows[0].wanted == languages["written_language"]


def test_a_language_without_a_voice_gives_way_to_one_that_has_one() -> None:
    languages = {"written_language": "ur", "further_languages": "pl"}
    sms, call = plan(languages, speaks=lambda language: language in ("en", "pl"))
    assert (sms.message.language, call.message.language) == ("ur", "pl")
