"""Ready answers in English, for staff who read what went in another language."""

from __future__ import annotations

import pytest

from config.settings import Settings
from gateway.desk import canned


@pytest.mark.parametrize(
    ("language", "said", "english"),
    [
        (
            "pl",
            "Oakfield: Prosimy o telefon w tej sprawie: 0113 496 0000.",
            "Please call us about this on 0113 496 0000.",
        ),
        ("pl", "Oakfield: Dziekujemy, zapisalismy to.", "Thank you, we have noted it."),  # texted without accents
        ("ur", "\u2068Oakfield\u2069: شکریہ، ہم نے نوٹ کر لیا ہے۔", "Thank you, we have noted it."),
        ("pl", "Oakfield: Do zobaczenia.", ""),
    ],
)
def test_what_a_ready_answer_said_in_english(language: str, said: str, english: str) -> None:
    assert canned.english(canned.load(Settings()), language, said) == english
