"""The service that translates: what cannot work, or must not in practice, is said before anything is asked."""

from __future__ import annotations

import pytest

from config import checks, sections
from config.settings import Settings

LIBRE = {"service": "libretranslate", "url": "https://translate.school.example"}


@pytest.mark.parametrize(
    ("translation", "practice", "sentence"),
    [
        ({}, False, ""),
        (LIBRE, False, ""),
        ({"service": "libretranslate"}, False, "translation.url is not set"),
        ({"service": "deepl", "key": "k"}, False, ""),
        ({"service": "deepl"}, False, "translation.key is not set"),
        ({"replies": True}, False, "translation.replies is true, but there is no translation.service"),
        (LIBRE, True, "translation.url is not on this machine"),
        (LIBRE | {"url": "http://127.0.0.1:5000"}, True, ""),
        ({"service": "deepl", "key": "k"}, True, "translation.service is deepl"),
    ],
)
def test_what_cannot_work(translation: dict[str, object], practice: bool, sentence: str) -> None:
    found = Settings(
        translation=sections.Translation.model_validate(translation), practice=sections.Practice(enabled=practice)
    )
    said = [one for one in checks.problems(found) if one.startswith("translation.")]
    assert (not said and not sentence) or (sentence and len(said) == 1 and said[0].startswith(sentence))


def test_its_key_is_a_secret() -> None:
    found = Settings(translation=sections.Translation.model_validate(LIBRE | {"key": "hush-hush"}))
    assert "hush-hush" not in str(found.redacted()) + repr(found)
