"""What is the same for everybody is put in once: the words are those of plain rendering, to the letter."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping

import pytest

from templates import errors, library, settled, words

SAMPLES: Mapping[str, object] = {
    "text": "the boiler – “again” – has failed",
    "name": "Oakfield",
    "names": ["Ana"],
    "date": datetime.date(2026, 12, 1),
    "time": datetime.time(8, 45),
    "datetime": datetime.datetime(2026, 12, 1, 8, 45),  # noqa: DTZ001
    "number": 3,
    "url": "https://oakfield.example/a",
    "phone": "020 7946 0123",
}
CHILDREN = [["Ana"], ["Ana", "علی"], ["José", "Ștefan", "Mia {date} 100%"], [f"Child{n}" for n in range(7)]]
RECIPIENTS = ["", "Ms Ana Example", "علی  رضا"]
LINK = "https://oakfield.example/u/1"


def cases() -> list[tuple[str, str, str, bool]]:
    """Every wording of the library by every medium in every language, with and without a link to unsubscribe."""
    return [
        (key, medium, language, mandatory)
        for key, notice in library.notices().items()
        for medium, table in library.MEDIA.items()
        if getattr(notice, table) and key != "free_text"
        for language in ("en", "pl", "ur")  # what is settled does not depend on the language
        for mandatory in (True, False)
    ]


def own(children: list[str], recipient: str, *, link: bool) -> dict[str, object]:
    return {"children": children, "recipient": recipient} | ({"unsubscribe_url": LINK} if link else {})


def alike(renderer: words.Renderer, shared: dict[str, object], answers: words.GivenAnswers | None = None) -> None:
    ready = settled.settle(renderer, shared, answers=answers)
    link = renderer.medium == "email" and not renderer.mandatory
    for children, recipient in itertools.product(CHILDREN, RECIPIENTS):
        mine = own(children, recipient, link=link)
        plain = renderer.fill(shared | mine, answers=answers)
        assert ready.fill(mine) == (plain.text, plain.subject)
        assert (ready.language, ready.state, ready.answers) == (plain.language, plain.state, plain.answers)


@pytest.mark.parametrize(("key", "medium", "language", "mandatory"), cases())
def test_every_wording_of_the_library(key: str, medium: str, language: str, *, mandatory: bool) -> None:
    renderer = words.prepare(key, language=language, medium=medium, mandatory=mandatory)
    given = {name: SAMPLES[value.type] for name, value in library.notice(key).values.items()}
    alike(renderer, given | {"school": "Oakfield", "school_phone": "020 7946 0123"})


@pytest.mark.parametrize("medium", list(library.MEDIA))
@pytest.mark.parametrize("language", ["en", "pl", "ur", "ar", "bn"])
def test_a_free_text(medium: str, language: str) -> None:
    texts = {
        "en": "{school}: {children}, {day} at {hour}. {greeting} {recipient} {menu}",
        "pl": "{children} – {day}. {menu}",
        "ur": "{children} کے لیے {day} {menu}",
        "ar": "إلى {recipient}: {children} {menu}",
    }
    renderer = words.prepare_free(texts, language=language, medium=medium, subjects={"en": "For {children}"})
    shared: dict[str, object] = {"day": SAMPLES["date"], "hour": SAMPLES["time"], "school": "O", "school_phone": "0"}
    alike(renderer, shared, answers=[("1", {"en": "coming", "pl": "przyjdę"}), ("2", "no")])


@pytest.mark.parametrize(
    ("mine", "error"),
    [
        ({"recipient": "A"}, errors.MissingValue),
        ({"children": ["A"], "stranger": "x"}, errors.UnknownValue),
        ({"children": "A"}, errors.WrongType),
        ({"children": ["A"]}, errors.MissingValue),  # the link
    ],
)
def test_a_blank_is_never_filled_with_nothing(mine: dict[str, object], error: type[Exception]) -> None:
    renderer = words.prepare_free({"en": "For {children}"}, language="en", medium="email", mandatory=False)
    with pytest.raises(error):
        settled.settle(renderer, {"school": "O", "school_phone": "0"}).fill(mine)
